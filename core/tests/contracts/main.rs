//! Each provider of the catalogue by its contract: what it gets and answers, written down from what its vendor documents and never from its file.
//!
//! ```text
//! cargo test -p keyfob --test contracts                  every contract, and the flips of some providers
//! cargo test -p keyfob --test contracts -- github        what has that in its name, flips too
//! ```
//!
//! Both kinds of files are read when this runs: `KEYFOB_CONTRACTS` and `KEYFOB_PROVIDERS` name other folders than the crate's own.
//! `KEYFOB_FLIP` is `all`, `none` or ids with commas between; `KEYFOB_FLIP_SEED` picks the same handful once more.
#![allow(
    missing_debug_implementations,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    unreachable_pub,
    reason = "a test that fails should say where; its modules share with each other"
)]

#[path = "../support/mod.rs"]
mod support;

mod contract;
mod flip;
mod flow;
mod lint;
mod login;
mod masks;
mod more;
mod quirks;
mod refusals;
mod token;
mod trial;
mod wanted;
mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use keyfob_idp::{Idp, Script};
use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::Value;

use crate::trial::Case;

const CONTRACTS: &str = "tests/providers";
const PROVIDERS: &str = "providers";
/// The table of what each file takes for the user's id.
const UID_RULES: &str = "uid_rules";
/// The table of what each quirk is for.
const QUIRKS: &str = "quirks";
const SCHEMA: &str = include_str!("../../schema/provider.schema.json");

/// How many providers are flipped where nobody says which.
const HANDFUL: usize = 3;

/// The files of a folder, by their names without `.json`.
struct Folder {
    path: PathBuf,
    files: BTreeMap<String, String>,
}

impl Folder {
    /// The crate's own, or the one that the environment names.
    fn of(variable: &str, usual: &str) -> Self {
        std::env::var_os(variable).map_or_else(|| Self::own(usual), |path| Self::read(path.into()))
    }

    /// The crate's own.
    fn own(name: &str) -> Self {
        Self::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(name))
    }

    fn read(path: PathBuf) -> Self {
        let mut files = BTreeMap::new();
        for entry in fs::read_dir(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())) {
            let file = entry.unwrap().path();
            if file.extension().is_some_and(|extension| extension == "json") {
                let name = file.file_stem().unwrap().to_string_lossy().into_owned();
                files.insert(name, fs::read_to_string(&file).unwrap());
            }
        }
        // Tables beside the contracts.
        files.remove(UID_RULES);
        files.remove(QUIRKS);
        Self { path, files }
    }

    /// One file as JSON.
    fn json(&self, id: &str) -> Result<Value, Failed> {
        let place = self.path.join(format!("{id}.json"));
        let text = self.files.get(id).ok_or_else(|| format!("{} is missing", place.display()))?;
        serde_json::from_str(text).map_err(|error| format!("{}: {error}", place.display()).into())
    }
}

fn main() {
    let arguments = Arguments::from_args();
    let contracts = Arc::new(Folder::of("KEYFOB_CONTRACTS", CONTRACTS));
    let providers = Arc::new(Folder::of("KEYFOB_PROVIDERS", PROVIDERS));
    let ids: BTreeSet<String> = contracts.files.keys().chain(providers.files.keys()).cloned().collect();
    let ids: Vec<String> = ids.into_iter().collect();
    let flipped = flipped(&arguments, &ids);
    let mut trials = Vec::new();
    for id in &ids {
        let (of, from, to) = (id.clone(), contracts.clone(), providers.clone());
        trials.push(Trial::test(id, move || contract(&of, &from, &to)));
        if flipped.contains(id) {
            let (of, from, to) = (id.clone(), contracts.clone(), providers.clone());
            trials.push(Trial::test(format!("flip {id}"), move || flips(&of, &from, &to)));
        }
    }
    let table = contracts.path.join(format!("{UID_RULES}.json"));
    trials.extend(quirks::trials(&contracts.path.join(format!("{QUIRKS}.json")), &contracts, &providers));
    let to = providers.clone();
    trials.push(Trial::test("the catalogue's files", move || lint::lint(&to)));
    trials.push(Trial::test("the catalogue's uid_rule", move || lint::uids(&providers, &fs::read_to_string(table)?)));
    trials.push(Trial::test("the catalogue is built in", || {
        lint::embedded(&Folder::own(PROVIDERS), &Folder::own(CONTRACTS))
    }));
    libtest_mimic::run(&arguments, trials).exit();
}

/// Which providers' files are changed.
fn flipped(arguments: &Arguments, ids: &[String]) -> Vec<String> {
    let said = std::env::var_os("KEYFOB_FLIP").map(|said| said.to_string_lossy().into_owned());
    match said.as_deref() {
        Some("all") => ids.to_vec(),
        Some("none") => Vec::new(),
        Some(some) => {
            let some: Vec<String> = some.split(',').map(str::to_owned).collect();
            assert!(some.iter().all(|id| ids.contains(id)), "KEYFOB_FLIP names no provider: {some:?}");
            some
        }
        None if arguments.filter.is_some() || arguments.list => ids.to_vec(),
        None => {
            let said = std::env::var_os("KEYFOB_FLIP_SEED").and_then(|seed| seed.to_string_lossy().parse().ok());
            let seed = said.unwrap_or_else(|| fastrand::u64(0..1_000_000));
            let chosen = fastrand::Rng::with_seed(seed).choose_multiple(ids.iter(), HANDFUL);
            let chosen: Vec<String> = chosen.into_iter().cloned().collect();
            println!("flips of {} (KEYFOB_FLIP_SEED={seed})", chosen.join(", "));
            chosen
        }
    }
}

fn contract(id: &str, contracts: &Folder, providers: &Folder) -> Result<(), Failed> {
    let contract = contracts.json(id)?;
    providers.json(id)?;
    let idp = Idp::start(Script::default()).map_err(|error| error.to_string())?;
    let found = Case { idp: &idp, id, provider: &providers.files[id], contract: &contract, hasty: false }.run();
    verdict(&found)
}

fn flips(id: &str, contracts: &Folder, providers: &Folder) -> Result<(), Failed> {
    let (contract, provider) = (contracts.json(id)?, providers.json(id)?);
    let schema: Value = serde_json::from_str(SCHEMA)?;
    let idp = Idp::start(Script::default()).map_err(|error| error.to_string())?;
    let case = Case { idp: &idp, id, provider: &providers.files[id], contract: &contract, hasty: true };
    if !case.run().is_empty() {
        return Err(format!("the contract itself fails: run {id}").into());
    }
    verdict(&flip::unnoticed(&idp, id, &provider, &contract, &schema))
}

fn verdict(found: &[String]) -> Result<(), Failed> {
    if found.is_empty() { Ok(()) } else { Err(found.join("\n").into()) }
}
