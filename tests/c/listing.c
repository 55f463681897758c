/* Sessions looked for by their user, and listed a page at a time. `listing ISSUER EMPTY_FOLDER`. */

#define _POSIX_C_SOURCE 200809L

#include "tap.h"
#include "wire.h"

enum { SESSIONS = 5 };

static const char *issuer;
static const char *folder;
static char ids[SESSIONS][64];

static void import(keyfob_handle *keyfob, const char *uid, char *id) {
    keyfob_imported_tokens *tokens = NULL;
    keyfob_session *session = NULL;
    keyfob_error *error = NULL;
    must(keyfob_imported_tokens_new(REGISTRATION, uid, &tokens, &error), &error, "tokens");
    must(keyfob_imported_tokens_set_refresh_token(tokens, "r", &error), &error, "refresh token");
    must(keyfob_import_session(keyfob, tokens, &session, &error), &error, "import");
    snprintf(id, sizeof ids[0], "%s", keyfob_session_id(session));
    keyfob_session_free(session);
}

/* A store with users u-0 to u-4, of whom the app logged u-1 out. */
static keyfob_handle *some_sessions(const char *store) {
    keyfob_handle *keyfob = open_config(configure(issuer, folder, store));
    keyfob_end_session_options *options = keyfob_end_session_options_new();
    keyfob_error *error = NULL;
    for (int i = 0; i < SESSIONS; i++) {
        char uid[16];
        snprintf(uid, sizeof uid, "u-%d", i);
        import(keyfob, uid, ids[i]);
    }
    must(keyfob_end_session_options_set_local_only(options, true, &error), &error, "local only");
    must(keyfob_end_session(keyfob, ids[1], options, NULL, &error), &error, "end");
    keyfob_end_session_options_free(options);
    return keyfob;
}

static void a_session_is_found_by_its_user(void) {
    keyfob_handle *keyfob = some_sessions("find");
    keyfob_session *session = NULL;
    keyfob_error *error = NULL;
    must(keyfob_find_session_by_user(keyfob, REGISTRATION, "u-3", &session, &error), &error, "find");
    same(keyfob_session_id(session), ids[3], "the session of u-3");
    same(keyfob_session_provider_uid(session), "u-3", "its user");
    keyfob_session_free(session);
    must(keyfob_find_session_by_user(keyfob, REGISTRATION, "u-1", &session, &error), &error, "find");
    ok(session == NULL, "who was logged out has none");
    must(keyfob_find_session_by_user(keyfob, REGISTRATION, "nobody", &session, &error), &error, "find");
    ok(session == NULL, "who never logged in has none");
    fails(keyfob_find_session_by_user(keyfob, "nobody's", "u-3", &session, &error), &error, KEYFOB_INVALID_ARGUMENT,
          "UnknownRegistration", "a registration that is not there");
    keyfob_free(keyfob);
}

/* A page after a session (NULL: the first one) is these sessions. */
static void page(keyfob_handle *keyfob, const char *after, int first, int second) {
    keyfob_session_list *list = NULL;
    keyfob_error *error = NULL;
    must(keyfob_sessions_page(keyfob, after, 2, &list, &error), &error, "page");
    int expected = (first >= 0) + (second >= 0);
    ok(keyfob_session_list_len(list) == (size_t)expected, "the page has %d sessions", expected);
    same(keyfob_session_id(keyfob_session_list_at(list, 0)), first < 0 ? NULL : ids[first], "the first of it");
    same(keyfob_session_id(keyfob_session_list_at(list, 1)), second < 0 ? NULL : ids[second], "the second of it");
    keyfob_session_list_free(list);
}

static void pages_are_all_sessions_in_their_order(void) {
    keyfob_handle *keyfob = some_sessions("pages");
    keyfob_session_list *list = NULL;
    keyfob_error *error = NULL;
    page(keyfob, NULL, 0, 2);
    page(keyfob, ids[2], 3, 4);
    page(keyfob, ids[4], -1, -1);
    page(keyfob, ids[1], 2, 3);
    fails(keyfob_sessions_page(keyfob, NULL, 0, &list, &error), &error, KEYFOB_INVALID_ARGUMENT, "InvalidArgument",
          "a page of no length");
    fails(keyfob_sessions_page(keyfob, NULL, 1001, &list, &error), &error, KEYFOB_INVALID_ARGUMENT, "InvalidArgument",
          "a page too long");
    fails(keyfob_sessions_page(keyfob, "nobody", 2, &list, &error), &error, KEYFOB_INVALID_ARGUMENT, "UnknownSession",
          "a page after nobody");
    keyfob_free(keyfob);
}

int main(int argc, char **argv) {
    if (argc != 3) {
        give_up("usage: listing ISSUER EMPTY_FOLDER");
    }
    issuer = argv[1];
    folder = argv[2];
    a_session_is_found_by_its_user();
    pages_are_all_sessions_in_their_order();
    return tap_done();
}
