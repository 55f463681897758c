use serde_json::json;

use super::*;
use crate::oidc::testing::{Signer, encode, reason};

fn parse(token: &str) -> Option<Reason> {
    reason(Jws::parse(token))
}

/// A token of this header and payload whose signature is three bytes of nothing.
fn unsigned(header: &str, payload: &str) -> String {
    format!("{}.{}.AAAA", encode(header), encode(payload))
}

fn good() -> String {
    unsigned(r#"{"alg":"RS256"}"#, r#"{"sub":"x"}"#)
}

#[test]
fn a_token_is_taken_apart() {
    let token = unsigned(r#"{"alg":"ES256","kid":"k1","typ":"JWT","x":1}"#, r#"{"sub":"x"}"#);
    let jws = Jws::parse(&token).map_err(|error| error.reason()).unwrap_or_else(|reason| panic!("{reason:?}"));
    assert_eq!((jws.alg.as_str(), jws.kid.as_deref()), ("ES256", Some("k1")));
    assert_eq!(Value::Object(jws.payload.clone()), json!({ "sub": "x" }));
    assert_eq!((jws.signed, jws.signature.as_slice()), (token.trim_end_matches(".AAAA"), [0; 3].as_slice()));
    assert!(jws.is_plain_jwt());
}

#[test]
fn s52_a_token_has_exactly_three_segments() {
    let token = good();
    let (head, _) = token.rsplit_once('.').unwrap();
    for bad in ["", ".", "..", "...", head, &format!("{token}.AAAA"), &format!("{token}."), &format!(".{token}")] {
        assert_eq!(parse(bad), Some(Reason::MalformedJwt), "{bad}");
    }
    assert_eq!(parse(&format!("{token}.a.b.c")), Some(Reason::MalformedJwt));
    assert_eq!(parse(&".".repeat(60_000)), Some(Reason::MalformedJwt));
    assert_eq!(parse(&token), None);
}

#[test]
fn s40_an_encrypted_token_is_refused_as_such() {
    let header = encode(r#"{"alg":"RSA-OAEP","enc":"A128GCM"}"#);
    assert_eq!(parse(&format!("{header}.AAAA.AAAA.AAAA.AAAA")), Some(Reason::UnsupportedJwe));
    assert_eq!(parse("...."), Some(Reason::UnsupportedJwe));
    assert_eq!(parse(&unsigned(r#"{"alg":"RS256","enc":"A128GCM"}"#, "{}")), Some(Reason::UnsupportedJwe));
}

#[test]
fn s52_base64url_is_read_strictly() {
    assert_eq!(base64url("AAA"), Some(vec![0, 0]));
    for bad in ["A", "AAA=", "AA==", "AAB", "AB", "AA\n", " AAAA", "AA AA", "AA+A", "AA/A", "AA%3D", "ÄÄ"] {
        assert_eq!(base64url(bad), None, "{bad}");
    }
    let token = good();
    let (head, signature) = token.rsplit_once('.').unwrap();
    let (header, payload) = head.split_once('.').unwrap();
    // An unused bit is set: the same bytes, spelled another way.
    let respelled = format!("{}1", payload.strip_suffix('0').unwrap());
    let bad = [
        format!(" {token}"),
        format!("{token}\n"),
        format!("{token}="),
        format!("{header} .{payload}.{signature}"),
        format!("{header}=.{payload}.{signature}"),
        format!("{header}.{payload}==.{signature}"),
        format!("{header}.\n{payload}.{signature}"),
        format!("{header}.{respelled}.{signature}"),
        format!("{header}.{payload}.{signature}="),
        format!("{header}.{payload}.AAAB="),
        format!("{header}.{payload}.AAB"),
        format!("{header}.{payload}.A+/A"),
    ];
    for token in bad {
        assert_eq!(parse(&token), Some(Reason::MalformedJwt), "{token}");
    }
}

#[test]
fn s52_a_token_of_more_than_64_kib_is_refused() {
    let token = good();
    let of = |length: usize| format!("{token}{}", "A".repeat(length - token.len()));
    assert_eq!(parse(&of(65_536)), None);
    assert_eq!(parse(&of(65_537)), Some(Reason::MalformedJwt));
    assert_eq!(parse(&of(65_541)), Some(Reason::MalformedJwt));
    assert_eq!(parse(&"a".repeat(10_000_000)), Some(Reason::MalformedJwt));
}

#[test]
fn s52_header_and_payload_are_strict_json_objects() {
    let fine = r#"{"alg":"RS256"}"#;
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(40), "]".repeat(40));
    let wide = format!("{{{}\"z\":0}}", (0..300).map(|n| format!("\"m{n}\":0,")).collect::<String>());
    let bad = [
        "",
        "[]",
        "null",
        "\"x\"",
        "{} {}",
        "{",
        "\u{feff}{}",
        r#"{"alg":"RS256","alg":"RS256"}"#,
        r#"{"alg":"none","\u0061lg":"RS256"}"#,
        r#"{"alg":"RS256","x":{"y":1,"y":2}}"#,
        &deep,
        &wide,
    ];
    for text in bad {
        assert_eq!(parse(&unsigned(text, "{}")), Some(Reason::MalformedJwt), "header {text}");
        assert_eq!(parse(&unsigned(fine, text)), Some(Reason::MalformedJwt), "payload {text}");
    }
    assert_eq!(parse(&format!("{}.{}.AAAA", encode(fine), encode(b"{\"a\":\"\xff\"}"))), Some(Reason::MalformedJwt));
    assert_eq!(parse(&unsigned(fine, "{}")), None);
}

#[test]
fn s52_header_members_of_the_wrong_type_are_refused() {
    for header in [json!({}), json!({ "alg": 1 }), json!({ "alg": ["RS256"] }), json!({ "alg": null })] {
        assert_eq!(parse(&unsigned(&header.to_string(), "{}")), Some(Reason::MalformedJwt), "{header}");
    }
    for kid in [json!(1), json!(null), json!(["k"]), json!({})] {
        let header = json!({ "alg": "RS256", "kid": kid });
        assert_eq!(parse(&unsigned(&header.to_string(), "{}")), Some(Reason::MalformedJwt), "{header}");
    }
}

#[test]
fn s53_crit_is_refused_whatever_it_names() {
    for crit in [json!(["b64"]), json!(["exp"]), json!(["x"]), json!([]), json!("x"), json!(null)] {
        let header = json!({ "alg": "RS256", "crit": crit, "b64": true, "x": 1 });
        assert_eq!(parse(&unsigned(&header.to_string(), "{}")), Some(Reason::MalformedJwt), "{header}");
    }
}

#[test]
fn s54_typ_is_absent_or_jwt() {
    let plain = |typ: Value| {
        let header = json!({ "alg": "RS256", "typ": typ });
        Jws::parse(&unsigned(&header.to_string(), "{}")).ok().unwrap().is_plain_jwt()
    };
    for good in ["JWT", "jwt", "Jwt", "application/jwt", "Application/JWT"] {
        assert!(plain(json!(good)), "{good}");
    }
    for bad in ["at+jwt", "application/at+jwt", "logout+jwt", "dpop+jwt", "JOSE", "", "JWT ", "secevent+jwt", "JWE"] {
        assert!(!plain(json!(bad)), "{bad}");
    }
    assert!(!plain(json!(1)) && !plain(json!(null)) && !plain(json!(["JWT"])));
}

#[test]
fn s41_only_these_algorithms_have_a_name_and_case_counts() {
    for algorithm in Algorithm::ALL {
        assert_eq!(Algorithm::from_name(algorithm.name()), Some(*algorithm));
    }
    let others = [
        "none", "None", "nOnE", "NONE", "", "HS256", "HS512", "rs256", "Es256", "RS256 ", "RS1", "ES256K", "ES512",
        "eddsa", "EDDSA", "Ed448", "RSA-OAEP",
    ];
    for name in others {
        assert_eq!(Algorithm::from_name(name), None, "{name}");
    }
}

#[test]
fn s45_a_signature_fits_one_message_one_key_and_one_algorithm() {
    let every: Vec<_> = Algorithm::ALL.iter().map(|algorithm| Signer::new(*algorithm)).collect();
    for signer in &every {
        let (algorithm, key, signature) = (signer.algorithm, signer.public(), signer.sign(b"message"));
        assert!(verify(algorithm, &key, b"message", &signature), "{algorithm:?}");
        assert!(!verify(algorithm, &key, b"massage", &signature), "{algorithm:?}");
        for other in &every {
            // The same key by another algorithm, another key by the same, another type of key.
            if other.algorithm != algorithm {
                assert!(!verify(other.algorithm, &key, b"message", &signature), "{algorithm:?} {:?}", other.algorithm);
                let fits = other.algorithm.family() == Family::Rsa && algorithm.family() == Family::Rsa;
                assert_eq!(verify(algorithm, &other.public(), b"message", &signature), fits, "{:?}", other.algorithm);
            }
        }
        // A modulus has too many bytes to flip each of them in an unoptimised build.
        for byte in (0..signature.len()).step_by(7) {
            let mut flipped = signature.clone();
            flipped[byte] ^= 1;
            assert!(!verify(algorithm, &key, b"message", &flipped), "{algorithm:?} {byte}");
        }
        assert!(!verify(algorithm, &key, b"message", &signature[1..]));
        assert!(!verify(algorithm, &key, b"message", &[signature.as_slice(), &[0]].concat()));
        assert!(!verify(algorithm, &key, b"message", &[]));
        assert!(!verify(algorithm, &key, b"message", &vec![0; signature.len()]));
    }
    let (one, other) = (Signer::es256(), Signer::es256());
    assert!(!verify(Algorithm::Es256, &other.public(), b"message", &one.sign(b"message")));
}

#[test]
fn s41_the_secret_of_hs256_is_long_enough_and_its_code_is_the_message_s() {
    assert!(!is_hs256_key(&[0; 31]) && is_hs256_key(&[0; 32]));
    let (header, payload) = (encode(r#"{"alg":"HS256"}"#), encode("{}"));
    let signed = format!("{header}.{payload}");
    let code = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &[7; 32]), signed.as_bytes());
    let token = format!("{signed}.{}", encode(code));
    let jws = Jws::parse(&token).ok().unwrap();
    assert!(jws.is_authenticated_by(&[7; 32]));
    assert!(!jws.is_authenticated_by(&[8; 32]) && !jws.is_authenticated_by(&[]));
    let changed = format!("{}.{}.{}", header, encode(r#"{"a":1}"#), encode(code));
    assert!(!Jws::parse(&changed).ok().unwrap().is_authenticated_by(&[7; 32]));
}

#[test]
fn s58_weak_rsa_keys_cannot_be_made() {
    let modulus = |bits: usize| {
        let mut n = vec![0xff; bits.div_ceil(8)];
        n[0] = 0xff >> (n.len() * 8 - bits);
        n
    };
    let e = [1, 0, 1];
    for bits in [2048, 2049, 3072, 4096, 8192] {
        assert!(PublicKey::rsa(&modulus(bits), &e).is_some(), "{bits}");
    }
    for bits in [8, 512, 1024, 2040, 2047, 8193, 16384] {
        assert!(PublicKey::rsa(&modulus(bits), &e).is_none(), "{bits}");
    }
    // Leading zeros do not make a key longer.
    assert!(PublicKey::rsa(&[vec![0; 200], modulus(1024)].concat(), &e).is_none());
    assert!(PublicKey::rsa(&[vec![0], modulus(2048)].concat(), &e).is_some());
    let mut even = modulus(2048);
    even[255] = 0xfe;
    assert!(PublicKey::rsa(&even, &e).is_none());
    assert!(PublicKey::rsa(&[], &e).is_none() && PublicKey::rsa(&[0; 256], &e).is_none());

    for e in [vec![3], vec![0, 3], vec![1, 0, 1], vec![1, 0xff, 0xff, 0xff, 0xff]] {
        assert!(PublicKey::rsa(&modulus(2048), &e).is_some(), "{e:?}");
    }
    for e in
        [vec![], vec![0], vec![1], vec![0, 1], vec![2], vec![1, 0, 0], vec![2, 0, 0, 0, 1], vec![1; 6], vec![1; 256]]
    {
        assert!(PublicKey::rsa(&modulus(2048), &e).is_none(), "{e:?}");
    }
}

#[test]
fn s58_a_point_of_the_wrong_length_is_no_key_and_one_off_the_curve_verifies_nothing() {
    let signer = Signer::es256();
    let (x, mut y) = signer.numbers();
    let p256 = |x: &[u8], y: &[u8]| PublicKey::ec("P-256", x, y);
    assert!(p256(&x, &y).is_some());
    assert!(p256(&x[1..], &y).is_none() && p256(&x, &y[1..]).is_none());
    assert!(p256(&[&[0], x.as_slice()].concat(), &y).is_none());
    assert!(p256(&[], &[]).is_none());
    assert!(p256(&[x.as_slice(), &y].concat(), &[]).is_none());
    // A curve's name and its length go together, and there is no third curve.
    assert!(PublicKey::ec("P-384", &x, &y).is_none() && PublicKey::ec("P-521", &[0; 66], &[0; 66]).is_none());
    assert!(PublicKey::ec("P-384", &[0; 48], &[0; 48]).is_some());
    assert!(PublicKey::okp("Ed25519", &x).is_some() && PublicKey::okp("Ed25519", &x[1..]).is_none());
    assert!(PublicKey::okp("X25519", &x).is_none() && PublicKey::okp("Ed448", &[0; 57]).is_none());
    y[31] ^= 1;
    let off = p256(&x, &y).unwrap();
    assert!(!verify(Algorithm::Es256, &off, b"message", &signer.sign(b"message")));
}
