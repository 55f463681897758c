//! The catalogue: one file a provider, built in, parsed when it is first named.

use super::Provider;
use crate::error::Result;

/// The files, by id. A new one is listed here and nowhere else.
const FILES: &[(&str, &str)] = &[
    ("apple", include_str!("../../providers/apple.json")),
    ("auth0", include_str!("../../providers/auth0.json")),
    ("discord", include_str!("../../providers/discord.json")),
    ("github", include_str!("../../providers/github.json")),
    ("gitlab", include_str!("../../providers/gitlab.json")),
    ("google", include_str!("../../providers/google.json")),
    ("keycloak", include_str!("../../providers/keycloak.json")),
    ("microsoft", include_str!("../../providers/microsoft.json")),
    ("oidc", include_str!("../../providers/oidc.json")),
];

/// The provider of that id or alias.
pub(crate) fn find(name: &str) -> Option<Result<Provider>> {
    if let Some((_, text)) = FILES.iter().find(|(id, _)| *id == name) {
        return Some(Provider::from_json(text));
    }
    all().find(|provider| provider.as_ref().is_ok_and(|provider| provider.answers_to(name)))
}

/// The providers that are built in, by id: for a program that lists them. An app names one by its id in its
/// [`Registration`](crate::Registration) and needs no list.
///
/// ```
/// let google = keyfob::providers().into_iter().find(|provider| provider.id() == "google").expect("is built in");
/// assert_eq!(google.display_name(), "Google");
/// assert!(google.required_variables().is_empty());
/// ```
#[must_use]
pub fn providers() -> Vec<Provider> {
    // A test reads every file, so none is left out.
    all().filter_map(Result::ok).collect()
}

/// Every file, by id.
fn all() -> impl Iterator<Item = Result<Provider>> {
    FILES.iter().map(|(_, text)| Provider::from_json(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_read_under_its_id_and_all_names_differ() {
        let mut names = Vec::new();
        for ((id, _), provider) in FILES.iter().zip(all()) {
            let provider = provider.unwrap_or_else(|error| panic!("{id}: {error}"));
            assert_eq!(provider.id(), *id);
            names.push(provider.id().to_owned());
            names.extend(provider.aliases().iter().cloned());
        }
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count);
        assert_eq!(providers().len(), FILES.len());
        assert!(FILES.is_sorted());
    }
}
