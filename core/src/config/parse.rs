//! JSON that an app or a provider's file says, read so strictly that its schema can say the same.
//!
//! What serde's own reading lets pass and this one does not: an array where an object belongs (its elements become the fields, in
//! their order in the source), `null` for a key that may be left out, `{"oidc": null}` for `"oidc"`, a key that stands twice.

use serde::de::value::{MapDeserializer, SeqDeserializer, StringDeserializer};
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error as _, IntoDeserializer, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;
use serde_json::Value;

use crate::error::{Error, Reason};

/// Parses JSON so that an error names the key and its path, and never quotes a value: a value may be a secret.
pub(crate) fn parse_json<T: DeserializeOwned>(text: &str) -> crate::Result<T> {
    // The text itself first: once it is a tree, the first of two keys of one name is gone.
    let mut reader = serde_json::Deserializer::from_str(text);
    let mut track = serde_path_to_error::Track::new();
    crate::json::check(serde_path_to_error::Deserializer::new(&mut reader, &mut track))
        .map_err(|error| problem(&track.path().to_string(), &error))?;
    reader.end().map_err(|_| Error::new(Reason::InvalidConfiguration).with_detail("text after the end of the JSON"))?;
    let tree: Value = serde_json::from_str(text).map_err(|error| problem(".", &error))?;
    serde_path_to_error::deserialize(Strict(tree)).map_err(|error| problem(&error.path().to_string(), error.inner()))
}

/// What went wrong, in words of our own: serde's quote the value that it did not like.
fn problem(path: &str, error: &serde_json::Error) -> Error {
    let message = error.to_string();
    if let Some(rest) = message.strip_prefix("unknown field `") {
        let field = rest.split('`').next().unwrap_or_default();
        // The path ends with the unknown key itself, or with the object that holds it.
        let detail = if path == field || path.ends_with(&format!(".{field}")) || path == "." {
            if path == "." { field.to_owned() } else { path.to_owned() }
        } else {
            format!("{path}.{field}")
        };
        return Error::new(Reason::UnknownKey).with_detail(detail);
    }
    let what = if message.starts_with("missing field") || message.starts_with("duplicate field") {
        message.split(" at line").next().unwrap_or_default()
    } else if error.is_data() {
        "has a value of the wrong form"
    } else {
        "is not JSON"
    };
    let place = match error.line() {
        0 => String::new(),
        line => format!(" (line {line} column {})", error.column()),
    };
    Error::new(Reason::InvalidConfiguration).with_detail(format!("{path} {what}{place}"))
}

/// A value that is taken for nothing but what it is.
struct Strict(Value);

impl<'de> IntoDeserializer<'de, serde_json::Error> for Strict {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Strict {
    type Error = serde_json::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        match self.0 {
            Value::Array(elements) => {
                let mut elements = SeqDeserializer::new(elements.into_iter().map(Strict));
                let value = visitor.visit_seq(&mut elements)?;
                elements.end().map(|()| value)
            }
            Value::Object(members) => {
                let mut members = MapDeserializer::new(members.into_iter().map(|(name, value)| (name, Self(value))));
                let value = visitor.visit_map(&mut members)?;
                members.end().map(|()| value)
            }
            scalar => scalar.deserialize_any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_some(self)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        if self.0.is_object() { self.deserialize_any(visitor) } else { Err(wrong_form()) }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
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

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct identifier ignored_any
    }
}

/// `"name"`, or `{"name": content}`.
struct Variant {
    name: String,
    content: Option<Value>,
}

impl<'de> EnumAccess<'de> for Variant {
    type Error = serde_json::Error;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(mut self, seed: V) -> Result<(V::Value, Self), Self::Error> {
        let name: StringDeserializer<Self::Error> = std::mem::take(&mut self.name).into_deserializer();
        Ok((seed.deserialize(name)?, self))
    }
}

impl<'de> VariantAccess<'de> for Variant {
    type Error = serde_json::Error;

    fn unit_variant(self) -> Result<(), Self::Error> {
        self.content.map_or(Ok(()), |_| Err(wrong_form()))
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Self::Error> {
        seed.deserialize(Strict(self.content.ok_or_else(wrong_form)?))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _len: usize, visitor: V) -> Result<V::Value, Self::Error> {
        Strict(self.content.ok_or_else(wrong_form)?).deserialize_any(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        Strict(self.content.ok_or_else(wrong_form)?).deserialize_struct("", fields, visitor)
    }
}

fn wrong_form() -> serde_json::Error {
    serde_json::Error::custom("wrong form")
}
