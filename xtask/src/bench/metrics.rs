//! How each counted metric is measured. What it is called, and how much it may be, stands in `bench/baseline.json`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use keyfob_idp::{LoggedRequest, Script};
use serde_json::{Value, json};

use super::probe::{Part, how_many};
use super::scene::{self, Scene};
use super::size;
use crate::install;
use crate::run::Run;
use crate::setup::{self, GCC, STRACE, Tool, VALGRIND};
use crate::workspace::Workspace;

/// The package with the program that is measured.
const PACKAGE: &str = "keyfob-bench";

/// How often a cached token is asked for in one count; what is told is the mean.
const TIMES: u32 = 100;

/// How many tokens with unknown keys come, and how often each is shown.
const STORM: [u32; 2] = [10, 100];

/// How many calls must leave nothing behind.
const CALLS: u32 = 100_000;

/// What was measured: the id of a line of the baseline, and its value.
pub(super) type Values = Vec<(&'static str, f64)>;

/// Metrics that are measured together.
pub(super) struct Group {
    pub(super) metrics: &'static [&'static str],
    /// Without which they are not measured.
    pub(super) needs: &'static [&'static Tool],
    pub(super) measure: fn(&Laboratory<'_>) -> Result<Values>,
}

pub(super) const GROUPS: &[Group] = &[
    Group { metrics: &["M1", "M2"], needs: &[&VALGRIND, &STRACE], measure: cached_token },
    Group { metrics: &["M3"], needs: &[&STRACE], measure: refresh },
    Group { metrics: &["M4"], needs: &[], measure: login },
    Group { metrics: &["M5"], needs: &[], measure: storm },
    Group { metrics: &["M6", "M12"], needs: &[&VALGRIND], measure: after_the_answer },
    Group { metrics: &["M7"], needs: &[&VALGRIND], measure: open },
    Group { metrics: &["M8"], needs: size::NEEDS, measure: size::measure },
    Group { metrics: &["M9"], needs: &[&VALGRIND, &GCC], measure: crossing },
    Group { metrics: &["M10"], needs: &[], measure: memory },
];

/// The programs that are measured, built as what ships.
pub(super) struct Laboratory<'a> {
    pub(super) workspace: &'a Workspace,
    pub(super) program: PathBuf,
}

impl<'a> Laboratory<'a> {
    pub(super) fn new(workspace: &'a Workspace) -> Result<Self> {
        setup::install(&[&VALGRIND, &STRACE]);
        let program = workspace.build_release(PACKAGE)?.join(PACKAGE);
        Ok(Self { workspace, program })
    }

    /// A scene, changed in its script and its configuration, in which somebody has logged in.
    pub(super) fn logged_in(&self, name: &str, script: Script, change: fn(&mut Value)) -> Result<Scene> {
        let mut scene = Scene::new(self.workspace, name, &self.program, script, change)?;
        scene.run("login", &[])?;
        Ok(scene)
    }
}

/// Other processes are looked for once an hour: not while this is counted.
fn patient(config: &mut Value) {
    config["coherence_seconds"] = json!(3600);
}

/// Other processes are looked for at each call.
fn coherent(config: &mut Value) {
    config["coherence_seconds"] = json!(0);
}

#[expect(clippy::cast_precision_loss, reason = "no count comes near to where a float counts no longer by one")]
pub(super) fn float(count: u64) -> f64 {
    count as f64
}

fn cached_token(lab: &Laboratory<'_>) -> Result<Values> {
    let mut scene = lab.logged_in("token", Script::default(), patient)?;
    let times = TIMES.to_string();
    let mut values = Vec::new();
    for (change, [instructions, allocations, calls]) in [
        (patient as fn(&mut Value), ["M1.instructions", "M1.allocations", "M1.system_calls"]),
        (coherent, ["M2.instructions", "M2.allocations", "M2.system_calls"]),
    ] {
        scene.configure(change)?;
        let counted = scene.counted("token", &[&times])?;
        let recorded = scene.recorded("token", &[&times])?;
        let [asked] = recorded.as_slice() else { bail!("strace saw it {} times", recorded.len()) };
        let mean = |count: u64| float(count) / f64::from(TIMES);
        values.push((instructions, mean(counted.instructions).round()));
        values.push((allocations, mean(counted.allocations())));
        values.push((calls, mean(u64::try_from(asked.len())?)));
    }
    Ok(values)
}

fn refresh(lab: &Laboratory<'_>) -> Result<Values> {
    const TIMES: usize = 5;
    let mut scene = lab.logged_in("refresh", Script::default(), patient)?;
    scene.forget_requests();
    let recorded = scene.recorded("refresh", &[&TIMES.to_string(), "checkpoint"])?;
    let [first, steady @ .., after_checkpoint] = recorded.as_slice() else { bail!("strace saw no refresh") };
    if recorded.len() != TIMES {
        bail!("strace saw {} refreshes of {TIMES}", recorded.len());
    }
    let most = |names: &[&str]| steady.iter().map(|calls| how_many(calls, names)).max().unwrap_or_default();
    let requests = scene.requests();
    let syncs = ["fsync", "fdatasync"];
    Ok(vec![
        ("M3.requests", float(requests.len() as u64) / float(TIMES as u64)),
        ("M3.connections", float(scene::connections(&requests) as u64)),
        ("M3.fsyncs", float(most(&syncs))),
        ("M3.fsyncs_after_checkpoint", float(how_many(after_checkpoint, &syncs))),
        ("M3.fsyncs_of_a_new_store", float(how_many(first, &syncs))),
        ("M3.writes", float(most(&["pwrite64", "write", "pwritev", "writev"]))),
    ])
}

fn login(lab: &Laboratory<'_>) -> Result<Values> {
    // In the browser of the machine, where the keys can be fetched while the user is at the provider.
    let mut desktop = Scene::new(lab.workspace, "browser-login", &lab.program, Script::default(), |_| ())?;
    desktop.run("browser-login", &[])?;
    let after_browser = desktop.requests_after_the_redirect();
    let mut scene = Scene::new(lab.workspace, "login", &lab.program, Script::default(), |_| ())?;
    scene.run("login", &[])?;
    let cold = scene.requests();
    let after = scene.requests_after_the_redirect();
    let (sent, received) = scene::bytes(&cold);
    scene.forget_requests();
    scene.run("login", &[])?;
    let warm = scene.requests();
    let count = |requests: usize| float(requests as u64);
    let without_userinfo =
        |requests: &[LoggedRequest]| count(requests.iter().filter(|request| request.path != "/userinfo").count());
    Ok(vec![
        ("M4.cold_requests", without_userinfo(&cold)),
        ("M4.cold_connections", count(scene::connections(&cold))),
        ("M4.after_the_redirect", without_userinfo(&after_browser)),
        ("M4.after_a_redirect_by_hand", without_userinfo(&after)),
        ("M4.warm_requests", count(warm.len())),
        ("M4.cold_bytes_sent", count(sent)),
        ("M4.cold_bytes_received", count(received)),
    ])
}

fn storm(lab: &Laboratory<'_>) -> Result<Values> {
    let mut scene = lab.logged_in("storm", Script::default(), |_| ())?;
    scene.forget_requests();
    let [logins, tries] = STORM;
    let said = scene.run("storm", &[&logins.to_string(), &tries.to_string()])?;
    if said.get("refused") != Some(&json!(logins * tries)) {
        bail!("not all of {logins} times {tries} tokens with unknown keys were refused: {said}");
    }
    let fetches = scene.requests().iter().filter(|request| request.path == "/jwks").count();
    Ok(vec![("M5.fetches", float(fetches as u64))])
}

/// Between the last byte of the token answer and the moment at which the disk has it, and from there to the mark "verified".
fn after_the_answer(lab: &Laboratory<'_>) -> Result<Values> {
    const ENDS: &[&str] = &["recv", "fsync", "pwrite64", "pwrite"];
    let mut scene = lab.logged_in("window", Script::default(), patient)?;
    let parts = scene.counted_in_parts(ENDS, "refresh", &["2"])?;
    let keys = scene.stage.requests().into_iter().rev().find(|request| request.path == "/jwks").context("no keys")?;
    let keys = keys.answer_json();
    let keys = keys.get("keys").and_then(Value::as_array).context("no keys")?;
    let rsa = keys.iter().find(|key| key.get("kty") == Some(&json!("RSA"))).context("no RSA key")?;
    let text = |key: &str| rsa.get(key).and_then(Value::as_str).context("no RSA key");
    let tokens = scene.stage.requests();
    let token = tokens.iter().rev().find(|request| request.path == "/token").context("no token")?.answer_json();
    let token = token.get("id_token").and_then(Value::as_str).context("no ID token")?.to_owned();
    let bare = scene.counted("bare-verify", &["10", &token, text("n")?, text("e")?])?.instructions / 10;
    let Window { save, check } = Window::last(&parts)?;
    let checks = scene.counted_in(CHECKS, "refresh", &["1"])?.instructions;
    if checks == 0 {
        bail!("there is no function {CHECKS} any more");
    }
    let ratio = |count: u64| (100.0 * float(count) / float(bare)).round() / 100.0;
    Ok(vec![
        ("M6.ratio", ratio(checks)),
        ("M6.with_stored_keys", ratio(check)),
        ("M12.instructions", float(save.0)),
        ("M12.fsyncs", float(save.1)),
    ])
}

/// The core's function that checks an ID token with the keys at hand, as the linker's table of symbols has it.
const CHECKS: &str = "*oidc::id_token::verify*";

/// What came after the last answer.
struct Window {
    /// From the answer to the end of the sync that saved it: instructions, and how many syncs.
    save: (u64, u64),
    /// From there to the first write of the mark "verified": the checks of the ID token, with SQLite's own work before and after them.
    check: u64,
}

impl Window {
    fn last(parts: &[Part]) -> Result<Self> {
        let is_sync = |part: &Part| part.end == "fsync";
        let answered = parts.iter().rposition(|part| part.end == "recv").context("no answer was read")?;
        let rest = parts.get(answered + 1..).unwrap_or_default();
        let saved = rest.iter().position(is_sync).context("nothing was synced after the answer")?;
        let (saving, after) = rest.split_at(saved + 1);
        let sum = |parts: &[Part]| parts.iter().map(|part| part.instructions).sum();
        let check = after.first().context("nothing came after the save")?;
        if !check.end.starts_with("pwrite") {
            bail!("after the save came {:?} and not the mark", check.end);
        }
        Ok(Self {
            save: (sum(saving), saving.iter().filter(|part| is_sync(part)).map(|_| 1).sum()),
            check: check.instructions,
        })
    }
}

fn open(lab: &Laboratory<'_>) -> Result<Values> {
    let mut scene = lab.logged_in("open", Script::default(), patient)?;
    scene.forget_requests();
    let ours = scene.counted("open", &[])?.instructions;
    let bare = scene.counted("bare-open", &[])?.instructions;
    Ok(vec![
        ("M7.ratio", (100.0 * float(ours) / float(bare)).round() / 100.0),
        ("M7.instructions", float(ours)),
        ("M7.requests", float(scene.requests().len() as u64)),
    ])
}

/// A cached token through the C ABI, from the library that is installed.
fn crossing(lab: &Laboratory<'_>) -> Result<Values> {
    let mut scene = lab.logged_in("crossing", Script::default(), patient)?;
    let times = TIMES.to_string();
    let in_rust = scene.counted("token", &[&times])?.instructions;
    let program = c_program(lab.workspace, &scene.folder)?;
    scene.play(&program);
    let counted = scene.counted("token", &[&times])?;
    let crossings: u64 =
        counted.calls.iter().filter(|(name, _)| *name == "keyfob_access_token").map(|(_, times)| times).sum();
    let all: u64 = counted.calls.iter().filter(|(name, _)| name.starts_with("keyfob_")).map(|(_, times)| times).sum();
    let mean = |count: u64| float(count) / f64::from(TIMES);
    Ok(vec![
        ("M9.crossings", mean(crossings)),
        ("M9.functions", mean(all)),
        ("M9.ratio", (100.0 * float(counted.instructions) / float(in_rust)).round() / 100.0),
    ])
}

/// `bench/c/token.c` on the shared library.
fn c_program(workspace: &Workspace, folder: &Path) -> Result<PathBuf> {
    let prefix = folder.join("prefix");
    install::install(workspace, &prefix)?;
    let program = folder.join("token");
    let run = Run::new("gcc").args(["-std=c11", "-O2", "-g", "-Wall", "-Wextra", "-Werror", "-I"]);
    let run = run.arg(prefix.join("include")).arg(workspace.root.join("bench/c/token.c"));
    let run = run.arg("-L").arg(prefix.join("lib")).args(["-lkeyfob", &format!("-Wl,-rpath,{}/lib", prefix.display())]);
    run.arg("-o").arg(&program).quiet().run()?.must("gcc")?;
    Ok(program)
}

fn memory(lab: &Laboratory<'_>) -> Result<Values> {
    if !Path::new("/proc/self/status").exists() || !fs::read_to_string("/proc/self/status")?.contains("RssAnon") {
        // Nobody else tells it.
        return Ok(Vec::new());
    }
    let mut scene = Scene::new(lab.workspace, "memory", &lab.program, Script::default(), |_| ())?;
    let said = scene.run("memory", &[&CALLS.to_string()])?;
    let number = |key: &str| said.get(key).and_then(Value::as_f64).with_context(|| format!("no {key}"));
    Ok(vec![("M10.login", number("login")?), ("M10.growth", number("growth")?)])
}
