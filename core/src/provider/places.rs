//! How a place in a profile may be written. By hand, for serde's "untagged" forgets which key was wrong.

use std::fmt;

use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::definition::{EmailPlace, EmailRequest, Places};

impl<'de> Deserialize<'de> for Places {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OneOrMany)
    }
}

struct OneOrMany;

impl<'de> Visitor<'de> for OneOrMany {
    type Value = Places;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a place or a list of places")
    }

    fn visit_str<E: Error>(self, place: &str) -> Result<Places, E> {
        Ok(Places(vec![place.to_owned()]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, places: A) -> Result<Places, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(places)).map(Places)
    }
}

impl<'de> Deserialize<'de> for EmailPlace {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(InOrAsked)
    }
}

struct InOrAsked;

impl<'de> Visitor<'de> for InOrAsked {
    type Value = EmailPlace;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a place, a list of places or a request")
    }

    fn visit_str<E: Error>(self, place: &str) -> Result<EmailPlace, E> {
        OneOrMany.visit_str(place).map(EmailPlace::In)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, places: A) -> Result<EmailPlace, A::Error> {
        OneOrMany.visit_seq(places).map(EmailPlace::In)
    }

    fn visit_map<A: MapAccess<'de>>(self, request: A) -> Result<EmailPlace, A::Error> {
        EmailRequest::deserialize(MapAccessDeserializer::new(request)).map(EmailPlace::Asked)
    }
}
