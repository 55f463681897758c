//! The catalogue: one file a provider, built in, parsed when it is first named.

use std::cmp::Ordering;

use super::Provider;
use crate::error::Result;

/// The files of `core/providers`, packed by the build, one after the other.
static PACKED: &str = include_str!(concat!(env!("OUT_DIR"), "/catalogue.txt"));
/// Where they are: a line for each name, in the names' order (`build.rs` writes it).
static NAMES: &str = include_str!(concat!(env!("OUT_DIR"), "/names.txt"));

/// A line of the list.
struct Entry {
    name: &'static str,
    text: &'static str,
    is_id: bool,
}

impl Entry {
    fn of(line: &'static str) -> Option<Self> {
        let mut words = line.split('\t');
        let name = words.next()?;
        let text = PACKED.get(words.next()?.parse().ok()?..words.next()?.parse().ok()?)?;
        Some(Self { name, text, is_id: words.next()? == "id" })
    }
}

fn entries() -> impl Iterator<Item = Entry> {
    NAMES.lines().filter_map(Entry::of)
}

/// The entry of this name: the list is halved until only that one is left, for to go through two hundred lines cost a tenth of opening a store.
fn entry(name: &str) -> Option<Entry> {
    let mut left = NAMES;
    while !left.is_empty() {
        let begin = left.get(..left.len() / 2)?.rfind('\n').map_or(0, |at| at + 1);
        let (before, rest) = left.split_at(begin);
        let (line, after) = rest.split_once('\n')?;
        let found = Entry::of(line)?;
        match found.name.cmp(name) {
            Ordering::Equal => return Some(found),
            Ordering::Less => left = after,
            Ordering::Greater => left = before,
        }
    }
    None
}

/// The provider of that id or alias.
pub(crate) fn find(name: &str) -> Option<Result<Provider>> {
    entry(name).map(|entry| Provider::from_json(entry.text))
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
    entries().filter(|entry| entry.is_id).filter_map(|entry| Provider::from_json(entry.text).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the catalogue may cost in the library, in bytes.
    const MOST: usize = 120 * 1024;

    #[test]
    fn every_file_is_read_under_its_id_and_all_names_differ() {
        let mut names = Vec::new();
        for Entry { name, text, is_id } in entries() {
            let provider = Provider::from_json(text).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(provider.id() == name, is_id, "{name}");
            if is_id {
                names.push(provider.id().to_owned());
                names.extend(provider.aliases().iter().cloned());
            }
            assert_eq!(find(name).unwrap().unwrap().id(), provider.id());
            for other in [format!("{name}x"), format!("x{name}"), name.to_uppercase()] {
                assert!(find(&other).is_none() || entries().any(|entry| entry.name == other), "{other}");
            }
        }
        names.sort();
        let listed: Vec<_> = entries().map(|entry| entry.name).collect();
        assert_eq!(names, listed, "every id and alias once, in order");
        assert!(listed.is_sorted_by(|one, next| one < next), "no two are the same");
        assert_eq!(providers().len(), entries().filter(|entry| entry.is_id).count());
        assert!(find("oidc").is_some() && find("").is_none() && find("nobody").is_none() && find("\t").is_none());
        assert_eq!(listed.len(), NAMES.lines().count(), "each is where the list says");
        assert!(PACKED.len() + NAMES.len() < MOST, "{} bytes", PACKED.len() + NAMES.len());
    }
}
