//! Packs the provider files into one text, each without spaces and notes, and lists where they are in it: a line for each name, in their order, of the
//! name, where the file begins, where it ends, and `id` or `alias`, with tabs between. A provider is looked up in that list and parsed when it is first
//! named, so nothing of this costs anything at the start.

use std::path::Path;
use std::{env, fs, io};

use serde_json::Value;

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=providers");
    println!("cargo::rerun-if-changed=build.rs");
    let mut files: Vec<_> = fs::read_dir("providers")?.collect::<Result<Vec<_>, _>>()?;
    files.sort_by_key(fs::DirEntry::file_name);
    let mut packed = String::new();
    let mut names = Vec::new();
    for file in files.iter().map(fs::DirEntry::path).filter(|path| path.extension().is_some_and(|kind| kind == "json"))
    {
        // The generic one is no catalogue.
        if env::var_os("CARGO_FEATURE_CATALOGUE").is_some() || file.ends_with("oidc.json") {
            let begin = packed.len();
            let (known_as, text) = read(&file)?;
            packed.push_str(&text);
            for (place, name) in known_as.into_iter().enumerate() {
                let kind = if place == 0 { "id" } else { "alias" };
                names.push((name, format!("{begin}\t{}\t{kind}", packed.len())));
            }
        }
    }
    let target = env::var_os("OUT_DIR").ok_or_else(|| io::Error::other("OUT_DIR is not set"))?;
    names.sort();
    let names: String = names.into_iter().map(|(name, place)| format!("{name}\t{place}\n")).collect();
    fs::write(Path::new(&target).join("names.txt"), names)?;
    fs::write(Path::new(&target).join("catalogue.txt"), packed)
}

/// One file's id and aliases, and what is left of it.
fn read(path: &Path) -> io::Result<(Vec<String>, String)> {
    let malformed = |what: &str| io::Error::other(format!("{}: {what}", path.display()));
    let mut file: Value =
        serde_json::from_str(&fs::read_to_string(path)?).map_err(|error| malformed(&error.to_string()))?;
    let members = file.as_object_mut().ok_or_else(|| malformed("not an object"))?;
    members.remove("notes");
    let id = members.get("id").and_then(Value::as_str).ok_or_else(|| malformed("no id"))?;
    if path.file_stem().and_then(|stem| stem.to_str()) != Some(id) {
        return Err(malformed("is not called as its id"));
    }
    let aliases = members.get("aliases").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let names = std::iter::once(id).chain(aliases).map(str::to_owned).collect();
    Ok((names, file.to_string()))
}
