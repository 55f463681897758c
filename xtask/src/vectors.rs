//! The vectors in `tests/vectors`, and whether the languages that read them send the same requests.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::table::Score;
use crate::workspace::Workspace;

/// The languages that leave their requests in [`folder`].
const LANGUAGES: [&str; 4] = ["rust", "c", "kotlin", "swift"];

/// What tells a test where to leave the requests of the whole login.
pub(crate) const OUT: &str = "KEYFOB_VECTORS_OUT";

/// One file of vectors.
pub(crate) fn read(file: &str) -> Result<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors").join(file);
    parse(&path)
}

fn parse(path: &Path) -> Result<Value> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("cannot read {}", path.display()))
}

/// Where the languages leave their requests, without those that this one left before.
pub(crate) fn folder(workspace: &Workspace, language: &str) -> Result<PathBuf> {
    let folder = workspace.target.join("xtask/vectors");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let old = file_of(&folder, language);
    if old.exists() {
        fs::remove_file(&old).with_context(|| format!("cannot remove {}", old.display()))?;
    }
    Ok(folder)
}

/// Leaves the requests of a language whose provider runs here.
pub(crate) fn keep(workspace: &Workspace, language: &str, sent: &Value) -> Result<()> {
    let file = file_of(&workspace.target.join("xtask/vectors"), language);
    fs::write(&file, sent.to_string()).with_context(|| format!("cannot write {}", file.display()))
}

fn file_of(folder: &Path, language: &str) -> PathBuf {
    folder.join(format!("{language}.json"))
}

/// One item: a language has left its requests, and they are those of the vectors and of every other language that has been here.
pub(crate) fn compare(folder: &Path, language: &str, score: &mut Score) {
    score.item(&format!("vectors: {language} sends the same requests as the others"), same(folder, language));
}

fn same(folder: &Path, language: &str) -> Result<()> {
    let sent = parse(&file_of(folder, language))?;
    if read("login.json")?.get("requests") != Some(&sent) {
        bail!("they are not those of tests/vectors/login.json");
    }
    for other in LANGUAGES.iter().filter(|other| file_of(folder, other).exists()) {
        if parse(&file_of(folder, other))? != sent {
            bail!("{other} sends others");
        }
        println!("the same as {other}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn another_header_of_one_language_is_seen() {
        let folder = std::env::temp_dir().join(format!("keyfob-vectors-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let good = read("login.json").unwrap()["requests"].take();
        let mut other = good.clone();
        other[0]["headers"][0][1] = json!("another/*");
        let outcome = |kotlin: &Value, swift: &Value| {
            fs::write(file_of(&folder, "kotlin"), kotlin.to_string()).unwrap();
            fs::write(file_of(&folder, "swift"), swift.to_string()).unwrap();
            same(&folder, "kotlin").is_ok()
        };
        let outcomes = [outcome(&good, &good), outcome(&good, &other), outcome(&other, &other)];
        let missing = same(&folder, "c").is_err();
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!((outcomes, missing), ([true, false, false], true));
    }
}
