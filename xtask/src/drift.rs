//! Files that are generated and committed: written, or compared with what they would be now.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use crate::run::Run;
use crate::workspace::Workspace;

/// What to do with generated text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Write,
    Check,
}

/// Writes `wanted` to a file of the project, or shows how the file differs from it.
pub(crate) fn settle(workspace: &Workspace, path: &str, wanted: &str, mode: Mode, command: &str) -> Result<()> {
    let file = workspace.root.join(path);
    let found = fs::read_to_string(&file).ok();
    if found.as_deref() == Some(wanted) {
        return Ok(());
    }
    match mode {
        Mode::Write => {
            if let Some(dir) = file.parent() {
                fs::create_dir_all(dir)?;
            }
            fs::write(&file, wanted).with_context(|| format!("cannot write {path}"))?;
            println!("wrote {path}");
            Ok(())
        }
        Mode::Check => {
            let generated = workspace.scratch("drift")?.join("wanted");
            fs::write(&generated, wanted)?;
            let committed = if found.is_some() { file.as_path() } else { Path::new("/dev/null") };
            // Shown, not judged: that they differ is known.
            let _ = Run::new("diff").arg("-u").arg(committed).arg(&generated).run();
            let state = if found.is_some() { "is out of date" } else { "is missing" };
            bail!("{path} {state}: run `{command}` and commit what it writes");
        }
    }
}

/// The same for a folder that holds generated files and nothing else: a file too many is drift too.
pub(crate) fn settle_folder(
    workspace: &Workspace,
    path: &str,
    generated: &Path,
    mode: Mode,
    command: &str,
) -> Result<()> {
    let wanted = read_tree(generated)?;
    if wanted.is_empty() {
        bail!("nothing was generated for {path}");
    }
    let root = workspace.root.join(path);
    for stale in read_tree(&root)?.keys().filter(|name| !wanted.contains_key(*name)) {
        match mode {
            Mode::Write => {
                fs::remove_file(root.join(stale))?;
                println!("removed {path}/{stale}");
            }
            Mode::Check => bail!("{path}/{stale} is generated no longer: run `{command}` and commit what it removes"),
        }
    }
    for (name, text) in &wanted {
        settle(workspace, &format!("{path}/{name}"), text, mode, command)?;
    }
    Ok(())
}

/// Every file under a folder by its path in it; nothing for a folder that is not there.
fn read_tree(root: &Path) -> Result<BTreeMap<String, String>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        if !folder.exists() {
            continue;
        }
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(root)?.to_string_lossy().replace('\\', "/");
                let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
                files.insert(name, text);
            }
        }
    }
    Ok(files)
}
