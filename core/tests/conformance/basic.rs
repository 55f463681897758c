//! The plan Basic, and what the comprehensive plan adds to it: ID tokens, keys, userinfo.

use keyfob::{Config, ConfigBuilder, Keyfob, LoginOptions, Provider, Reason, Registration};
use keyfob_idp::{Algorithm, ClientAuth, HmacKey, Script};
use serde_json::{Value, json};

use crate::support::{self, Bench, REDIRECT_URI, SSO, Temp};
use crate::{Mode, TO_THE_ID_TOKEN, WHOLE, asked, finishes, log_in, provider, stops};

/// The claim with a `1` behind it, as the suite does it.
fn and_one(claim: &'static str) -> impl Fn(&mut Script) {
    move |script| drop(script.tamper.id_token.append.insert(claim.to_owned(), "1".to_owned()))
}

fn without(claim: &'static str) -> impl Fn(&mut Script) {
    move |script| script.tamper.id_token.remove.push(claim.to_owned())
}

fn signed_wrongly(algorithm: Algorithm) -> impl Fn(&mut Script) {
    move |script| {
        script.algorithms = vec![algorithm];
        script.tamper.id_token.corrupt_signature = true;
    }
}

/// The keys of a generation, as a provider publishes them. All providers of this process have the same ones.
fn keys(generation: u32) -> Vec<Value> {
    let bench = Bench::new(|script| {
        script.algorithms = vec![Algorithm::RS256];
        script.keys.generation = generation;
    });
    bench.log_in();
    bench.requests("/jwks")[0].answer_json()["keys"].as_array().unwrap().clone()
}

#[test]
fn oidcc_client_test() {
    for (bench, session) in finishes(|_| {}) {
        let token = &bench.requests("/token")[0];
        assert_eq!(token.grant_type.as_deref(), Some("authorization_code"));
        assert_eq!(session.id_token().unwrap(), token.answer_json()["id_token"]);
    }
}

/// The secret of a confidential client: long enough for HS256, and with characters that Basic must escape.
const SECRET: &str = "s3cret: thirty-two characters & more";

/// A handle of a confidential client.
fn confidential(
    provider: &str,
    with: impl FnOnce(ConfigBuilder) -> ConfigBuilder,
    and: impl FnOnce(Registration) -> Registration,
) -> (Keyfob, Temp) {
    let temp = Temp::new();
    let registration = Registration::new(SSO, provider, "demo", REDIRECT_URI).client_secret(SECRET);
    let builder = with(Config::builder(temp.store())).registration(and(registration.scope("openid").scope("email")));
    (Keyfob::open(support::sealed(builder)).unwrap(), temp)
}

#[test]
fn oidcc_client_test_client_secret_basic() {
    let bench = provider(|script| {
        let client = keyfob_idp::Registration::new("demo", REDIRECT_URI);
        script.registrations = vec![client.secret(ClientAuth::Basic, SECRET)];
    });
    let issuer = bench.idp.issuer();
    let (keyfob, _temp) = confidential("oidc", |builder| builder, |it| it.variable("issuer", issuer));
    let login = keyfob.begin_login(SSO, LoginOptions::new()).unwrap();
    keyfob.complete_login(&support::log_in(login.authorization_url())).unwrap();
    assert_eq!(asked(&bench), WHOLE);
    let token = &bench.requests("/token")[0];
    assert!(token.header("authorization").unwrap().starts_with("Basic "));
    assert_eq!(token.parameter("client_secret"), None);
}

#[test]
fn oidcc_client_test_invalid_iss() {
    stops(and_one("iss"), Reason::IdTokenIssuer, TO_THE_ID_TOKEN);
}

#[test]
fn oidcc_client_test_missing_sub() {
    stops(without("sub"), Reason::IdTokenSub, TO_THE_ID_TOKEN);
}

#[test]
fn oidcc_client_test_invalid_aud() {
    stops(and_one("aud"), Reason::IdTokenAudience, TO_THE_ID_TOKEN);
}

#[test]
fn oidcc_client_test_missing_aud() {
    stops(without("aud"), Reason::IdTokenAudience, TO_THE_ID_TOKEN);
}

#[test]
fn oidcc_client_test_missing_iat() {
    stops(without("iat"), Reason::IdTokenIat, TO_THE_ID_TOKEN);
}

#[test]
fn oidcc_client_test_kid_absent_single_jwks() {
    finishes(|script| {
        script.algorithms = vec![Algorithm::RS256];
        script.tamper.id_token.header.insert("kid".to_owned(), Value::Null);
    });
}

#[test]
fn oidcc_client_test_kid_absent_multiple_jwks() {
    // Refusing is allowed as well: here each fitting key is tried, wherever the right one stands.
    let (ours, others) = (keys(0), keys(1));
    for published in [[&ours[..], &others].concat(), [&others[..], &ours].concat()] {
        assert!(published.iter().all(|key| key["alg"] == "RS256") && published.len() == 2);
        finishes(|script| {
            script.tamper.id_token.header.insert("kid".to_owned(), Value::Null);
            script.tamper.jwks.set.insert("keys".to_owned(), json!(published));
        });
    }
}

#[test]
fn oidcc_client_test_idtoken_sig_rs256() {
    for (bench, _) in finishes(|script| script.algorithms = vec![Algorithm::RS256]) {
        let keys = bench.requests("/jwks")[0].answer_json();
        assert_eq!(keys["keys"][0]["alg"], "RS256");
    }
}

#[test]
fn oidcc_client_test_idtoken_sig_none() {
    // The suite lets a client of the code flow take it; this one does not.
    let unsigned = |script: &mut Script| script.tamper.id_token.alg = Some("none".to_owned());
    stops(unsigned, Reason::IdTokenAlgNotAllowed, TO_THE_ID_TOKEN);
}

#[test]
fn oidcc_client_test_invalid_sig_rs256() {
    stops(signed_wrongly(Algorithm::RS256), Reason::IdTokenSignature, TO_THE_ID_TOKEN);
}

#[test]
fn oidcc_client_test_invalid_sig_es256() {
    stops(signed_wrongly(Algorithm::ES256), Reason::IdTokenSignature, TO_THE_ID_TOKEN);
}

#[test]
fn oidcc_client_test_invalid_sig_hs256() {
    // A public client shares no secret with anybody: the algorithm alone is refused.
    let signed = |script: &mut Script| {
        script.tamper.id_token.alg = Some("HS256".to_owned());
        script.tamper.id_token.corrupt_signature = true;
    };
    stops(signed, Reason::IdTokenAlgNotAllowed, TO_THE_ID_TOKEN);
    // A confidential one whose provider's file names the algorithm needs no published key, and looks at the signature.
    for corrupt in [false, true] {
        let bench = provider(|script| {
            let client = keyfob_idp::Registration::new("demo", REDIRECT_URI);
            script.registrations = vec![client.secret(ClientAuth::Basic, SECRET)];
            script.tamper.id_token.alg = Some("HS256".to_owned());
            script.tamper.id_token.hmac_key = HmacKey::ClientSecret;
            script.tamper.id_token.corrupt_signature = corrupt;
        });
        let acme = json!({
            "id": "acme", "kind": "oidc", "issuer": bench.idp.issuer(), "profile": {"uid": "/sub"},
            "id_token": {"algorithms": ["HS256"]}
        });
        let acme = Provider::from_json(&acme.to_string()).unwrap();
        let (keyfob, _temp) = confidential("acme", |builder| builder.provider(acme), |registration| registration);
        let login = keyfob.begin_login(SSO, LoginOptions::new()).unwrap();
        let outcome = keyfob.complete_login(&support::log_in(login.authorization_url()));
        if corrupt {
            assert_eq!(outcome.unwrap_err().reason(), Reason::IdTokenSignature);
            assert_eq!(asked(&bench), [WHOLE[0], WHOLE[1]]);
        } else {
            assert_eq!(outcome.unwrap().session().provider_uid(), "u-1");
            assert_eq!(asked(&bench), [WHOLE[0], WHOLE[1], WHOLE[3]]);
        }
    }
}

#[test]
fn oidcc_client_test_nonce_invalid() {
    stops(and_one("nonce"), Reason::IdTokenNonce, TO_THE_ID_TOKEN);
}

#[test]
fn oidcc_client_test_nonce_unless_code_flow() {
    for (bench, session) in finishes(|_| {}) {
        let request = bench.requests("/authorize").swap_remove(0);
        let claims: Value = serde_json::from_str(&session.id_token_claims_json().unwrap()).unwrap();
        assert!(request.parameter("nonce").unwrap().len() >= 22);
        assert_eq!(claims["nonce"], request.parameter("nonce").unwrap());
    }
}

#[test]
fn oidcc_client_test_userinfo_invalid_sub() {
    let somebody_else = |script: &mut Script| {
        script.tamper.userinfo.append.insert("sub".to_owned(), "1".to_owned());
    };
    stops(somebody_else, Reason::UserInfoSubMismatch, &WHOLE);
}

#[test]
fn oidcc_client_test_userinfo_bearer_header() {
    for (bench, session) in finishes(|_| {}) {
        let request = &bench.requests("/userinfo")[0];
        let bearer = format!("Bearer {}", session.provider_access_token());
        assert_eq!(request.header("authorization"), Some(bearer.as_str()));
        assert!(request.query.is_empty() && request.body.is_empty());
    }
}

#[test]
fn oidcc_client_test_userinfo_signed() {
    for (bench, _) in finishes(|script| {
        script.algorithms = vec![Algorithm::RS256];
        script.userinfo_signed = true;
    }) {
        let answer = &bench.requests("/userinfo")[0];
        let headers = &answer.answer_headers;
        assert!(
            headers.iter().any(|(name, value)| name == "content-type" && value == "application/jwt"),
            "{headers:?}"
        );
        assert_eq!(answer.answer.split('.').count(), 3);
    }
}

#[test]
fn oidcc_client_test_scope_userinfo_claims() {
    let address = json!({"formatted": "12 St James's Square, London", "country": "UK"});
    for mode in Mode::ALL {
        let bench = provider(|script| {
            for (name, value) in [("phone_number", json!("+44 20 7946 0000")), ("address", address.clone())] {
                script.users[0].claims.insert(name.to_owned(), value);
            }
            let told = ["name", "picture", "locale", "email_verified", "phone_number", "address"];
            script.tamper.id_token.remove.extend(told.map(str::to_owned));
        });
        let options = LoginOptions::new().scope("profile").scope("phone").scope("address");
        let session = log_in(&bench, mode, options).unwrap().into_session();
        assert_eq!(asked(&bench), WHOLE, "{mode:?}");
        let scope = "openid email offline_access profile phone address";
        assert_eq!(bench.requests("/authorize")[0].parameter("scope"), Some(scope));
        let profile = session.profile();
        assert_eq!((profile.name(), profile.email()), (Some("Ada Lovelace"), Some("ada@example.com")));
        assert_eq!((profile.email_verified(), profile.locale()), (true, Some("en-GB")));
        let raw: Value = serde_json::from_str(&profile.raw_json()).unwrap();
        assert_eq!((&raw["phone_number"], &raw["address"]), (&json!("+44 20 7946 0000"), &address));
    }
}

#[test]
fn oidcc_client_test_invalid_athash() {
    stops(and_one("at_hash"), Reason::IdTokenAtHash, TO_THE_ID_TOKEN);
}

/// Claims that userinfo only says where to find (OpenID Connect Core 5.6.2).
fn elsewhere(source: &Value) {
    for (_, session) in finishes(|script| {
        let edit = &mut script.tamper.userinfo.set;
        edit.insert("_claim_names".to_owned(), json!({"credit_score": "src1"}));
        edit.insert("_claim_sources".to_owned(), json!({"src1": source}));
    }) {
        let raw: Value = serde_json::from_str(&session.profile().raw_json()).unwrap();
        assert_eq!(raw["_claim_sources"]["src1"], *source, "they are the app's to make something of");
        assert_eq!(raw.get("credit_score"), None, "nobody vouched for it");
    }
}

#[test]
fn oidcc_client_test_aggregated_claims() {
    elsewhere(&json!({"JWT": "eyJhbGciOiJub25lIn0.eyJjcmVkaXRfc2NvcmUiOjY1MH0."}));
}

#[test]
fn oidcc_client_test_distributed_claims() {
    let source = Bench::new(|_| {});
    elsewhere(&json!({"endpoint": format!("{}/userinfo", source.idp.issuer()), "access_token": "ksj3n283dke"}));
    assert_eq!(source.idp.requests().len(), 0, "a login asks nobody but its provider");
}
