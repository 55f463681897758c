//! `cargo demo -- providers`: the providers that are built in, for people and for programs.

use keyfob::{Loopback, Provider, ProviderKind, providers};
use lexopt::prelude::*;
use serde_json::{Value, json};

use crate::paper::Paper;

pub(crate) const HELP: &str = "\
cargo demo -- providers: the providers that are built in

Usage: cargo demo -- providers [--json]

  --json   for programs: one object, with an array \"providers\" in it; null is
           what is not known
  --help   this text

An app may bring providers of its own, in the same format.
Exit codes: 0 listed, 2 wrong arguments.
";

/// What the command line says.
pub(crate) struct Options {
    json: bool,
}

/// Reads the rest of the command line; nothing if it asks for help.
pub(crate) fn parse(mut parser: lexopt::Parser) -> Result<Option<Options>, lexopt::Error> {
    let mut options = Options { json: false };
    while let Some(argument) = parser.next()? {
        match argument {
            Long("help") | Short('h') => return Ok(None),
            Long("json") => options.json = true,
            other => return Err(other.unexpected()),
        }
    }
    Ok(Some(options))
}

pub(crate) fn run(options: &Options, paper: &mut Paper) {
    let providers = providers();
    if options.json {
        let all = json!({ "providers": providers.iter().map(json).collect::<Vec<_>>() });
        paper.as_it_is(&format!("{all}\n"));
        return;
    }
    paper
        .title("Providers", "The id is what a registration names. Variables without a default have to be given there.");
    for provider in &providers {
        paper.as_it_is("\n");
        paper.row(provider.id(), format_args!("{} ({})", provider.display_name(), kind(provider)));
        if !provider.aliases().is_empty() {
            paper.row("  aliases", provider.aliases().join(" "));
        }
        if !provider.required_variables().is_empty() {
            paper.row("  variables", provider.required_variables().join(" "));
        }
        if !provider.default_scopes().is_empty() {
            paper.row("  scopes", provider.default_scopes().join(" "));
        }
        paper.row(
            "  custom scheme",
            provider.accepts_custom_scheme().map_or("not known", |yes| if yes { "yes" } else { "no" }),
        );
        paper.row("  loopback", loopback(provider).unwrap_or("not known").replace('_', " "));
        if is_https_only(provider) == Some(true) {
            paper.row("  https only", "yes");
        }
    }
}

pub(crate) fn kind(provider: &Provider) -> &'static str {
    match provider.kind() {
        ProviderKind::Oidc => "oidc",
        ProviderKind::Oauth2 => "oauth2",
        _ => "unknown",
    }
}

/// As a provider's file says it.
pub(crate) fn loopback(provider: &Provider) -> Option<&'static str> {
    match provider.accepts_loopback()? {
        Loopback::AnyPort => Some("any_port"),
        Loopback::Exact => Some("exact"),
        Loopback::None => Some("none"),
        _ => None,
    }
}

/// Whether it takes neither of the other forms; nothing where that is not known.
pub(crate) fn is_https_only(provider: &Provider) -> Option<bool> {
    match (provider.accepts_custom_scheme(), provider.accepts_loopback()) {
        (Some(true), _) | (_, Some(Loopback::AnyPort | Loopback::Exact)) => Some(false),
        (Some(false), Some(Loopback::None)) => Some(true),
        _ => None,
    }
}

fn json(provider: &Provider) -> Value {
    json!({
        "id": provider.id(),
        "aliases": provider.aliases(),
        "name": provider.display_name(),
        "kind": kind(provider),
        "variables": provider.required_variables(),
        "custom_scheme": provider.accepts_custom_scheme(),
        "loopback": loopback(provider),
        "https_only": is_https_only(provider),
        "scopes": provider.default_scopes(),
    })
}
