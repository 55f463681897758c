/* What one login may ask for, logins that wait, and more scopes for a session. `options ISSUER EMPTY_FOLDER`. */

#define _POSIX_C_SOURCE 200809L

#include "tap.h"
#include "wire.h"

static const char *issuer;
static const char *folder;

static void parameters_reach_the_provider(void) {
    keyfob_handle *keyfob = open_config(configure(issuer, folder, "parameters"));
    keyfob_error *error = NULL;
    keyfob_login_options *options = keyfob_login_options_new();
    must(keyfob_login_options_add_parameter(options, "login_hint", "ada & co", &error), &error, "login_hint");
    must(keyfob_login_options_add_parameter(options, "prompt", "login", &error), &error, "prompt");
    must(keyfob_login_options_add_scope(options, "profile", &error), &error, "scope");
    must(keyfob_login_options_set_success(options, "app:/after-success", &error), &error, "success");
    must(keyfob_login_options_set_failure(options, "app:/after-failure", &error), &error, "failure");
    must(keyfob_login_options_set_app_data(options, "cart-of-ada", &error), &error, "app data");
    must(keyfob_login_options_set_redirect_port(options, 4777, &error), &error, "port");
    char redirect[8192];
    snprintf(redirect, sizeof redirect, "%s", redirect_of(keyfob, options, "browse"));
    ok(sent_parameter(issuer, "/authorize", "login_hint", "ada & co"), "the hint was sent");
    ok(sent_parameter(issuer, "/authorize", "prompt", "login"), "the prompt was sent");
    ok(sent_parameter(issuer, "/authorize", "scope", "openid email offline_access profile"), "the scope was sent");
    ok(sent_parameter(issuer, "/authorize", "redirect_uri", "http://127.0.0.1:4777/callback/work-sso"),
       "the port was sent");

    keyfob_completed *completed = NULL;
    must(keyfob_complete_login(keyfob, redirect, &completed, &error), &error, "complete");
    same(keyfob_completed_app_data(completed), "cart-of-ada", "the application's data");
    same(keyfob_completed_return_to(completed), "app:/after-success", "the success link");
    keyfob_completed_free(completed);
    ok(!sent(issuer, "/authorize", "after-") && !sent(issuer, "/token", "after-"), "the links were sent nowhere");
    ok(!sent(issuer, "/authorize", "cart-of") && !sent(issuer, "/token", "cart-of"), "and neither was the data");

    /* What Keyfob sets itself, and what stands twice. The options may be used again. */
    keyfob_login *login = NULL;
    must(keyfob_login_options_add_parameter(options, "prompt", "consent", &error), &error, "prompt again");
    fails(keyfob_begin_login(keyfob, REGISTRATION, options, &login, &error), &error, KEYFOB_INVALID_ARGUMENT,
          "InvalidArgument", "a parameter twice");
    keyfob_login_options_free(options);
    options = keyfob_login_options_new();
    must(keyfob_login_options_add_parameter(options, "state", "mine", &error), &error, "state");
    fails(keyfob_begin_login(keyfob, REGISTRATION, options, &login, &error), &error, KEYFOB_INVALID_ARGUMENT,
          "InvalidArgument", "a parameter of Keyfob's own");
    ok(login == NULL, "the output is NULL");
    keyfob_login_options_free(options);
    keyfob_free(keyfob);
}

static size_t waiting(const keyfob_handle *keyfob) {
    keyfob_pending_login_list *pending = NULL;
    keyfob_error *error = NULL;
    must(keyfob_pending_logins(keyfob, &pending, &error), &error, "pending logins");
    size_t count = keyfob_pending_login_list_len(pending);
    keyfob_pending_login_list_free(pending);
    return count;
}

static void a_cancelled_login_is_over(void) {
    keyfob_handle *keyfob = open_config(configure(issuer, folder, "cancelled"));
    keyfob_error *error = NULL;
    keyfob_login *first = NULL;
    keyfob_login *second = NULL;
    keyfob_login_options *options = keyfob_login_options_new();
    must(keyfob_login_options_set_failure(options, "app:/login", &error), &error, "failure");
    ok(waiting(keyfob) == 0, "no login waits");
    must(keyfob_begin_login(keyfob, REGISTRATION, options, &first, &error), &error, "begin");
    must(keyfob_begin_login(keyfob, REGISTRATION, NULL, &second, &error), &error, "begin another");
    keyfob_login_options_free(options);

    keyfob_pending_login_list *pending = NULL;
    must(keyfob_pending_logins(keyfob, &pending, &error), &error, "pending logins");
    ok(keyfob_pending_login_list_len(pending) == 2, "two logins wait");
    const keyfob_pending_login *oldest = keyfob_pending_login_list_at(pending, 0);
    same(keyfob_pending_login_id(oldest), keyfob_login_id(first), "the oldest");
    same(keyfob_pending_login_registration(oldest), REGISTRATION, "its registration");
    ok(keyfob_pending_login_expires_at_ms(oldest) == keyfob_login_expires_at_ms(first), "it expires when it said");
    ok(keyfob_pending_login_created_at_ms(oldest) > 0
           && keyfob_pending_login_created_at_ms(oldest) < keyfob_pending_login_expires_at_ms(oldest),
       "after it was begun");
    ok(keyfob_pending_login_list_at(pending, 2) == NULL, "an index too large is NULL");

    char redirect[8192];
    snprintf(redirect, sizeof redirect, "%s", ask("browse", keyfob_login_authorization_url(first)));
    int before = requests("/token");
    must(keyfob_cancel_login(keyfob, keyfob_login_id(first), &error), &error, "cancel");
    must(keyfob_cancel_login(keyfob, keyfob_login_id(first), &error), &error, "cancel again");
    ok(waiting(keyfob) == 1, "one login waits");
    keyfob_completed *completed = NULL;
    keyfob_status status = keyfob_complete_login(keyfob, redirect, &completed, &error);
    same(keyfob_error_return_to(error), "app:/login", "the failure link");
    fails(status, &error, KEYFOB_REDIRECT_REJECTED, "RedirectUsed", "the redirect of a cancelled login");
    ok(requests("/token") == before, "it sent nothing");

    keyfob_journal_list *journal = NULL;
    must(keyfob_journal(keyfob, 1, &journal, &error), &error, "journal");
    same(keyfob_journal_entry_event(keyfob_journal_list_at(journal, 0)), "LoginFailed", "the newest event");
    same(keyfob_journal_entry_reason(keyfob_journal_list_at(journal, 0)), "Cancelled", "its reason");
    keyfob_journal_list_free(journal);

    /* The other one is not touched by it. */
    must(keyfob_complete_login(keyfob, ask("browse", keyfob_login_authorization_url(second)), &completed, &error),
         &error, "complete the other");
    keyfob_completed_free(completed);
    ok(waiting(keyfob) == 0, "no login waits any more");
    must(keyfob_cancel_login(keyfob, keyfob_login_id(second), &error), &error, "cancel a completed login");
    keyfob_session *session = NULL;
    must(keyfob_current_session(keyfob, &session, &error), &error, "current session");
    ok(keyfob_session_is_active(session), "its session lives on");
    keyfob_session_free(session);
    fails(keyfob_cancel_login(keyfob, "nobody", &error), &error, KEYFOB_INVALID_ARGUMENT, "UnknownLogin",
          "a login that nobody knows");

    keyfob_free(keyfob);
    same(keyfob_pending_login_id(oldest), keyfob_login_id(first), "a list after its handle");
    keyfob_login_free(first);
    keyfob_login_free(second);
    keyfob_pending_login_list_free(pending);
}

static bool has_scope(const keyfob_session *session, const char *scope) {
    for (size_t i = 0; i < keyfob_session_scopes_len(session); i++) {
        if (strcmp(keyfob_session_scopes_at(session, i), scope) == 0) {
            return true;
        }
    }
    return false;
}

static void more_scopes_for_a_session(void) {
    keyfob_handle *keyfob = open_config(configure(issuer, folder, "more"));
    keyfob_error *error = NULL;
    keyfob_session *session = log_in(keyfob);
    const char *id = keyfob_session_id(session);
    ok(!has_scope(session, "address"), "the session has not the scope yet");
    keyfob_login_options *options = keyfob_login_options_new();
    must(keyfob_login_options_set_for_session(options, id, &error), &error, "for session");
    must(keyfob_login_options_add_scope(options, "address", &error), &error, "scope");

    keyfob_completed *completed = NULL;
    must(keyfob_complete_login(keyfob, redirect_of(keyfob, options, "browse"), &completed, &error), &error, "complete");
    ok(sent_parameter(issuer, "/authorize", "scope", "openid email offline_access address"),
       "the old scopes and the new one were asked for");
    same(keyfob_session_id(keyfob_completed_session(completed)), id, "the session");
    ok(has_scope(keyfob_completed_session(completed), "address"), "now it has the scope");
    ok(has_scope(keyfob_completed_session(completed), "email"), "and those it had");
    keyfob_completed_free(completed);

    /* Somebody else sits down at the browser. */
    ask("script", "{\"users\":[{\"username\":\"ada\",\"password\":\"lovelace\",\"claims\":{\"sub\":\"u-2\"}}]}");
    fails(keyfob_complete_login(keyfob, redirect_of(keyfob, options, "browse"), &completed, &error), &error,
          KEYFOB_TOKEN_REJECTED, "AccountMismatch", "another account");
    ok(completed == NULL, "the output is NULL");
    keyfob_session_list *sessions = NULL;
    must(keyfob_sessions(keyfob, &sessions, &error), &error, "sessions");
    ok(keyfob_session_list_len(sessions) == 1, "there is no second session");
    same(keyfob_session_provider_uid(keyfob_session_list_at(sessions, 0)), "u-1", "the user of the one");
    ok(keyfob_session_is_active(keyfob_session_list_at(sessions, 0)), "which lives on");
    keyfob_session_list_free(sessions);
    ask("script", "{}");

    keyfob_login *login = NULL;
    must(keyfob_end_session(keyfob, id, NULL, NULL, &error), &error, "end");
    fails(keyfob_begin_login(keyfob, REGISTRATION, options, &login, &error), &error, KEYFOB_LOGIN_REQUIRED,
          "LoggedOut", "more scopes for a session that has ended");
    must(keyfob_login_options_set_for_session(options, "nobody", &error), &error, "for session");
    fails(keyfob_begin_login(keyfob, REGISTRATION, options, &login, &error), &error, KEYFOB_INVALID_ARGUMENT,
          "UnknownSession", "more scopes for nobody");
    keyfob_login_options_free(options);
    keyfob_session_free(session);
    keyfob_free(keyfob);
}

int main(int argc, char **argv) {
    if (argc != 3) {
        give_up("usage: options ISSUER EMPTY_FOLDER");
    }
    issuer = argv[1];
    folder = argv[2];
    parameters_reach_the_provider();
    a_cancelled_login_is_over();
    more_scopes_for_a_session();
    return tap_done();
}
