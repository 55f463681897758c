//! Bench: what Keyfob costs, held against `bench/baseline.json`. Only what is counted, and the same on a busy machine.

use super::Suite;
use crate::bench;
use crate::setup::VALGRIND;

pub(super) const SUITE: Suite = Suite {
    name: "bench",
    what: "what calls cost: instructions, system calls, requests, bytes; and the library's size",
    long: false,
    needs: Vec::new,
    prepare: None,
    run: bench::check,
};

pub(super) const PEERS: Suite = Suite {
    name: "bench-peers",
    what: "other libraries at the same provider, beside Keyfob: some minutes",
    long: true,
    needs: Vec::new,
    prepare: None,
    run: bench::check_peers,
};

pub(super) const BINDINGS: Suite = Suite {
    name: "bench-bindings",
    what: "a cached token in Kotlin and Swift, timed beside a call that does nothing: some minutes",
    long: true,
    needs: Vec::new,
    prepare: None,
    run: bench::check_bindings,
};

pub(super) const GROWTH: Suite = Suite {
    name: "bench-growth",
    what: "what calls cost with a million sessions: some minutes, and 2 GB meanwhile",
    long: true,
    needs: || vec![&VALGRIND],
    prepare: None,
    run: bench::check_growth,
};
