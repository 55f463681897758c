//! When an access token has to be refreshed, and that it happens once.

pub(crate) mod decide;
pub(crate) mod flight;
pub(crate) mod owner;
pub(crate) mod pause;
pub(crate) mod window;
