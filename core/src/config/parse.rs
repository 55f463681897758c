//! JSON that an app or a provider's file says, read so strictly that its schema can say the same.
//!
//! What serde's own reading lets pass and this one does not: an array where an object belongs (its elements become the fields, in
//! their order in the source), `null` for a key that may be left out, `{"oidc": null}` for `"oidc"`, a key that stands twice.
//!
//! A type is asked for by its kind, and only that is tried: of what serde derives for a type, what reads it from anything else is then never
//! called, and not in the library. That is most of it.

use std::fmt::{self, Display};

use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error as _, MapAccess, SeqAccess, Unexpected,
    VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;
use serde_json::{Map, Number, Value};

use crate::error::{Error, Reason};
use crate::json::{JsonFault, Met, Trail, parse_located};

/// Parses JSON so that an error names the key and its path, and never quotes a value: a value may be a secret.
pub(crate) fn parse_json<T: DeserializeOwned>(text: &str) -> crate::Result<T> {
    let tree = parse_located(text).map_err(not_this_json)?;
    T::deserialize(Strict(tree)).map_err(Fault::told)
}

fn not_this_json(met: Met) -> Error {
    let Met { at, fault, twice, line, column } = met;
    let what = match fault {
        JsonFault::NotJson => "is not JSON".to_owned(),
        JsonFault::DuplicateMember => format!("duplicate field `{}`", twice.unwrap_or_default()),
        JsonFault::TooDeep => "stands too deep".to_owned(),
        JsonFault::TooManyMembers => "has too many members".to_owned(),
    };
    invalid(format!("{at} {what} (line {line} column {column})"))
}

/// What is wrong, and where. Boxed: it is rare, and every reader hands it on.
#[derive(Debug)]
struct Fault(Box<(Trail, Wrong)>);

#[derive(Debug)]
enum Wrong {
    Unknown(String),
    Missing(&'static str),
    Form,
}

impl Fault {
    fn new(wrong: Wrong) -> Self {
        Self(Box::new((Trail::default(), wrong)))
    }

    fn in_member(mut self, name: String) -> Self {
        self.0.0.in_member(name);
        self
    }

    fn in_element(mut self, number: usize) -> Self {
        self.0.0.in_element(number);
        self
    }

    fn told(self) -> Error {
        let (at, wrong) = *self.0;
        match wrong {
            Wrong::Unknown(name) => Error::new(Reason::UnknownKey).with_detail(at.and(&name).to_string()),
            Wrong::Missing(name) => invalid(format!("{at} missing field `{name}`")),
            Wrong::Form => invalid(format!("{at} has a value of the wrong form")),
        }
    }
}

fn invalid(detail: String) -> Error {
    Error::new(Reason::InvalidConfiguration).with_detail(detail)
}

impl std::error::Error for Fault {}

impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("what was read has another form")
    }
}

/// serde's own messages quote what they do not like, so none of them is kept.
impl de::Error for Fault {
    fn custom<T: Display>(_: T) -> Self {
        Self::new(Wrong::Form)
    }

    fn invalid_type(_: Unexpected<'_>, _: &dyn de::Expected) -> Self {
        Self::new(Wrong::Form)
    }

    fn invalid_value(_: Unexpected<'_>, _: &dyn de::Expected) -> Self {
        Self::new(Wrong::Form)
    }

    fn invalid_length(_: usize, _: &dyn de::Expected) -> Self {
        Self::new(Wrong::Form)
    }

    fn unknown_variant(_: &str, _: &'static [&'static str]) -> Self {
        Self::new(Wrong::Form)
    }

    fn unknown_field(field: &str, _: &'static [&'static str]) -> Self {
        Self::new(Wrong::Unknown(field.to_owned()))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(Wrong::Missing(field))
    }

    fn duplicate_field(_: &'static str) -> Self {
        // A tree has each name once.
        Self::new(Wrong::Form)
    }
}

fn wrong_form() -> Fault {
    Fault::new(Wrong::Form)
}

/// A value that is taken for nothing but what it is.
struct Strict(Value);

impl Strict {
    fn number(self) -> Result<Number, Fault> {
        if let Value::Number(number) = self.0 { Ok(number) } else { Err(wrong_form()) }
    }

    fn text(self) -> Result<String, Fault> {
        if let Value::String(text) = self.0 { Ok(text) } else { Err(wrong_form()) }
    }
}

impl<'de> Deserializer<'de> for Strict {
    type Error = Fault;

    /// For what takes anything, as a member of an app's own does.
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(_) => self.deserialize_bool(visitor),
            Value::Number(number) => number.deserialize_any(visitor).map_err(Fault::custom),
            Value::String(text) => visitor.visit_string(text),
            Value::Array(_) => self.deserialize_seq(visitor),
            Value::Object(_) => self.deserialize_map(visitor),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        if let Value::Bool(is) = self.0 { visitor.visit_bool(is) } else { Err(wrong_form()) }
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_u64(self.number()?.as_u64().ok_or_else(wrong_form)?)
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_u64(visitor)
    }

    fn deserialize_u16<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_u64(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_string(visitor)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_string(self.text()?)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_str(&self.text()?)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_some(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let Value::Array(elements) = self.0 else { return Err(wrong_form()) };
        let mut elements = Elements { left: elements.into_iter(), number: 0 };
        let value = visitor.visit_seq(&mut elements)?;
        if elements.left.len() == 0 { Ok(value) } else { Err(wrong_form()) }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let Value::Object(members) = self.0 else { return Err(wrong_form()) };
        let mut members = Members { left: members.into_iter(), next: None };
        let value = visitor.visit_map(&mut members)?;
        if members.left.len() == 0 { Ok(value) } else { Err(wrong_form()) }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.deserialize_map(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _name: &'static str, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match self.0 {
            Value::String(name) => visitor.visit_enum(Variant { name, content: None }),
            Value::Object(members) => {
                let mut members = members.into_iter();
                match (members.next(), members.next()) {
                    (Some((name, content)), None) => visitor.visit_enum(Variant { name, content: Some(content) }),
                    _ => Err(wrong_form()),
                }
            }
            _ => Err(wrong_form()),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct
    }
}

/// What is left of an array.
struct Elements {
    left: std::vec::IntoIter<Value>,
    number: usize,
}

impl<'de> SeqAccess<'de> for Elements {
    type Error = Fault;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Fault> {
        let Some(element) = self.left.next() else { return Ok(None) };
        let number = self.number;
        self.number += 1;
        seed.deserialize(Strict(element)).map(Some).map_err(|fault| fault.in_element(number))
    }
}

/// What is left of an object.
struct Members {
    left: <Map<String, Value> as IntoIterator>::IntoIter,
    /// The member whose name was given out.
    next: Option<(String, Value)>,
}

impl<'de> MapAccess<'de> for Members {
    type Error = Fault;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Fault> {
        let Some((name, value)) = self.left.next() else { return Ok(None) };
        let key = seed.deserialize(Strict(Value::String(name.clone())))?;
        self.next = Some((name, value));
        Ok(Some(key))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Fault> {
        let (name, value) = self.next.take().ok_or_else(wrong_form)?;
        seed.deserialize(Strict(value)).map_err(|fault| fault.in_member(name))
    }
}

/// `"name"`, or `{"name": content}`.
struct Variant {
    name: String,
    content: Option<Value>,
}

impl<'de> EnumAccess<'de> for Variant {
    type Error = Fault;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), Fault> {
        let variant = seed.deserialize(Strict(Value::String(self.name.clone())))?;
        Ok((variant, self))
    }
}

impl<'de> VariantAccess<'de> for Variant {
    type Error = Fault;

    fn unit_variant(self) -> Result<(), Fault> {
        self.content.map_or(Ok(()), |_| Err(wrong_form().in_member(self.name)))
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Fault> {
        let content = self.content.ok_or_else(wrong_form)?;
        seed.deserialize(Strict(content)).map_err(|fault| fault.in_member(self.name))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _len: usize, visitor: V) -> Result<V::Value, Fault> {
        let content = self.content.ok_or_else(wrong_form)?;
        Strict(content).deserialize_seq(visitor).map_err(|fault| fault.in_member(self.name))
    }

    fn struct_variant<V: Visitor<'de>>(self, _fields: &'static [&'static str], visitor: V) -> Result<V::Value, Fault> {
        let content = self.content.ok_or_else(wrong_form)?;
        Strict(content).deserialize_map(visitor).map_err(|fault| fault.in_member(self.name))
    }
}
