//! The provider's own error: text from outside, tamed before it is kept.

use std::fmt;

/// An error of the provider, in the words of RFC 6749 sections 4.1.2.1 and 5.2.
#[derive(Clone, PartialEq, Eq)]
pub struct OAuthError {
    code: String,
    description: Option<String>,
    uri: Option<String>,
}

impl OAuthError {
    /// Longest text kept of each member: a hostile one-megabyte description is not worth carrying.
    pub(super) const MAX_CHARS: usize = 500;

    pub(crate) fn new(code: &str, description: Option<&str>, uri: Option<&str>) -> Self {
        Self {
            code: code.chars().take(100).map(|c| if matches!(c, ' '..='~') { c } else { '?' }).collect(),
            description: description.map(|text| tame(text, Self::MAX_CHARS)),
            uri: uri.map(|text| tame(text, Self::MAX_CHARS)),
        }
    }

    /// The code, for instance `invalid_grant`. **Untrusted server text**, cut to 100 characters of printable ASCII.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.code
    }

    /// The description. **Untrusted server text**, cut to 500 characters, control and direction
    /// characters replaced: never render it as HTML.
    #[must_use]
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// A page about the error. **Untrusted server text**, cut to 500 characters: never open it unasked.
    #[must_use]
    pub fn uri(&self) -> Option<&str> {
        self.uri.as_deref()
    }
}

/// Server text is only behind the accessors: `Debug` ends up in logs.
impl fmt::Debug for OAuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OAuthError").finish_non_exhaustive()
    }
}

/// Cuts server text and takes the sting out of it (security S30): no control characters, no bidirectional
/// overrides that would let it pose as something else in a terminal or a dialog.
fn tame(text: &str, max_chars: usize) -> String {
    text.chars()
        .take(max_chars)
        .map(|c| {
            let reorders =
                matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
            if c.is_control() || reorders { '\u{fffd}' } else { c }
        })
        .collect()
}
