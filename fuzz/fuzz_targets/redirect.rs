//! The redirect's URL, and the form that a browser posts instead.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| keyfob::fuzzing::redirect(data));
