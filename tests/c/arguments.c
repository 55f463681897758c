/* What a caller may get wrong, and that it is told so. `arguments ISSUER EMPTY_FOLDER`. */

#include "tap.h"

#define NOT_UTF8 "\xc3\x28"

/* A call that must be refused, with what its error says. */
static void refused(keyfob_status status, keyfob_error **error, const char *detail) {
    same(keyfob_error_detail(*error), detail, "the detail");
    fails(status, error, KEYFOB_INVALID_ARGUMENT, "InvalidArgument", detail);
}

static void versions_agree(void) {
    ok(keyfob_version_number() == KEYFOB_VERSION_NUMBER, "the version's number is the header's");
    same(keyfob_version_string(), KEYFOB_VERSION_STRING, "the version");
    ok(keyfob_abi_version() == KEYFOB_ABI_VERSION, "the ABI is the header's");
    same(keyfob_status_name(KEYFOB_OK), "Ok", "the name of KEYFOB_OK");
    same(keyfob_status_name(KEYFOB_LOGIN_REQUIRED), "LoginRequired", "the name of KEYFOB_LOGIN_REQUIRED");
    same(keyfob_status_name(12345), "Unknown", "the name of another number");
}

static void null_is_named(keyfob_handle *keyfob) {
    keyfob_error *error = NULL;
    keyfob_config *config = NULL;
    keyfob_login *login = NULL;
    keyfob_completed *completed = NULL;
    keyfob_token *token = NULL;
    keyfob_session *session = NULL;
    keyfob_profile *profile = NULL;
    keyfob_session_list *sessions = NULL;
    keyfob_registration_list *registrations = NULL;
    keyfob_journal_list *journal = NULL;
    keyfob_handle *other = NULL;
    keyfob_ended *ended = NULL;
    keyfob_pending_login_list *pending = NULL;
    keyfob_guide *guide = NULL;
    keyfob_imported_tokens *tokens = NULL;
    keyfob_maintained *maintained = NULL;
    keyfob_health *health = NULL;

    refused(keyfob_config_from_json(NULL, &config, &error), &error, "json is NULL");
    refused(keyfob_config_from_json("{}", NULL, &error), &error, "config_out is NULL");
    refused(keyfob_open(NULL, &other, &error), &error, "config is NULL");
    refused(keyfob_begin_login(NULL, REGISTRATION, NULL, &login, &error), &error, "handle is NULL");
    refused(keyfob_begin_login(keyfob, NULL, NULL, &login, &error), &error, "registration is NULL");
    refused(keyfob_begin_login(keyfob, REGISTRATION, NULL, NULL, &error), &error, "login_out is NULL");
    refused(keyfob_complete_login(keyfob, NULL, &completed, &error), &error, "redirect_url is NULL");
    refused(keyfob_complete_login(keyfob, "x:y", NULL, &error), &error, "completed_out is NULL");
    refused(keyfob_access_token(keyfob, NULL, 0, &token, &error), &error, "session_id is NULL");
    refused(keyfob_access_token(keyfob, "x", 0, NULL, &error), &error, "token_out is NULL");
    refused(keyfob_access_token_within(NULL, "x", 0, 0, &token, &error), &error, "handle is NULL");
    refused(keyfob_access_token_within(keyfob, NULL, 0, 0, &token, &error), &error, "session_id is NULL");
    refused(keyfob_access_token_within(keyfob, "x", 0, 0, NULL, &error), &error, "token_out is NULL");
    refused(keyfob_access_token_within(keyfob, "x", -2, 0, &token, &error), &error, "min_validity_ms is negative");
    refused(keyfob_cached_access_token(NULL, "x", 0, &token, &error), &error, "handle is NULL");
    refused(keyfob_cached_access_token(keyfob, NULL, 0, &token, &error), &error, "session_id is NULL");
    refused(keyfob_cached_access_token(keyfob, "x", 0, NULL, &error), &error, "token_out is NULL");
    refused(keyfob_cached_access_token(keyfob, "x", -2, &token, &error), &error, "min_validity_ms is negative");
    refused(keyfob_maintain(NULL, 0, &maintained, &error), &error, "handle is NULL");
    refused(keyfob_suspend(NULL, 0, &error), &error, "handle is NULL");
    refused(keyfob_resume(NULL, &error), &error, "handle is NULL");
    refused(keyfob_read_health(NULL, &health, &error), &error, "handle is NULL");
    refused(keyfob_read_health(keyfob, NULL, &error), &error, "health_out is NULL");
    refused(keyfob_refresh_session(NULL, "x", &session, &error), &error, "handle is NULL");
    refused(keyfob_refresh_session(keyfob, NULL, NULL, &error), &error, "session_id is NULL");
    refused(keyfob_fetch_profile(keyfob, "x", 0, NULL, &error), &error, "profile_out is NULL");
    refused(keyfob_fetch_profile(NULL, "x", 0, &profile, &error), &error, "handle is NULL");
    refused(keyfob_find_session(keyfob, NULL, &session, &error), &error, "session_id is NULL");
    refused(keyfob_find_session_by_user(NULL, "x", "y", &session, &error), &error, "handle is NULL");
    refused(keyfob_find_session_by_user(keyfob, NULL, "y", &session, &error), &error, "registration is NULL");
    refused(keyfob_find_session_by_user(keyfob, "x", NULL, &session, &error), &error, "provider_uid is NULL");
    refused(keyfob_find_session_by_user(keyfob, "x", "y", NULL, &error), &error, "session_out is NULL");
    refused(keyfob_sessions_page(NULL, NULL, 1, &sessions, &error), &error, "handle is NULL");
    refused(keyfob_sessions_page(keyfob, NULL, 1, NULL, &error), &error, "list_out is NULL");
    refused(keyfob_sessions(keyfob, NULL, &error), &error, "list_out is NULL");
    refused(keyfob_sessions(NULL, &sessions, &error), &error, "handle is NULL");
    refused(keyfob_current_session(keyfob, NULL, &error), &error, "session_out is NULL");
    refused(keyfob_set_current_session(keyfob, NULL, &error), &error, "session_id is NULL");
    refused(keyfob_end_session(keyfob, NULL, NULL, NULL, &error), &error, "session_id is NULL");
    refused(keyfob_end_session(NULL, "x", NULL, &ended, &error), &error, "handle is NULL");
    refused(keyfob_end_session_options_set_local_only(NULL, true, &error), &error, "options is NULL");
    refused(keyfob_end_session_options_set_post_logout_redirect_uri(NULL, "x:y", &error), &error, "options is NULL");
    refused(keyfob_pending_logins(keyfob, NULL, &error), &error, "list_out is NULL");
    refused(keyfob_pending_logins(NULL, &pending, &error), &error, "handle is NULL");
    refused(keyfob_cancel_login(NULL, "x", &error), &error, "handle is NULL");
    refused(keyfob_cancel_login(keyfob, NULL, &error), &error, "login_id is NULL");
    refused(keyfob_refresh_if_current(keyfob, NULL, "x", &token, &error), &error, "session_id is NULL");
    refused(keyfob_refresh_if_current(keyfob, "x", NULL, &token, &error), &error, "rejected_token is NULL");
    refused(keyfob_refresh_if_current(keyfob, "x", "x", NULL, &error), &error, "token_out is NULL");
    refused(keyfob_registration_guide(keyfob, NULL, &guide, &error), &error, "registration is NULL");
    refused(keyfob_registration_guide(keyfob, REGISTRATION, NULL, &error), &error, "guide_out is NULL");
    refused(keyfob_imported_tokens_new(NULL, "u-1", &tokens, &error), &error, "registration is NULL");
    refused(keyfob_imported_tokens_new(REGISTRATION, NULL, &tokens, &error), &error, "provider_uid is NULL");
    refused(keyfob_imported_tokens_new(REGISTRATION, "u-1", NULL, &error), &error, "tokens_out is NULL");
    refused(keyfob_imported_tokens_set_refresh_token(NULL, "x", &error), &error, "tokens is NULL");
    refused(keyfob_import_session(keyfob, NULL, &session, &error), &error, "tokens is NULL");
    refused(keyfob_login_options_add_parameter(NULL, "x", "y", &error), &error, "options is NULL");
    refused(keyfob_login_options_set_app_data(NULL, "x", &error), &error, "options is NULL");
    refused(keyfob_login_options_set_for_session(NULL, "x", &error), &error, "options is NULL");
    refused(keyfob_config_set_executor(NULL, NULL, NULL, NULL, &error), &error, "config is NULL");
    refused(keyfob_registrations(NULL, &registrations, &error), &error, "handle is NULL");
    refused(keyfob_journal(NULL, 1, &journal, &error), &error, "handle is NULL");
    refused(keyfob_login_options_add_scope(NULL, "x", &error), &error, "options is NULL");
    refused(keyfob_config_set_transport(NULL, NULL, NULL, NULL, &error), &error, "config is NULL");
    refused(keyfob_config_set_clock(NULL, NULL, NULL, NULL, NULL, NULL, &error), &error, "config is NULL");
    refused(keyfob_config_set_observer(NULL, NULL, NULL, NULL, NULL, NULL, &error), &error, "config is NULL");

    ok(keyfob_sessions(NULL, NULL, NULL) == KEYFOB_INVALID_ARGUMENT, "the error is optional");
    sessions = (keyfob_session_list *)&error;
    ok(keyfob_sessions(NULL, &sessions, NULL) == KEYFOB_INVALID_ARGUMENT && sessions == NULL,
       "an output is NULL after an error, whatever it was");
    error = (keyfob_error *)&sessions;
    must(keyfob_registrations(keyfob, &registrations, &error), &error, "registrations");
    ok(error == NULL, "an error is NULL after success, whatever it was");
    keyfob_registration_list_free(registrations);
}

static void text_must_be_utf8(keyfob_handle *keyfob) {
    keyfob_error *error = NULL;
    keyfob_config *config = NULL;
    keyfob_login *login = NULL;
    keyfob_completed *completed = NULL;
    keyfob_session *session = NULL;
    refused(keyfob_config_from_json(NOT_UTF8, &config, &error), &error, "json is not UTF-8");
    refused(keyfob_begin_login(keyfob, NOT_UTF8, NULL, &login, &error), &error, "registration is not UTF-8");
    refused(keyfob_complete_login(keyfob, NOT_UTF8, &completed, &error), &error, "redirect_url is not UTF-8");
    refused(keyfob_find_session(keyfob, NOT_UTF8, &session, &error), &error, "session_id is not UTF-8");
    keyfob_login_options *options = keyfob_login_options_new();
    refused(keyfob_login_options_set_success(options, NOT_UTF8, &error), &error, "link is not UTF-8");
    refused(keyfob_login_options_set_failure(options, NULL, &error), &error, "link is NULL");
    refused(keyfob_login_options_add_parameter(options, NOT_UTF8, "x", &error), &error, "name is not UTF-8");
    refused(keyfob_login_options_add_parameter(options, "x", NULL, &error), &error, "value is NULL");
    refused(keyfob_login_options_set_app_data(options, NOT_UTF8, &error), &error, "data is not UTF-8");
    refused(keyfob_login_options_set_for_session(options, NOT_UTF8, &error), &error, "session_id is not UTF-8");
    keyfob_login_options_free(options);
    keyfob_end_session_options *end = keyfob_end_session_options_new();
    refused(keyfob_end_session_options_set_post_logout_redirect_uri(end, NOT_UTF8, &error), &error,
            "uri is not UTF-8");
    keyfob_end_session_options_free(end);
}

static void what_the_core_refuses(keyfob_handle *keyfob, const char *folder) {
    keyfob_error *error = NULL;
    keyfob_config *config = NULL;
    keyfob_handle *other = NULL;
    keyfob_login *login = NULL;
    keyfob_session *session = NULL;
    fails(keyfob_config_from_json("not JSON", &config, &error), &error, KEYFOB_CONFIGURATION, "InvalidConfiguration",
          "no JSON");
    keyfob_status status = keyfob_config_from_json("{\"store\":{\"path\":\"x\",\"colour\":1}}", &config, &error);
    same(keyfob_error_detail(error), "store.colour", "the key");
    fails(status, &error, KEYFOB_CONFIGURATION, "UnknownKey", "an unknown key");

    char json[4096];
    snprintf(json, sizeof json,
             "{\"store\":{\"path\":\"%s/other\"},\"registrations\":[{\"id\":\"r\","
             "\"provider\":\"nobody\",\"client_id\":\"c\",\"redirect_uri\":\"com.example.notes:/r\"}]}",
             folder);
    must(keyfob_config_from_json(json, &config, &error), &error, "configuration");
    fails(keyfob_open(config, &other, &error), &error, KEYFOB_CONFIGURATION, "UnknownProvider",
          "a provider that nobody knows, and the configuration is gone");
    must(keyfob_config_from_json(json, &config, &error), &error, "configuration");
    refused(keyfob_open(config, NULL, &error), &error, "handle_out is NULL");

    fails(keyfob_begin_login(keyfob, "nobody", NULL, &login, &error), &error, KEYFOB_INVALID_ARGUMENT,
          "UnknownRegistration", "a registration that nobody knows");
    fails(keyfob_find_session(keyfob, "nobody", &session, &error), &error, KEYFOB_INVALID_ARGUMENT, "UnknownSession",
          "a session that nobody knows");
    keyfob_login_options *options = keyfob_login_options_new();
    must(keyfob_login_options_add_scope(options, "two words", &error), &error, "scope");
    fails(keyfob_begin_login(keyfob, REGISTRATION, options, &login, &error), &error, KEYFOB_INVALID_ARGUMENT,
          "InvalidArgument", "a scope that is two");
    keyfob_login_options_free(options);
}

static void getters_of_null_are_empty(void) {
    ok(keyfob_error_status(NULL) == KEYFOB_OK && keyfob_error_reason(NULL) == NULL
           && keyfob_error_http_status(NULL) == 0 && !keyfob_error_is_retryable(NULL)
           && keyfob_error_retry_after_ms(NULL) == KEYFOB_TIME_UNKNOWN,
       "of an error");
    ok(keyfob_session_id(NULL) == NULL && !keyfob_session_is_active(NULL) && keyfob_session_scopes_len(NULL) == 0
           && keyfob_session_profile(NULL) == NULL && keyfob_session_created_at_ms(NULL) == KEYFOB_TIME_UNKNOWN
           && keyfob_session_copy(NULL) == NULL,
       "of a session");
    ok(keyfob_token_secret(NULL) == NULL && keyfob_token_expires_at_ms(NULL) == KEYFOB_TIME_UNKNOWN
           && !keyfob_token_is_unsaved(NULL),
       "of a token");
    ok(keyfob_profile_uid(NULL) == NULL && keyfob_login_authorization_url(NULL) == NULL
           && keyfob_completed_session(NULL) == NULL && keyfob_completed_return_to(NULL) == NULL,
       "of a profile and a login");
    ok(keyfob_session_id_token(NULL) == NULL && keyfob_session_id_token_claims_json(NULL) == NULL
           && keyfob_session_token_answer_json(NULL) == NULL && keyfob_completed_app_data(NULL) == NULL,
       "of what a login brought");
    ok(keyfob_ended_revocation(NULL) == 0 && keyfob_ended_revocation_error(NULL) == NULL
           && keyfob_ended_logout_url(NULL) == NULL,
       "of a logout");
    ok(keyfob_pending_login_list_len(NULL) == 0 && keyfob_pending_login_list_at(NULL, 0) == NULL
           && keyfob_pending_login_id(NULL) == NULL && keyfob_pending_login_expires_at_ms(NULL) == KEYFOB_TIME_UNKNOWN,
       "of logins that wait");
    ok(keyfob_guide_redirect_uri(NULL) == NULL && keyfob_guide_steps_len(NULL) == 0
           && keyfob_guide_steps_at(NULL, 0) == NULL && keyfob_guide_accepts_custom_scheme(NULL) == KEYFOB_ANSWER_UNKNOWN
           && keyfob_guide_accepts_loopback(NULL) == KEYFOB_LOOPBACK_UNKNOWN,
       "of a guide");
    ok(keyfob_maintained_refreshed(NULL) == 0 && keyfob_maintained_revoked(NULL) == 0
           && keyfob_maintained_failed(NULL) == 0 && keyfob_maintained_owed(NULL) == 0,
       "of a maintenance");
    ok(keyfob_health_schema_version(NULL) == 0 && keyfob_health_sqlite_version(NULL) == NULL
           && keyfob_health_active_sessions(NULL) == 0 && keyfob_health_clock_skew_ms(NULL) == KEYFOB_TIME_UNKNOWN
           && keyfob_health_interrupted_len(NULL) == 0 && keyfob_health_interrupted_at(NULL, 0) == NULL
           && keyfob_interrupted_session(NULL) == NULL && keyfob_interrupted_pid(NULL) == 0
           && !keyfob_interrupted_is_alive(NULL) && keyfob_interrupted_retry_after_ms(NULL) == KEYFOB_TIME_UNKNOWN,
       "of a health");
    ok(keyfob_session_list_len(NULL) == 0 && keyfob_session_list_at(NULL, 0) == NULL
           && keyfob_registration_list_len(NULL) == 0 && keyfob_registration_id(NULL) == NULL
           && keyfob_journal_list_len(NULL) == 0 && keyfob_journal_entry_event(NULL) == NULL
           && keyfob_journal_entry_wish(NULL) == NULL && keyfob_journal_entry_waited_ms(NULL) == KEYFOB_TIME_UNKNOWN
           && keyfob_journal_entry_clock_skew_ms(NULL) == KEYFOB_TIME_UNKNOWN,
       "of lists");
}

static void freeing_null_does_nothing(void) {
    keyfob_free(NULL);
    keyfob_config_free(NULL);
    keyfob_error_free(NULL);
    keyfob_login_options_free(NULL);
    keyfob_login_free(NULL);
    keyfob_completed_free(NULL);
    keyfob_session_free(NULL);
    keyfob_session_list_free(NULL);
    keyfob_token_free(NULL);
    keyfob_profile_free(NULL);
    keyfob_registration_list_free(NULL);
    keyfob_journal_list_free(NULL);
    keyfob_end_session_options_free(NULL);
    keyfob_ended_free(NULL);
    keyfob_pending_login_list_free(NULL);
    keyfob_guide_free(NULL);
    keyfob_imported_tokens_free(NULL);
    keyfob_maintained_free(NULL);
    keyfob_health_free(NULL);
    keyfob_work_free(NULL);
    keyfob_work_run(NULL);
    ok(true, "freeing NULL does nothing");
}

int main(int argc, char **argv) {
    if (argc != 3) {
        give_up("usage: arguments ISSUER EMPTY_FOLDER");
    }
    keyfob_handle *keyfob = open_config(configure(argv[1], argv[2], "arguments"));
    versions_agree();
    null_is_named(keyfob);
    text_must_be_utf8(keyfob);
    what_the_core_refuses(keyfob, argv[2]);
    getters_of_null_are_empty();
    freeing_null_does_nothing();
    keyfob_config_free(configure(argv[1], argv[2], "never opened"));
    keyfob_free(keyfob);
    return tap_done();
}
