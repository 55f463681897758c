//! Logout at both ends.
