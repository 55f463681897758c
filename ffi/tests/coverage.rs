//! Everything public in the core can be reached from C, or stands here with the reason why not.
//!
//! The core's source is read line by line: the names that its `lib.rs` makes public, and the `pub fn`s, the functions of traits
//! and the variants of enums that belong to them. That is no parser: it knows the core's style, as `cargo fmt` keeps it.
#![expect(clippy::unwrap_used, reason = "a test that fails should say where")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// What can only be asked of something that the app has written itself.
const OWN: &str = "read from what the app has written itself";
/// What is no part of the API.
const TEST: &str = "only there with the core's feature `simulation`, for its own tests";

/// What would double the crates that libkeyfob is made of.
const KEYRING: &str =
    "only there with the core's feature `keyring`, which libkeyfob does without: a C host has a callback for the key";

/// Each public item, and either the names in C that reach it or the reason why there is none.
const COVERED: &[(&str, &str)] = &[
    ("AccessToken::expires_at", "keyfob_token_expires_at_ms"),
    ("AccessToken::is_unsaved", "keyfob_token_is_unsaved"),
    ("AccessToken::secret", "keyfob_token_secret"),
    ("Browser::open", "keyfob_open_url_fn keyfob_browser_login_set_browser"),
    ("BrowserLogin::browser", "keyfob_browser_login_set_browser"),
    ("BrowserLogin::control", "keyfob_browser_login_set_control"),
    ("BrowserLogin::new", "keyfob_browser_login_new"),
    ("BrowserLogin::options", "keyfob_browser_login_set_options"),
    ("BrowserLogin::pages", "keyfob_browser_login_set_pages"),
    ("BrowserLogin::time_limit", "keyfob_browser_login_set_time_limit_ms"),
    ("Clock::boot", "keyfob_config_set_clock"),
    ("Clock::boot_id", "keyfob_config_set_clock"),
    ("Clock::wall", "keyfob_config_set_clock"),
    ("Completed::app_data", "keyfob_completed_app_data"),
    ("Completed::into_session", "keyfob_session_copy"),
    ("Completed::return_to", "keyfob_completed_return_to"),
    ("Completed::session", "keyfob_completed_session"),
    ("Config::as_another_process", TEST),
    ("Config::builder", "keyfob_config_builder_new"),
    ("Config::from_json", "keyfob_config_from_json"),
    ("Config::with_clock", "keyfob_config_set_clock"),
    ("Config::with_device_binding", "keyfob_config_set_device_binding"),
    ("Config::with_executor", "keyfob_config_set_executor"),
    ("Config::with_observer", "keyfob_config_set_observer"),
    ("Config::with_store_key", "keyfob_config_set_store_key"),
    ("Config::with_store_key_source", "keyfob_config_set_store_key_source"),
    ("Config::with_transport", "keyfob_config_set_transport"),
    ("ConfigBuilder::build", "keyfob_config_builder_build"),
    ("ConfigBuilder::coherence", "keyfob_config_builder_set_coherence_ms"),
    ("ConfigBuilder::ca_certificates", "keyfob_config_builder_set_ca_certificates"),
    ("ConfigBuilder::http_timeouts", "keyfob_config_builder_set_http_timeouts_ms"),
    ("ConfigBuilder::proxy", "keyfob_config_builder_set_proxy"),
    ("ConfigBuilder::user_agent", "keyfob_config_builder_set_user_agent"),
    ("ConfigBuilder::leeway", "keyfob_config_builder_set_leeway_ms"),
    ("ConfigBuilder::login_lifetime", "keyfob_config_builder_set_login_lifetime_ms"),
    ("ConfigBuilder::plaintext", "keyfob_config_builder_set_plaintext"),
    ("ConfigBuilder::provider", "keyfob_config_builder_add_provider"),
    ("ConfigBuilder::refresh_policy", "keyfob_config_builder_set_refresh_policy"),
    ("ConfigBuilder::registration", "keyfob_config_builder_add_registration"),
    ("ConfigBuilder::wait", "keyfob_config_builder_set_wait_ms"),
    ("DeviceLogin::expires_at", "keyfob_device_login_expires_at_ms"),
    ("DeviceLogin::id", "keyfob_device_login_id"),
    ("DeviceLogin::interval", "keyfob_device_login_interval_ms"),
    ("DeviceLogin::qr_code_svg", "keyfob_device_login_qr_code_svg"),
    ("DeviceLogin::qr_code_text", "keyfob_device_login_qr_code_text"),
    ("DeviceLogin::registration", "keyfob_device_login_registration"),
    ("DeviceLogin::user_code", "keyfob_device_login_user_code"),
    ("DeviceLogin::verification_uri", "keyfob_device_login_verification_uri"),
    ("DeviceLogin::verification_uri_complete", "keyfob_device_login_verification_uri_complete"),
    ("DevicePoll::Done", "keyfob_poll_device_login"),
    ("DevicePoll::Wait", "keyfob_poll_device_login"),
    ("EndSession::local_only", "keyfob_end_session_options_set_local_only"),
    ("EndSession::post_logout_redirect_uri", "keyfob_end_session_options_set_post_logout_redirect_uri"),
    ("Ended::logout_url", "keyfob_ended_logout_url"),
    ("Ended::revocation", "keyfob_ended_revocation"),
    ("Error::detail", "keyfob_error_detail"),
    ("Error::http_status", "keyfob_error_http_status"),
    ("Error::is_login_required", "keyfob_error_is_login_required"),
    ("Error::is_retryable", "keyfob_error_is_retryable"),
    ("Error::kind", "keyfob_error_status"),
    ("Error::oauth", "keyfob_error_oauth_code"),
    ("Error::reason", "keyfob_error_reason"),
    ("Error::retry_after", "keyfob_error_retry_after_ms"),
    ("Error::return_to", "keyfob_error_return_to"),
    ("ErrorKind::*", "keyfob_status keyfob_status_name"),
    ("Executor::execute", "keyfob_executor_fn keyfob_work_run keyfob_work_free"),
    ("Freshness::millis", "keyfob_fetch_profile"),
    ("Freshness::secs", "keyfob_fetch_profile"),
    ("Freshness::stored", "KEYFOB_MAX_AGE_STORED"),
    ("Health::active_sessions", "keyfob_health_active_sessions"),
    ("Health::clock_skew_at", "keyfob_health_clock_skew_at_ms"),
    ("Health::clock_skew_seconds", "keyfob_health_clock_skew_ms"),
    ("Health::ended_sessions", "keyfob_health_ended_sessions"),
    ("Health::interrupted", "keyfob_health_interrupted_len keyfob_health_interrupted_at"),
    ("Health::moved_aside", "keyfob_health_moved_aside"),
    ("Health::owed_revocations", "keyfob_health_owed_revocations"),
    ("Health::schema_version", "keyfob_health_schema_version"),
    ("Health::sealing", "keyfob_health_sealing"),
    ("Health::sqlite_version", "keyfob_health_sqlite_version"),
    ("Health::unsaved_sessions", "keyfob_health_unsaved_sessions"),
    ("HttpRequest::body", "keyfob_http_request_body keyfob_http_request_body_len"),
    ("HttpRequest::connect_timeout", "keyfob_http_request_connect_timeout_ms"),
    ("HttpRequest::headers", "keyfob_http_request_header_name_at keyfob_http_request_header_value_at"),
    ("HttpRequest::max_body_bytes", "keyfob_http_request_max_body_bytes"),
    ("HttpRequest::method", "keyfob_http_request_method"),
    ("HttpRequest::timeout", "keyfob_http_request_timeout_ms"),
    ("HttpRequest::url", "keyfob_http_request_url"),
    ("HttpResponse::new", "keyfob_http_response_set_status keyfob_http_response_append_body"),
    ("ImportedTokens::access_token", "keyfob_imported_tokens_set_access_token"),
    ("ImportedTokens::new", "keyfob_imported_tokens_new"),
    ("ImportedTokens::refresh_token", "keyfob_imported_tokens_set_refresh_token"),
    ("ImportedTokens::scope", "keyfob_imported_tokens_add_scope"),
    ("Interrupted::begun_at", "keyfob_interrupted_begun_at_ms"),
    ("Interrupted::is_alive", "keyfob_interrupted_is_alive"),
    ("Interrupted::is_in_doubt", "keyfob_interrupted_is_in_doubt"),
    ("Interrupted::is_verified", "keyfob_interrupted_is_verified"),
    ("Interrupted::pid", "keyfob_interrupted_pid"),
    ("Interrupted::retry_after", "keyfob_interrupted_retry_after_ms"),
    ("Interrupted::session", "keyfob_interrupted_session"),
    ("JournalEntry::at", "keyfob_journal_entry_at_ms"),
    ("JournalEntry::clock_skew_seconds", "keyfob_journal_entry_clock_skew_ms"),
    ("JournalEntry::event", "keyfob_journal_entry_event"),
    ("JournalEntry::http_status", "keyfob_journal_entry_http_status"),
    ("JournalEntry::pid", "keyfob_journal_entry_pid"),
    ("JournalEntry::reason", "keyfob_journal_entry_reason"),
    ("JournalEntry::registration", "keyfob_journal_entry_registration"),
    ("JournalEntry::session", "keyfob_journal_entry_session"),
    ("JournalEntry::waited", "keyfob_journal_entry_waited_ms"),
    ("JournalEntry::wish", "keyfob_journal_entry_wish"),
    ("JournalEvent::*", "keyfob_journal_entry_event"),
    ("KeyAlgorithm::EdDsa", "KEYFOB_KEY_ALGORITHM_EDDSA"),
    ("KeyAlgorithm::Es256", "KEYFOB_KEY_ALGORITHM_ES256"),
    ("KeyAlgorithm::Es384", "KEYFOB_KEY_ALGORITHM_ES384"),
    ("KeyAlgorithm::Ps256", "KEYFOB_KEY_ALGORITHM_PS256"),
    ("KeyAlgorithm::Rs256", "KEYFOB_KEY_ALGORITHM_RS256"),
    ("Keyfob::access_token", "keyfob_access_token"),
    ("Keyfob::access_token_within", "keyfob_access_token_within"),
    ("Keyfob::begin_device_login", "keyfob_begin_device_login"),
    ("Keyfob::begin_login", "keyfob_begin_login"),
    ("Keyfob::cached_access_token", "keyfob_cached_access_token"),
    ("Keyfob::cancel_login", "keyfob_cancel_login"),
    ("Keyfob::complete_login", "keyfob_complete_login"),
    ("Keyfob::complete_login_form", "keyfob_complete_login_form"),
    ("Keyfob::current_session", "keyfob_current_session"),
    ("Keyfob::device_login", "keyfob_find_device_login"),
    ("Keyfob::find_session", "keyfob_find_session_by_user"),
    ("Keyfob::complete_logout", "keyfob_complete_logout"),
    ("Keyfob::end_session", "keyfob_end_session"),
    ("Keyfob::health", "keyfob_read_health"),
    ("Keyfob::import_session", "keyfob_import_session"),
    ("Keyfob::journal", "keyfob_journal"),
    ("Keyfob::login_in_browser", "keyfob_login_in_browser"),
    ("Keyfob::login_on_another_device", "keyfob_login_on_another_device keyfob_show_device_login_fn"),
    ("Keyfob::maintain", "keyfob_maintain"),
    ("Keyfob::open", "keyfob_open"),
    ("Keyfob::pending_logins", "keyfob_pending_logins"),
    ("Keyfob::poll_device_login", "keyfob_poll_device_login"),
    ("Keyfob::profile", "keyfob_fetch_profile"),
    ("Keyfob::refresh_if_current", "keyfob_refresh_if_current"),
    ("Keyfob::refresh_session", "keyfob_refresh_session"),
    ("Keyfob::registration_guide", "keyfob_registration_guide"),
    ("Keyfob::registrations", "keyfob_registrations"),
    ("Keyfob::rekey", "keyfob_rekey"),
    ("Keyfob::resume", "keyfob_resume"),
    ("Keyfob::session", "keyfob_find_session"),
    ("Keyfob::sessions", "keyfob_sessions"),
    ("Keyfob::sessions_page", "keyfob_sessions_page"),
    ("Keyfob::set_current_session", "keyfob_set_current_session"),
    ("Keyfob::suspend", "keyfob_suspend"),
    ("Login::authorization_url", "keyfob_login_authorization_url"),
    ("Login::expires_at", "keyfob_login_expires_at_ms"),
    ("Login::id", "keyfob_login_id"),
    ("Login::registration", "keyfob_login_registration"),
    ("LoginControl::cancel", "keyfob_login_control_cancel"),
    ("LoginControl::hand_over", "keyfob_login_control_hand_over"),
    ("LoginControl::is_cancelled", "keyfob_login_control_is_cancelled"),
    ("LoginControl::new", "keyfob_login_control_new"),
    ("LoginOptions::app_data", "keyfob_login_options_set_app_data"),
    ("LoginOptions::failure", "keyfob_login_options_set_failure"),
    ("LoginOptions::for_session", "keyfob_login_options_set_for_session"),
    ("LoginOptions::form_post", "keyfob_login_options_set_form_post"),
    ("LoginOptions::new", "keyfob_login_options_new"),
    ("LoginOptions::parameter", "keyfob_login_options_add_parameter"),
    ("LoginOptions::redirect_port", "keyfob_login_options_set_redirect_port"),
    ("LoginOptions::scope", "keyfob_login_options_add_scope"),
    ("LoginOptions::success", "keyfob_login_options_set_success"),
    ("LoginPages::denied", "keyfob_login_pages_set_denied"),
    ("LoginPages::failure", "keyfob_login_pages_set_failure"),
    ("LoginPages::language", "keyfob_login_pages_set_language"),
    ("LoginPages::new", "keyfob_login_pages_new"),
    ("LoginPages::right_to_left", "keyfob_login_pages_set_right_to_left"),
    ("LoginPages::success", "keyfob_login_pages_set_success"),
    ("Loopback::AnyPort", "KEYFOB_LOOPBACK_ANY_PORT"),
    ("Loopback::Exact", "KEYFOB_LOOPBACK_EXACT"),
    ("Loopback::None", "KEYFOB_LOOPBACK_NONE"),
    ("Maintained::failed", "keyfob_maintained_failed"),
    ("Maintained::owed", "keyfob_maintained_owed"),
    ("Maintained::refreshed", "keyfob_maintained_refreshed"),
    ("Maintained::revoked", "keyfob_maintained_revoked"),
    ("Method::*", "keyfob_http_request_method"),
    ("MinValidity::millis", "keyfob_access_token"),
    ("MinValidity::secs", "keyfob_access_token"),
    ("OAuthError::code", "keyfob_error_oauth_code"),
    ("OAuthError::description", "keyfob_error_oauth_description"),
    ("OAuthError::uri", "keyfob_error_oauth_uri"),
    ("Observer::clock_skew", "keyfob_clock_skew_fn keyfob_config_set_observer"),
    ("Observer::login_required", "keyfob_login_required_fn keyfob_config_set_observer"),
    ("Observer::session_changed", "keyfob_session_changed_fn keyfob_config_set_observer"),
    ("OsKeyring::missing_is_gone", KEYRING),
    ("OsKeyring::new", KEYRING),
    ("LoggedOut::registration", "keyfob_logged_out_registration"),
    ("LoggedOut::session_id", "keyfob_logged_out_session_id"),
    ("PendingLogin::created_at", "keyfob_pending_login_created_at_ms"),
    ("PendingLogin::expires_at", "keyfob_pending_login_expires_at_ms"),
    ("PendingLogin::id", "keyfob_pending_login_id"),
    ("PendingLogin::is_on_another_device", "keyfob_pending_login_is_on_another_device"),
    ("PendingLogin::registration", "keyfob_pending_login_registration"),
    ("Profile::avatar_url", "keyfob_profile_avatar_url"),
    ("Profile::email", "keyfob_profile_email"),
    ("Profile::email_verified", "keyfob_profile_email_verified"),
    ("Profile::locale", "keyfob_profile_locale"),
    ("Profile::name", "keyfob_profile_name"),
    ("Profile::raw_json", "keyfob_profile_raw_json"),
    ("Profile::uid", "keyfob_profile_uid"),
    ("Provider::accepts_custom_scheme", "keyfob_provider_accepts_custom_scheme"),
    ("Provider::accepts_loopback", "keyfob_provider_accepts_loopback"),
    ("Provider::aliases", "keyfob_provider_aliases_len keyfob_provider_aliases_at"),
    ("Provider::avatar_url_at", "keyfob_provider_builder_add_avatar_url_at"),
    ("Provider::default_scopes", "keyfob_provider_scopes_len keyfob_provider_scopes_at"),
    ("Provider::device_authorization_endpoint", "keyfob_provider_builder_set_device_authorization_endpoint"),
    ("Provider::display_name", "keyfob_provider_name"),
    ("Provider::email_at", "keyfob_provider_builder_set_email_at"),
    ("Provider::from_json", "keyfob_provider_builder_from_json"),
    ("Provider::id", "keyfob_provider_id"),
    ("Provider::kind", "keyfob_provider_speaks"),
    ("Provider::name", "keyfob_provider_builder_set_name"),
    ("Provider::name_at", "keyfob_provider_builder_add_name_at"),
    ("Provider::oauth2", "keyfob_provider_builder_new_oauth2"),
    ("Provider::required_variables", "keyfob_provider_variables_len keyfob_provider_variables_at"),
    ("Provider::revocation_endpoint", "keyfob_provider_builder_set_revocation_endpoint"),
    ("Provider::scope", "keyfob_provider_builder_add_scope"),
    ("ProviderKind::Oauth2", "KEYFOB_PROVIDER_KIND_OAUTH2"),
    ("ProviderKind::Oidc", "KEYFOB_PROVIDER_KIND_OIDC"),
    ("Reason::*", "keyfob_error_reason keyfob_session_ended_reason"),
    ("RefreshPolicy::Never", "KEYFOB_REFRESH_POLICY_NEVER"),
    ("RefreshPolicy::Normal", "KEYFOB_REFRESH_POLICY_NORMAL"),
    ("RefreshPolicy::OnDemand", "KEYFOB_REFRESH_POLICY_ON_DEMAND"),
    ("Registration::client_secret", "keyfob_registration_builder_set_client_secret"),
    ("Registration::client_secret_post", "keyfob_registration_builder_set_client_secret_post"),
    ("Registration::enabled", "keyfob_registration_builder_set_enabled"),
    ("Registration::id", OWN),
    ("Registration::key_algorithm", "keyfob_registration_builder_set_key_algorithm"),
    ("Registration::key_id", "keyfob_registration_builder_set_key_id"),
    ("Registration::new", "keyfob_registration_builder_new"),
    ("Registration::private_key", "keyfob_registration_builder_set_private_key"),
    ("Registration::refresh_budget", "keyfob_registration_builder_set_refresh_budget"),
    (
        "Registration::require_pushed_authorization_requests",
        "keyfob_registration_builder_require_pushed_authorization_requests",
    ),
    ("Registration::resource", "keyfob_registration_builder_add_resource"),
    ("Registration::scope", "keyfob_registration_builder_add_scope"),
    ("Registration::variable", "keyfob_registration_builder_set_variable"),
    ("RegistrationGuide::accepts_custom_scheme", "keyfob_guide_accepts_custom_scheme"),
    ("RegistrationGuide::accepts_loopback", "keyfob_guide_accepts_loopback"),
    ("RegistrationGuide::provider_name", "keyfob_guide_provider_name"),
    ("RegistrationGuide::redirect_uri", "keyfob_guide_redirect_uri"),
    ("RegistrationGuide::redirect_uri_accepted", "keyfob_guide_redirect_uri_accepted"),
    ("RegistrationGuide::scopes", "keyfob_guide_scopes_len keyfob_guide_scopes_at"),
    ("RegistrationGuide::steps", "keyfob_guide_steps_len keyfob_guide_steps_at"),
    ("RegistrationInfo::enabled", "keyfob_registration_enabled"),
    ("RegistrationInfo::id", "keyfob_registration_id"),
    ("RegistrationInfo::provider", "keyfob_registration_provider"),
    ("RegistrationInfo::provider_name", "keyfob_registration_provider_name"),
    ("Revocation::Done", "KEYFOB_REVOCATION_DONE"),
    ("Revocation::Failed", "KEYFOB_REVOCATION_FAILED keyfob_ended_revocation_error"),
    ("Revocation::NotAsked", "KEYFOB_REVOCATION_NOT_ASKED"),
    ("Revocation::NotSupported", "KEYFOB_REVOCATION_NOT_SUPPORTED"),
    ("Revocation::Owed", "KEYFOB_REVOCATION_OWED keyfob_ended_revocation_error"),
    ("Sealing::Locked", "KEYFOB_SEALING_LOCKED"),
    ("Sealing::Plaintext", "KEYFOB_SEALING_PLAINTEXT"),
    ("Sealing::Sealed", "KEYFOB_SEALING_SEALED"),
    ("Sent::NotSent", "KEYFOB_TRANSPORT_NOT_SENT"),
    ("Sent::Unknown", "KEYFOB_TRANSPORT_UNKNOWN"),
    ("Session::created_at", "keyfob_session_created_at_ms"),
    ("Session::id", "keyfob_session_id"),
    ("Session::id_token", "keyfob_session_id_token"),
    ("Session::id_token_claims_json", "keyfob_session_id_token_claims_json"),
    ("Session::profile", "keyfob_session_profile"),
    ("Session::provider", "keyfob_session_provider"),
    ("Session::provider_access_token", "keyfob_session_provider_access_token"),
    ("Session::provider_access_token_expiry", "keyfob_session_provider_access_token_expiry_ms"),
    ("Session::provider_refresh_token", "keyfob_session_provider_refresh_token"),
    ("Session::provider_uid", "keyfob_session_provider_uid"),
    ("Session::registration", "keyfob_session_registration"),
    ("Session::scopes", "keyfob_session_scopes_len keyfob_session_scopes_at"),
    ("Session::state", "keyfob_session_is_active keyfob_session_ended_reason"),
    ("Session::token_answer_json", "keyfob_session_token_answer_json"),
    ("Session::updated_at", "keyfob_session_updated_at_ms"),
    ("SessionState::Active", "keyfob_session_is_active"),
    ("SessionState::Ended", "keyfob_session_ended_reason"),
    ("StoreKey::as_bytes", "keyfob_store_key_generate"),
    ("StoreKey::from_slice", "keyfob_config_set_store_key"),
    ("StoreKey::generate", "keyfob_store_key_generate"),
    ("StoreKey::new", "keyfob_config_set_store_key"),
    ("StoreKeyAnswer::Gone", "KEYFOB_STORE_KEY_GONE"),
    ("StoreKeyAnswer::Key", "KEYFOB_STORE_KEY_HERE"),
    ("StoreKeyAnswer::NotNow", "KEYFOB_STORE_KEY_NOT_NOW"),
    ("StoreKeySource::store_key", "keyfob_store_key_fn keyfob_config_set_store_key_source"),
    ("SystemClock::new", "the default: what has no other clock has this one"),
    ("Transport::send", "keyfob_transport_fn keyfob_config_set_transport"),
    ("TransportError::new", "keyfob_transport_outcome keyfob_http_response_set_failure"),
    ("TransportFailure::Answer", "KEYFOB_TRANSPORT_FAILURE_ANSWER"),
    ("TransportFailure::Certificate", "KEYFOB_TRANSPORT_FAILURE_CERTIFICATE"),
    ("TransportFailure::CertificateExpired", "KEYFOB_TRANSPORT_FAILURE_CERTIFICATE_EXPIRED"),
    ("TransportFailure::CertificateNotYetValid", "KEYFOB_TRANSPORT_FAILURE_CERTIFICATE_NOT_YET_VALID"),
    ("TransportFailure::CertificateRevoked", "KEYFOB_TRANSPORT_FAILURE_CERTIFICATE_REVOKED"),
    ("TransportFailure::CertificateUnknownIssuer", "KEYFOB_TRANSPORT_FAILURE_CERTIFICATE_UNKNOWN_ISSUER"),
    ("TransportFailure::CertificateWrongHost", "KEYFOB_TRANSPORT_FAILURE_CERTIFICATE_WRONG_HOST"),
    ("TransportFailure::Network", "KEYFOB_TRANSPORT_FAILURE_NETWORK"),
    ("TransportFailure::Proxy", "KEYFOB_TRANSPORT_FAILURE_PROXY"),
    ("TransportFailure::Timeout", "KEYFOB_TRANSPORT_FAILURE_TIMEOUT"),
    ("TransportFailure::Tls", "KEYFOB_TRANSPORT_FAILURE_TLS"),
    ("WantedKey::Existing", "KEYFOB_WANTED_STORE_KEY_EXISTING"),
    ("WantedKey::New", "KEYFOB_WANTED_STORE_KEY_NEW"),
    ("open_browser", "keyfob_open_browser"),
    ("providers", "keyfob_providers"),
];

#[test]
fn everything_public_in_the_core_is_reached_from_c_or_has_a_reason() {
    let items = public_items();
    let uncovered: Vec<_> = items.iter().filter(|item| !COVERED.iter().any(|(row, _)| covers(row, item))).collect();
    assert!(uncovered.is_empty(), "not reachable from C, and without a reason in COVERED: {uncovered:#?}");
}

#[test]
fn every_row_is_about_something_that_is_there() {
    let items = public_items();
    let stale: Vec<_> =
        COVERED.iter().map(|(row, _)| *row).filter(|row| !items.iter().any(|item| covers(row, item))).collect();
    assert!(stale.is_empty(), "in COVERED, but not in the core: {stale:#?}");
}

#[test]
fn every_name_in_c_is_exported_and_declared() {
    let header = read("../include/keyfob.h");
    let words: BTreeSet<&str> = header.split(|at: char| !at.is_alphanumeric() && at != '_').collect();
    for (item, names) in COVERED.iter().filter(|(_, names)| is_c(names)) {
        for name in names.split(' ') {
            assert!(words.contains(name), "{item}: {name} is not in keyfob.h");
        }
    }
    for symbol in read("symbols.txt").lines() {
        assert!(words.contains(symbol), "{symbol} is exported, and not in keyfob.h");
    }
}

#[test]
fn the_scan_sees_what_it_should() {
    let source = "pub struct A;\nimpl A {\n    pub fn one(&self) {}\n    pub const fn two() {}\n    pub(crate) fn no(&self) {}\n    fn no2() {}\n}\n\
                  impl Drop for A {\n    fn drop(&mut self) {}\n}\npub trait T: Send {\n    fn three(&self);\n}\npub enum E {\n    /// Four\n    Four,\n    \
                  Five(u8),\n}\npub fn free() {}\n#[cfg(test)]\nmod tests {\n    impl A {\n        pub fn no3() {}\n    }\n}\n";
    let mut items = BTreeSet::new();
    scan(source, &mut items);
    assert_eq!(Vec::from_iter(&items), ["A::one", "A::two", "E::Five", "E::Four", "T::three", "free"]);
    assert_eq!(exports("pub use a::{B, c};\nuse d::E;\npub use f::G;\n"), ["B", "c", "G"]);
}

/// Whether a row is about an item; `Type::*` is about everything of the type.
fn covers(row: &str, item: &str) -> bool {
    row == item || row.strip_suffix('*').is_some_and(|owner| item.starts_with(owner))
}

fn is_c(names: &str) -> bool {
    names.split(' ').all(|name| name.starts_with("keyfob_") || name.starts_with("KEYFOB_"))
}

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// `Type::function`, `Enum::Variant` and `function`, of what the core makes public.
fn public_items() -> BTreeSet<String> {
    let exports = exports(&read("../core/src/lib.rs"));
    let mut items = BTreeSet::new();
    let mut folders = vec![PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../core/src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                scan(&fs::read_to_string(path).unwrap(), &mut items);
            }
        }
    }
    items.retain(|item| exports.iter().any(|name| item.split("::").next() == Some(name)));
    items
}

/// The names of `pub use path::Name;` and `pub use path::{Name, Name};`.
fn exports(lib: &str) -> Vec<String> {
    let mut names = Vec::new();
    let lib = format!("\n{lib}");
    for used in lib.split("\npub use ").skip(1) {
        let used = used.split(';').next().unwrap_or_default();
        let last = used.rsplit("::").next().unwrap_or_default();
        names.extend(last.split(['{', '}', ',', ' ', '\n']).filter(|name| !name.is_empty()).map(str::to_owned));
    }
    names
}

/// What one file has of functions and variants, and whose they are.
fn scan(source: &str, items: &mut BTreeSet<String>) {
    /// Whose lines these are.
    #[derive(Clone, Copy)]
    enum Owner<'a> {
        Nobody,
        Type(&'a str),
        Trait(&'a str),
        Enum(&'a str),
    }
    let source = source.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
    let mut owner = Owner::Nobody;
    for line in source.lines() {
        let code = line.trim_start();
        if line.starts_with('}') {
            owner = Owner::Nobody;
        } else if let Some(name) = code.strip_prefix("impl ") {
            // Methods of traits are the traits' matter.
            owner = if name.contains(" for ") { Owner::Nobody } else { Owner::Type(word(name)) };
        } else if let Some(name) = code.strip_prefix("pub trait ") {
            owner = Owner::Trait(word(name));
        } else if let Some(name) = code.strip_prefix("pub enum ") {
            owner = Owner::Enum(word(name));
        } else if let Some(name) = function(code) {
            items.extend(match owner {
                Owner::Type(owner) => Some(format!("{owner}::{name}")),
                _ if line.starts_with("pub") => Some(name.to_owned()),
                _ => None,
            });
        } else if let (Owner::Trait(owner), Some(name)) = (owner, code.strip_prefix("fn ")) {
            items.insert(format!("{owner}::{}", word(name)));
        } else if let (Owner::Enum(owner), true) = (owner, code.starts_with(|at: char| at.is_ascii_uppercase())) {
            items.insert(format!("{owner}::{}", word(code)));
        }
    }
}

/// The name of a public function that begins here.
fn function(code: &str) -> Option<&str> {
    ["pub fn ", "pub const fn ", "pub async fn ", "pub unsafe fn "]
        .iter()
        .find_map(|start| code.strip_prefix(start))
        .map(word)
}

/// The identifier that begins here.
fn word(code: &str) -> &str {
    code.split(|at: char| !at.is_alphanumeric() && at != '_').next().unwrap_or_default()
}
