//! The same with many sessions, many threads, and many processes.

use std::hint::black_box;
use std::sync::Barrier;
use std::thread;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use keyfob::{Clock as _, MinValidity, SystemClock};
use rusqlite::{Connection, named_params};
use serde_json::{Value, json};

use crate::scenarios::session;
use crate::{Given, recorded};

/// How many sessions a page has.
const PAGE: usize = 50;

/// How often a clock runs.
const TURNS: u32 = 5;

/// Makes of the one session of a store (in plaintext: a sealed value is bound to its row) so many, under other ids and of other users.
pub(crate) fn multiply(given: &Given) -> Result<Value> {
    let count = given.count(0)?;
    let connection = Connection::open(given.store()?.join("keyfob.db"))?;
    // Nothing that may be lost: the fastest there is.
    connection.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -400000;")?;
    let mut statement = connection.prepare("SELECT name FROM pragma_table_info('session') WHERE name <> 'row'")?;
    let columns = statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<Vec<String>>>()?;
    let copied = |name: &String| match name.as_str() {
        "id" => "lower(hex(randomblob(11)))".to_owned(),
        "uid" => "'user-' || lower(hex(randomblob(10)))".to_owned(),
        "generation" => "generation + n".to_owned(),
        name => name.to_owned(),
    };
    let sql = format!(
        "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :more)
         INSERT INTO session ({}) SELECT {} FROM numbers, (SELECT * FROM session WHERE row = 1) WHERE :more > 0",
        columns.join(", "),
        columns.iter().map(copied).collect::<Vec<_>>().join(", "),
    );
    let made = connection.execute(&sql, named_params! { ":more": count.saturating_sub(1) })?;
    connection.execute_batch("UPDATE meta SET generation = generation + 1000000000; PRAGMA journal_mode = WAL;")?;
    Ok(json!({ "sessions": made + 1 }))
}

/// Lists a page.
pub(crate) fn page(given: &Given) -> Result<Value> {
    let keyfob = given.open()?;
    let listed = recorded(|| keyfob.sessions_page(None, PAGE))?.len();
    Ok(json!({ "listed": listed }))
}

/// `threads CONFIG THREADS TIMES`: a cached token in so many threads at once, beside one: nanoseconds of a call, each by the wall clock. The fastest of
/// some turns each: whatever else the machine did only adds.
pub(crate) fn threads(given: &Given) -> Result<Value> {
    let keyfob = given.open()?;
    let id = session(&keyfob)?.id().to_owned();
    let (count, times) = (given.count(0)?, given.count(1)?);
    let ask_for_it = || -> Result<()> {
        for _ in 0..times {
            black_box(keyfob.access_token(&id, MinValidity::secs(60))?);
        }
        Ok(())
    };
    let clocked = |count: u32| -> Result<f64> {
        let all = Barrier::new(usize::try_from(count)?);
        // Each thread looks at the clock itself: nobody else is sure to run when it begins.
        let work = || -> Result<(Instant, Instant)> {
            all.wait();
            let begun = Instant::now();
            ask_for_it()?;
            Ok((begun, Instant::now()))
        };
        let spans = thread::scope(|scope| {
            let threads: Vec<_> = (0..count).map(|_| scope.spawn(work)).collect();
            let joined = threads.into_iter().map(|thread| thread.join().ok().context("a thread died")?);
            joined.collect::<Result<Vec<_>>>()
        })?;
        let first = spans.iter().map(|(begun, _)| *begun).min().context("no thread")?;
        let last = spans.iter().map(|(_, ended)| *ended).max().context("no thread")?;
        Ok(last.duration_since(first).as_secs_f64() * 1e9 / (f64::from(count) * f64::from(times)))
    };
    ask_for_it()?;
    let (mut alone, mut together) = (f64::INFINITY, f64::INFINITY);
    for _ in 0..TURNS {
        alone = alone.min(clocked(1)?);
        together = together.min(clocked(count)?);
    }
    Ok(json!({ "alone": alone, "together": together }))
}

/// `cached CONFIG TIMES`: a cached token beside other processes that ask for theirs: from when to when, in nanoseconds since the machine's start. They
/// wait for the word to go.
pub(crate) fn cached(given: &Given) -> Result<Value> {
    let keyfob = given.open()?;
    let id = session(&keyfob)?.id().to_owned();
    let times = given.count(0)?;
    let ask_for_it = || -> Result<()> {
        for _ in 0..times {
            black_box(keyfob.access_token(&id, MinValidity::secs(60))?);
        }
        Ok(())
    };
    ask_for_it()?;
    crate::ask("# ready now")?;
    let now = || SystemClock::new().boot().as_secs_f64() * 1e9;
    let begun = now();
    ask_for_it()?;
    Ok(json!({ "begun": begun, "ended": now() }))
}

/// `race CONFIG THREADS`: so many callers of one process meet one expiry. They wait for the word to go, as other processes do.
pub(crate) fn race(given: &Given) -> Result<Value> {
    let keyfob = given.open()?;
    let id = session(&keyfob)?.id().to_owned();
    let count = given.count(0)?;
    let all = Barrier::new(usize::try_from(count)? + 1);
    let failed: u32 = thread::scope(|scope| {
        let work = || {
            all.wait();
            // More than is left of the token's life, and less than a new one lives: it is due for everybody.
            u32::from(keyfob.access_token(&id, MinValidity::secs(120)).is_err())
        };
        let threads: Vec<_> = (0..count).map(|_| scope.spawn(work)).collect();
        let go = crate::ask("# ready now");
        all.wait();
        let failed = threads.into_iter().map(|thread| thread.join().unwrap_or(1)).sum();
        go.map(|_| failed)
    })?;
    if failed > 0 {
        bail!("{failed} of {count} callers got no token");
    }
    Ok(json!({ "callers": count }))
}
