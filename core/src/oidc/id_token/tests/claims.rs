//! S42 to S51: the claims of a login's token, each wrong in every way we could think of.

use super::*;

#[test]
fn s42_the_issuer_is_compared_byte_for_byte() {
    let login = Login::new();
    for iss in [
        json!(format!("{ISSUER}1")),
        json!(format!("{ISSUER}/")),
        json!(ISSUER.to_uppercase()),
        json!("https://idp.example"),
        json!("https://idp.example:443/realm"),
        json!(""),
        json!(1),
        json!([ISSUER]),
        json!(null),
    ] {
        assert_eq!(login.claims(&json!({ "iss": iss })), Some(Reason::IdTokenIssuer), "{iss}");
    }
    assert_eq!(login.claim_text("iss", "null"), Some(Reason::IdTokenIssuer));
}

#[test]
fn s43_the_audience_is_this_client() {
    let login = Login::new();
    for aud in [
        json!(null),
        json!(format!("{CLIENT}1")),
        json!(""),
        json!([]),
        json!([[CLIENT]]),
        json!({ "aud": CLIENT }),
        json!(1),
        json!([1]),
        json!(["other"]),
        json!([null]),
        json!(true),
    ] {
        assert_eq!(login.claims(&json!({ "aud": aud })), Some(Reason::IdTokenAudience), "{aud}");
    }
    assert_eq!(login.claim_text("aud", "null"), Some(Reason::IdTokenAudience));
    assert_eq!(login.claims(&json!({ "aud": [CLIENT] })), None);
    assert_eq!(login.claims(&json!({ "aud": [CLIENT, CLIENT] })), None);
}

#[test]
fn s43_an_unknown_second_audience_is_refused() {
    let login = Login::new();
    for aud in [json!([CLIENT, "other"]), json!(["other", CLIENT]), json!([CLIENT, 1]), json!([CLIENT, [CLIENT]])] {
        assert_eq!(login.claims(&json!({ "aud": aud, "azp": CLIENT })), Some(Reason::IdTokenAudience), "{aud}");
    }
}

#[test]
fn s44_azp_is_this_client_when_it_is_there() {
    let login = Login::new();
    for azp in [json!("other"), json!(""), json!(1), json!([CLIENT])] {
        assert_eq!(login.claims(&json!({ "azp": azp })), Some(Reason::IdTokenAzp), "{azp}");
    }
    assert_eq!(login.claim_text("azp", "null"), Some(Reason::IdTokenAzp));
    assert_eq!(login.claims(&json!({ "azp": CLIENT })), None);
}

#[test]
fn s46_a_token_is_over_at_exp_and_the_leeway() {
    let login = Login::new();
    assert_eq!(login.claims(&json!({ "exp": NOW - LEEWAY + 1 })), None);
    assert_eq!(login.claims(&json!({ "exp": NOW - LEEWAY })), Some(Reason::IdTokenExpired));
    assert_eq!(login.claims(&json!({ "exp": 0 })), Some(Reason::IdTokenExpired));
    assert_eq!(login.claims(&json!({ "exp": NOW as f64 + 0.5 })), None);
    assert_eq!(login.claim_text("exp", &format!("{NOW}.0e0")), None);
}

#[test]
fn s46_the_leeway_is_never_more_than_five_minutes() {
    let mut login = Login::new();
    login.leeway = Duration::from_secs(100_000);
    assert_eq!(login.claims(&json!({ "exp": NOW - 299 })), None);
    assert_eq!(login.claims(&json!({ "exp": NOW - 300 })), Some(Reason::IdTokenExpired));
    login.leeway = Duration::ZERO;
    assert_eq!(login.claims(&json!({ "exp": NOW + 1 })), None);
    assert_eq!(login.claims(&json!({ "exp": NOW })), Some(Reason::IdTokenExpired));
}

#[test]
fn s46_exp_is_required_and_a_sane_number() {
    let login = Login::new();
    for exp in [json!(null), json!((NOW + 300).to_string()), json!([NOW + 300]), json!({}), json!(true)] {
        assert_eq!(login.claims(&json!({ "exp": exp })), Some(Reason::IdTokenExpired), "{exp}");
    }
    for text in [
        "null",
        "-1",
        "-1.5",
        "-1800000300",
        "9007199254740993",
        "18446744073709551615",
        "1e300",
        "99999999999999999999",
    ] {
        assert_eq!(login.claim_text("exp", text), Some(Reason::IdTokenExpired), "{text}");
    }
    assert_eq!(login.claim_text("exp", "1e999"), Some(Reason::MalformedJwt));
    assert_eq!(login.claim_text("exp", "9007199254740992"), None);
}

#[test]
fn s47_iat_is_required_and_not_in_the_future_but_may_be_old() {
    let login = Login::new();
    for iat in [json!(null), json!(NOW.to_string()), json!(-1), json!(1e300), json!([NOW]), json!(NOW + LEEWAY + 1)] {
        assert_eq!(login.claims(&json!({ "iat": iat })), Some(Reason::IdTokenIat), "{iat}");
    }
    for iat in [json!(NOW + LEEWAY), json!(NOW - 300), json!(NOW - WEEK), json!(NOW as f64 - 0.25), json!(0)] {
        assert_eq!(login.claims(&json!({ "iat": iat })), None, "{iat}");
    }
    let mut login = Login::new();
    login.now = UNIX_EPOCH - Duration::from_secs(NOW);
    assert_eq!(login.claims(&json!({})), Some(Reason::IdTokenIat), "a clock before 1970 believes nothing");
}

#[test]
fn s48_the_nonce_is_the_logins() {
    let login = Login::new();
    let others =
        [json!(null), json!(format!("{NONCE}1")), json!(NONCE.to_lowercase()), json!(""), json!(1), json!([NONCE])];
    for nonce in others {
        assert_eq!(login.claims(&json!({ "nonce": nonce })), Some(Reason::IdTokenNonce), "{nonce}");
    }
    assert_eq!(login.claim_text("nonce", "null"), Some(Reason::IdTokenNonce));
    let mut login = Login::new();
    login.nonce = None;
    assert_eq!(login.claims(&json!({ "nonce": null })), None);
    assert_eq!(login.claims(&json!({ "nonce": "whatever" })), None);
}

#[test]
fn s49_acr_is_one_of_those_asked_for() {
    let mut login = Login::new();
    assert_eq!(login.claims(&json!({ "acr": 0 })), None, "not looked at when none was asked for");
    login.acr_values = vec!["gold".to_owned(), "silver".to_owned()];
    for acr in [json!(null), json!("bronze"), json!("Gold"), json!(""), json!("gold silver"), json!(["gold"]), json!(0)]
    {
        assert_eq!(login.claims(&json!({ "acr": acr })), Some(Reason::IdTokenAcr), "{acr}");
    }
    assert_eq!(login.claims(&json!({ "acr": "gold" })), None);
    assert_eq!(login.claims(&json!({ "acr": "silver" })), None);
}

#[test]
fn s49_auth_time_is_within_max_age_and_the_leeway() {
    let mut login = Login::new();
    assert_eq!(login.claims(&json!({ "auth_time": NOW - WEEK })), None);
    assert_eq!(login.claims(&json!({ "auth_time": "yesterday" })), Some(Reason::IdTokenAuthTime));
    login.max_age = Some(Duration::from_secs(600));
    let wrong = [
        json!(null),
        json!(NOW.to_string()),
        json!(-1),
        json!(NOW - 600 - LEEWAY - 1),
        json!(NOW + LEEWAY + 1),
        json!([NOW]),
    ];
    for auth_time in wrong {
        assert_eq!(login.claims(&json!({ "auth_time": auth_time })), Some(Reason::IdTokenAuthTime), "{auth_time}");
    }
    for auth_time in [NOW, NOW - 600 - LEEWAY, NOW + LEEWAY] {
        assert_eq!(login.claims(&json!({ "auth_time": auth_time })), None, "{auth_time}");
    }
    login.max_age = Some(Duration::ZERO);
    assert_eq!(login.claims(&json!({ "auth_time": NOW - LEEWAY - 1 })), Some(Reason::IdTokenAuthTime));
    login.max_age = Some(Duration::MAX);
    assert_eq!(login.claims(&json!({ "auth_time": 0 })), None);
}

#[test]
fn s50_sub_is_some_ascii_and_not_too_long() {
    let login = Login::new();
    for sub in [json!(null), json!(""), json!("a".repeat(256)), json!("älice"), json!(1), json!(["alice"]), json!({})]
    {
        assert_eq!(login.claims(&json!({ "sub": sub })), Some(Reason::IdTokenSub), "{sub}");
    }
    assert_eq!(login.claim_text("sub", "null"), Some(Reason::IdTokenSub));
    assert_eq!(login.claims(&json!({ "sub": "a".repeat(255) })), None);
    assert_eq!(login.claims(&json!({ "sub": "auth0|5 f" })), None);
}

#[test]
fn s51_at_hash_fits_the_access_token_when_it_is_there() {
    let mut login = Login::new();
    let hash = digest::digest(&digest::SHA256, ACCESS_TOKEN.as_bytes());
    let (left, rest) = hash.as_ref().split_at(16);
    let other = digest::digest(&digest::SHA256, b"another access token");
    for at_hash in [
        json!(""),
        json!(encode(hash)),
        json!(encode(rest)),
        json!(encode(&other.as_ref()[..16])),
        json!(format!("{}==", encode(left))),
        json!(encode(&left[..15])),
        json!(1),
        json!([encode(left)]),
    ] {
        assert_eq!(login.claims(&json!({ "at_hash": at_hash })), Some(Reason::IdTokenAtHash), "{at_hash}");
    }
    assert_eq!(login.claim_text("at_hash", "null"), Some(Reason::IdTokenAtHash));
    assert_eq!(login.claims(&json!({ "at_hash": encode(left) })), None);
    login.access_token = None;
    assert_eq!(login.claims(&json!({ "at_hash": "whatever" })), None);
}

/// The example of OpenID Connect Core, appendix A.3, made by somebody else.
#[test]
fn s51_at_hash_agrees_with_the_example_of_the_standard() {
    let mut login = Login::new();
    login.access_token = Some("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y");
    assert_eq!(login.claims(&json!({ "at_hash": "77QmUPtjPfzWtF2AnpK9RQ" })), None);
}
