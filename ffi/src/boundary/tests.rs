use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::error::{KEYFOB_INTERNAL, KEYFOB_INVALID_ARGUMENT, keyfob_error_free, keyfob_error_message};

fn shown(text: *const c_char) -> String {
    // SAFETY: the tests below hand in texts of handles that live.
    unsafe { CStr::from_ptr(text) }.to_str().unwrap().to_owned()
}

/// Runs a body under the guard and gives the status and the message of its error.
fn guarded(body: impl FnOnce() -> Outcome<()>) -> (keyfob_status, Option<String>) {
    let mut slot = MaybeUninit::uninit();
    let status = guard(Some(&mut slot), body);
    // SAFETY: the guard always writes it.
    let error = unsafe { slot.assume_init() };
    if error.is_null() {
        return (status, None);
    }
    // SAFETY: not NULL, so it is the handle that the guard made.
    let error = unsafe { Box::from_raw(error) };
    // SAFETY: the handle lives.
    let message = shown(unsafe { keyfob_error_message(Some(&error)) });
    // SAFETY: the handle is ours.
    unsafe { keyfob_error_free(Some(error)) };
    (status, Some(message))
}

#[test]
fn a_panic_becomes_internal_and_does_not_say_what_it_said() {
    let (status, message) = guarded(|| panic!("CANARY"));
    assert_eq!(status, KEYFOB_INTERNAL);
    assert_eq!(message.unwrap(), "Internal: a panic; what it said is on standard error");
    assert_eq!(guard(None, || panic!("nobody asked")), KEYFOB_INTERNAL);
    assert!(read(Some(&1), |_| -> *const c_char { panic!("in a getter") }).is_null());
    assert!(make(|| -> Option<u8> { panic!("in a constructor") }).is_none());
}

#[test]
fn success_leaves_no_error() {
    assert_eq!(guarded(|| Ok(())), (KEYFOB_OK, None));
}

#[test]
fn a_missing_parameter_is_named_and_the_output_is_null() {
    let mut slot = MaybeUninit::new(ptr::dangling_mut::<u8>());
    let (status, message) = guarded(|| {
        let _output = Output::new("session_out", Some(&mut slot))?;
        given("handle", None::<&u8>)?;
        Ok(())
    });
    assert_eq!((status, message.as_deref()), (KEYFOB_INVALID_ARGUMENT, Some("InvalidArgument: handle is NULL")));
    // SAFETY: it was written above, and again by the output.
    assert!(unsafe { slot.assume_init() }.is_null());
    let (_, message) = guarded(|| Output::<u8>::new("session_out", None).map(|_| ()));
    assert_eq!(message.as_deref(), Some("InvalidArgument: session_out is NULL"));
}

#[test]
fn text_is_checked_on_its_way_in() {
    // SAFETY: NULL is one of the cases.
    assert!(unsafe { text("t", ptr::null()) }.is_err());
    // SAFETY: as above.
    assert!(unsafe { optional_text("t", ptr::null()) }.unwrap().is_none());
    // SAFETY: a static text.
    assert_eq!(unsafe { text("t", c"Ada \u{1f511}".as_ptr()) }.unwrap(), "Ada \u{1f511}");
    let (_, message) = guarded(|| {
        // SAFETY: a static text.
        unsafe { text("t", c"\xc3\x28".as_ptr()) }.map(|_| ())
    });
    assert_eq!(message.as_deref(), Some("InvalidArgument: t is not UTF-8"));
}

#[test]
fn bytes_are_checked_on_their_way_in() {
    // SAFETY: no bytes are read.
    assert!(unsafe { bytes("b", ptr::null(), 0) }.unwrap().is_empty());
    // SAFETY: NULL is one of the cases.
    assert!(unsafe { bytes("b", ptr::null(), 1) }.is_err());
    // SAFETY: refused before a byte is read.
    assert!(unsafe { bytes("b", [0_u8].as_ptr(), usize::MAX) }.is_err());
    // SAFETY: as many as there are.
    assert_eq!(unsafe { bytes("b", b"a\0b".as_ptr(), 3) }.unwrap(), b"a\0b");
}

#[test]
fn a_nul_within_a_text_does_not_cut_it_off() {
    let plain = Text::default();
    assert_eq!(shown(plain.of("admin\0x")), "admin\u{fffd}x");
    assert_eq!(shown(plain.of("asked again, it is the same")), "admin\u{fffd}x");
    assert_eq!(shown(Text::default().of("\0")), "\u{fffd}");
    assert_eq!(shown(Text::default().of("")), "");
    assert!(Text::default().of_option(None).is_null());
    for text in ["", "plain", "a\0b\0"] {
        let made = terminated(text);
        assert_eq!(made.capacity(), made.len(), "it grew: {text:?}");
    }
}

#[test]
fn a_text_prints_redacted() {
    let text = Text::default();
    text.of("CANARY");
    assert_eq!(format!("{text:?}"), "[text]");
}

#[test]
fn a_context_is_given_back_once() {
    static RELEASED: AtomicUsize = AtomicUsize::new(0);
    unsafe extern "C" fn release(_: *mut c_void) {
        RELEASED.fetch_add(1, Ordering::SeqCst);
    }
    drop(Context::new(ptr::null_mut(), None));
    drop(Context::new(ptr::null_mut(), Some(release)));
    assert_eq!(RELEASED.load(Ordering::SeqCst), 1);
}

#[test]
fn times_cross_both_ways() {
    for milliseconds in [0, 1, -1, 1_700_000_000_123, -86_400_000] {
        assert_eq!(to_unix_ms(from_unix_ms(milliseconds)), milliseconds);
    }
    from_unix_ms(i64::MIN);
    from_unix_ms(i64::MAX);
    assert_eq!(to_ms(Duration::MAX), i64::MAX);
}
