//! A provider's file with one thing in it changed: its contract must fail.

use keyfob::Provider;
use keyfob_idp::Idp;
use serde_json::{Value, json};

use crate::trial::Case;

/// One change, by the place in the file.
struct Flip {
    place: String,
    what: &'static str,
    changed: Value,
}

/// The changes that the contract does not notice, a line each.
pub fn unnoticed(idp: &Idp, id: &str, provider: &Value, contract: &Value, schema: &Value) -> Vec<String> {
    let mut flips = Vec::new();
    let validator = jsonschema::validator_for(schema).unwrap();
    collect(provider, provider, &mut Vec::new(), &enums(schema), &mut flips);
    let mut found: Vec<(String, &'static str)> = Vec::new();
    for flip in flips {
        let text = flip.changed.to_string();
        // What is no provider any more is noticed by whoever reads it, and by the lint.
        if Provider::from_json(&text).is_err() || !validator.is_valid(&flip.changed) {
            continue;
        }
        let case = Case { idp, id, provider: &text, contract, hasty: true };
        if case.run().is_empty() {
            found.push((flip.place, flip.what));
        }
    }
    let line = |(place, what): &(String, &'static str)| match *what {
        "removed" => format!("{place} removed: nothing fails. Is it the default? Then it is superfluous"),
        _ => format!("{place} changed: nothing fails"),
    };
    found.iter().map(line).collect()
}

/// Every list of words in the schema: one word of it may stand where another does.
fn enums(schema: &Value) -> Vec<Vec<String>> {
    let mut all = Vec::new();
    let mut rest = vec![schema];
    while let Some(value) = rest.pop() {
        match value {
            Value::Object(members) => {
                if let Some(words) = members.get("enum").and_then(Value::as_array) {
                    all.push(words.iter().filter_map(Value::as_str).map(str::to_owned).collect());
                }
                rest.extend(members.values());
            }
            Value::Array(elements) => rest.extend(elements),
            _ => {}
        }
    }
    all
}

/// Goes through the file and makes each change once.
fn collect(whole: &Value, here: &Value, path: &mut Vec<String>, enums: &[Vec<String>], flips: &mut Vec<Flip>) {
    let place = |path: &[String]| format!("/{}", path.join("/"));
    match here {
        Value::Object(members) => {
            for (name, member) in members {
                if path.is_empty() && name == "notes" {
                    continue;
                }
                if name == "form" && members.contains_key("one_of") {
                    // It has to be there, and every value fits it.
                    continue;
                }
                path.push(name.replace('~', "~0").replace('/', "~1"));
                let without = with(whole, path, None);
                flips.push(Flip { place: place(path), what: "removed", changed: without });
                collect(whole, member, path, enums, flips);
                path.pop();
            }
        }
        Value::Array(elements) => {
            for (index, element) in elements.iter().enumerate() {
                path.push(index.to_string());
                flips.push(Flip { place: place(path), what: "removed", changed: with(whole, path, None) });
                collect(whole, element, path, enums, flips);
                path.pop();
            }
        }
        leaf => {
            let others: Vec<Value> = match leaf {
                Value::Bool(value) => vec![json!(!value)],
                Value::Number(number) => vec![json!(number.as_u64().unwrap_or_default() + 1)],
                Value::String(text) => other_texts(text, enums),
                _ => Vec::new(),
            };
            let changed = |other: &Value| with(whole, path, Some(other));
            let good = others.iter().map(changed).find(|changed| Provider::from_json(&changed.to_string()).is_ok());
            if let Some(changed) = good {
                flips.push(Flip { place: place(path), what: "changed", changed });
            }
        }
    }
}

/// Texts that may stand in a text's place, the most likely first.
fn other_texts(text: &str, enums: &[Vec<String>]) -> Vec<Value> {
    let words = enums.iter().filter(|words| words.iter().any(|word| word == text));
    let words = words.flatten().filter(|word| *word != text);
    let mut others: Vec<Value> = vec![json!(format!("{text}x"))];
    others.extend(words.map(|word| json!(word)));
    others
}

/// The file with another value at a place, or none.
fn with(whole: &Value, path: &[String], value: Option<&Value>) -> Value {
    let mut changed = whole.clone();
    let (last, parents) = path.split_last().unwrap();
    let pointer: String = parents.iter().map(|part| format!("/{part}")).collect();
    match changed.pointer_mut(&pointer).unwrap() {
        Value::Object(members) => {
            let name = last.replace("~1", "/").replace("~0", "~");
            match value {
                Some(value) => drop(members.insert(name, value.clone())),
                None => drop(members.remove(&name)),
            }
        }
        Value::Array(elements) => {
            let index: usize = last.parse().unwrap();
            match value {
                Some(value) => elements[index] = value.clone(),
                None => drop(elements.remove(index)),
            }
        }
        _ => unreachable!("a leaf has no members"),
    }
    changed
}
