//! What the device authorization endpoint and the one for pushed requests answer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| keyfob::fuzzing::device(data));
