//! `cargo demo -- provider ID`: what to create at a provider's developer console, and what to enter there.

use std::collections::BTreeMap;

use keyfob::{Config, Error, Keyfob, Registration};
use lexopt::prelude::*;

use crate::failure::Failure;
use crate::folder::Folder;
use crate::paper::Paper;
use crate::providers::{is_https_only, kind, loopback};

pub(crate) const HELP: &str = "\
cargo demo -- provider ID: what to do at a provider's developer console

Usage: cargo demo -- provider ID [--redirect-uri URI] [--variable NAME=VALUE]…

  --redirect-uri URI     where the provider sends the browser afterwards;
                         http://127.0.0.1/callback where nothing is said
  --variable NAME=VALUE  a variable of the provider's, such as its domain; an
                         example stands for one that is not given
  --help                 this text

`cargo demo -- providers` lists the ids.
Exit codes: 0 told, 1 no such provider or a value that it does not take,
2 wrong arguments.
";

/// What the command line says.
pub(crate) struct Options {
    id: String,
    redirect_uri: String,
    variables: BTreeMap<String, String>,
}

/// Reads the rest of the command line; nothing if it asks for help.
pub(crate) fn parse(mut parser: lexopt::Parser) -> Result<Option<Options>, lexopt::Error> {
    let mut id = None;
    let mut redirect_uri = "http://127.0.0.1/callback".to_owned();
    let mut variables = BTreeMap::new();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("help") | Short('h') => return Ok(None),
            Long("redirect-uri") => redirect_uri = parser.value()?.string()?,
            Long("variable") => {
                let text = parser.value()?.string()?;
                let (name, value) = text.split_once('=').ok_or_else(|| format!("{text} is not NAME=VALUE"))?;
                variables.insert(name.to_owned(), value.to_owned());
            }
            Value(value) if id.is_none() => id = Some(value.string()?),
            other => return Err(other.unexpected()),
        }
    }
    let id = id.ok_or("which provider? `cargo demo -- providers` lists them")?;
    Ok(Some(Options { id, redirect_uri, variables }))
}

pub(crate) fn run(options: &Options, paper: &mut Paper) -> Result<(), Failure> {
    let named = |name: &str| name == options.id;
    let known = keyfob::providers()
        .into_iter()
        .find(|provider| named(provider.id()) || provider.aliases().iter().map(String::as_str).any(named));
    let Some(provider) = known else {
        return Err(Failure::Stage(format!("{}: no such provider (`cargo demo -- providers` lists them)", options.id)));
    };
    let folder = Folder::temporary()?;
    let keyfob = open(&folder, options, &provider.required_variables())?;
    let guide = keyfob.registration_guide(REGISTRATION).map_err(Failure::Keyfob)?;
    paper.title(guide.provider_name(), "What to do at its developer console:");
    paper.as_it_is("\n");
    for step in guide.steps() {
        paper.text(&format!("- {step}"));
    }
    paper.as_it_is("\n");
    let names: Vec<&str> = [provider.id()].into_iter().chain(provider.aliases().iter().map(String::as_str)).collect();
    paper.row("provider", names.join(", "));
    paper.row("kind", kind(&provider));
    for name in provider.required_variables() {
        paper.row("variable", format_args!("{name}: to be given in the registration"));
    }
    paper.row("redirect URI", guide.redirect_uri());
    let yes_or_no = |answer: Option<bool>| answer.map_or("not known", |yes| if yes { "yes" } else { "no" });
    paper.row("  is taken", yes_or_no(guide.redirect_uri_accepted()));
    paper.row("  custom scheme", yes_or_no(guide.accepts_custom_scheme()));
    paper.row("  loopback", loopback(&provider).unwrap_or("not known").replace('_', " "));
    paper.row("  https only", yes_or_no(is_https_only(&provider)));
    paper.row("scopes", if guide.scopes().is_empty() { "none".to_owned() } else { guide.scopes().join(" ") });
    Ok(())
}

const REGISTRATION: &str = "guide";

/// What may stand for a variable that is not given, until one fits.
const EXAMPLES: [&str; 3] = ["example", "login.example.com", "https://login.example.com"];

/// The library with a registration at that provider. Nothing is sent anywhere.
fn open(folder: &Folder, options: &Options, needed: &[&str]) -> Result<Keyfob, Failure> {
    let mut tried: BTreeMap<&str, usize> =
        needed.iter().filter(|name| !options.variables.contains_key(**name)).map(|name| (*name, 0)).collect();
    loop {
        let mut registration = Registration::new(REGISTRATION, &options.id, "your-client-id", &options.redirect_uri);
        for (name, value) in &options.variables {
            registration = registration.variable(name, value);
        }
        for (name, index) in &tried {
            registration = registration.variable(*name, EXAMPLES.get(*index).copied().unwrap_or_default());
        }
        let config = Config::builder(folder.path()).registration(registration).build().map_err(Failure::Keyfob)?;
        match Keyfob::open(config.with_store_key_source(folder.key())) {
            Ok(keyfob) => return Ok(keyfob),
            Err(error) => match tried.iter_mut().find(|(name, _)| is_about(&error, name)) {
                Some((_, index)) if *index + 1 < EXAMPLES.len() => *index += 1,
                _ => return Err(Failure::Keyfob(error)),
            },
        }
    }
}

fn is_about(error: &Error, variable: &str) -> bool {
    error.detail().is_some_and(|detail| detail.starts_with(&format!("variables.{variable} ")))
}
