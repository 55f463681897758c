//! `cargo xtask`: the project's own commands. `cargo xtask --help` lists them.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a program for a person at a terminal, which times what it runs"
)]

mod bench;
mod bindings;
mod checklist;
mod counting;
mod drift;
mod fuzz;
mod header;
mod install;
mod run;
mod setup;
mod stage;
mod suites;
mod swift_root;
mod symbols;
mod table;
mod vectors;
mod workspace;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use lexopt::prelude::*;

use crate::drift::Mode;
use crate::workspace::Workspace;

const HELP: &str = "\
cargo xtask: the project's own commands

  cargo xtask test [SUITE…]        run suites (all of them without a name) and end with a table
  cargo xtask test all             the same with the long ones
  cargo xtask header [--check]     write include/keyfob.h from ffi/
  cargo xtask symbols [--check]    write ffi/symbols.txt from the release library
  cargo xtask install --prefix DIR
                                   install libkeyfob, static and shared, with its headers, for pkg-config
                                   and CMake; below DESTDIR where that is set
  cargo xtask checklist [--json]   the rules of the security checklist and the tests that hold each
  cargo xtask bindings [--check]   write the generated Kotlin and Swift sources and their versions
  cargo xtask bench [OPTIONS…]     measure what calls cost, and hold it against bench/baseline.json; --help tells its options
  cargo xtask chaos [OPTIONS…]     run the chaos driver; --help tells its options
  cargo xtask fuzz [OPTIONS…]      run the fuzz targets, each for some minutes; --help tells its options
  cargo xtask swift -- ARGS…       run swift as the suite does (unpacked where there is none), in this
                                   folder if it has a Package.swift, else in bindings/swift

With --check nothing is written: what is out of date is shown, and fails.";

fn main() -> ExitCode {
    match command() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Does what the arguments say; false if something failed and has been reported.
fn command() -> Result<bool> {
    let mut args = lexopt::Parser::from_env();
    let Some(first) = args.next()? else {
        help();
        return Ok(false);
    };
    let name = match first {
        Long("help") | Short('h') => {
            help();
            return Ok(true);
        }
        Value(name) => name.string()?,
        other => bail!(other.unexpected()),
    };
    if name == "chaos" {
        let words: Vec<_> = args.raw_args()?.collect();
        return suites::chaos_by_hand(&Workspace::find()?, &words);
    }
    if name == "bench" {
        return bench::by_hand(&Workspace::find()?, &mut args);
    }
    if name == "fuzz" {
        return fuzz::by_hand(&Workspace::find()?, args.raw_args()?.collect());
    }
    if name == "swift" {
        let rest: Vec<_> = args.raw_args()?.map(|arg| arg.string()).collect::<Result<_, _>>()?;
        let rest = rest.strip_prefix(&["--".to_owned()]).unwrap_or(&rest);
        return suites::swift_by_hand(&Workspace::find()?, rest);
    }
    let mut names = Vec::new();
    let mut mode = Mode::Write;
    let mut as_json = false;
    let mut prefix = None;
    while let Some(arg) = args.next()? {
        match arg {
            Long("help") | Short('h') => {
                help();
                return Ok(true);
            }
            Long("json") if name == "checklist" => as_json = true,
            Long("prefix") if name == "install" => prefix = Some(PathBuf::from(args.value()?)),
            Long("check") if !["test", "checklist", "install"].contains(&name.as_str()) => mode = Mode::Check,
            Value(suite) if name == "test" => names.push(suite.string()?),
            other => bail!(other.unexpected()),
        }
    }
    match name.as_str() {
        "test" => {
            let suites = suites::choose(&names)?;
            return Ok(suites::run(&Workspace::find()?, &suites));
        }
        "checklist" => checklist::print(&Workspace::find()?, as_json)?,
        "header" => header::header(&Workspace::find()?, mode)?,
        "symbols" => symbols::symbols(&Workspace::find()?, mode)?,
        "install" => {
            let prefix = prefix.context("install where? --prefix DIR")?;
            install::by_hand(&Workspace::find()?, &prefix)?;
        }
        "bindings" => bindings::bindings(&Workspace::find()?, mode)?,
        _ => bail!("there is no command {name:?}; see cargo xtask --help"),
    }
    Ok(true)
}

fn help() {
    println!("{HELP}\n\nSuites:");
    for suite in suites::SUITES {
        let long = if suite.long { " (long)" } else { "" };
        println!("  {:<10} {}{long}", suite.name, suite.what);
    }
}
