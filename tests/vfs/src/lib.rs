//! keyfob-vfs: a file system under SQLite whose calls fail when a test says so, and whose power can be cut.
//!
//! It is a `sqlite3_vfs` over the system's own, and becomes the default one of the process, so that what is tested needs no hook: it opens its
//! database by path as ever. A [`Disk`] is one folder of it. Every other path goes through untouched, so that tests may run side by side.
//!
//! * [`Disk::fail`] makes the k-th call fail, once or from then on, as [`Fault`] says. The loop that takes k = 1, 2, 3 … until
//!   nothing fails any more has been at every place where SQLite can be told "no" (SQLite's own tests: testing.html, section 3).
//! * [`Disk::record`] writes down every change of a file and every sync. [`Recording::cut`] then gives the files as they may lie there
//!   when the power goes at any moment of it: what was synced, and of what came later any part, in any order, torn at sectors.
//!
//! A sync of a watched file does not reach the real disk: no test here cuts the real power, and it would take most of the time. Nor does SQLite sleep
//! for a busy lock that only a plan made busy.
//!
//! The only place of the project besides the adapters that has unsafe code: `shim.rs`.

mod disk;
mod fault;
mod recording;
mod shim;

pub use disk::Disk;
pub use fault::{Fault, Method, When};
pub use recording::{Files, Recording};
