/* The end of a session, here and at the provider. `logout ISSUER EMPTY_FOLDER`. */

#define _POSIX_C_SOURCE 200809L

#include "tap.h"
#include "wire.h"

#define SIGNED_OUT "http://127.0.0.1/signed-out"

static const char *issuer;
static const char *folder;

static keyfob_ended *end(const keyfob_handle *keyfob, const keyfob_session *session,
                         const keyfob_end_session_options *options) {
    keyfob_ended *ended = NULL;
    keyfob_error *error = NULL;
    must(keyfob_end_session(keyfob, keyfob_session_id(session), options, &ended, &error), &error, "end");
    return ended;
}

static void has_ended(const keyfob_handle *keyfob, const keyfob_session *session) {
    keyfob_session *now = NULL;
    keyfob_error *error = NULL;
    must(keyfob_find_session(keyfob, keyfob_session_id(session), &now, &error), &error, "find");
    same(keyfob_session_ended_reason(now), "LoggedOut", "the reason of its end");
    same(keyfob_session_provider_access_token(now), "", "its access token");
    keyfob_session_free(now);
}

static void the_provider_revokes(void) {
    keyfob_handle *keyfob = open_config(configure(issuer, folder, "revoked"));
    keyfob_session *session = log_in(keyfob);
    int before = requests("/revoke");
    keyfob_ended *ended = end(keyfob, session, NULL);
    ok(requests("/revoke") == before + 1, "the provider was asked once");
    ok(sent_parameter(issuer, "/revoke", "token", keyfob_session_provider_refresh_token(session)),
       "to revoke the refresh token");
    ok(sent_parameter(issuer, "/revoke", "token_type_hint", "refresh_token"), "and told that it is one");
    ok(keyfob_ended_revocation(ended) == KEYFOB_REVOCATION_DONE, "it did");
    ok(keyfob_ended_revocation_error(ended) == NULL, "there is no error");
    has_ended(keyfob, session);
    keyfob_ended *again = end(keyfob, session, NULL);
    ok(keyfob_ended_revocation(again) == KEYFOB_REVOCATION_NOT_ASKED, "of an ended session there is nothing to revoke");
    same(keyfob_ended_logout_url(again), NULL, "its logout page");
    ok(requests("/revoke") == before + 1, "and nothing was sent");
    keyfob_free(keyfob);
    ok(strstr(keyfob_ended_logout_url(ended), "id_token_hint=") != NULL, "the logout page after the handle");
    keyfob_ended_free(again);
    keyfob_ended_free(ended);
    keyfob_session_free(session);
}

/* A logout whose revocation does not succeed; why is checked by the caller. */
static keyfob_ended *ends_without_revocation(keyfob_handle *keyfob, const char *fault, keyfob_revocation revocation,
                                             const char *reason) {
    char script[256];
    snprintf(script, sizeof script, "{\"faults\":[{\"endpoint\":\"revoke\",%s}]}", fault);
    ask("script", script);
    keyfob_session *session = log_in(keyfob);
    keyfob_ended *ended = end(keyfob, session, NULL);
    ok(keyfob_ended_revocation(ended) == revocation, "the revocation %s",
       revocation == KEYFOB_REVOCATION_OWED ? "is owed" : "failed");
    const keyfob_error *why = keyfob_ended_revocation_error(ended);
    same(keyfob_error_reason(why), reason, "why it did not succeed");
    ok(strlen(keyfob_error_message(why)) > 0, "it has a line for a log");
    ok(keyfob_ended_logout_url(ended) != NULL, "the logout page is there all the same");
    has_ended(keyfob, session);
    keyfob_session_free(session);
    return ended;
}

static void a_revocation_that_does_not_succeed_is_told_and_ends_the_session(void) {
    keyfob_handle *keyfob = open_config(configure(issuer, folder, "failed"));
    keyfob_ended *ended =
        ends_without_revocation(keyfob, "\"status\":503,\"body\":\"\"", KEYFOB_REVOCATION_OWED, "ProviderUnavailable");
    ok(keyfob_error_http_status(keyfob_ended_revocation_error(ended)) == 503, "with the status 503");
    keyfob_ended_free(ended);
    ended = ends_without_revocation(keyfob, "\"close\":\"before_headers\"", KEYFOB_REVOCATION_OWED, "InDoubt");
    ok(keyfob_error_status(keyfob_ended_revocation_error(ended)) == KEYFOB_NETWORK, "a failure of the network");
    keyfob_ended_free(ended);
    ended = ends_without_revocation(keyfob, "\"status\":400,\"body\":{\"error\":\"invalid_request\"}",
                                    KEYFOB_REVOCATION_FAILED, "ServerError");
    same(keyfob_error_oauth_code(keyfob_ended_revocation_error(ended)), "invalid_request", "the provider's code");
    keyfob_ended_free(ended);
    keyfob_free(keyfob);
    ask("script", "{}");
}

/* The browser follows the page's answer to the app. */
static void comes_back(const keyfob_handle *keyfob, const keyfob_session *session, const char *page) {
    char redirect[512];
    keyfob_logged_out *back = NULL;
    keyfob_error *error = NULL;
    const char *from = strstr(page, "ocation: ");
    if (from == NULL || sscanf(from, "ocation: %511s", redirect) != 1) {
        give_up("the page leads nowhere");
    }
    must(keyfob_complete_logout(keyfob, redirect, &back, &error), &error, "complete logout");
    same(keyfob_logged_out_session_id(back), keyfob_session_id(session), "the session of the logout");
    same(keyfob_logged_out_registration(back), "work-sso", "its registration");
    keyfob_logged_out_free(back);
    must(keyfob_complete_logout(keyfob, redirect, NULL, &error), &error, "the same redirect, and nothing wanted");
    fails(keyfob_complete_logout(keyfob, SIGNED_OUT, &back, &error), &error, KEYFOB_REDIRECT_REJECTED,
          "LogoutStateMismatch", "a redirect without a state");
    ok(back == NULL, "gives nothing");
    fails(keyfob_complete_logout(keyfob, SIGNED_OUT "?state=other", &back, &error), &error, KEYFOB_REDIRECT_REJECTED,
          "LogoutStateMismatch", "another state");
    fails(keyfob_complete_logout(keyfob, "bye", &back, &error), &error, KEYFOB_REDIRECT_REJECTED, "MalformedRedirect",
          "what is no URL");
    has_ended(keyfob, session);
}

static void options_say_how_it_ends(void) {
    keyfob_handle *keyfob = open_config(configure(issuer, folder, "options"));
    keyfob_session *session = log_in(keyfob);
    keyfob_error *error = NULL;
    int before = requests("/revoke");
    keyfob_end_session_options *options = keyfob_end_session_options_new();
    must(keyfob_end_session_options_set_local_only(options, true, &error), &error, "local only");
    must(keyfob_end_session_options_set_post_logout_redirect_uri(options, SIGNED_OUT, &error), &error, "redirect");
    keyfob_ended *ended = end(keyfob, session, options);
    ok(keyfob_ended_revocation(ended) == KEYFOB_REVOCATION_NOT_ASKED, "nobody asked for a revocation");
    ok(requests("/revoke") == before, "nothing was sent");
    has_ended(keyfob, session);

    /* The page, opened. */
    const char *url = keyfob_ended_logout_url(ended);
    ok(strncmp(url, issuer, strlen(issuer)) == 0 && strstr(url, "/logout?") != NULL, "the page is the provider's");
    char *page = http_get(url);
    ok(sent_parameter(issuer, "/logout", "id_token_hint", keyfob_session_id_token(session)), "it gets the ID token");
    ok(sent_parameter(issuer, "/logout", "client_id", "demo"), "and the client");
    ok(strstr(page, "ocation: " SIGNED_OUT "?state=") != NULL, "the browser goes where the options say");
    comes_back(keyfob, session, page);
    free(page);
    keyfob_ended_free(ended);
    keyfob_session_free(session);

    /* The same options otherwise. */
    must(keyfob_end_session_options_set_local_only(options, false, &error), &error, "not local only");
    session = log_in(keyfob);
    ended = end(keyfob, session, options);
    ok(keyfob_ended_revocation(ended) == KEYFOB_REVOCATION_DONE && requests("/revoke") == before + 1,
       "options may be used, and changed, again");
    keyfob_ended_free(ended);
    keyfob_session_free(session);
    session = log_in(keyfob);
    must(keyfob_end_session_options_set_post_logout_redirect_uri(options, "bye", &error), &error, "no URI");
    fails(keyfob_end_session(keyfob, keyfob_session_id(session), options, NULL, &error), &error,
          KEYFOB_INVALID_ARGUMENT, "InvalidArgument", "a logout whose redirect URI is none");
    keyfob_session *now = NULL;
    must(keyfob_find_session(keyfob, keyfob_session_id(session), &now, &error), &error, "find");
    ok(keyfob_session_is_active(now), "has ended nothing");
    keyfob_session_free(now);
    keyfob_session_free(session);
    keyfob_end_session_options_free(options);
    fails(keyfob_end_session(keyfob, "nobody", NULL, NULL, &error), &error, KEYFOB_INVALID_ARGUMENT, "UnknownSession",
          "the end of nobody's session");
    keyfob_free(keyfob);
}

static void a_provider_without_either(void) {
    ask("script", "{\"tamper\":{\"discovery\":{\"remove\":[\"revocation_endpoint\",\"end_session_endpoint\"]},"
                  "\"token\":{\"set\":{\"instance_url\":\"https://eu.acme.example\"}}}}");
    keyfob_handle *keyfob = open_config(configure(issuer, folder, "neither"));
    keyfob_session *session = log_in(keyfob);
    ok(strstr(keyfob_session_token_answer_json(session), "\"instance_url\":\"https://eu.acme.example\"") != NULL,
       "what else the token answer had is there");
    ok(strstr(keyfob_session_token_answer_json(session), keyfob_session_provider_access_token(session)) == NULL,
       "without the tokens");
    keyfob_ended *ended = end(keyfob, session, NULL);
    ok(keyfob_ended_revocation(ended) == KEYFOB_REVOCATION_NOT_SUPPORTED, "the provider revokes nothing");
    same(keyfob_ended_logout_url(ended), NULL, "its logout page");
    has_ended(keyfob, session);
    keyfob_ended_free(ended);
    keyfob_session_free(session);
    keyfob_free(keyfob);
    ask("script", "{}");
}

int main(int argc, char **argv) {
    if (argc != 3) {
        give_up("usage: logout ISSUER EMPTY_FOLDER");
    }
    issuer = argv[1];
    folder = argv[2];
    the_provider_revokes();
    a_revocation_that_does_not_succeed_is_told_and_ends_the_session();
    options_say_how_it_ends();
    a_provider_without_either();
    return tap_done();
}
