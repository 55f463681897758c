//! The tables of README.md, made of what was measured and committed: `bench/baseline.json`, and what the other
//! commands wrote into `bench`.

use std::fs;

use anyhow::{Context as _, Result};

use super::baseline::{Baseline, Line, number};
use super::chaos::Published;
use super::growth::Growth;
use super::peers::{Login, Race, Row};
use crate::drift::{self, Mode};
use crate::workspace::Workspace;

/// What `cargo xtask bench peers` measured last.
pub(super) const PEERS: &str = "bench/peers.json";

const README: &str = "README.md";

/// Writes the tables between their marks, or says that others stand there.
pub(super) fn settle(workspace: &Workspace, baseline: &Baseline, mode: Mode) -> Result<()> {
    let text = fs::read_to_string(workspace.root.join(README)).context(README)?;
    let peers = fs::read_to_string(workspace.root.join(PEERS)).context(PEERS)?;
    let peers: Vec<Row> = serde_json::from_str(&peers).context(PEERS)?;
    let text = replaced(&text, "bench", &costs(&baseline.lines))?;
    let text = replaced(&text, "peers", &beside(&peers))?;
    let chaos = Published::read(workspace)?;
    let text = replaced(&text, "chaos", &chaos.bound())?;
    let text = replaced(&text, "clients", &chaos.side_by_side())?;
    let text = replaced(&text, "growth", &Growth::read(workspace)?.tables())?;
    drift::settle(workspace, README, &text, mode, "cargo xtask bench --readme")
}

/// A text with another inside between two marks.
fn replaced(text: &str, name: &str, inside: &str) -> Result<String> {
    let [begin, end] = ["begin", "end"].map(|word| format!("<!-- {word} {name}: written by cargo xtask bench -->\n"));
    let missing = || format!("there is no {:?}", begin.trim_end());
    let (before, rest) = text.split_once(&begin).with_context(missing)?;
    let (_, after) = rest.split_once(&end).with_context(missing)?;
    Ok(format!("{before}{begin}\n{inside}\n{end}{after}"))
}

fn costs(lines: &[Line]) -> String {
    let mut rows = vec!["| | what | counted | measured | limit |".to_owned(), "|---|---|---|---|---|".to_owned()];
    for line in lines {
        let value = line.value.map_or_else(|| "not measured".to_owned(), number);
        let over = line.value.zip(line.limit).is_some_and(|(value, limit)| value > limit);
        let limit = line
            .limit
            .map_or_else(String::new, |limit| format!("{}{}", number(limit), if over { ", missed" } else { "" }));
        rows.push(format!("| {} | {} | {} | {value} | {limit} |", line.metric, line.what, line.unit));
    }
    rows.join("\n") + "\n"
}

fn beside(peers: &[Row]) -> String {
    let mut rows = vec![
        "| library | cold login: requests / connections / bytes | warm login | a cached token | one process | four processes |".to_owned(),
        "|---|---|---|---|---|---|".to_owned(),
    ];
    let login = |login: &Option<Login>| match login {
        Some(it) => format!("{} / {} / {}", it.requests, it.connections, number_of(it.bytes)),
        None => "–".to_owned(),
    };
    let race = |race: &Option<Race>| match race {
        Some(it) => {
            let requests =
                if it.token_requests == 1 { "1 request".to_owned() } else { format!("{} requests", it.token_requests) };
            let lost = if it.session_lost { ", session lost" } else { "" };
            let without =
                if it.without_token > 0 { format!(", {} without a token", it.without_token) } else { String::new() };
            format!("{requests}{lost}{without}")
        }
        None => "–".to_owned(),
    };
    for peer in peers {
        let cached = peer.cached_ratio.map_or_else(|| "–".to_owned(), |ratio| format!("{} ×", number(ratio)));
        let note = peer.note.as_ref().map(|note| format!(" ({note})")).unwrap_or_default();
        rows.push(format!(
            "| {}, {}{note} | {} | {} | {cached} | {} | {} |",
            versioned(&peer.name, &peer.version),
            peer.language,
            login(&peer.cold),
            login(&peer.warm),
            race(&peer.one_process),
            race(&peer.four_processes),
        ));
    }
    rows.join("\n") + "\n"
}

/// A library with its version: `oauth2 5.0.0, with a loop round it`.
pub(super) fn versioned(name: &str, version: &str) -> String {
    match name.split_once(',') {
        Some((name, how)) => format!("{name} {version},{how}"),
        None => format!("{name} {version}"),
    }
}

#[expect(clippy::cast_precision_loss, reason = "no count of bytes comes near to where a float counts no longer by one")]
fn number_of(count: usize) -> String {
    number(count as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stands_between_the_marks_is_replaced() {
        let text =
            "a\n<!-- begin x: written by cargo xtask bench -->\nold\n<!-- end x: written by cargo xtask bench -->\nb\n";
        let new = replaced(text, "x", "new\n").unwrap();
        assert!(new.starts_with("a\n<!-- begin x") && new.ends_with("-->\nb\n"), "{new}");
        assert!(new.contains("\nnew\n") && !new.contains("old"), "{new}");
        assert!(replaced("no marks", "x", "new").is_err());
    }
}
