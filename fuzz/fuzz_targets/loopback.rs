//! What a client sends to the loopback port.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| keyfob::fuzzing::loopback(data));
