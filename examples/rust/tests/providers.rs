//! `providers` as a person or a program runs it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs, reason = "tests")]

mod common;

use common::{row, run};
use serde_json::json;

#[test]
fn the_list_for_programs_is_json_with_null_for_what_is_not_known() {
    for arguments in [&["providers", "--json"] as &[_], &["--", "providers", "--json"]] {
        let (status, output, errors) = run(arguments);
        assert!(status.success() && errors.is_empty(), "{errors}");
        let listed: serde_json::Value = serde_json::from_str(&output).unwrap();
        let listed = listed["providers"].as_array().unwrap();
        assert_eq!(listed.len(), keyfob::providers().len());
        let github = json!({
            "id": "github", "aliases": [], "name": "GitHub", "kind": "oauth2", "variables": [], "custom_scheme": true,
            "loopback": "any_port", "https_only": false, "scopes": ["read:user", "user:email"]
        });
        let oidc = json!({
            "id": "oidc", "aliases": [], "name": "OpenID Connect", "kind": "oidc", "variables": ["issuer"],
            "custom_scheme": null, "loopback": null, "https_only": null, "scopes": ["openid", "profile", "email"]
        });
        assert!(listed.contains(&github) && listed.contains(&oidc), "{output}");
    }
}

#[test]
fn the_list_for_people_names_every_provider() {
    let (status, output, errors) = run(&["providers"]);
    assert!(status.success() && errors.is_empty(), "{errors}");
    for provider in keyfob::providers() {
        let shown = output.split("\n\n").find(|part| part.starts_with(&format!("    {} ", provider.id()))).unwrap();
        assert!(row(shown, provider.id()).starts_with(provider.display_name()), "{shown}");
        assert!(provider.aliases().iter().all(|alias| row(shown, "aliases").contains(alias)), "{shown}");
    }
    // One word is not cut.
    assert!(output.lines().all(|line| line.chars().count() <= 80 || line.split_whitespace().count() == 2), "{output}");
}

#[test]
fn a_provider_s_console_is_told_about_whatever_its_variables_are() {
    for provider in keyfob::providers() {
        let (status, output, errors) = run(&["provider", provider.id()]);
        assert!(status.success() && errors.is_empty(), "{}: {errors}", provider.id());
        assert!(output.starts_with(provider.display_name()), "{output}");
        assert!(output.contains("http://127.0.0.1/callback") && output.contains("client id"), "{output}");
    }
    let (status, output, _) = run(&["--", "provider", "apple", "--redirect-uri", "https://notes.example/callback"]);
    assert!(status.success() && row(&output, "https only") == "yes" && row(&output, "is taken") == "yes");
    assert_eq!(row(&output, "redirect URI"), "https://notes.example/callback");
    let (_, output, _) = run(&["provider", "zoho"]);
    assert!(output.contains("refresh token"), "what becomes of a session: {output}");
    let (status, _, errors) = run(&["provider", "auth0", "--variable", "domain=evil.com/"]);
    assert!(status.code() == Some(1) && errors.contains("variables.domain"), "{errors}");
    let (status, _, errors) = run(&["provider", "nobody"]);
    assert!(status.code() == Some(1) && errors.contains("no such provider"), "{errors}");
    for wrong in [&["provider"] as &[_], &["provider", "github", "gitlab"], &["provider", "x", "--variable", "y"]] {
        assert_eq!(run(wrong).0.code(), Some(2));
    }
}

#[test]
fn providers_tells_how_it_is_used_and_names_wrong_arguments() {
    let (status, output, _) = run(&["providers", "--help"]);
    assert!(status.success() && output.contains("providers [--json]"), "{output}");
    for wrong in ["--nonsense", "github"] {
        let (status, output, errors) = run(&["providers", wrong]);
        assert_eq!((status.code(), output.as_str()), (Some(2), ""));
        assert!(errors.starts_with("error: ") && errors.contains(wrong), "{errors}");
    }
}
