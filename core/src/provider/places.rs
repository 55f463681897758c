//! How places in a profile, and the parts of a request that come in several forms, may be written. By hand, for serde's "untagged" forgets which key was
//! wrong.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::profile_map::{EmailList, EmailPlace, EntryVouched, Place, Places, Pointers, Vouched};
use super::requests::RequestAuth;

/// A type that is written as a text, as true, as a list or as an object; the forms that it does not have are refused.
trait Written: Sized {
    const EXPECTED: &'static str;

    fn of_text<E: Error>(text: &str) -> Result<Self, E>;

    fn of_true<E: Error>() -> Result<Self, E> {
        Err(E::custom(format_args!("expected {}", Self::EXPECTED)))
    }

    fn of_list<'de, A: SeqAccess<'de>>(_: A) -> Result<Self, A::Error> {
        Err(A::Error::custom(format_args!("expected {}", Self::EXPECTED)))
    }

    fn of_object<'de, A: MapAccess<'de>>(_: A) -> Result<Self, A::Error> {
        Err(A::Error::custom(format_args!("expected {}", Self::EXPECTED)))
    }
}

struct Form<T>(PhantomData<T>);

impl<'de, T: Written> Visitor<'de> for Form<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        T::of_text(text)
    }

    fn visit_bool<E: Error>(self, yes: bool) -> Result<T, E> {
        if yes { T::of_true() } else { Err(E::custom(format_args!("expected {}", T::EXPECTED))) }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<T, A::Error> {
        T::of_list(list)
    }

    fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<T, A::Error> {
        T::of_object(object)
    }
}

macro_rules! written {
    ($($name:ty),*) => {$(
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(Form(PhantomData))
            }
        }
    )*};
}

written!(Pointers, Place, Places, Vouched, EmailPlace, EntryVouched, RequestAuth);

impl Written for Pointers {
    const EXPECTED: &'static str = "a JSON pointer or a list of them";

    fn of_text<E: Error>(text: &str) -> Result<Self, E> {
        Ok(Self(vec![text.to_owned()]))
    }

    fn of_list<'de, A: SeqAccess<'de>>(list: A) -> Result<Self, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(list)).map(Self)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PlaceObject {
    join: Option<Vec<String>>,
    at: Option<String>,
    after_last: Option<String>,
    trim: Option<String>,
}

impl Written for Place {
    const EXPECTED: &'static str = "a place";

    fn of_text<E: Error>(text: &str) -> Result<Self, E> {
        Ok(Self::of(text))
    }

    fn of_object<'de, A: MapAccess<'de>>(object: A) -> Result<Self, A::Error> {
        let object = PlaceObject::deserialize(MapAccessDeserializer::new(object))?;
        match object {
            PlaceObject { join: Some(pointers), at: None, after_last: None, trim: None } => Ok(Self::Join(pointers)),
            PlaceObject { join: None, at: Some(at), after_last: Some(text), trim: None } => {
                Ok(Self::AfterLast { at, text })
            }
            PlaceObject { join: None, at: Some(at), after_last: None, trim: Some(characters) } => {
                Ok(Self::Trim { at, characters })
            }
            _ => Err(A::Error::custom("a place is join, or at with after_last or trim")),
        }
    }
}

impl Written for Places {
    const EXPECTED: &'static str = "a place or a list of places";

    fn of_text<E: Error>(text: &str) -> Result<Self, E> {
        Place::of_text(text).map(|place| Self(vec![place]))
    }

    fn of_list<'de, A: SeqAccess<'de>>(list: A) -> Result<Self, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(list)).map(Self)
    }

    fn of_object<'de, A: MapAccess<'de>>(object: A) -> Result<Self, A::Error> {
        Place::of_object(object).map(|place| Self(vec![place]))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct VouchedObject {
    all: Option<Vec<String>>,
    present: Option<String>,
    at: Option<String>,
    is: Option<Value>,
}

impl Written for Vouched {
    const EXPECTED: &'static str = "a place, a list of places, true or a condition";

    fn of_text<E: Error>(text: &str) -> Result<Self, E> {
        Places::of_text(text).map(Self::Said)
    }

    fn of_true<E: Error>() -> Result<Self, E> {
        Ok(Self::Always)
    }

    fn of_list<'de, A: SeqAccess<'de>>(list: A) -> Result<Self, A::Error> {
        Places::of_list(list).map(Self::Said)
    }

    fn of_object<'de, A: MapAccess<'de>>(object: A) -> Result<Self, A::Error> {
        let object = VouchedObject::deserialize(MapAccessDeserializer::new(object))?;
        match object {
            VouchedObject { all: Some(pointers), present: None, at: None, is: None } => Ok(Self::All(pointers)),
            VouchedObject { all: None, present: Some(pointer), at: None, is: None } => Ok(Self::Present(pointer)),
            VouchedObject { all: None, present: None, at: Some(at), is: Some(is) } if !is.is_null() => {
                Ok(Self::Is { at, is })
            }
            _ => Err(A::Error::custom("a condition is all, present, or at with is")),
        }
    }
}

impl Written for EmailPlace {
    const EXPECTED: &'static str = "a place, a list of places or a list of addresses";

    fn of_text<E: Error>(text: &str) -> Result<Self, E> {
        Places::of_text(text).map(Self::In)
    }

    fn of_list<'de, A: SeqAccess<'de>>(list: A) -> Result<Self, A::Error> {
        Places::of_list(list).map(Self::In)
    }

    fn of_object<'de, A: MapAccess<'de>>(object: A) -> Result<Self, A::Error> {
        EmailList::deserialize(MapAccessDeserializer::new(object)).map(Self::Listed)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ValueAt {
    at: String,
    is: Value,
}

impl Written for EntryVouched {
    const EXPECTED: &'static str = "a JSON pointer, or at with is";

    fn of_text<E: Error>(text: &str) -> Result<Self, E> {
        Ok(Self::Said(text.to_owned()))
    }

    fn of_object<'de, A: MapAccess<'de>>(object: A) -> Result<Self, A::Error> {
        match ValueAt::deserialize(MapAccessDeserializer::new(object))? {
            ValueAt { is: Value::Null, .. } => Err(A::Error::custom("is: null says nothing")),
            ValueAt { at, is } => Ok(Self::Is { at, is }),
        }
    }
}

/// Each in an object with one member.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum AuthObject {
    Scheme(String),
    Header(String),
    Query(String),
    Form(String),
}

impl Written for RequestAuth {
    const EXPECTED: &'static str =
        "bearer, basic, post, none, private_key_jwt, or scheme, header, query or form with a name";

    fn of_text<E: Error>(text: &str) -> Result<Self, E> {
        Ok(match text {
            "bearer" => Self::Scheme("Bearer".to_owned()),
            "basic" => Self::Client(super::AuthMethod::Basic),
            "post" => Self::Client(super::AuthMethod::Post),
            "private_key_jwt" => Self::Client(super::AuthMethod::PrivateKeyJwt),
            "none" => Self::Nobody,
            _ => return Err(E::custom(format_args!("expected {}", Self::EXPECTED))),
        })
    }

    fn of_object<'de, A: MapAccess<'de>>(object: A) -> Result<Self, A::Error> {
        Ok(match AuthObject::deserialize(MapAccessDeserializer::new(object))? {
            AuthObject::Scheme(word) => Self::Scheme(word),
            AuthObject::Header(name) => Self::Header(name),
            AuthObject::Query(name) => Self::Query(name),
            AuthObject::Form(name) => Self::Form(name),
        })
    }
}
