//! What the JSON Schemas say of a document, beside what the parser says. The tests of the schemas and the fuzz targets ask both.
#![allow(dead_code, clippy::unwrap_used, reason = "each takes what it needs, and one that fails should say where")]

use std::sync::OnceLock;

use jsonschema::{Registry, Validator};
use keyfob::{Config, Provider, Reason};
use serde_json::Value;

pub(crate) const CONFIG: &str = include_str!("../../schema/config.schema.json");
pub(crate) const PROVIDER: &str = include_str!("../../schema/provider.schema.json");

/// What only the parser can say. In nothing else may the two differ.
pub(crate) const ONLY_THE_PARSER: &[(Reason, &str)] = &[
    (Reason::InvalidConfiguration, " stands twice"),
    (Reason::InvalidConfiguration, " is not an absolute URL"),
    (Reason::InvalidConfiguration, " has a fragment, a user or a password"),
    (Reason::InvalidConfiguration, " uses the variable "),
    (Reason::InvalidConfiguration, " has a brace without a name"),
    (Reason::InvalidConfiguration, " uses a variable that is not for URLs"),
    (Reason::InvalidConfiguration, " has a word of a session in its host"),
    (Reason::InvalidConfiguration, " has a value that is not of its form"),
    (Reason::InvalidConfiguration, " has a default that is none of its values"),
    (Reason::InvalidConfiguration, " has one that the variable does not take"),
    (Reason::InvalidConfiguration, "redirect.selects.variable is not declared"),
    (Reason::InvalidConfiguration, " has access_token, which needs "),
    (Reason::InvalidConfiguration, " among relaxes"),
    (Reason::InvalidConfiguration, ".private_key is no PEM text"),
    (Reason::InvalidConfiguration, ".key_algorithm does not fit the private_key"),
    (Reason::InsecureEndpoint, ""),
    (Reason::InvalidRedirectUri, ""),
];

pub(crate) struct Schemas {
    config: Validator,
    provider: Validator,
}

impl Schemas {
    pub(crate) fn read() -> [Value; 2] {
        [CONFIG, PROVIDER].map(|text| serde_json::from_str(text).unwrap())
    }

    pub(crate) fn compile() -> Self {
        let [config, provider] = Self::read();
        for schema in [&config, &provider] {
            jsonschema::draft202012::meta::validate(schema).unwrap();
        }
        Self::of(config, provider).unwrap()
    }

    /// `None` where they are no schemas.
    pub(crate) fn of(config: Value, provider: Value) -> Option<Self> {
        // As an editor finds it: beside the other one.
        let registry = Registry::new().add("json-schema:///provider.schema.json", &provider).ok()?.prepare().ok()?;
        Some(Self {
            config: jsonschema::options()
                .with_base_uri("json-schema:///config.schema.json")
                .with_registry(&registry)
                .build(&config)
                .ok()?,
            provider: jsonschema::validator_for(&provider).ok()?,
        })
    }
}

/// Where a document goes.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    Config,
    Provider,
}

impl Kind {
    pub(crate) fn of(document: &Value) -> Self {
        if document.get("store").is_some() { Self::Config } else { Self::Provider }
    }

    pub(crate) fn parse(self, document: &Value) -> Result<(), keyfob::Error> {
        match self {
            Self::Config => Config::from_json(&document.to_string()).map(drop),
            Self::Provider => Provider::from_json(&document.to_string()).map(drop),
        }
    }

    pub(crate) fn validates(self, schemas: &Schemas, document: &Value) -> bool {
        match self {
            Self::Config => schemas.config.is_valid(document),
            Self::Provider => schemas.provider.is_valid(document),
        }
    }
}

/// The place of the allowance that an error falls under.
pub(crate) fn only_the_parser_can_tell(error: &keyfob::Error) -> Option<usize> {
    let detail = error.detail().unwrap_or_default();
    ONLY_THE_PARSER.iter().position(|(reason, text)| error.reason() == *reason && detail.contains(text))
}

/// What only the parser can say of a document that nobody has made by hand.
const NOR_OF_ANY: &[(Reason, &str)] =
    &[(Reason::InvalidConfiguration, "http.ca_certificates "), (Reason::InvalidConfiguration, ".private_key ")];

/// Holds any bytes against both: what is a document is good for both or for neither.
pub(crate) fn must_agree(kind: Kind, data: &[u8]) {
    static SCHEMAS: OnceLock<Schemas> = OnceLock::new();
    let Ok(document) = serde_json::from_slice::<Value>(data) else { return };
    if !is_within_limits(&document, 0) {
        return;
    }
    let validates = kind.validates(SCHEMAS.get_or_init(Schemas::compile), &document);
    let parsed = kind.parse(&document);
    let allowed = |error: &keyfob::Error| {
        let detail = error.detail().unwrap_or_default();
        let also = NOR_OF_ANY.iter().any(|(reason, text)| error.reason() == *reason && detail.contains(text));
        also || only_the_parser_can_tell(error).is_some()
    };
    let agree = match &parsed {
        Ok(()) => validates,
        Err(error) => !validates || allowed(error),
    };
    assert!(agree, "schema {validates}, parser {parsed:?}");
}

/// The limits of depth and width are the parser's alone.
fn is_within_limits(value: &Value, depth: usize) -> bool {
    depth <= 32
        && match value {
            Value::Object(members) => {
                members.len() <= 256 && members.values().all(|value| is_within_limits(value, depth + 1))
            }
            Value::Array(elements) => elements.iter().all(|value| is_within_limits(value, depth + 1)),
            _ => true,
        }
}
