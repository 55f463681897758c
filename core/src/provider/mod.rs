//! What an identity provider is, as data; and where its endpoints are.

mod definition;
pub(crate) mod metadata;
pub(crate) mod template;

pub(crate) use self::definition::ProfileMap;
pub use self::definition::{Provider, ProviderKind};
pub(crate) use self::metadata::Metadata;
