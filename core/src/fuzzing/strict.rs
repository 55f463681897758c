//! Another reader of JSON: it keeps every member, in its order and as often as it stands, so that what [`crate::json`] refuses can be seen.

use std::collections::HashSet;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use crate::json;

/// JSON as it was written.
pub(super) enum Tree {
    Leaf,
    Array(Vec<Self>),
    Object(Vec<(String, Self)>),
}

impl Tree {
    fn inner(&self) -> Vec<&Self> {
        match self {
            Self::Leaf => Vec::new(),
            Self::Array(elements) => elements.iter().collect(),
            Self::Object(members) => members.iter().map(|(_, value)| value).collect(),
        }
    }

    /// How many objects and arrays stand in each other.
    fn depth(&self) -> usize {
        match self {
            Self::Leaf => 0,
            Self::Array(_) | Self::Object(_) => 1 + self.inner().into_iter().map(Self::depth).max().unwrap_or(0),
        }
    }

    /// Whether it is to be refused: by duplicate members, depth or number of members.
    fn is_bad(&self) -> bool {
        fn bad_inside(tree: &Tree) -> bool {
            let own = match tree {
                Tree::Object(members) => {
                    let names: HashSet<_> = members.iter().map(|(name, _)| name).collect();
                    names.len() != members.len() || members.len() > 256
                }
                _ => false,
            };
            own || tree.inner().into_iter().any(bad_inside)
        }
        self.depth() > 32 || bad_inside(self)
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Leaf)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Tree, E> {
        Ok(Tree::Leaf)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Tree, E> {
        Ok(Tree::Leaf)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Tree, E> {
        Ok(Tree::Leaf)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Tree, E> {
        Ok(Tree::Leaf)
    }

    fn visit_str<E>(self, _: &str) -> Result<Tree, E> {
        Ok(Tree::Leaf)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Tree, A::Error> {
        let mut found = Vec::new();
        while let Some(element) = elements.next_element()? {
            found.push(element);
        }
        Ok(Tree::Array(found))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Tree, A::Error> {
        let mut found = Vec::new();
        while let Some(member) = members.next_entry()? {
            found.push(member);
        }
        Ok(Tree::Object(found))
    }
}

/// What the library reads of a text from outside; it must refuse exactly what is no JSON, and of that what has a member twice, is deeper than 32 or has an
/// object of more than 256 members, and must read the rest as it stands.
pub(super) fn strict(bytes: &[u8]) -> Option<Value> {
    let read = json::parse(bytes).ok();
    let written = serde_json::from_slice::<Tree>(bytes).ok();
    let good = written.is_some_and(|tree| !tree.is_bad());
    assert_eq!(good, read.is_some(), "bad JSON is refused, and good JSON is not");
    if let Some(value) = &read {
        assert!(serde_json::from_slice::<Value>(bytes).is_ok_and(|plain| plain == *value));
    }
    read
}
