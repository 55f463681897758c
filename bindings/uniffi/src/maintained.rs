//! What maintenance did.

/// What a call of `maintain` did. Holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Maintained {
    /// How many sessions got new tokens, or had theirs checked or saved at last.
    pub refreshed: u64,
    /// How many logged-out sessions the provider was told of.
    pub revoked: u64,
    /// How many pieces of work did not succeed this time.
    pub failed: u64,
    /// How many are left.
    pub owed: u64,
}

impl From<&keyfob::Maintained> for Maintained {
    fn from(done: &keyfob::Maintained) -> Self {
        let count = |count| u64::try_from(count).unwrap_or(u64::MAX);
        Self {
            refreshed: count(done.refreshed()),
            revoked: count(done.revoked()),
            failed: count(done.failed()),
            owed: count(done.owed()),
        }
    }
}
