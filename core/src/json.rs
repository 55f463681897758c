//! Strict JSON: what `serde_json` lets pass and a security library must not.
