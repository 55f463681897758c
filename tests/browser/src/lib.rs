//! A real browser for tests: Chromium, driven by `browse.mjs`.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

/// Chromium. It ends when this is dropped, or when this process does.
#[derive(Debug)]
pub struct Chromium {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Chromium {
    /// Starts it, without a window.
    ///
    /// # Errors
    /// No node, no `node_modules`, no Chromium.
    pub fn start() -> Result<Self> {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        if !here.join("node_modules/playwright-core").is_dir() {
            bail!("no node_modules here: `cargo xtask test browser` fills them, or `npm ci` in {}", here.display());
        }
        let mut command = Command::new("node");
        command.arg("browse.mjs").current_dir(here).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().context("cannot start node (20 or later)")?;
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().context("node without an output")?);
        Ok(Self { child, input, output })
    }

    /// Opens a URL in a tab, whose cookies are its own; gives what is shown.
    ///
    /// # Errors
    /// Nothing came of it.
    pub fn open(&mut self, tab: &str, url: &str) -> Result<Value> {
        self.ask(&json!({ "do": "open", "tab": tab, "url": url }))
    }

    /// Types into the fields of those names, and presses the button or link with those words; gives what is shown then.
    ///
    /// # Errors
    /// There is no such field or button.
    pub fn fill(&mut self, tab: &str, fields: &[(&str, &str)], press: &str) -> Result<Value> {
        let fields: serde_json::Map<String, Value> =
            fields.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        self.ask(&json!({ "do": "fill", "tab": tab, "fields": fields, "press": press }))
    }

    /// Writes a picture of a tab; gives whether something stands out of the page to the right.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn shoot(&mut self, tab: &str, file: &Path, scheme: &str, width: u32) -> Result<bool> {
        let file = file.to_str().context("a path that is no text")?;
        let height = if width < 500 { 640 } else { 700 };
        let shot =
            json!({ "do": "shoot", "tab": tab, "file": file, "scheme": scheme, "width": width, "height": height });
        Ok(self.ask(&shot)?.get("overflow").and_then(Value::as_bool).unwrap_or(true))
    }

    /// What axe-core has against what a tab shows.
    ///
    /// # Errors
    /// It could not look.
    pub fn violations(&mut self, tab: &str, scheme: &str) -> Result<Vec<String>> {
        let found = self.ask(&json!({ "do": "check", "tab": tab, "scheme": scheme }))?;
        if found.get("passes").and_then(Value::as_u64).unwrap_or(0) == 0 {
            bail!("axe-core looked at nothing: {found}");
        }
        let list = found.get("violations").and_then(Value::as_array).context("no list")?;
        Ok(list.iter().filter_map(Value::as_str).map(str::to_owned).collect())
    }

    fn ask(&mut self, command: &Value) -> Result<Value> {
        let input = self.input.as_mut().context("it was closed")?;
        writeln!(input, "{command}")?;
        let mut line = String::new();
        if self.output.read_line(&mut line)? == 0 {
            bail!("the browser is gone");
        }
        let answer: Value = serde_json::from_str(&line)?;
        match answer.get("error").and_then(Value::as_str) {
            Some(error) => bail!("{error}"),
            None => Ok(answer),
        }
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.child.wait();
    }
}
