//! Strict JSON: what `serde_json` lets pass and a security library must not.
//!
//! Two readers of one text must not see two different things: of two members of one name, one parser
//! takes the first and another the last (RFC 8259 section 4), so such a text is refused (security S52).
//! Depth and number of members are bounded (S76); the size in bytes is the caller's to bound.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::error::Reason;

/// How deep objects and arrays may stand in each other; the outermost is at depth 1.
const MAX_DEPTH: usize = 32;
/// How many members one object may have.
const MAX_MEMBERS: usize = 256;

/// Why a text was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JsonFault {
    /// Not one JSON value in UTF-8 and nothing else.
    NotJson,
    /// An object, at any depth, has two members of one name.
    DuplicateMember,
    /// Deeper than [`MAX_DEPTH`].
    TooDeep,
    /// An object has more than [`MAX_MEMBERS`] members.
    TooManyMembers,
}

impl JsonFault {
    /// What an answer is that has it.
    pub(crate) const fn reason(self) -> Reason {
        match self {
            Self::NotJson => Reason::NotJson,
            Self::DuplicateMember => Reason::MalformedResponse,
            Self::TooDeep | Self::TooManyMembers => Reason::ResponseTooLarge,
        }
    }
}

/// Where in a JSON text something is: `registrations[0].client_id`, or a dot for the whole. Put together on the way out of a reader that failed,
/// so that one that does not fail pays nothing for it.
#[derive(Debug, Default)]
pub(crate) struct Trail(Vec<Step>);

#[derive(Debug)]
enum Step {
    Member(String),
    Element(usize),
}

impl Trail {
    /// What it leads to is in the member of this name.
    pub(crate) fn in_member(&mut self, name: String) {
        self.0.push(Step::Member(name));
    }

    /// What it leads to is in the element of this number.
    pub(crate) fn in_element(&mut self, number: usize) {
        self.0.push(Step::Element(number));
    }

    /// The same, and then a member.
    pub(crate) fn and(mut self, name: &str) -> Self {
        self.0.insert(0, Step::Member(name.to_owned()));
        self
    }
}

impl fmt::Display for Trail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, step) in self.0.iter().rev().enumerate() {
            match step {
                Step::Member(name) if number == 0 => f.write_str(name)?,
                Step::Member(name) => write!(f, ".{name}")?,
                Step::Element(element) => write!(f, "[{element}]")?,
            }
        }
        if self.0.is_empty() { f.write_str(".") } else { Ok(()) }
    }
}

/// What a walk through a text met, for somebody who wrote the text.
#[derive(Debug)]
pub(crate) struct Met {
    pub(crate) at: Trail,
    pub(crate) fault: JsonFault,
    /// The name that stands twice, where that is it.
    pub(crate) twice: Option<String>,
    /// Counted from 1; 0 where it is not known.
    pub(crate) line: usize,
    pub(crate) column: usize,
}

/// Reads exactly one JSON value, as [`parse`] does, and says where it is wrong.
pub(crate) fn parse_located(text: &str) -> Result<Value, Met> {
    let found = Found::default();
    let mut reader = serde_json::Deserializer::from_slice(text.as_bytes());
    let met = |error: serde_json::Error| {
        let (line, column) = (error.line(), error.column());
        Met { at: found.trail.take(), fault: found.fault.get(), twice: found.twice.take(), line, column }
    };
    Walker { depth: 0, found: &found }.deserialize(&mut reader).and_then(|()| reader.end()).map_err(met)?;
    serde_json::from_slice(text.as_bytes()).map_err(met)
}

/// Reads exactly one JSON value.
///
/// The text is walked once to check it and once to build the value. One walk could do both, but it would
/// have to build the numbers too, and how `serde_json` hands those out changes when any crate of the host's
/// build turns its `arbitrary_precision` on.
pub(crate) fn parse(bytes: &[u8]) -> Result<Value, JsonFault> {
    let found = Found::default();
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    Walker { depth: 0, found: &found }.deserialize(&mut reader).map_err(|_| found.fault.get())?;
    reader.end().map_err(|_| JsonFault::NotJson)?;
    serde_json::from_slice(bytes).map_err(|_| JsonFault::NotJson)
}

/// What a JSON pointer (RFC 6901) names in an object.
pub(crate) fn at<'a>(members: &'a Map<String, Value>, pointer: &str) -> Option<&'a Value> {
    let (name, rest) = first_of(pointer)?;
    let member = members.get(&name)?;
    if rest.is_empty() { Some(member) } else { member.pointer(rest) }
}

/// The first name of a pointer, and the pointer to go on with from there.
pub(crate) fn first_of(pointer: &str) -> Option<(String, &str)> {
    let path = pointer.strip_prefix('/')?;
    let end = path.find('/').unwrap_or(path.len());
    let (name, rest) = path.split_at(end);
    Some((name.replace("~1", "/").replace("~0", "~"), rest))
}

/// What a walker says before it gives up.
struct Found {
    fault: Cell<JsonFault>,
    twice: RefCell<Option<String>>,
    trail: RefCell<Trail>,
}

impl Default for Found {
    fn default() -> Self {
        // What `serde_json` says by itself means "not JSON".
        Self { fault: Cell::new(JsonFault::NotJson), twice: RefCell::default(), trail: RefCell::default() }
    }
}

/// Walks through one value and keeps nothing.
#[derive(Clone, Copy)]
struct Walker<'a> {
    /// How many objects and arrays stand around this value.
    depth: usize,
    found: &'a Found,
}

impl Walker<'_> {
    fn enter<E: de::Error>(self) -> Result<Self, E> {
        if self.depth >= MAX_DEPTH {
            return Err(self.refuse(JsonFault::TooDeep));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }

    fn refuse<E: de::Error>(self, fault: JsonFault) -> E {
        self.found.fault.set(fault);
        E::custom("refused")
    }
}

impl<'de> DeserializeSeed<'de> for Walker<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walker<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        let inner = self.enter()?;
        for number in 0.. {
            match elements.next_element_seed(inner) {
                Ok(Some(())) => {}
                Ok(None) => break,
                Err(error) => {
                    self.found.trail.borrow_mut().in_element(number);
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let inner = self.enter()?;
        let mut names = HashSet::new();
        // Names are compared as they read after unescaping: "\u0061" is "a".
        while let Some(name) = members.next_key::<String>()? {
            if names.contains(&name) {
                self.found.twice.replace(Some(name));
                return Err(self.refuse(JsonFault::DuplicateMember));
            }
            if names.len() == MAX_MEMBERS {
                return Err(self.refuse(JsonFault::TooManyMembers));
            }
            if let Err(error) = members.next_value_seed(inner) {
                self.found.trail.borrow_mut().in_member(name);
                return Err(error);
            }
            names.insert(name);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: impl AsRef<[u8]>) -> Option<JsonFault> {
        parse(text.as_ref()).err()
    }

    fn object_of(members: usize) -> String {
        let members: Vec<_> = (0..members).map(|n| format!("\"m{n}\":{n}")).collect();
        format!("{{{}}}", members.join(","))
    }

    #[test]
    fn a_strict_text_reads_as_serde_json_reads_it() {
        let text = r#" {"a":[1,-2,3.5,1e9,null,true,"x\u00e9\n"],"b":{"a":{"a":{}}},"":18446744073709551615} "#;
        let expected: Value = serde_json::from_str(text).unwrap();
        assert_eq!(parse(text.as_bytes()), Ok(expected));
    }

    #[test]
    fn s52_a_duplicate_member_is_refused_at_any_depth() {
        let twice = [
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"b":2,"a":3}"#,
            r#"[[{"x":{"a":1,"a":2}}]]"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"{"":1,"":2}"#,
        ];
        for text in twice {
            assert_eq!(fault(text), Some(JsonFault::DuplicateMember), "{text}");
        }
        assert_eq!(fault(r#"{"a":{"a":1},"b":{"a":1},"A":0}"#), None);
    }

    #[test]
    fn s76_depth_is_bounded() {
        let arrays = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(fault(arrays(MAX_DEPTH)), None);
        assert_eq!(fault(arrays(MAX_DEPTH + 1)), Some(JsonFault::TooDeep));
        assert_eq!(fault("[".repeat(1_000_000)), Some(JsonFault::TooDeep));
        let objects = |depth: usize| format!("{}1{}", r#"{"a":"#.repeat(depth), "}".repeat(depth));
        assert_eq!(fault(objects(MAX_DEPTH)), None);
        assert_eq!(fault(objects(MAX_DEPTH + 1)), Some(JsonFault::TooDeep));
        assert_eq!(fault(r#"{"a":["#.repeat(17)), Some(JsonFault::TooDeep));
        let wide = format!("[{}1]", "[],".repeat(1000));
        assert_eq!(fault(wide), None, "siblings are not depth");
    }

    #[test]
    fn s76_the_members_of_one_object_are_bounded() {
        assert_eq!(fault(object_of(MAX_MEMBERS)), None);
        assert_eq!(fault(object_of(MAX_MEMBERS + 1)), Some(JsonFault::TooManyMembers));
        assert_eq!(fault(format!("[{}]", object_of(MAX_MEMBERS + 1))), Some(JsonFault::TooManyMembers));
        assert_eq!(fault(format!("[{0},{0}]", object_of(MAX_MEMBERS))), None);
    }

    #[test]
    fn s52_what_is_not_one_json_value_in_utf8_is_refused() {
        let bad: &[&[u8]] = &[
            b"",
            b" ",
            b"{}{}",
            b"{} x",
            b"{}\0",
            b"{\"a\":1,}",
            b"{a:1}",
            b"{'a':1}",
            b"// c\n{}",
            b"NaN",
            b"01",
            b"1e999",
            b"\"\n\"",
            b"\"\\ud800\"",
            b"{\"a\":\"\xff\"}",
            b"{\"\xc0\xaf\":1}",
            b"\xef\xbb\xbf{}",
            b"{\0}\0",
            b"<!doctype html>",
            b"{\"a\":1",
        ];
        for text in bad {
            assert_eq!(fault(text), Some(JsonFault::NotJson), "{}", String::from_utf8_lossy(text));
        }
    }
}
