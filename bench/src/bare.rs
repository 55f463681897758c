//! What Keyfob's own work is compared with: the least that its parts can do.

use std::hint::black_box;

use anyhow::{Context as _, Result, anyhow};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::{Given, bench_measured};

/// SQLite opens the store and reads one session, and nothing is checked.
pub(crate) fn open(given: &Given) -> Result<Value> {
    let file = given.store()?.join("keyfob.db");
    let read = bench_measured(|| -> rusqlite::Result<(Connection, Vec<u8>)> {
        let connection = Connection::open(&file)?;
        let tokens = connection.query_row("SELECT tokens FROM session LIMIT 1", [], |row| row.get(0))?;
        Ok((connection, tokens))
    })?;
    Ok(json!({ "bytes": read.1.len() }))
}

/// `bare-verify CONFIG TIMES TOKEN N E`: the signature of an ID token in RS256, and nothing else of it.
pub(crate) fn verify(given: &Given) -> Result<Value> {
    let times = given.count(0)?;
    let (signed, signature) = given.word(1)?.rsplit_once('.').context("no JWS")?;
    let decoded = |text: &str| URL_SAFE_NO_PAD.decode(text).context("base64url");
    let signature = decoded(signature)?;
    let key = RsaPublicKeyComponents { n: decoded(given.word(2)?)?, e: decoded(given.word(3)?)? };
    let check = || black_box(&key).verify(&RSA_PKCS1_2048_8192_SHA256, signed.as_bytes(), black_box(&signature));
    check().map_err(|_| anyhow!("the signature is wrong"))?;
    bench_measured(|| (0..times).try_for_each(|_| check())).map_err(|_| anyhow!("the signature is wrong"))?;
    Ok(json!({ "times": times }))
}
