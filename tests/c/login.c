/* The whole login, and every way in which it must not succeed. `login ISSUER EMPTY_FOLDER`. */

#define _POSIX_C_SOURCE 200809L

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"

#define APP_DATA "draft 7 \xc3\xbc"

static const char *issuer;
static const char *folder;

static void a_login_becomes_a_session(void) {
    keyfob_handle *keyfob = open_config(configure(issuer, folder, "whole"));
    keyfob_error *error = NULL;
    keyfob_login_options *options = keyfob_login_options_new();
    must(keyfob_login_options_add_scope(options, "profile", &error), &error, "scope");
    must(keyfob_login_options_set_success(options, "app:/home", &error), &error, "success");
    must(keyfob_login_options_set_failure(options, "app:/login", &error), &error, "failure");
    must(keyfob_login_options_set_redirect_port(options, 4999, &error), &error, "port");

    keyfob_login *login = NULL;
    must(keyfob_begin_login(keyfob, REGISTRATION, options, &login, &error), &error, "begin");
    keyfob_login_options_free(options);
    const char *url = keyfob_login_authorization_url(login);
    ok(strstr(url, "code_challenge_method=S256") != NULL, "the URL has an S256 challenge");
    ok(strstr(url, "127.0.0.1%3A4999%2F") != NULL, "the URL has the port that was set");
    ok(strstr(url, "profile") != NULL, "the URL has the scope that was added");
    ok(strstr(url, "app%3A") == NULL && strstr(url, "app:") == NULL, "the links are not sent");
    same(keyfob_login_registration(login), REGISTRATION, "the login's registration");
    ok(strlen(keyfob_login_id(login)) > 0, "the login has an id");
    ok(keyfob_login_expires_at_ms(login) > 0, "the login expires");

    char redirect[8192];
    snprintf(redirect, sizeof redirect, "%s", ask("browse", url));
    keyfob_login_free(login);
    ok(strstr(redirect, ":4999/") != NULL, "the browser came back to that port");

    keyfob_completed *completed = NULL;
    must(keyfob_complete_login(keyfob, redirect, &completed, &error), &error, "complete");
    ok(error == NULL, "success leaves no error");
    same(keyfob_completed_return_to(completed), "app:/home", "the success link");
    const keyfob_session *session = keyfob_completed_session(completed);
    ok(keyfob_session_is_active(session), "the session is active");
    same(keyfob_session_ended_reason(session), NULL, "the reason of its end");
    same(keyfob_session_provider_uid(session), "u-1", "the user");
    same(keyfob_session_provider(session), "oidc", "the provider");
    same(keyfob_session_registration(session), REGISTRATION, "the registration");
    ok(strlen(keyfob_session_provider_access_token(session)) > 0, "there is an access token");
    ok(strlen(keyfob_session_provider_refresh_token(session)) > 0, "there is a refresh token");
    ok(keyfob_session_provider_access_token_expiry_ms(session) > keyfob_session_created_at_ms(session),
       "its expiry is known");
    const char *id_token = keyfob_session_id_token(session);
    const char *second_part = id_token == NULL ? NULL : strchr(id_token, '.');
    ok(second_part != NULL && strchr(second_part + 1, '.') != NULL, "there is an ID token of three parts");
    ok(strstr(keyfob_session_id_token_claims_json(session), "\"sub\":\"u-1\"") != NULL, "its claims name the user");
    same(keyfob_completed_app_data(completed), NULL, "application data that nobody gave");
    ok(keyfob_session_updated_at_ms(session) >= keyfob_session_created_at_ms(session), "it was updated");
    bool granted = false;
    for (size_t i = 0; i < keyfob_session_scopes_len(session); i++) {
        granted |= strcmp(keyfob_session_scopes_at(session, i), "profile") == 0;
    }
    ok(granted, "the scope was granted");
    ok(keyfob_session_scopes_at(session, 1000) == NULL, "an index too large is NULL");
    const keyfob_profile *profile = keyfob_session_profile(session);
    same(keyfob_profile_uid(profile), "u-1", "the profile's uid");
    same(keyfob_profile_email(profile), "ada@example.com", "the profile's e-mail address");
    ok(keyfob_profile_email_verified(profile), "the e-mail address is verified");
    ok(strstr(keyfob_profile_raw_json(profile), "\"email\"") != NULL, "the raw claims are there");

    /* The same redirect again: the same session, and nothing is sent. */
    int before = requests("/token");
    keyfob_completed *again = NULL;
    must(keyfob_complete_login(keyfob, redirect, &again, &error), &error, "complete again");
    same(keyfob_session_id(keyfob_completed_session(again)), keyfob_session_id(session), "the same session");
    ok(requests("/token") == before, "the second time sends nothing");

    /* What came from the handle outlives it, and each other. */
    keyfob_session *kept = keyfob_session_copy(session);
    keyfob_free(keyfob);
    keyfob_completed_free(completed);
    same(keyfob_session_provider_uid(kept), "u-1", "a copied session after its handle and its login");
    keyfob_session_free(kept);
    same(keyfob_session_provider_uid(keyfob_completed_session(again)), "u-1", "a completed login after its handle");
    keyfob_completed_free(again);
}

static void sessions_are_listed_chosen_and_ended(void) {
    keyfob_handle *keyfob = open_config(configure(issuer, folder, "sessions"));
    keyfob_error *error = NULL;
    keyfob_session *current = NULL;
    must(keyfob_current_session(keyfob, &current, &error), &error, "current session");
    ok(current == NULL, "before a login there is no current session");

    keyfob_session *session = log_in(keyfob);
    const char *id = keyfob_session_id(session);
    must(keyfob_current_session(keyfob, &current, &error), &error, "current session");
    same(keyfob_session_id(current), id, "the current session");
    keyfob_session_free(current);
    must(keyfob_set_current_session(keyfob, id, &error), &error, "set current session");

    keyfob_session_list *sessions = NULL;
    must(keyfob_sessions(keyfob, &sessions, &error), &error, "sessions");
    ok(keyfob_session_list_len(sessions) == 1, "there is one session");
    ok(keyfob_session_list_at(sessions, 1) == NULL, "an index too large is NULL");

    keyfob_registration_list *registrations = NULL;
    must(keyfob_registrations(keyfob, &registrations, &error), &error, "registrations");
    ok(keyfob_registration_list_len(registrations) == 1, "there is one registration");
    const keyfob_registration *registration = keyfob_registration_list_at(registrations, 0);
    same(keyfob_registration_id(registration), REGISTRATION, "its id");
    same(keyfob_registration_provider(registration), "oidc", "its provider");
    ok(strlen(keyfob_registration_provider_name(registration)) > 0, "its provider has a name");
    ok(keyfob_registration_enabled(registration), "it is enabled");

    must(keyfob_end_session(keyfob, id, NULL, NULL, &error), &error, "end");
    must(keyfob_end_session(keyfob, id, NULL, NULL, &error), &error, "end an ended one");
    keyfob_session *ended = NULL;
    must(keyfob_find_session(keyfob, id, &ended, &error), &error, "find");
    ok(!keyfob_session_is_active(ended), "it is not active any more");
    same(keyfob_session_ended_reason(ended), "LoggedOut", "the reason of its end");
    same(keyfob_session_provider_access_token(ended), "", "its access token");
    same(keyfob_session_provider_refresh_token(ended), NULL, "its refresh token");
    same(keyfob_session_id_token(ended), NULL, "its ID token");
    same(keyfob_session_id_token_claims_json(ended), NULL, "the claims of its ID token");
    same(keyfob_session_token_answer_json(ended), "{}", "the rest of its token answer");
    keyfob_token *token = NULL;
    fails(keyfob_access_token(keyfob, id, 0, &token, &error), &error, KEYFOB_LOGIN_REQUIRED, "LoggedOut",
          "a token of an ended session");
    ok(token == NULL, "the output is NULL");
    fails(keyfob_set_current_session(keyfob, id, &error), &error, KEYFOB_INVALID_ARGUMENT, "UnknownSession",
          "an ended session as the current one");

    keyfob_journal_list *journal = NULL;
    must(keyfob_journal(keyfob, 2, &journal, &error), &error, "journal");
    ok(keyfob_journal_list_len(journal) == 2, "the journal gives as many lines as asked for");
    const keyfob_journal_entry *entry = keyfob_journal_list_at(journal, 0);
    same(keyfob_journal_entry_event(entry), "TokensRevoked", "the newest event");
    same(keyfob_journal_entry_reason(entry), NULL, "its reason");
    entry = keyfob_journal_list_at(journal, 1);
    same(keyfob_journal_entry_event(entry), "SessionEnded", "the event before it");
    same(keyfob_journal_entry_registration(entry), REGISTRATION, "its registration");
    same(keyfob_journal_entry_session(entry), id, "its session");
    same(keyfob_journal_entry_reason(entry), "LoggedOut", "its reason");
    ok(keyfob_journal_entry_http_status(entry) == 0, "no HTTP status decided");
    ok(keyfob_journal_entry_pid(entry) == (uint32_t)getpid(), "it was this process");
    ok(keyfob_journal_entry_at_ms(entry) > 0, "it has a time");
    ok(strstr(keyfob_journal_entry_message(entry), "LoggedOut") != NULL, "its line says why");

    /* Parents first, on purpose. */
    keyfob_free(keyfob);
    same(keyfob_session_provider_uid(keyfob_session_list_at(sessions, 0)), "u-1", "a list after its handle");
    keyfob_session_list_free(sessions);
    keyfob_registration_list_free(registrations);
    keyfob_journal_list_free(journal);
    keyfob_session_free(ended);
    keyfob_session_free(session);
}

static void a_redirect_that_is_not_ours_sends_nothing(void) {
    keyfob_handle *keyfob = open_config(configure(issuer, folder, "redirects"));
    keyfob_completed *completed = NULL;
    keyfob_error *error = NULL;
    int before = requests("/token");

    fails(keyfob_complete_login(keyfob, "http://127.0.0.1/callback/work-sso?code=c&state=unknown", &completed, &error),
          &error, KEYFOB_REDIRECT_REJECTED, "StateUnknown", "a state that nobody made");
    ok(completed == NULL, "the output is NULL");
    fails(keyfob_complete_login(keyfob, "http://127.0.0.1/callback/work-sso?code=c", &completed, &error), &error,
          KEYFOB_REDIRECT_REJECTED, "StateMissing", "no state");
    fails(keyfob_complete_login(keyfob, "not a URL", &completed, &error), &error, KEYFOB_REDIRECT_REJECTED,
          "MalformedRedirect", "no URL");

    keyfob_login_options *options = keyfob_login_options_new();
    must(keyfob_login_options_set_failure(options, "app:/login", &error), &error, "failure");
    char redirect[8192];
    snprintf(redirect, sizeof redirect, "%s", redirect_of(keyfob, options, "refuse"));
    keyfob_login_options_free(options);
    keyfob_status status = keyfob_complete_login(keyfob, redirect, &completed, &error);
    same(keyfob_error_return_to(error), "app:/login", "the failure link");
    same(keyfob_error_oauth_code(error), "access_denied", "the provider's code");
    ok(!keyfob_error_is_retryable(error) && !keyfob_error_is_login_required(error), "neither retry nor session");
    fails(status, &error, KEYFOB_ACCESS_DENIED, "AccessDenied", "the user said no");
    fails(keyfob_complete_login(keyfob, redirect, &completed, &error), &error, KEYFOB_REDIRECT_REJECTED, "RedirectUsed",
          "the redirect of a login that is over");
    ok(requests("/token") == before, "none of them sent anything");
    keyfob_free(keyfob);
}

/* A process dies while the user is in the browser; another one completes the login from the store. */
static void a_login_outlives_its_process(void) {
    int channel[2];
    if (pipe(channel) != 0) {
        give_up("no pipe");
    }
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        keyfob_handle *keyfob = open_config(configure(issuer, folder, "killed"));
        keyfob_login *login = NULL;
        keyfob_error *error = NULL;
        keyfob_login_options *options = keyfob_login_options_new();
        must(keyfob_login_options_set_app_data(options, APP_DATA, &error), &error, "app data");
        must(keyfob_begin_login(keyfob, REGISTRATION, options, &login, &error), &error, "begin");
        const char *url = keyfob_login_authorization_url(login);
        if (write(channel[1], url, strlen(url)) < 0) {
            give_up("the pipe is broken");
        }
        close(channel[1]);
        for (;;) {
            pause();
        }
    }
    close(channel[1]);
    char url[8192] = "";
    size_t length = 0;
    ssize_t got;
    while ((got = read(channel[0], url + length, sizeof url - 1 - length)) > 0) {
        length += (size_t)got;
    }
    close(channel[0]);
    int how = 0;
    kill(child, SIGKILL);
    waitpid(child, &how, 0);
    ok(WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL && length > 0, "a process began a login and was killed");

    const char *redirect = ask("browse", url);
    keyfob_handle *keyfob = open_config(configure(issuer, folder, "killed"));
    keyfob_completed *completed = NULL;
    keyfob_error *error = NULL;
    must(keyfob_complete_login(keyfob, redirect, &completed, &error), &error, "complete");
    same(keyfob_session_provider_uid(keyfob_completed_session(completed)), "u-1", "the user of the login it began");
    same(keyfob_completed_app_data(completed), APP_DATA, "its application data, in another process");
    same(keyfob_completed_return_to(completed), NULL, "its success link");
    keyfob_completed_free(completed);
    keyfob_free(keyfob);
}

int main(int argc, char **argv) {
    if (argc != 3) {
        give_up("usage: login ISSUER EMPTY_FOLDER");
    }
    issuer = argv[1];
    folder = argv[2];
    /* First: a process that forks has no threads and no handles yet. */
    a_login_outlives_its_process();
    a_login_becomes_a_session();
    sessions_are_listed_chosen_and_ended();
    a_redirect_that_is_not_ours_sends_nothing();
    return tap_done();
}
