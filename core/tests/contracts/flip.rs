//! A provider's file with one thing in it changed: its contract must fail.

use keyfob::Provider;
use keyfob_idp::Idp;
use serde_json::{Value, json};

use crate::lint;
use crate::trial::Case;

/// One change, by the place in the file.
struct Flip {
    place: String,
    what: &'static str,
    /// The file then. Of several, each with another word there, one has to be noticed: beside another key two words may mean the same.
    changed: Vec<Value>,
}

/// The changes that the contract does not notice, a line each.
pub fn unnoticed(idp: &Idp, id: &str, provider: &Value, contract: &Value, schema: &Value) -> Vec<String> {
    let mut flips = Vec::new();
    let validator = jsonschema::validator_for(schema).unwrap();
    collect(provider, provider, &mut Vec::new(), &enums(schema), &mut flips);
    let mut found: Vec<(String, &'static str)> = Vec::new();
    // What is no provider any more is noticed by whoever reads it, and by the lint.
    let is_file = |changed: &Value| {
        let text = changed.to_string();
        Provider::from_json(&text).is_ok() && validator.is_valid(changed) && lint::issuer(changed).is_none()
    };
    for Flip { place, what, changed } in flips {
        let unnoticed = |changed: &Value| {
            is_file(changed) && Case { idp, id, provider: &changed.to_string(), contract, hasty: true }.run().is_empty()
        };
        if changed.iter().all(unnoticed) {
            found.push((place, what));
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
                flips.push(Flip { place: place(path), what: "removed", changed: vec![without] });
                collect(whole, member, path, enums, flips);
                path.pop();
            }
        }
        Value::Array(elements) => {
            for (index, element) in elements.iter().enumerate() {
                path.push(index.to_string());
                flips.push(Flip { place: place(path), what: "removed", changed: vec![with(whole, path, None)] });
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
            let changed = others.iter().map(|other| with(whole, path, Some(other)));
            let mut good = changed.filter(|changed| Provider::from_json(&changed.to_string()).is_ok());
            // Any text will do where the first one does; words are few.
            let free = matches!(leaf, Value::String(text) if parses(whole, path, &format!("{text}x")));
            let changed: Vec<Value> = if free { good.next().into_iter().collect() } else { good.collect() };
            if !changed.is_empty() {
                flips.push(Flip { place: place(path), what: "changed", changed });
            }
        }
    }
}

fn parses(whole: &Value, path: &[String], text: &str) -> bool {
    Provider::from_json(&with(whole, path, Some(&json!(text))).to_string()).is_ok()
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
