//! `keyfob-uniffi-bindgen LANGUAGE LIBRARY FOLDER`: writes the sources that let a language call the library of
//! `bindings/uniffi`. The library must not be stripped: what it exports is described in its symbols.
//!
//! `cargo xtask bindings` runs it and puts its files where they belong.

use anyhow::{Result, bail};
use uniffi::{GenerateOptions, TargetLanguage, generate};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [language, library, folder] = arguments.as_slice() else {
        bail!("usage: keyfob-uniffi-bindgen kotlin|swift LIBRARY FOLDER");
    };
    let language = match language.as_str() {
        "kotlin" => TargetLanguage::Kotlin,
        "swift" => TargetLanguage::Swift,
        other => bail!("{other} is not a language of this project"),
    };
    generate(GenerateOptions {
        languages: vec![language],
        source: library.as_str().into(),
        out_dir: folder.as_str().into(),
        // No formatter of the machine has a say in what is committed.
        format: false,
        ..GenerateOptions::default()
    })
}
