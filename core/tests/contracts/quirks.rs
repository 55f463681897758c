//! What each quirk is for: with it taken out of a provider's file, or with a provider that does what it guards against, the contract fails
//! as its row says.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use keyfob_idp::{Idp, Script};
use libtest_mimic::{Failed, Trial};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::contract::{merge, varied};
use crate::lint::Node;
use crate::trial::Case;
use crate::{Folder, verdict};

/// How many quirks the survey of the providers found.
const QUIRKS: usize = 156;
/// How many may be without a test, each with its reason.
const EXCUSED: usize = 5;

/// A row of quirks.json; core/tests/providers/README.md is its reference.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Quirk {
    /// For people.
    #[serde(rename = "quirk")]
    _quirk: String,
    #[serde(default)]
    provider: String,
    /// Laid over the provider's file.
    #[serde(default)]
    off: Map<String, Value>,
    /// Laid over its contract: what the provider does, or the app waits for, in place of what it should.
    #[serde(default)]
    contract: Map<String, Value>,
    #[serde(default)]
    error: Option<Typed>,
    #[serde(default)]
    finding: Option<String>,
    #[serde(default)]
    excused: Option<String>,
}

/// The error that the app gets.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Typed {
    kind: String,
    reason: String,
}

/// One trial for each quirk, and one for the table.
pub fn trials(table: &Path, contracts: &Arc<Folder>, providers: &Arc<Folder>) -> Vec<Trial> {
    let read = std::fs::read_to_string(table).map_err(|error| format!("{}: {error}", table.display()));
    let rows = read.clone().and_then(|text| {
        serde_json::from_str::<Map<String, Value>>(&text).map_err(|error| format!("{}: {error}", table.display()))
    });
    let mut trials = Vec::new();
    for (slug, row) in rows.into_iter().flatten().filter(|(_, row)| row.get("excused").is_none()) {
        let (from, to) = (contracts.clone(), providers.clone());
        trials.push(Trial::test(format!("quirk {slug}"), move || play(&row, &from, &to)));
    }
    trials.push(Trial::test("the catalogue's quirks", move || whole(&read?)));
    trials
}

/// Whether the table has every quirk once, and few without a test.
fn whole(text: &str) -> Result<(), Failed> {
    let node: Node = serde_json::from_str(text)?;
    let rows: Map<String, Value> = serde_json::from_str(text)?;
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    found.extend(node.names().filter(|slug| !seen.insert(*slug)).map(|slug| format!("{slug} is there twice")));
    if seen.len() != QUIRKS {
        found.push(format!("expected {QUIRKS} quirks, got {}", seen.len()));
    }
    let mut excused = Vec::new();
    for (slug, row) in &rows {
        match Quirk::read(row) {
            Err(problem) => found.push(format!("{slug}: {problem}")),
            Ok(quirk) if quirk.excused.is_some() => excused.push(slug.as_str()),
            Ok(_) => {}
        }
    }
    if excused.len() > EXCUSED {
        found.push(format!("more than {EXCUSED} are excused: {}", excused.join(", ")));
    }
    verdict(&found)
}

/// The contract holds as it is, and fails as the row says without the quirk.
fn play(row: &Value, contracts: &Folder, providers: &Folder) -> Result<(), Failed> {
    let quirk = Quirk::read(row)?;
    let id = quirk.provider.as_str();
    let (contract, mut file) = (contracts.json(id)?, providers.json(id)?);
    let idp = Idp::start(Script::default()).map_err(|error| error.to_string())?;
    let run = |provider: &str, contract: &Value| Case { idp: &idp, id, provider, contract, hasty: true }.run();
    let before = run(&providers.files[id], &contract);
    if !before.is_empty() {
        return Err(format!("with the quirk, {id} fails already:\n{}", before.join("\n")).into());
    }
    merge(&mut file, &Value::Object(quirk.off.clone()));
    let contract = if quirk.contract.is_empty() { contract } else { varied(&contract, &quirk.contract) };
    verdict(&quirk.judged(&run(&file.to_string(), &contract)))
}

impl Quirk {
    fn read(row: &Value) -> Result<Self, String> {
        let quirk: Self = serde_json::from_value(row.clone()).map_err(|error| error.to_string())?;
        let said = [quirk.error.is_some(), quirk.finding.is_some(), quirk.excused.is_some()];
        if said.iter().filter(|said| **said).count() != 1 {
            return Err("one of error, finding and excused is needed".to_owned());
        }
        let idle = quirk.provider.is_empty() || (quirk.off.is_empty() && quirk.contract.is_empty());
        let empty = |text: &Option<String>| text.as_ref().is_some_and(|text| text.trim().is_empty());
        if (quirk.excused.is_none() && idle) || empty(&quirk.finding) || empty(&quirk.excused) {
            return Err("a provider, and off or contract, are needed; an excuse needs a reason".to_owned());
        }
        Ok(quirk)
    }

    /// What is wrong with the way in which it failed.
    fn judged(&self, found: &[String]) -> Vec<String> {
        let fails = match (&self.error, &self.finding) {
            // The word for the kind and the one for the reason, and not the beginning of a longer one.
            (Some(Typed { kind, reason }), _) => {
                let told = format!("{kind}/{reason}");
                let ends = |rest: &str| !rest.starts_with(|next: char| next.is_alphanumeric());
                let mut pieces = found.iter().filter_map(|line| line.split_once(&format!(" {told}")));
                if pieces.any(|(_, rest)| ends(rest)) {
                    return Vec::new();
                }
                told
            }
            (None, Some(finding)) => {
                if found.first().is_some_and(|first| first.starts_with(finding)) {
                    return Vec::new();
                }
                finding.clone()
            }
            (None, None) => return vec!["it says nothing".to_owned()],
        };
        let mut said = vec![format!("without the quirk, expected {fails}, got")];
        said.extend(found.iter().cloned());
        if found.is_empty() {
            said.push("a contract that holds".to_owned());
        }
        said
    }
}
