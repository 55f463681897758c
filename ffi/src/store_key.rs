//! The store key: given by the host, or asked of its keystore.

use std::ffi::c_void;
use std::fmt;
use std::mem::MaybeUninit;
use std::sync::Arc;

use keyfob::{Config, StoreKey, StoreKeyAnswer, StoreKeySource, WantedKey};
use zeroize::Zeroizing;

use crate::boundary::{Context, Outcome, bytes, given, guard};
use crate::error::{Failure, keyfob_error, keyfob_status};
use crate::handle::keyfob_handle;

/// How many bytes a store key has.
pub const KEYFOB_STORE_KEY_LEN: usize = 32;

/// Which store key is asked for.
pub type keyfob_wanted_store_key = i32;

/// The one that this store was sealed with. It must not be made anew, whatever the keystore says of it.
pub const KEYFOB_WANTED_STORE_KEY_EXISTING: keyfob_wanted_store_key = 1;
/// Any: nothing in the store needs an older one. Give the one that the keystore has, or make one
/// (`keyfob_store_key_generate`) and keep it there.
pub const KEYFOB_WANTED_STORE_KEY_NEW: keyfob_wanted_store_key = 2;

/// What the keystore says.
pub type keyfob_store_key_answer = i32;

/// Not now: the device is locked, the keystore does not answer, the user did not unlock it. Also for "not
/// found" where that can mean "locked". Nothing is lost: the call gives `KEYFOB_STORE_UNAVAILABLE`, and the
/// next one asks again. Say this when in doubt; any other number is read as this one.
pub const KEYFOB_STORE_KEY_NOT_NOW: keyfob_store_key_answer = 0;
/// The key is in the buffer. One that is all zeros was not written, and is read as
/// `KEYFOB_STORE_KEY_NOT_NOW`.
pub const KEYFOB_STORE_KEY_HERE: keyfob_store_key_answer = 1;
/// The key is gone for good, and the keystore is sure of it (it was invalidated, or deleted by the user). The
/// sessions that it sealed end with the reason "KeyLost"; what they were stays in the store, sealed. Then a
/// `KEYFOB_WANTED_STORE_KEY_NEW` is asked for.
pub const KEYFOB_STORE_KEY_GONE: keyfob_store_key_answer = 2;

/// Gives the store key, or says why not.
///
/// Called when the store is opened; again by each call that needs a secret as long as it answered
/// `KEYFOB_STORE_KEY_NOT_NOW`; and when another process has changed the key. It runs on the thread that called
/// Keyfob, which waits for it, with no mutex and no lock of Keyfob's held; on several at once. A call from
/// inside it into the same store that needs the key gives `KEYFOB_INVALID_STATE`. It must return: no
/// exception, no longjmp.
///
/// @param context  what was given to `keyfob_config_set_store_key_source`
/// @param wanted   one of `KEYFOB_WANTED_STORE_KEY_...`; read one that this header does not know as `_EXISTING`
/// @param key      room for `KEYFOB_STORE_KEY_LEN` bytes, all zeros; borrowed until the callback returns, and
///                 overwritten then
/// @return one of `KEYFOB_STORE_KEY_HERE`, `_NOT_NOW`, `_GONE`.
pub type keyfob_store_key_fn = Option<
    unsafe extern "C" fn(
        context: *mut c_void,
        wanted: keyfob_wanted_store_key,
        key: *mut u8,
    ) -> keyfob_store_key_answer,
>;

/// The callback without its NULL.
type Give = unsafe extern "C" fn(*mut c_void, keyfob_wanted_store_key, *mut u8) -> keyfob_store_key_answer;

#[derive(Debug)]
pub(crate) struct HostStoreKeySource {
    give: Give,
    context: Context,
}

impl HostStoreKeySource {
    pub(crate) fn new(give: Give, context: Context) -> Self {
        Self { give, context }
    }
}

impl StoreKeySource for HostStoreKeySource {
    fn store_key(&self, wanted: WantedKey) -> StoreKeyAnswer {
        let wanted = match wanted {
            WantedKey::New => KEYFOB_WANTED_STORE_KEY_NEW,
            _ => KEYFOB_WANTED_STORE_KEY_EXISTING,
        };
        let mut key = Zeroizing::new([0; KEYFOB_STORE_KEY_LEN]);
        // SAFETY: the host gave both for each other, and has not got the context back; the buffer is as long as the header says.
        match unsafe { (self.give)(self.context.pointer(), wanted, key.as_mut_ptr()) } {
            KEYFOB_STORE_KEY_HERE if key.iter().any(|byte| *byte != 0) => StoreKeyAnswer::Key(StoreKey::new(*key)),
            KEYFOB_STORE_KEY_GONE => StoreKeyAnswer::Gone,
            KEYFOB_STORE_KEY_NOT_NOW => StoreKeyAnswer::NotNow,
            KEYFOB_STORE_KEY_HERE => {
                log::warn!("the host's store key source says that the key is here, and wrote none");
                StoreKeyAnswer::NotNow
            }
            other => {
                log::warn!("the host's store key source answers {other}, which is no answer");
                StoreKeyAnswer::NotNow
            }
        }
    }
}

/// How a configuration has its store key.
pub(crate) enum Protection {
    Key(StoreKey),
    Source(Arc<dyn StoreKeySource>),
}

impl Protection {
    pub(crate) fn configure(self, config: Config) -> Config {
        match self {
            Self::Key(key) => config.with_store_key(key),
            Self::Source(source) => config.with_store_key_source(source),
        }
    }
}

impl fmt::Debug for Protection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[store key]")
    }
}

/// A store key from the caller.
///
/// # Safety `key` is NULL or points to `len` bytes.
pub(crate) unsafe fn store_key(name: &'static str, key: *const u8, len: usize) -> Outcome<StoreKey> {
    given(name, (!key.is_null()).then_some(()))?;
    // SAFETY: what is promised to this function.
    Ok(StoreKey::from_slice(unsafe { bytes(name, key, len) }?)?)
}

/// Makes a new store key, from the system's random generator: for the host to keep in its keystore. Overwrite
/// the bytes when they are there. Touches neither network nor store.
///
/// @param key_out  where the key goes; unchanged on error
/// @param len      how many bytes there is room for: `KEYFOB_STORE_KEY_LEN`
/// @return `KEYFOB_INVALID_ARGUMENT`: another length;
///         `KEYFOB_RANDOM`: the system gave no random bytes.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_store_key_generate(
    key_out: *mut u8,
    len: usize,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        given("key_out", (!key_out.is_null()).then_some(()))?;
        if len != KEYFOB_STORE_KEY_LEN {
            return Err(Failure::Argument { name: "len", problem: "is not KEYFOB_STORE_KEY_LEN" });
        }
        let key = StoreKey::generate()?;
        // SAFETY: not NULL, and the caller vouches for `len` writable bytes.
        unsafe { key_out.copy_from_nonoverlapping(key.as_bytes().as_ptr(), len) };
        Ok(())
    })
}

/// Puts the store under another key and seals every secret in it anew. Touches no network. Blocks in
/// proportion to the number of sessions; others may use the store meanwhile.
///
/// Keep the new key in the keystore before, and the old one until this has returned: a process that is killed
/// anywhere in between leaves a store that exactly one of the two opens, with everything in it, and the next
/// one to open it ends the work. Other processes ask their source again; one that was given the old key itself
/// gets `KEYFOB_STORE_KEY` from then on.
///
/// @param new_key  the key; copied; caller may free after return
/// @param len      its length: `KEYFOB_STORE_KEY_LEN`
/// @return `KEYFOB_INVALID_ARGUMENT`: another length, or nothing but zeros;
///         `KEYFOB_CONFIGURATION`: the store is kept in plaintext (open it with a key instead);
///         `KEYFOB_STORE_UNAVAILABLE`, `KEYFOB_STORE_KEY`: the old key is not available, or not the right one;
///         nothing was changed;
///         `KEYFOB_RANDOM`.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_rekey(
    handle: Option<&keyfob_handle>,
    new_key: *const u8,
    len: usize,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let handle = given("handle", handle)?;
        // SAFETY: the caller vouches for `len` readable bytes.
        let new_key = unsafe { store_key("new_key", new_key, len) }?;
        Ok(handle.keyfob.rekey(&new_key)?)
    })
}
