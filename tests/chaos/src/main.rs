//! `keyfob-chaos`: see [`keyfob_chaos`].

use std::process::ExitCode;

fn main() -> ExitCode {
    keyfob_chaos::main()
}
