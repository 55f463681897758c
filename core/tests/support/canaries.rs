//! What must not come out: every secret that the provider saw or gave.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "no test file uses all of it; a test that fails should say where"
)]

use std::path::Path;

use serde_json::Value;

use crate::support::{Bench, parameter};

/// Every secret in the provider's log: parameters and members of answers by their names.
pub fn secrets(bench: &Bench) -> Vec<String> {
    const NAMES: [&str; 11] = [
        "code",
        "code_verifier",
        "state",
        "nonce",
        "refresh_token",
        "access_token",
        "id_token",
        "client_secret",
        "password",
        "device_code",
        "verification_uri_complete",
    ];
    let mut secrets = Vec::new();
    for request in bench.idp.requests() {
        let value = serde_json::to_value(&request).unwrap();
        collect(&value, &NAMES, &mut secrets);
        collect(&request.answer_json(), &NAMES, &mut secrets);
        for (name, value) in &request.answer_headers {
            if name.eq_ignore_ascii_case("location") {
                secrets.extend(["code", "state"].iter().filter_map(|name| parameter(value, name)));
            }
        }
    }
    secrets.retain(|secret| secret.len() >= 16);
    secrets.sort();
    secrets.dedup();
    secrets
}

fn collect(value: &Value, names: &[&str], into: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                if names.contains(&name.as_str()) {
                    match value {
                        Value::String(text) => into.push(text.clone()),
                        Value::Array(texts) => into.extend(texts.iter().filter_map(Value::as_str).map(str::to_owned)),
                        _ => {}
                    }
                }
                collect(value, names, into);
            }
        }
        // Parameters are kept as pairs.
        Value::Array(items) => match &items[..] {
            [Value::String(name), Value::String(value)] if names.contains(&name.as_str()) => into.push(value.clone()),
            items => items.iter().for_each(|item| collect(item, names, into)),
        },
        _ => {}
    }
}

/// The files of a folder, as they are now: names and contents.
pub fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    files.map(|file| (file.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(file).unwrap())).collect()
}

/// The file that a secret lies in.
pub fn found_in<'a>(files: &'a [(String, Vec<u8>)], secret: &[u8]) -> Option<&'a str> {
    let holds = |file: &Vec<u8>| file.windows(secret.len()).any(|part| part == secret);
    files.iter().find(|(_, file)| holds(file)).map(|(name, _)| name.as_str())
}
