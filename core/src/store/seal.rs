//! What a secret looks like in its column: a head that says which seal it is under, then the value, encrypted or not.
//!
//! ```text
//!  0        1             5              17
//!  ├─ form ─┼─ seal's row ┼─ nonce ──────┼─ AES-256-GCM of the value, and its tag ─┤   form 1
//!  ├─ form ─┼─ seal's row ┼─ the value as it is ───────────────────────────────────┤   form 0: a store that is not sealed
//! ```
//!
//! Each value is bound to its place: table, row and column are authenticated with it (RFC 5116's additional data), so that one put into another's place
//! opens nowhere. Stores of schema 1 and 2 have values without a head, which are JSON and begin with `{`.

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, Salt};
use ring::rand::{SecureRandom as _, SystemRandom};
use zeroize::Zeroizing;

use crate::error::{Error, Reason, Result};
use crate::store_key::StoreKey;

const PLAIN: u8 = 0;
const SEALED: u8 = 1;
const HEAD: usize = 5;

/// The seal that values without a head count as being under: the one that the migration to schema 3 makes.
pub(super) const MIGRATED: u32 = 1;

/// The schema that the additional data is of. It changes when what a column holds does.
const SCHEMA: &str = "3";

/// The place of a value.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    table: &'static str,
    row: &'a str,
    column: &'static str,
}

impl<'a> Place<'a> {
    pub(super) const fn session_tokens(id: &'a str) -> Self {
        Self { table: "session", row: id, column: "tokens" }
    }

    pub(super) const fn session_profile(id: &'a str) -> Self {
        Self { table: "session", row: id, column: "profile" }
    }

    pub(super) const fn login_secrets(id: &'a str) -> Self {
        Self { table: "login", row: id, column: "secrets" }
    }

    pub(super) const fn login_answer(id: &'a str) -> Self {
        Self { table: "login", row: id, column: "answer" }
    }

    const fn seal_key(row: &'a str) -> Self {
        Self { table: "seal", row, column: "wrapped" }
    }

    /// The place's name, for an error.
    pub(super) const fn name(&self) -> &'static str {
        self.column
    }

    /// Each part ends with a NUL, which none of them holds: no two places have one text.
    fn additional_data(&self, head: &[u8]) -> Vec<u8> {
        let mut data = head.to_vec();
        for part in [SCHEMA, self.table, self.row, self.column] {
            data.extend_from_slice(part.as_bytes());
            data.push(0);
        }
        data
    }
}

/// A key that values are sealed with. It is random, and lies in the store under the store key.
pub(super) struct DataKey {
    bytes: Zeroizing<[u8; 32]>,
    /// The store was not sealed before, and values from then may still be there. Kept with the key, where nobody can forge it: in any other store a
    /// value that is not sealed was put there by somebody else.
    pub(super) after_plain: bool,
}

impl DataKey {
    pub(super) fn generate(after_plain: bool) -> Result<Self> {
        let mut bytes = Zeroizing::new([0_u8; 32]);
        fill(&mut *bytes)?;
        Ok(Self { bytes, after_plain })
    }

    /// The same key, of a store in which everything is sealed.
    pub(super) fn after_all(&self) -> Self {
        Self { bytes: self.bytes.clone(), after_plain: false }
    }

    /// As it lies in the table of seals.
    pub(super) fn wrap(&self, under: &StoreKey, row: u32) -> Result<Vec<u8>> {
        let mut value = Zeroizing::new([0_u8; 33]);
        let (key, after_plain) = value.split_at_mut(32);
        key.copy_from_slice(&*self.bytes);
        after_plain.fill(u8::from(self.after_plain));
        seal(&wrapping(under)?, &head(SEALED, row), Place::seal_key(&row.to_string()), &*value)
    }

    /// Read back; `None` when that is not the key.
    pub(super) fn unwrap(wrapped: &[u8], under: &StoreKey, row: u32) -> Result<Option<Self>> {
        let Some((SEALED, named, body)) = take_apart(wrapped) else { return Ok(None) };
        let value = open(&wrapping(under)?, &head(SEALED, row), Place::seal_key(&row.to_string()), body);
        let Some(value) = value.filter(|_| named == row) else { return Ok(None) };
        let Some((bytes, rest)) = value.split_first_chunk::<32>() else { return Ok(None) };
        Ok(Some(Self { bytes: Zeroizing::new(*bytes), after_plain: rest == [1] }))
    }

    // Made anew for each value: ring's keys are not wiped when they are dropped, and so none is kept.
    fn cipher(&self) -> Result<LessSafeKey> {
        let key = UnboundKey::new(&AES_256_GCM, &*self.bytes).map_err(|_| Error::new(Reason::Internal))?;
        Ok(LessSafeKey::new(key))
    }
}

/// What the store key is used for, and nothing else: the host may use it elsewhere (RFC 5869).
fn wrapping(key: &StoreKey) -> Result<LessSafeKey> {
    let key = Salt::new(HKDF_SHA256, b"keyfob store key").extract(key.as_bytes());
    let key = key.expand(&[b"wraps data keys"], &AES_256_GCM).map_err(|_| Error::new(Reason::Internal))?;
    Ok(LessSafeKey::new(UnboundKey::from(key)))
}

fn fill(bytes: &mut [u8]) -> Result<()> {
    SystemRandom::new().fill(bytes).map_err(|_| Error::new(Reason::RngFailure))
}

fn head(form: u8, seal: u32) -> [u8; HEAD] {
    let [a, b, c, d] = seal.to_le_bytes();
    [form, a, b, c, d]
}

/// Form, seal and the rest.
fn take_apart(value: &[u8]) -> Option<(u8, u32, &[u8])> {
    let (head, rest) = value.split_first_chunk::<HEAD>()?;
    let [form, a, b, c, d] = *head;
    Some((form, u32::from_le_bytes([a, b, c, d]), rest))
}

fn seal(key: &LessSafeKey, head: &[u8], place: Place<'_>, value: &[u8]) -> Result<Vec<u8>> {
    let mut nonce = [0_u8; NONCE_LEN];
    fill(&mut nonce)?;
    // With room for the tag from the beginning: a buffer that grows leaves a copy of the value behind.
    let mut sealed = Vec::with_capacity(HEAD + NONCE_LEN + value.len() + AES_256_GCM.tag_len());
    sealed.extend_from_slice(head);
    sealed.extend_from_slice(&nonce);
    sealed.extend_from_slice(value);
    let (_, in_place) = sealed.split_at_mut(HEAD + NONCE_LEN);
    let tag = key
        .seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(place.additional_data(head)),
            in_place,
        )
        .map_err(|_| Error::new(Reason::Internal))?;
    sealed.extend_from_slice(tag.as_ref());
    Ok(sealed)
}

fn open(key: &LessSafeKey, head: &[u8], place: Place<'_>, body: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (nonce, sealed) = body.split_first_chunk::<NONCE_LEN>()?;
    let mut value = Zeroizing::new(sealed.to_vec());
    let aad = Aad::from(place.additional_data(head));
    let length = key.open_in_place(Nonce::assume_unique_for_key(*nonce), aad, &mut value).ok()?.len();
    value.truncate(length);
    Some(value)
}

/// How values are kept that are under one seal.
pub(super) enum Seal {
    /// As they are.
    Plain,
    Key(DataKey),
    /// Nobody can open them any more, for this reason.
    Lost(Reason),
}

/// The seals of a store, as this process knows them.
pub(super) struct Seals {
    /// The one that new values come under.
    pub(super) current: u32,
    pub(super) all: Vec<(u32, Seal)>,
}

/// A value that was read.
pub(super) enum Value {
    Open(Zeroizing<Vec<u8>>),
    /// Its key is lost, for this reason.
    Lost(Reason),
    /// Its seal is not known: another process has changed the key, or the value is not ours.
    Unknown,
    /// It was changed, or stands in another's place.
    Tampered,
}

impl Seals {
    pub(super) fn of(&self, row: u32) -> Option<&Seal> {
        self.all.iter().find(|(known, _)| *known == row).map(|(_, seal)| seal)
    }

    /// The value as it goes into its column.
    pub(super) fn seal(&self, place: Place<'_>, value: &[u8]) -> Result<Vec<u8>> {
        match self.of(self.current) {
            Some(Seal::Plain) => Ok([&head(PLAIN, self.current), value].concat()),
            Some(Seal::Key(key)) => seal(&key.cipher()?, &head(SEALED, self.current), place, value),
            Some(Seal::Lost(_)) | None => Err(Error::new(Reason::Internal).with_detail("no seal")),
        }
    }

    /// The value in a column.
    pub(super) fn open(&self, place: Place<'_>, stored: &[u8]) -> Result<Value> {
        let (form, row, body) = if stored.first() == Some(&b'{') {
            (PLAIN, MIGRATED, stored)
        } else {
            match take_apart(stored) {
                Some(parts) => parts,
                None => return Ok(Value::Tampered),
            }
        };
        Ok(match (self.of(row), form) {
            (None, _) => Value::Unknown,
            (Some(Seal::Lost(cause)), _) => Value::Lost(*cause),
            (Some(Seal::Plain), PLAIN) => Value::Open(Zeroizing::new(body.to_vec())),
            (Some(Seal::Key(key)), SEALED) => {
                open(&key.cipher()?, &head(SEALED, row), place, body).map_or(Value::Tampered, Value::Open)
            }
            // A value without encryption in a store that is sealed was not put there by us.
            (Some(Seal::Plain | Seal::Key(_)), _) => Value::Tampered,
        })
    }

    /// Whether a value is to be sealed anew: it is under an older seal, which can still be opened.
    pub(super) fn is_old(&self, stored: &[u8]) -> bool {
        let row = if stored.first() == Some(&b'{') { Some(MIGRATED) } else { take_apart(stored).map(|parts| parts.1) };
        row.is_some_and(|row| row != self.current && !matches!(self.of(row), Some(Seal::Lost(_)) | None))
    }

    /// The seals that are not the current one and not lost: values may still be under them.
    pub(super) fn old(&self) -> impl Iterator<Item = u32> + '_ {
        self.all
            .iter()
            .filter(|(row, seal)| *row != self.current && !matches!(seal, Seal::Lost(_)))
            .map(|(row, _)| *row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keyed(current: u32) -> Seals {
        Seals { current, all: vec![(current, Seal::Key(DataKey::generate(false).unwrap()))] }
    }

    fn opened(seals: &Seals, place: Place<'_>, value: &[u8]) -> Option<Vec<u8>> {
        match seals.open(place, value).unwrap() {
            Value::Open(value) => Some(value.to_vec()),
            _ => None,
        }
    }

    #[test]
    fn s70_a_value_opens_in_its_own_place_only() {
        let seals = keyed(3);
        let value = seals.seal(Place::session_tokens("a"), b"secret").unwrap();
        assert_eq!(opened(&seals, Place::session_tokens("a"), &value).unwrap(), b"secret");
        for place in [
            Place::session_tokens("b"),
            Place::session_profile("a"),
            Place::login_answer("a"),
            Place::login_secrets("a"),
        ] {
            assert!(matches!(seals.open(place, &value).unwrap(), Value::Tampered));
        }
    }

    #[test]
    fn s70_a_value_that_was_changed_anywhere_does_not_open() {
        let seals = keyed(3);
        let place = Place::session_tokens("a");
        let value = seals.seal(place, b"secret").unwrap();
        for at in 0..value.len() {
            let mut changed = value.clone();
            changed[at] ^= 1;
            assert!(opened(&seals, place, &changed).is_none(), "byte {at}");
            assert!(opened(&seals, place, &value[..at]).is_none(), "cut at {at}");
        }
        // A plain one in a sealed store is somebody else's, with a head and without.
        let plain = Seals { current: 3, all: vec![(3, Seal::Plain)] }.seal(place, b"{}").unwrap();
        assert!(matches!(seals.open(place, &plain).unwrap(), Value::Tampered));
        assert!(matches!(seals.open(place, b"{}").unwrap(), Value::Unknown));
    }

    #[test]
    fn one_value_is_never_sealed_into_the_same_bytes() {
        let seals = keyed(1);
        let place = Place::session_tokens("a");
        let sealed = |_| seals.seal(place, b"secret").unwrap();
        let all: std::collections::HashSet<Vec<u8>> = (0..100).map(sealed).collect();
        assert_eq!(all.len(), 100);
        assert!(all.iter().all(|value| !value.windows(6).any(|part| part == b"secret")));
    }

    #[test]
    fn a_data_key_comes_back_under_its_own_store_key_and_row() {
        let (key, store_key) = (DataKey::generate(true).unwrap(), StoreKey::new([1; 32]));
        let wrapped = key.wrap(&store_key, 7).unwrap();
        let back = DataKey::unwrap(&wrapped, &store_key, 7).unwrap().unwrap();
        assert_eq!((*back.bytes, back.after_plain), (*key.bytes, true));
        let sealed_through =
            DataKey::unwrap(&key.after_all().wrap(&store_key, 7).unwrap(), &store_key, 7).unwrap().unwrap();
        assert_eq!((*sealed_through.bytes, sealed_through.after_plain), (*key.bytes, false));
        assert!(DataKey::unwrap(&wrapped, &StoreKey::new([2; 32]), 7).unwrap().is_none());
        assert!(DataKey::unwrap(&wrapped, &store_key, 8).unwrap().is_none());
        assert!(DataKey::unwrap(&wrapped[1..], &store_key, 7).unwrap().is_none());
    }

    #[test]
    fn what_is_under_a_lost_or_an_unknown_seal_is_told_apart() {
        let mut seals = keyed(2);
        let place = Place::session_tokens("a");
        let value = seals.seal(place, b"secret").unwrap();
        seals.all.push((9, Seal::Plain));
        seals.current = 9;
        assert!(seals.is_old(&value) && seals.old().eq([2]));
        seals.all[0].1 = Seal::Lost(Reason::KeyLost);
        assert!(matches!(seals.open(place, &value).unwrap(), Value::Lost(Reason::KeyLost)));
        assert!(!seals.is_old(&value) && seals.old().next().is_none());
        seals.all.remove(0);
        assert!(matches!(seals.open(place, &value).unwrap(), Value::Unknown));
    }
}
