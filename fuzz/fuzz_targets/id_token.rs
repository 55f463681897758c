//! The claims of an ID token whose signature is good.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| keyfob::fuzzing::id_token(data));
