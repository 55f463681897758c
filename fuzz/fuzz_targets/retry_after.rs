//! `Retry-After` and `Date`, a line each.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| keyfob::fuzzing::retry_after(data));
