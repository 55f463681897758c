//! Every key that the parser knows stands in the schema, and no other.

use serde::de::value::Error;
use serde::de::{Deserialize, Deserializer, Error as _, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::Value;

use super::definition::*;
use super::profile_map::{EmailList, ProfileMap, ProfileRequest};
use super::requests::{Revocation, Userinfo};
use super::template::Variable;
use super::token_rules::*;
use crate::config::{HttpSettings, RefreshBudget, Registration, Settings, StoreSettings};

/// Asks a structure for its keys: serde tells them to whoever reads one.
struct Ask<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for Ask<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(Error::custom("not a structure"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Error> {
        *self.0 = fields;
        Err(Error::custom("only asking"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

fn keys<'de, T: Deserialize<'de>>() -> Vec<&'static str> {
    let mut keys: &[&str] = &[];
    let _ = T::deserialize(Ask(&mut keys));
    let mut keys = keys.to_vec();
    keys.sort_unstable();
    assert!(!keys.is_empty());
    keys
}

/// How many objects with named keys a schema describes.
fn objects(schema: &Value) -> usize {
    let own =
        usize::from(schema.get("type").is_some_and(|kind| kind == "object") && schema.get("properties").is_some());
    own + match schema {
        Value::Object(members) => members.values().map(objects).sum(),
        Value::Array(elements) => elements.iter().map(objects).sum(),
        _ => 0,
    }
}

#[test]
fn the_schemas_have_the_keys_of_the_parser() {
    let files = [
        (
            include_str!("../../schema/config.schema.json"),
            vec![
                ("", keys::<Settings>()),
                ("/properties/store", keys::<StoreSettings>()),
                ("/properties/http", keys::<HttpSettings>()),
                ("/$defs/registration", keys::<Registration>()),
                ("/$defs/registration/properties/refresh_budget", keys::<RefreshBudget>()),
            ],
        ),
        (
            include_str!("../../schema/provider.schema.json"),
            vec![
                ("", keys::<Provider>()),
                ("/properties/variables/additionalProperties", keys::<Variable>()),
                // The two forms of an issuer rule that have a value.
                ("/properties/issuer_rule/oneOf/1", vec!["one_of"]),
                ("/properties/issuer_rule/oneOf/2", vec!["template"]),
                ("/properties/endpoints", keys::<Endpoints>()),
                ("/properties/scopes", keys::<Scopes>()),
                ("/properties/authorize", keys::<Authorize>()),
                ("/properties/redirect", keys::<RedirectRules>()),
                ("/properties/redirect/properties/error", keys::<RedirectError>()),
                ("/properties/redirect/properties/selects", keys::<Selects>()),
                ("/properties/basic", keys::<BasicRules>()),
                ("/properties/client_assertion", keys::<ClientAssertion>()),
                // The one form of an audience that has a value.
                ("/properties/client_assertion/properties/audience/oneOf/1", vec!["url"]),
                ("/properties/token_request", keys::<TokenRequest>()),
                ("/properties/token_answer", keys::<TokenAnswerRules>()),
                ("/properties/token_answer/properties/fields", keys::<Fields>()),
                ("/properties/id_token", keys::<IdTokenRules>()),
                ("/properties/refresh", keys::<RefreshRules>()),
                ("/properties/refresh/properties/budget", keys::<RefreshBudget>()),
                ("/properties/refresh/properties/exchange", keys::<Exchange>()),
                ("/properties/refresh/properties/exchange/properties/first", keys::<FirstExchange>()),
                ("/properties/userinfo", keys::<Userinfo>()),
                ("/properties/profile", keys::<ProfileMap>()),
                ("/properties/profile/properties/requests/items", keys::<ProfileRequest>()),
                // The forms of "verified" that are objects.
                ("/properties/profile/properties/email_verified/oneOf/2", vec!["all"]),
                ("/properties/profile/properties/email_verified/oneOf/3", vec!["present"]),
                ("/properties/revocation", keys::<Revocation>()),
                ("/properties/device", keys::<DeviceRules>()),
                ("/properties/end_session", keys::<EndSessionRules>()),
                ("/$defs/request_auth/oneOf/1", vec!["form", "header", "query", "scheme"]),
                ("/$defs/error", keys::<ErrorRules>()),
                ("/$defs/value_at", vec!["at", "is"]),
                ("/$defs/place/oneOf/1", vec!["join"]),
                ("/$defs/place/oneOf/2", vec!["after_last", "at", "trim"]),
                ("/$defs/email_list", keys::<EmailList>()),
            ],
        ),
    ];
    for (text, structures) in files {
        let schema: Value = serde_json::from_str(text).unwrap();
        assert_eq!(objects(&schema), structures.len(), "a structure without a line above");
        for (place, keys) in structures {
            let object = schema.pointer(place).unwrap();
            let mut described: Vec<&str> =
                object["properties"].as_object().unwrap().keys().map(String::as_str).collect();
            described.sort_unstable();
            assert_eq!(described, keys, "{place}");
            assert_eq!(object["additionalProperties"], Value::Bool(false), "{place}");
            for (name, key) in object["properties"].as_object().unwrap() {
                // An object whose keys say everything may do without.
                assert!(
                    key.get("description").is_some() || key.get("properties").is_some() || place.contains("/oneOf/"),
                    "{place}/{name}"
                );
            }
        }
    }
}
