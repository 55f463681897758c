//! What a contract leaves open: `{access_token}` and the like.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::contract::Pairs;

/// Stands for any text that is not empty.
pub const ANY: &str = "{any}";

#[derive(Clone, Debug, Default)]
pub struct Masks(BTreeMap<&'static str, String>);

impl Masks {
    pub fn set(&mut self, name: &'static str, value: impl Into<String>) {
        self.0.insert(name, value.into());
    }

    pub fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// The text with everything filled in that is known.
    pub fn fill(&self, text: &str) -> String {
        let mut filled = text.to_owned();
        for (name, value) in &self.0 {
            if filled.contains('{') {
                filled = filled.replace(&format!("{{{name}}}"), value);
            }
        }
        filled
    }

    /// The same for every text in a value.
    pub fn fill_in(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => self.fill(text).into(),
            Value::Array(elements) => elements.iter().map(|element| self.fill_in(element)).collect(),
            Value::Object(members) => {
                members.iter().map(|(name, value)| (self.fill(name), self.fill_in(value))).collect()
            }
            other => other.clone(),
        }
    }

    /// Pairs as they are sent; one whose value is null is none.
    pub fn pairs(&self, pairs: &Pairs) -> Vec<(String, String)> {
        let texts = |value: &Value| match value {
            Value::Null => Vec::new(),
            Value::String(text) => vec![text.clone()],
            Value::Array(all) => {
                all.iter().map(|one| one.as_str().map_or_else(|| one.to_string(), str::to_owned)).collect()
            }
            other => vec![other.to_string()],
        };
        let each = pairs.iter().flat_map(|(name, value)| {
            texts(value).into_iter().map(|text| (self.fill(name), self.fill(&text))).collect::<Vec<_>>()
        });
        each.collect()
    }
}
