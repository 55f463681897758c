//! The catalogue as a whole: what no single contract shows.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use keyfob::{Provider, providers};
use libtest_mimic::Failed;
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::{Folder, SCHEMA, verdict};

/// Rows that exist for tests only, and may be anywhere.
const MOCKS: [&str; 2] = ["mock", "mock_unverified"];

/// Every file of the catalogue is built in as it is, and there is nothing else; each has its contract.
pub fn embedded(providers_there: &Folder, contracts: &Folder) -> Result<(), Failed> {
    let mut found = Vec::new();
    let built_in: BTreeMap<String, String> =
        providers().iter().map(|provider| (provider.id().to_owned(), format!("{provider:?}"))).collect();
    for id in providers_there.files.keys() {
        let mut file = providers_there.json(id)?;
        // They are for people, and are not built in.
        drop(file.as_object_mut().and_then(|members| members.remove("notes")));
        let parsed = Provider::from_json(&file.to_string()).map_err(|error| format!("{id}: {error}"))?;
        match built_in.get(id) {
            None => found.push(format!("{id}.json is not built in")),
            // Everything that the parser makes of it.
            Some(there) if *there != format!("{parsed:?}") => {
                found.push(format!("{id}.json is built in as something else"))
            }
            Some(_) => {}
        }
        if !contracts.files.contains_key(id) {
            found.push(format!("{id} has no contract"));
        }
    }
    let others = built_in.keys().chain(contracts.files.keys()).filter(|id| !providers_there.files.contains_key(*id));
    found.extend(others.map(|id| format!("{id} has no file")));
    verdict(&found)
}

/// Names, URLs, keys and their order.
pub fn lint(providers_there: &Folder) -> Result<(), Failed> {
    let mut found = Vec::new();
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    let schema: Value = serde_json::from_str(SCHEMA)?;
    let validator = jsonschema::validator_for(&schema).map_err(|error| error.to_string())?;
    let order: Node = serde_json::from_str(SCHEMA)?;
    for (id, text) in &providers_there.files {
        let file = providers_there.json(id)?;
        let mut say = |problem: String| found.push(format!("{id}.json: {problem}"));
        if file["id"] != **id {
            say(format!("its id is {}", file["id"]));
        }
        let aliases = file["aliases"].as_array().into_iter().flatten().filter_map(Value::as_str);
        for name in aliases.chain([id.as_str()]) {
            if let Some(other) = names.insert(name.to_owned(), id.clone()) {
                say(format!("{other}.json has the name {name} too"));
            }
        }
        issuer(&file).into_iter().for_each(&mut say);
        for error in validator.iter_errors(&file) {
            say(format!("{}: {error}", error.instance_path()));
        }
        let texts = texts(&file);
        for text in texts.iter().filter(|text| !MOCKS.contains(&id.as_str()) && is_insecure(text)) {
            say(format!("{text} is no https"));
        }
        let variables = file["variables"].as_object().into_iter().flatten().map(|(name, _)| name.as_str());
        for name in variables.filter(|name| !texts.iter().any(|text| text.contains(&format!("{{{name}}}")))) {
            say(format!("the variable {name} is used nowhere"));
        }
        let node: Node = serde_json::from_str(text)?;
        disorder("", &node, &order, &mut say);
    }
    verdict(&found)
}

/// An issuer with other spellings is the first of them: what sessions are kept under is not to change, and nothing else shows it.
pub fn issuer(file: &Value) -> Option<String> {
    let first = file["issuer_rule"]["one_of"].get(0)?;
    (*first != file["issuer"])
        .then(|| format!("its issuer is {}, and issuer_rule.one_of begins with {first}", file["issuer"]))
}

/// The choice of each file's uid is what it was when its first user logged in.
pub fn uids(providers_there: &Folder, table: &str) -> Result<(), Failed> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Table {
        why: String,
        rules: BTreeMap<String, Value>,
    }
    let table: Table = serde_json::from_str(table).map_err(|error| format!("uid_rules.json: {error}"))?;
    let mut found = Vec::new();
    let mut files = BTreeMap::new();
    for id in providers_there.files.keys() {
        files.insert(id.clone(), providers_there.json(id)?["profile"]["uid"].clone());
    }
    let ids: BTreeSet<&String> = files.keys().chain(table.rules.keys()).collect();
    for id in ids {
        match (table.rules.get(id), files.get(id)) {
            (Some(rule), Some(uid)) if rule == uid => {}
            (Some(rule), Some(uid)) => found.push(format!("{id}: its uid was {rule}, and is {uid}")),
            (Some(_), None) => found.push(format!("{id}: its file is gone, and its users with it")),
            (None, Some(uid)) => found.push(format!("a new one, to be added: {id:?}: {uid}")),
            (None, None) => {}
        }
    }
    if !found.is_empty() {
        found.push(table.why);
    }
    verdict(&found)
}

/// Every text of a file that the engine reads.
fn texts(file: &Value) -> Vec<&str> {
    let mut texts = Vec::new();
    let mut rest: Vec<&Value> =
        file.as_object().into_iter().flatten().filter(|(name, _)| *name != "notes").map(|(_, value)| value).collect();
    while let Some(value) = rest.pop() {
        match value {
            Value::String(text) => texts.push(text.as_str()),
            Value::Array(elements) => rest.extend(elements),
            Value::Object(members) => rest.extend(members.values()),
            _ => {}
        }
    }
    texts
}

fn is_insecure(text: &str) -> bool {
    const LOOPBACK: [&str; 3] = ["127.0.0.1", "[::1]", "localhost"];
    let rest = text.split_once("://").filter(|(scheme, _)| *scheme != "https" && !scheme.contains(['{', '/', ' ']));
    rest.is_some_and(|(_, rest)| !LOOPBACK.iter().any(|host| rest.starts_with(host)))
}

/// JSON with its keys in the order in which they are written.
pub enum Node {
    Object(Vec<(String, Self)>),
    Leaf,
}

impl Node {
    /// The names of an object's members, each as often as it is there.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let members = if let Self::Object(members) = self { members.as_slice() } else { &[] };
        members.iter().map(|(name, _)| name.as_str())
    }

    fn get(&self, name: &str) -> Option<&Self> {
        let Self::Object(members) = self else { return None };
        members.iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }
}

/// Keys that stand in another order than the schema's.
fn disorder(place: &str, node: &Node, schema: &Node, say: &mut dyn FnMut(String)) {
    let Node::Object(members) = node else { return };
    let Some(Node::Object(properties)) = schema.get("properties") else { return };
    let rank = |name: &String| properties.iter().position(|(key, _)| key == name);
    let mut last: Option<(usize, &String)> = None;
    for (name, value) in members {
        let Some(own) = rank(name) else { continue };
        if let Some((_, before)) = last.filter(|(before, _)| *before > own) {
            say(format!("{place}{name} stands after {before}"));
        }
        last = Some((own, name));
        if let Some((_, schema)) = properties.get(own) {
            disorder(&format!("{place}{name}."), value, schema, say);
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Node;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("JSON")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Node::Object(members))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Node, A::Error> {
                // What is in a list has no key of its own.
                while seq.next_element::<Node>()?.is_some() {}
                Ok(Node::Leaf)
            }
            fn visit_bool<E>(self, _: bool) -> Result<Node, E> {
                Ok(Node::Leaf)
            }
            fn visit_u64<E>(self, _: u64) -> Result<Node, E> {
                Ok(Node::Leaf)
            }
            fn visit_i64<E>(self, _: i64) -> Result<Node, E> {
                Ok(Node::Leaf)
            }
            fn visit_f64<E>(self, _: f64) -> Result<Node, E> {
                Ok(Node::Leaf)
            }
            fn visit_str<E>(self, _: &str) -> Result<Node, E> {
                Ok(Node::Leaf)
            }
            fn visit_unit<E>(self) -> Result<Node, E> {
                Ok(Node::Leaf)
            }
        }
        deserializer.deserialize_any(Reader)
    }
}
