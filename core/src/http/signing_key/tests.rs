use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{KeyPair as _, RsaPublicKeyComponents, UnparsedPublicKey};

use super::*;

const RSA: &str = include_str!("../../oidc/testdata/rsa-test-key.pem");
/// Made by OpenSSL's genpkey for this test: P-256, P-384, Ed25519.
const P256: &str = include_str!("testdata/p256-test-key.pem");
const P384: &str = include_str!("testdata/p384-test-key.pem");
const ED25519: &str = include_str!("testdata/ed25519-test-key.pem");

/// Checks a signature with the public half.
fn verifies(key: &SigningKey, algorithm: KeyAlgorithm, message: &[u8], signature: &[u8]) -> bool {
    let unparsed = |algorithm: &'static dyn signature::VerificationAlgorithm, public: &[u8]| {
        UnparsedPublicKey::new(algorithm, public).verify(message, signature).is_ok()
    };
    match key {
        SigningKey::Rsa(pair) => {
            let public = RsaPublicKeyComponents::<Vec<u8>>::from(pair.public());
            let algorithm = match algorithm {
                KeyAlgorithm::Ps256 => &signature::RSA_PSS_2048_8192_SHA256,
                _ => &signature::RSA_PKCS1_2048_8192_SHA256,
            };
            public.verify(algorithm, message, signature).is_ok()
        }
        SigningKey::P256(pair) => unparsed(&signature::ECDSA_P256_SHA256_FIXED, pair.public_key().as_ref()),
        SigningKey::P384(pair) => unparsed(&signature::ECDSA_P384_SHA384_FIXED, pair.public_key().as_ref()),
        SigningKey::Ed25519(pair) => unparsed(&signature::ED25519, pair.public_key().as_ref()),
    }
}

#[test]
fn each_type_of_key_signs_what_its_public_half_verifies() {
    for (pem, algorithm) in [
        (RSA, KeyAlgorithm::Rs256),
        (RSA, KeyAlgorithm::Ps256),
        (P256, KeyAlgorithm::Es256),
        (P384, KeyAlgorithm::Es384),
        (ED25519, KeyAlgorithm::EdDsa),
    ] {
        let key = SigningKey::from_pem(pem).unwrap();
        assert!(key.fits(algorithm) && key.fits(key.algorithm()));
        let assertion = Assertion {
            key: &key,
            algorithm,
            key_id: Some("k-1"),
            issuer: "the issuer",
            subject: "the client",
            audience: "https://a.example",
            id: "once",
            issued_at: 1_000,
            expires_at: 1_120,
        };
        let token = assertion.sign().unwrap();
        let [header, claims, signature] = <[&str; 3]>::try_from(token.expose().split('.').collect::<Vec<_>>()).unwrap();
        let (signed, _) = token.expose().rsplit_once('.').unwrap();
        let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
        let json = |text: &str| serde_json::from_slice::<Value>(&decode(text)).unwrap();
        assert_eq!(json(header), json!({ "alg": algorithm.name(), "typ": "JWT", "kid": "k-1" }));
        let said = json!({ "iss": "the issuer", "sub": "the client", "aud": "https://a.example", "jti": "once",
                           "iat": 1_000, "exp": 1_120 });
        assert_eq!(json(claims), said);
        assert!(verifies(&key, algorithm, signed.as_bytes(), &decode(signature)), "{algorithm:?}");
        assert!(!verifies(&key, algorithm, b"something else", &decode(signature)));
        assert_eq!(
            json(Assertion { key_id: None, ..assertion }.sign().unwrap().expose().split('.').next().unwrap()),
            json!({ "alg": algorithm.name(), "typ": "JWT" })
        );
    }
}

#[test]
fn a_key_signs_with_an_algorithm_of_its_own_type_only() {
    let all = [KeyAlgorithm::Rs256, KeyAlgorithm::Ps256, KeyAlgorithm::Es256, KeyAlgorithm::Es384, KeyAlgorithm::EdDsa];
    for (pem, fitting) in [(RSA, 2), (P256, 1), (P384, 1), (ED25519, 1)] {
        let key = SigningKey::from_pem(pem).unwrap();
        assert_eq!(all.iter().filter(|algorithm| key.fits(**algorithm)).count(), fitting);
    }
}

#[test]
fn what_is_no_key_is_refused_in_words_that_quote_nothing_of_it() {
    let body = P256.lines().nth(1).unwrap();
    let other = |name: &str| P256.replace("PRIVATE KEY", name);
    let problem = |pem: &str| SigningKey::from_pem(pem).err().unwrap_or_default();
    for (pem, expected) in [
        (String::new(), "is no PEM text"),
        ("x".to_owned(), "is no PEM text"),
        (body.to_owned(), "is no PEM text"),
        (other("EC PRIVATE KEY"), "is not PKCS#8"),
        (other("RSA PRIVATE KEY"), "is not PKCS#8"),
        (other("PUBLIC KEY"), "is not PKCS#8"),
        (other("ENCRYPTED PRIVATE KEY"), "is encrypted"),
        (P256.trim_end().trim_end_matches('-').to_owned(), "does not end"),
        (P256.replace(body, &body.replace('A', "!")), "is damaged"),
        (P256.replace(body, body.get(4..).unwrap()), "holds no key"),
        (format!("{P256}{P384}"), "is damaged"),
        ("-----BEGIN PRIVATE KEY----------END PRIVATE KEY-----".to_owned(), "holds no key"),
        ("-----BEGIN PRIVATE KEY-----".to_owned(), "does not end"),
    ] {
        let said = problem(&pem);
        assert!(said.starts_with(expected), "{expected}: {said}");
        assert!(!said.contains(body));
    }
    // As files come: with other line ends, with space around, in one line.
    for pem in [P256.replace('\n', "\r\n"), format!("Bag Attributes\n {P256}\n\n"), P256.replace('\n', "")] {
        assert!(matches!(SigningKey::from_pem(&pem), Ok(SigningKey::P256(_))));
    }
}
