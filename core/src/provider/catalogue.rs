//! The catalogue: one file a provider, built in, parsed when it is first named.

use super::Provider;
use crate::error::Result;

/// The files of `core/providers`, packed by the build, one after the other.
static PACKED: &str = include_str!(concat!(env!("OUT_DIR"), "/catalogue.txt"));
/// Where they are: a line each of id and aliases, where it begins and where it ends.
static NAMES: &str = include_str!(concat!(env!("OUT_DIR"), "/names.txt"));

/// Names and text of every file, by id.
fn files() -> impl Iterator<Item = (&'static str, &'static str)> {
    NAMES.lines().filter_map(|line| {
        let (names, place) = line.split_once('\t')?;
        Some((names, text_at(place)?))
    })
}

fn text_at(place: &str) -> Option<&'static str> {
    let (begin, end) = place.split_once('\t')?;
    PACKED.get(begin.parse().ok()?..end.parse().ok()?)
}

/// The provider of that id or alias.
pub(crate) fn find(name: &str) -> Option<Result<Provider>> {
    files().find(|(names, _)| names.split(' ').any(|known| known == name)).map(|(_, text)| Provider::from_json(text))
}

/// The providers that are built in, by id: for a program that lists them. An app names one by its id in its
/// [`Registration`](crate::Registration) and needs no list. Without the feature `catalogue` it is the generic `oidc` alone.
///
/// ```
/// # #[cfg(feature = "catalogue")] {
/// let google = keyfob::providers().into_iter().find(|provider| provider.id() == "google").expect("is built in");
/// assert_eq!(google.display_name(), "Google");
/// assert!(google.required_variables().is_empty());
/// # }
/// ```
#[must_use]
pub fn providers() -> Vec<Provider> {
    // A test reads every file, so none is left out.
    files().filter_map(|(_, text)| Provider::from_json(text).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the catalogue may cost in the library, in bytes.
    const MOST: usize = 120 * 1024;

    #[test]
    fn every_file_is_read_under_its_id_and_all_names_differ() {
        let mut names = Vec::new();
        for (packed, text) in files() {
            let provider = Provider::from_json(text).unwrap_or_else(|error| panic!("{packed}: {error}"));
            let own: Vec<&str> =
                std::iter::once(provider.id()).chain(provider.aliases().iter().map(String::as_str)).collect();
            assert_eq!(packed.split(' ').collect::<Vec<_>>(), own);
            for name in &own {
                assert_eq!(find(name).unwrap().unwrap().id(), provider.id());
            }
            names.extend(own.into_iter().map(str::to_owned));
        }
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count);
        assert_eq!(providers().len(), files().count());
        assert!(files().is_sorted_by_key(|(names, _)| names.split(' ').next()));
        assert!(find("oidc").is_some() && find("").is_none() && find("nobody").is_none());
        assert_eq!(files().count(), NAMES.lines().count(), "each is where the list says");
        assert!(PACKED.len() + NAMES.len() < MOST, "{} bytes", PACKED.len() + NAMES.len());
    }
}
