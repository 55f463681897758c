//! A provider's file: the parser, and the schema beside it.
#![no_main]

#[path = "../../core/tests/support/schemas.rs"]
mod schemas;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    keyfob::fuzzing::provider(data);
    schemas::must_agree(schemas::Kind::Provider, data);
});
