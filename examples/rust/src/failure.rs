//! Why the program ends early, in words for standard error.

use std::fmt;

/// Why the program ends early.
pub(crate) enum Failure {
    /// Keyfob said no.
    Keyfob(keyfob::Error),
    /// Keyfob said no, and the program knows what helps.
    Advised(keyfob::Error, String),
    /// Something on the stage broke: the provider, the standard streams, a folder.
    Stage(String),
}

/// An error of Keyfob for a person: its kind says what to do; its own text begins with the reason and ends with the detail.
/// What the provider says stands on a line of its own, so that nobody takes it for words of this program.
pub(crate) struct Explained<'a>(pub(crate) &'a keyfob::Error);

impl fmt::Display for Explained<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(error) = self;
        write!(f, "{}: {error}", error.kind().name())?;
        if let Some(oauth) = error.oauth() {
            write!(f, "\n{UNTRUSTED}: {}", oauth.code())?;
            if let Some(description) = oauth.description() {
                write!(f, ": {description}")?;
            }
            if let Some(page) = oauth.uri() {
                write!(f, " ({page})")?;
            }
        }
        Ok(())
    }
}

/// What stands before the provider's own words: they may say anything.
const UNTRUSTED: &str = "the provider's own words (untrusted)";

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keyfob(error) => Explained(error).fmt(f),
            Self::Advised(error, advice) => write!(f, "{}\n{advice}", Explained(error)),
            Self::Stage(message) => f.write_str(message),
        }
    }
}

impl From<keyfob::Error> for Failure {
    fn from(error: keyfob::Error) -> Self {
        Self::Keyfob(error)
    }
}
