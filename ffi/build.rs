//! The name under which programs look for the shared library: it holds the ABI's version, which `src/version.rs` says once.
#![expect(clippy::disallowed_methods, reason = "Cargo tells a build script its target by the environment")]

use std::env;
use std::fs;

const VERSION: &str = "src/version.rs";

fn main() {
    println!("cargo:rerun-if-changed={VERSION}");
    let source = fs::read_to_string(VERSION).unwrap_or_default();
    let number = source.split("KEYFOB_ABI_VERSION: u32 = ").nth(1).and_then(|rest| rest.split(';').next());
    let Some(abi) = number.and_then(|number| number.parse::<u32>().ok()) else {
        println!("cargo:error={VERSION} says no KEYFOB_ABI_VERSION");
        return;
    };
    let system = env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    let name = match (system.as_str(), env::var("CARGO_CFG_TARGET_VENDOR").as_deref()) {
        (_, Ok("apple")) => format!("-install_name,@rpath/libkeyfob.{abi}.dylib"),
        ("linux" | "freebsd" | "netbsd" | "openbsd" | "dragonfly", _) => format!("-soname,libkeyfob.so.{abi}"),
        // Android finds a library by its file's name, and packages no link to it; Windows knows no such name.
        _ => return,
    };
    println!("cargo:rustc-cdylib-link-arg=-Wl,{name}");
}
