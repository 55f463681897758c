//! A discovery document.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| keyfob::fuzzing::metadata(data));
