//! Token answers: what they say, and what they mean for the login or session that asked.

pub(crate) mod answer;
pub(crate) mod device;
pub(crate) mod pushed;
pub(crate) mod verdict;
