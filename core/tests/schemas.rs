//! The JSON Schemas say what the parser does: documents, and what becomes of them when one thing in them is changed.
// Not once more where the core is tested without its default features: no key depends on them.
#![cfg(feature = "ureq")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that fails should say where")]

#[path = "support/schemas.rs"]
mod judges;

use std::fs;
use std::path::Path;
use std::thread;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use judges::{CONFIG, Kind, ONLY_THE_PARSER, PROVIDER, Schemas, only_the_parser_can_tell};
use serde_json::{Map, Value, json};

const RSA: &str = include_str!("../src/oidc/testdata/rsa-test-key.pem");
const P256: &str = include_str!("../src/http/signing_key/testdata/p256-test-key.pem");
const P384: &str = include_str!("../src/http/signing_key/testdata/p384-test-key.pem");
const ED25519: &str = include_str!("../src/http/signing_key/testdata/ed25519-test-key.pem");

/// The catalogue's files.
fn catalogue() -> Vec<(String, Value)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files: Vec<(String, Value)> = fs::read_dir(root.join("providers"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| (path.display().to_string(), serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap()))
        .collect();
    assert!(files.len() >= 180);
    files
}

/// One of so many, and another one each time: each of them takes a while, and all of them are in the long suites.
fn some_of<T>(all: Vec<T>, one_in: usize) -> Vec<T> {
    let first = fastrand::usize(..one_in);
    all.into_iter().skip(first).step_by(one_in).collect()
}

/// The README's examples, and documents that have every key.
fn documents() -> Vec<(String, Value)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut documents = Vec::new();
    for readme in ["../README.md", "providers/README.md"] {
        let found = examples(&fs::read_to_string(root.join(readme)).unwrap());
        assert!(!found.is_empty(), "{readme} has an example");
        documents.extend(found.into_iter().map(|example| (readme.to_owned(), example)));
    }
    documents.extend(made());
    documents
}

/// The documents that were made for these tests: small ones, for each thing in one is changed beside all the others.
fn made() -> Vec<(String, Value)> {
    let [oidc, oauth2, told] = providers_with_every_key();
    let parts = apart(&oidc).into_iter().map(|part| ("a part of an oidc provider", part));
    [
        ("every key", config_with_every_key()),
        ("private keys", with_private_keys()),
        ("an oauth2 provider", oauth2),
        ("one whose token answer tells of the user", told),
        ("an authorization endpoint", with_endpoint("authorization")),
        ("a token endpoint", with_endpoint("token")),
    ]
    .into_iter()
    .chain(parts)
    .map(|(name, document)| (name.to_owned(), document))
    .collect()
}

/// A large provider as many small ones, each with one of its keys beside what it cannot be without: what is changed in a document is changed in a copy of it.
fn apart(provider: &Value) -> Vec<Value> {
    let members = provider.as_object().unwrap();
    let needed =
        json!({ "id": "part", "kind": "oidc", "issuer": "https://part.example", "profile": { "uid": "/sub" } });
    let part = |name: &String, value: &Value| {
        let mut part = needed.clone();
        part[name] = value.clone();
        let text = value.to_string();
        if text.contains("{host}") || text.contains("{key}") || name == "redirect" {
            part["variables"] = members["variables"].clone();
        }
        if ["authorize", "id_token", "refresh", "token_request"].contains(&name.as_str()) {
            part["relaxes"] = members["relaxes"].clone();
        }
        part
    };
    members.iter().filter(|(name, _)| *name != "kind").map(|(name, value)| part(name, value)).collect()
}

/// The objects that stand in a text's code blocks and are a configuration or a provider.
fn examples(text: &str) -> Vec<Value> {
    let blocks = text.split("```").skip(1).step_by(2);
    let object = |block: &str| Some(block.get(block.find('{')?..=block.rfind('}')?)?.to_owned());
    blocks
        .filter_map(object)
        .filter_map(|object| serde_json::from_str::<Value>(&object).ok())
        .filter(|value| value.get("store").is_some() || value.get("profile").is_some())
        .collect()
}

/// Providers that have every key between them.
fn providers_with_every_key() -> [Value; 3] {
    let url = |path: &str| format!("https://{{host}}/{{client_id}}/{path}");
    let oidc = json!({
        "id": "acme", "aliases": ["acme_inc"], "name": "Acme", "kind": "oidc", "notes": "people",
        "variables": { "host": { "default": "acme.example", "form": "host", "one_of": ["acme.example", "acme.eu"] },
                       "key": { "form": "text" }, "of": { "form": "optional_path", "default": "" } },
        "issuer": "https://{host}/", "issuer_rule": { "one_of": ["https://acme.example/", "acme.example"] },
        "discovery": "https://acme.example/metadata",
        "endpoints": { "authorization": url("authorize"), "token": url("token"), "userinfo": url("{claims:/sub}"),
                       "jwks": url("keys"), "revocation": url("revoke"), "end_session": url("logout"),
                       "device_authorization": url("device"), "pushed_authorization_request": url("par") },
        "scopes": { "default": ["openid"], "separator": "space" },
        "authorize": { "parameters": { "access_type": "offline" }, "pushed": true, "rename": { "client_id": "appid" },
                       "redirect_uri": "{key}", "state_in_redirect_uri": true, "fragment": "there",
                       "code_challenge": "plain" },
        "redirect": { "custom_scheme": true, "loopback": "any_port", "localhost": "only", "code": "auth_code",
                      "error": { "parameter": "reason", "denied": ["no"] }, "keep": ["realm"], "scope": "granted",
                      "hmac": "signature", "same": { "shop": "{host}" }, "user": "user",
                      "selects": { "parameter": "location", "variable": "host", "values": { "eu": "acme.eu" } } },
        "client_auth": ["basic", "post", "none", "private_key_jwt"],
        "basic": { "raw": true, "client_id_in_body": true, "public_clients": true },
        "client_assertion": { "parameter": "client_secret", "issuer": "{host}", "audience": { "url": url("") },
                              "algorithm": "PS256", "needs_key_id": true },
        "token_request": { "method": "GET", "body": "json", "headers": { "Accept": "application/json" },
                           "parameters": { "audience": "x" }, "rename": { "code": "c" }, "omit": ["redirect_uri"],
                           "scope_on_exchange": true, "scope_on_refresh": true, "redirect_uri_on_refresh": true },
        "token_answer": { "scope_separator": "comma", "format": "form", "prefix": "&&&",
                          "fields": { "access_token": "/a", "token_type": "/t", "expires_in": "/e",
                                      "refresh_token": "/r", "scope": "/s", "id_token": ["/i", "/j"] },
                          "token_types": ["mac"], "zero_expires_in": "unknown",
                          "error": { "code": "/code", "description": ["/message"], "ok": [0, "ok"] } },
        "id_token": { "algorithms": ["ES256", "HS256"], "nonce": false, "optional": true },
        "refresh": { "tokens": "scope", "url": url("refresh"), "method": "GET", "parameters": { "fresh": "yes" },
                     "omit": ["client_secret"], "rotation": "single_use", "dead": ["bad"], "transient": ["later"],
                     "resend": "when_over", "budget": { "refreshes": 10, "seconds": 60 },
                     "exchange": { "grant_type": "x", "parameter": "token", "method": "GET", "url": url("renew"),
                                   "first": { "grant_type": "y", "parameter": "token", "method": "GET",
                                              "url": url("first") } } },
        "userinfo": { "method": "POST", "auth": { "scheme": "OAuth" }, "headers": { "v": "1" }, "query": { "f": "json" },
                      "form": { "a": "{token|hmac_sha256}" }, "json": { "query": "{me}" }, "prefix": "&&&",
                      "error": { "code": "/code" } },
        "profile": { "sources": ["access_token", "token_answer", "id_token", "userinfo"],
                     "requests": [{ "url": url("more"), "into": "more", "before_userinfo": true, "optional": true,
                                    "method": "DELETE", "auth": { "header": "token" }, "headers": { "v": "1" },
                                    "query": { "f": "json" }, "form": { "a": "b" }, "json": { "a": "b" },
                                    "prefix": "&&&", "error": { "code": "/code" } },
                                  { "url": url("raw"), "auth": { "query": "t" } }, { "url": url("form"), "auth": { "form": "t" } }],
                     "uid": ["/sub", "/id"],
                     "name": ["/name", { "join": ["/first", "/last"] }],
                     "email": { "request": url("emails"), "array": "/list", "where": [{ "primary": true }], "value": "/email",
                                "verified": { "at": "/verified", "is": 1 } },
                     "email_verified": { "all": ["/email_verified", "/really"] },
                     "avatar_url": "https://cdn.example/{/id}.png", "locale": [{ "at": "/locale", "after_last": ":" }] },
        "revocation": { "method": "DELETE", "url": url("revoke/{uid}"), "auth": "basic", "headers": { "v": "1" },
                        "query": { "q": "1" }, "form": { "t": "{token}" }, "json": { "t": "{token}" },
                        "token": "access_token", "whole_grant": false },
        "device": { "grant_type": "device", "code_parameter": "code", "scope_parameter": "scopes",
                    "parameters": { "a": "b" }, "token_url": url("device/token") },
        "end_session": { "redirect_parameter": "logout_uri", "parameters": { "a": "{host}" } },
        "relaxes": ["S01", "S02", "S31", "S33", "S48", "S77"]
    });
    let oauth2 = json!({
        "id": "plain", "kind": "oauth2", "issuer_rule": { "template": "https://{tid}/" },
        "profile": { "uid": { "at": "/id", "trim": "{}" }, "email": { "value": "/email", "verified": "/sure" }, "email_verified": { "present": "/email" } },
        "client_assertion": { "audience": "issuer" },
        "endpoints": { "authorization": "https://p.example/a", "token": "https://p.example/t",
                       "userinfo": "https://p.example/u" }
    });
    let told = json!({
        "id": "told", "kind": "oauth2",
        "profile": { "sources": ["token_answer"], "uid": "/id", "email_verified": { "at": "/sure", "is": 1 } },
        "endpoints": { "authorization": "https://p.example/a", "token": "https://p.example/t" }
    });
    [oidc, oauth2, told]
}

/// A configuration that has every key of its own.
fn config_with_every_key() -> Value {
    let plain = json!({
        "id": "plain", "kind": "oauth2", "profile": { "uid": "/id" },
        "endpoints": { "authorization": "https://p.example/a", "token": "https://p.example/t",
                       "userinfo": "https://p.example/u" }
    });
    json!({
        "store": { "path": "/never/opened", "plaintext": true },
        "registrations": [
            { "id": "basic", "provider": "plain", "client_id": "c", "client_secret": "s", "client_auth": "basic",
              "redirect_uri": "com.example.app:/two" },
            { "id": "none", "provider": "plain", "client_id": "c", "client_auth": "none",
              "redirect_uri": "com.example.app:/three" },
            { "id": "one", "provider": "acme", "client_id": "c", "client_secret": "s", "client_auth": "post", "scopes": ["openid"],
              "resources": ["https://api.example/"],
              "redirect_uri": "com.example.notes:/callback", "variables": { "host": "acme.example" }, "enabled": false,
              "refresh_budget": { "refreshes": 5, "seconds": 0.5 }, "require_pushed_authorization_requests": true },
            { "id": "two", "provider": "plain", "client_id": "c", "redirect_uri": "http://127.0.0.1/callback" }
        ],
        "providers": [plain],
        "http": {
            "connect_seconds": 10, "total_seconds": 30, "ca_certificates": certificate(),
            "proxy": "http://ada:lovelace@proxy.example:3128", "user_agent": "Notes/1.2"
        },
        "login_seconds": 3600, "coherence_seconds": 1, "leeway_seconds": 60,
        "wait_seconds": 30, "refresh_policy": "on_demand"
    })
}

/// An authority's certificate, in PEM.
fn certificate() -> String {
    let made = rcgen::generate_simple_self_signed(vec!["ca.example".to_owned()]).unwrap();
    let text = BASE64_STANDARD.encode(made.cert.der());
    format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
}

/// Clients with a private key: each key of theirs with as little beside it as may be.
fn with_private_keys() -> Value {
    let client = |id: &str, key: &str, more: Value| {
        let mut client = json!({ "id": id, "provider": "plain", "client_id": "c", "private_key": key,
                                 "redirect_uri": "com.example.app:/four" });
        client.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        client
    };
    json!({
        "store": { "path": "/never/opened" },
        "registrations": [
            client("rsa", RSA, json!({ "key_algorithm": "RS256" })),
            client("p256", P256, json!({ "key_algorithm": "ES256", "client_auth": "none" })),
            client("p384", P384, json!({ "key_algorithm": "ES384" })),
            client("ed25519", ED25519, json!({ "key_algorithm": "EdDSA" })),
            client("named", P256, json!({ "key_id": "k-1" })),
            client("said", P256, json!({ "client_auth": "private_key_jwt" })),
        ]
    })
}

/// OpenID Connect with one endpoint of its own, for what holds only with two.
fn with_endpoint(name: &str) -> Value {
    json!({
        "id": "half", "kind": "oidc", "issuer": "https://half.example", "profile": { "uid": "/sub" },
        "endpoints": { name: "https://half.example/x" }
    })
}

/// The words that stand for themselves in the schemas, such as the names of an enumeration.
fn words() -> Vec<String> {
    let constant = |place: &str| place.contains("/enum/") || place.ends_with("/const");
    let mut words: Vec<String> = Schemas::read()
        .iter()
        .flat_map(|schema| {
            let places = places(schema, "").into_iter().filter(|place| constant(place));
            places.filter_map(|place| schema.pointer(&place)?.as_str().map(str::to_owned)).collect::<Vec<_>>()
        })
        .collect();
    words.sort();
    words.dedup();
    words
}

/// The document with one thing changed, for every thing and every change; each with its name.
fn mutations(document: &Value, words: &[String]) -> Vec<(String, Value)> {
    let mut changed = Vec::new();
    for place in places(document, "") {
        let edit = |what: &str, edit: &dyn Fn(&mut Map<String, Value>, &str)| {
            let (parent, name) = place.rsplit_once('/')?;
            let mut copy = document.clone();
            edit(copy.pointer_mut(parent)?.as_object_mut()?, &name.replace("~1", "/").replace("~0", "~"));
            Some((format!("{place} {what}"), copy))
        };
        changed.extend(edit("removed", &|members, name| drop(members.remove(name))));
        for other in
            ["", &format!("{}x", place.rsplit('/').next().unwrap())].into_iter().chain(words.iter().map(String::as_str))
        {
            changed.extend(edit(&format!("is called {other:?}"), &|members, name| {
                let value = members.remove(name).unwrap();
                members.insert(other.to_owned(), value);
            }));
        }
        changed.extend(edit("has a neighbour", &|members, _| drop(members.insert("x".to_owned(), "y".into()))));
        if let Some(elements) = document.pointer(&place).and_then(Value::as_array).filter(|list| !list.is_empty()) {
            let mut copy = document.clone();
            let twice = [elements.as_slice(), &elements[..1]].concat();
            *copy.pointer_mut(&place).unwrap() = twice.into();
            changed.push((format!("{place} repeated"), copy));
        }
        for other in [
            Value::Null,
            json!(true),
            json!(false),
            json!(-1),
            json!(0),
            json!(0.5),
            json!(1e12),
            json!(""),
            json!("x"),
            json!("state"),
            json!("ES256"),
            json!("text"),
            json!(["access_token"]),
            json!("https://{uid}/"),
            json!("ftp://x.example/"),
            json!("https://u@x.example/"),
            json!("https://x.example/{"),
            json!("https://x.example/`"),
            json!([]),
            json!({}),
            json!(["x"]),
            json!([""]),
            json!([null]),
            json!([[]]),
            json!([{}]),
            json!({ "x": "y" }),
            json!({ "x": null }),
            json!({ "scope": "y" }),
            json!({ "scheme": "x", "query": "y" }),
            json!({ "after_last": ":", "trim": "x" }),
            json!({ "at": "/x", "after_last": ":", "trim": "x" }),
            json!({ "exact": null }),
        ]
        .into_iter()
        .chain(words.iter().map(|word| word.as_str().into()))
        {
            let mut copy = document.clone();
            let what = format!("{place} is {other}");
            *copy.pointer_mut(&place).unwrap() = other;
            changed.push((what, copy));
        }
    }
    changed
}

/// The JSON pointers of everything in a document.
fn places(value: &Value, at: &str) -> Vec<String> {
    let inner: Vec<(String, &Value)> = match value {
        Value::Object(members) => {
            members.iter().map(|(name, value)| (name.replace('~', "~0").replace('/', "~1"), value)).collect()
        }
        Value::Array(elements) => {
            elements.iter().enumerate().map(|(index, value)| (index.to_string(), value)).collect()
        }
        _ => Vec::new(),
    };
    let below = inner.iter().flat_map(|(name, value)| places(value, &format!("{at}/{name}")));
    std::iter::once(at.to_owned()).chain(below).collect()
}

#[test]
fn every_file_of_the_catalogue_and_every_documented_example_validates_and_parses() {
    let schemas = Schemas::compile();
    for (name, document) in documents().into_iter().chain(catalogue()) {
        let kind = Kind::of(&document);
        kind.parse(&document).unwrap_or_else(|error| panic!("{name}: {error:?}"));
        assert!(kind.validates(&schemas, &document), "{name}");
    }
}

#[test]
fn the_schema_and_the_parser_judge_every_change_in_the_same_way() {
    judge_every_change(documents().into_iter().chain(some_of(catalogue(), 20)));
}

#[test]
#[ignore = "minutes; `cargo xtask test all`"]
fn wide_the_schema_and_the_parser_judge_every_change_of_the_catalogue_in_the_same_way() {
    judge_every_change(documents().into_iter().chain(catalogue()));
}

fn judge_every_change(documents: impl Iterator<Item = (String, Value)>) {
    let schemas = Schemas::compile();
    let mut differences = Vec::new();
    let (mut good, mut bad) = (0, 0);
    let mut seen = vec![0; ONLY_THE_PARSER.len()];
    for (name, document) in documents {
        let kind = Kind::of(&document);
        for (what, changed) in mutations(&document, &[]) {
            let validates = kind.validates(&schemas, &changed);
            let parsed = kind.parse(&changed);
            match &parsed {
                Ok(()) if validates => good += 1,
                Err(_) if !validates => bad += 1,
                Err(error) if only_the_parser_can_tell(error).is_some() => {
                    seen[only_the_parser_can_tell(error).unwrap()] += 1;
                }
                _ => differences.push(format!("{name} {what}: schema {validates}, parser {parsed:?}")),
            }
        }
    }
    assert!(differences.is_empty(), "{} differences\n{}", differences.len(), differences.join("\n"));
    assert!(good > 500 && bad > 5000, "{good} good, {bad} bad");
    assert!(seen.iter().all(|count| *count > 0), "an allowance that nothing needs: {seen:?}");
}

/// What a schema says to people only.
fn is_annotation(place: &str) -> bool {
    ["/$schema", "/title", "/description"].iter().any(|annotation| place.ends_with(annotation))
}

#[test]
fn nothing_can_be_taken_out_of_the_schemas_unnoticed() {
    take_out(|places| some_of(places, 12));
}

#[test]
#[ignore = "a quarter of an hour; `cargo xtask test all`"]
fn wide_nothing_at_all_can_be_taken_out_of_the_schemas_unnoticed() {
    take_out(|places| places);
}

fn take_out(choose: impl Fn(Vec<(usize, String)>) -> Vec<(usize, String)>) {
    let judged: Vec<(Kind, Value, Option<bool>)> = made()
        .iter()
        .flat_map(|(_, document)| {
            mutations(document, &words()).into_iter().map(|(_, changed)| {
                let kind = Kind::of(document);
                let verdict = match kind.parse(&changed) {
                    Ok(()) => Some(true),
                    Err(error) => only_the_parser_can_tell(&error).is_none().then_some(false),
                };
                (kind, changed, verdict)
            })
        })
        .collect();
    let notices = |schemas: &Schemas| {
        judged
            .iter()
            .any(|(kind, document, verdict)| verdict.is_some_and(|good| kind.validates(schemas, document) != good))
    };
    let [config, provider] = Schemas::read();
    let schemas = Schemas::of(config.clone(), provider.clone()).unwrap();
    assert!(!notices(&schemas));
    let places: Vec<(usize, String)> = [&config, &provider]
        .into_iter()
        .enumerate()
        .flat_map(|(index, schema)| places(schema, "").into_iter().skip(1).map(move |place| (index, place)))
        .filter(|(_, place)| !is_annotation(place))
        .collect();
    let places = choose(places);
    let without = |index: usize, place: &str| {
        let mut pair = [config.clone(), provider.clone()];
        let (parent, name) = place.rsplit_once('/').unwrap();
        match pair[index].pointer_mut(parent).unwrap() {
            Value::Object(members) => drop(members.remove(name)),
            Value::Array(elements) => drop(elements.remove(name.parse().unwrap())),
            _ => unreachable!("nothing stands in anything else"),
        }
        let [config, provider] = pair;
        Schemas::of(config, provider)
    };
    // Each takes every so many-th: this is the longest of all tests, and the last of its program.
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let unnoticed: Vec<&str> = thread::scope(|scope| {
        let begin = |first: usize| {
            let (places, without, notices) = (&places, &without, &notices);
            scope.spawn(move || {
                let mine = places.iter().skip(first).step_by(threads);
                let unnoticed = mine.filter(|(index, place)| without(*index, place).is_some_and(|it| !notices(&it)));
                unnoticed.map(|(_, place)| place.as_str()).collect::<Vec<_>>()
            })
        };
        let begun: Vec<_> = (0..threads).map(begin).collect();
        begun.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert!(unnoticed.is_empty(), "{} unnoticed\n{}", unnoticed.len(), unnoticed.join("\n"));
}

#[test]
fn no_description_is_missing_a_unit() {
    for (place, key) in [CONFIG, PROVIDER].iter().flat_map(|text| {
        let schema: Value = serde_json::from_str(text).unwrap();
        places(&schema, "")
            .into_iter()
            .map(move |place| (place.clone(), schema.pointer(&place).cloned().unwrap()))
            .collect::<Vec<_>>()
    }) {
        if place.ends_with("_seconds") {
            assert!(key["description"].as_str().unwrap().contains("seconds"), "{place}");
        }
    }
}
