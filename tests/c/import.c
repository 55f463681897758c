/* Sessions of another library, and what to enter at a provider's console. `import ISSUER EMPTY_FOLDER`. */

#define _POSIX_C_SOURCE 200809L

#include <time.h>

#include "tap.h"
#include "wire.h"

static const char *issuer;
static const char *folder;

static int64_t now_ms(void) { return (int64_t)time(NULL) * 1000; }

static keyfob_imported_tokens *tokens_of(const char *uid) {
    keyfob_imported_tokens *tokens = NULL;
    keyfob_error *error = NULL;
    must(keyfob_imported_tokens_new(REGISTRATION, uid, &tokens, &error), &error, "tokens");
    return tokens;
}

/* The other library: a handle on another store. */
static keyfob_session *elsewhere(const char *store) {
    keyfob_handle *keyfob = open_config(configure(issuer, folder, store));
    keyfob_session *session = log_in(keyfob);
    keyfob_free(keyfob);
    return session;
}

static void an_imported_session_works(void) {
    keyfob_session *old = elsewhere("old");
    keyfob_handle *keyfob = open_config(configure(issuer, folder, "new"));
    keyfob_error *error = NULL;
    keyfob_imported_tokens *tokens = tokens_of("u-1");
    int64_t expires_at = now_ms() + 600000;
    must(keyfob_imported_tokens_set_access_token(tokens, keyfob_session_provider_access_token(old), expires_at, &error),
         &error, "access token");
    must(keyfob_imported_tokens_set_refresh_token(tokens, keyfob_session_provider_refresh_token(old), &error), &error,
         "refresh token");
    must(keyfob_imported_tokens_add_scope(tokens, "openid", &error), &error, "scope");
    must(keyfob_imported_tokens_add_scope(tokens, "email", &error), &error, "another scope");
    int before = requests("/token");
    keyfob_session *session = NULL;
    must(keyfob_import_session(keyfob, tokens, &session, &error), &error, "import");
    const char *id = keyfob_session_id(session);
    ok(requests("/token") == before, "an import sends nothing");
    ok(keyfob_session_is_active(session), "the session is active");
    same(keyfob_session_provider_uid(session), "u-1", "its user");
    same(keyfob_session_registration(session), REGISTRATION, "its registration");
    ok(keyfob_session_scopes_len(session) == 2, "its scopes are those that were given");
    same(keyfob_session_scopes_at(session, 1), "email", "the second of them");
    int64_t off = keyfob_session_provider_access_token_expiry_ms(session) - expires_at;
    ok(off > -2000 && off < 2000, "its token expires when it was said");

    keyfob_token *token = NULL;
    must(keyfob_access_token(keyfob, id, 0, &token, &error), &error, "token");
    ok(strcmp(keyfob_token_secret(token), keyfob_session_provider_access_token(old)) == 0, "its token is the one given");
    ok(requests("/token") == before, "for which nothing was sent");
    keyfob_token_free(token);
    keyfob_profile *profile = NULL;
    must(keyfob_fetch_profile(keyfob, id, KEYFOB_MAX_AGE_DEFAULT, &profile, &error), &error, "profile");
    same(keyfob_profile_email(profile), "ada@example.com", "its e-mail address, from the provider");
    keyfob_profile_free(profile);

    keyfob_journal_list *journal = NULL;
    must(keyfob_journal(keyfob, 1, &journal, &error), &error, "journal");
    same(keyfob_journal_entry_event(keyfob_journal_list_at(journal, 0)), "SessionImported", "the newest event");
    keyfob_journal_list_free(journal);

    must(keyfob_refresh_session(keyfob, id, NULL, &error), &error, "refresh");
    ok(sent_parameter(issuer, "/token", "refresh_token", keyfob_session_provider_refresh_token(old)),
       "a refresh sends the refresh token that was given");
    keyfob_session_free(session);
    keyfob_session_free(old);
    keyfob_free(keyfob);
}

static void only_a_refresh_token(void) {
    keyfob_session *old = elsewhere("old, refresh");
    keyfob_handle *keyfob = open_config(configure(issuer, folder, "new, refresh"));
    keyfob_error *error = NULL;
    keyfob_imported_tokens *tokens = tokens_of("u-1");
    must(keyfob_imported_tokens_set_refresh_token(tokens, keyfob_session_provider_refresh_token(old), &error), &error,
         "refresh token");
    keyfob_session *session = NULL;
    must(keyfob_import_session(keyfob, tokens, &session, &error), &error, "import");
    int before = requests("/token");
    keyfob_token *token = NULL;
    must(keyfob_access_token(keyfob, keyfob_session_id(session), 0, &token, &error), &error, "token");
    ok(requests("/token") == before + 1 && strlen(keyfob_token_secret(token)) > 0,
       "with only a refresh token the first call refreshes");
    keyfob_token_free(token);
    keyfob_session_free(session);
    keyfob_session_free(old);
    keyfob_free(keyfob);
}

/* Who imports vouches for the user; an ID token that names another ends the session. */
static void the_wrong_user(void) {
    keyfob_session *old = elsewhere("old, wrong");
    keyfob_handle *keyfob = open_config(configure(issuer, folder, "new, wrong"));
    keyfob_error *error = NULL;
    keyfob_imported_tokens *tokens = tokens_of("u-2");
    must(keyfob_imported_tokens_set_refresh_token(tokens, keyfob_session_provider_refresh_token(old), &error), &error,
         "refresh token");
    keyfob_session *session = NULL;
    must(keyfob_import_session(keyfob, tokens, &session, &error), &error, "import");
    keyfob_token *token = NULL;
    fails(keyfob_access_token(keyfob, keyfob_session_id(session), 0, &token, &error), &error, KEYFOB_LOGIN_REQUIRED,
          "IdentityMismatch", "an imported session whose tokens are another user's");
    keyfob_session_free(session);
    keyfob_session_free(old);
    keyfob_free(keyfob);
}

static void what_cannot_be_imported(void) {
    keyfob_handle *keyfob = open_config(configure(issuer, folder, "refused"));
    keyfob_error *error = NULL;
    keyfob_session *session = NULL;
    fails(keyfob_import_session(keyfob, tokens_of("u-1"), &session, &error), &error, KEYFOB_INVALID_ARGUMENT,
          "InvalidArgument", "a session without tokens");
    keyfob_imported_tokens *tokens = tokens_of("");
    must(keyfob_imported_tokens_set_refresh_token(tokens, "r", &error), &error, "refresh token");
    fails(keyfob_import_session(keyfob, tokens, &session, &error), &error, KEYFOB_INVALID_ARGUMENT, "InvalidArgument",
          "a session of nobody");
    must(keyfob_imported_tokens_new("nobody", "u-1", &tokens, &error), &error, "tokens");
    must(keyfob_imported_tokens_set_refresh_token(tokens, "r", &error), &error, "refresh token");
    fails(keyfob_import_session(keyfob, tokens, &session, &error), &error, KEYFOB_INVALID_ARGUMENT,
          "UnknownRegistration", "a session of a registration that nobody knows");
    fails(keyfob_import_session(NULL, tokens_of("u-1"), &session, &error), &error, KEYFOB_INVALID_ARGUMENT,
          "InvalidArgument", "without a handle, and the tokens are gone");

    tokens = tokens_of("u-1");
    fails(keyfob_imported_tokens_set_access_token(tokens, "a", -2, &error), &error, KEYFOB_INVALID_ARGUMENT,
          "InvalidArgument", "a negative time");
    must(keyfob_imported_tokens_set_access_token(tokens, "a", INT64_MAX, &error), &error, "the end of time");
    must(keyfob_import_session(keyfob, tokens, &session, &error), &error, "import");
    ok(keyfob_session_provider_access_token_expiry_ms(session) > now_ms(), "a token until the end of time is good");
    keyfob_session_free(session);
    tokens = tokens_of("u-2");
    must(keyfob_imported_tokens_set_access_token(tokens, "a", KEYFOB_TIME_UNKNOWN, &error), &error, "no expiry");
    must(keyfob_import_session(keyfob, tokens, &session, &error), &error, "import");
    ok(keyfob_session_provider_access_token_expiry_ms(session) == KEYFOB_TIME_UNKNOWN, "an unknown expiry stays so");
    keyfob_session_free(session);
    tokens = tokens_of("u-3");
    must(keyfob_imported_tokens_set_access_token(tokens, "a", 0, &error), &error, "1970");
    must(keyfob_import_session(keyfob, tokens, NULL, &error), &error, "import without an output");
    keyfob_imported_tokens_free(tokens_of("never imported"));
    keyfob_free(keyfob);
}

/* One registration of each kind, and a guide for it. */
static keyfob_guide *guide_for(const char *provider, const char *redirect_uri, const char *store) {
    char json[4096];
    keyfob_config *config = NULL;
    keyfob_guide *guide = NULL;
    keyfob_error *error = NULL;
    snprintf(json, sizeof json,
             "{\"store\":{\"path\":\"%s/%s\"},\"registrations\":[{\"id\":\"r\",\"provider\":\"%s\","
             "\"client_id\":\"c\",\"redirect_uri\":\"%s\",\"variables\":{%s%s%s}}]}",
             folder, store, provider, redirect_uri, strcmp(provider, "oidc") == 0 ? "\"issuer\":\"" : "",
             strcmp(provider, "oidc") == 0 ? issuer : "", strcmp(provider, "oidc") == 0 ? "\"" : "");
    must(keyfob_config_from_json(json, &config, &error), &error, "configuration");
    keyfob_handle *keyfob = open_config(sealed(config));
    must(keyfob_registration_guide(keyfob, "r", &guide, &error), &error, "guide");
    keyfob_guide *none = NULL;
    fails(keyfob_registration_guide(keyfob, "nobody", &none, &error), &error, KEYFOB_INVALID_ARGUMENT,
          "UnknownRegistration", "a guide for nobody");
    keyfob_free(keyfob);
    return guide;
}

static void what_to_enter_at_the_console(void) {
    keyfob_guide *guide = guide_for("google", "com.example.notes:/r", "google");
    ok(strlen(keyfob_guide_provider_name(guide)) > 0, "the provider has a name");
    same(keyfob_guide_redirect_uri(guide), "com.example.notes:/r", "the redirect URI to enter");
    ok(keyfob_guide_accepts_custom_scheme(guide) == KEYFOB_ANSWER_NO, "google takes no scheme of one's own");
    ok(keyfob_guide_redirect_uri_accepted(guide) == KEYFOB_ANSWER_NO, "so this one is not taken");
    ok(keyfob_guide_accepts_loopback(guide) == KEYFOB_LOOPBACK_ANY_PORT, "it takes loopback with any port");
    ok(keyfob_guide_scopes_len(guide) == 3 && keyfob_guide_scopes_at(guide, 3) == NULL, "three scopes to allow");
    same(keyfob_guide_scopes_at(guide, 0), "openid", "the first of them");
    bool warned = false;
    bool entered = false;
    for (size_t i = 0; i < keyfob_guide_steps_len(guide); i++) {
        warned |= strstr(keyfob_guide_steps_at(guide, i), "does not take") != NULL;
        entered |= strstr(keyfob_guide_steps_at(guide, i), "com.example.notes:/r") != NULL;
    }
    ok(warned && entered, "the steps name the redirect URI and warn of it");
    ok(keyfob_guide_steps_at(guide, keyfob_guide_steps_len(guide)) == NULL, "an index too large is NULL");
    keyfob_guide_free(guide);

    guide = guide_for("github", "com.example.notes:/r", "github");
    ok(keyfob_guide_accepts_custom_scheme(guide) == KEYFOB_ANSWER_YES
           && keyfob_guide_redirect_uri_accepted(guide) == KEYFOB_ANSWER_YES,
       "github takes it");
    keyfob_guide_free(guide);

    guide = guide_for("oidc", "http://127.0.0.1/r", "oidc");
    ok(keyfob_guide_accepts_custom_scheme(guide) == KEYFOB_ANSWER_UNKNOWN
           && keyfob_guide_accepts_loopback(guide) == KEYFOB_LOOPBACK_UNKNOWN
           && keyfob_guide_redirect_uri_accepted(guide) == KEYFOB_ANSWER_UNKNOWN,
       "of any provider nobody knows what it takes");
    keyfob_guide_free(guide);
}

static void which_providers_there_are(void) {
    keyfob_provider_list *providers = NULL;
    keyfob_error *error = NULL;
    must(keyfob_providers(&providers, &error), &error, "providers");
    const keyfob_provider *google = NULL;
    const keyfob_provider *github = NULL;
    const keyfob_provider *oidc = NULL;
    for (size_t i = 0; i < keyfob_provider_list_len(providers); i++) {
        const keyfob_provider *provider = keyfob_provider_list_at(providers, i);
        const char *id = keyfob_provider_id(provider);
        google = strcmp(id, "google") == 0 ? provider : google;
        github = strcmp(id, "github") == 0 ? provider : github;
        oidc = strcmp(id, "oidc") == 0 ? provider : oidc;
        for (size_t j = 0; j < keyfob_provider_aliases_len(provider); j++) {
            if (strlen(keyfob_provider_aliases_at(provider, j)) == 0) {
                ok(false, "%s has an empty alias", id);
            }
        }
    }
    same(keyfob_provider_name(google), "Google", "the name of google");
    ok(keyfob_provider_speaks(google) == KEYFOB_PROVIDER_KIND_OIDC, "it speaks OpenID Connect");
    ok(keyfob_provider_accepts_custom_scheme(google) == KEYFOB_ANSWER_NO
           && keyfob_provider_accepts_loopback(google) == KEYFOB_LOOPBACK_ANY_PORT,
       "what it takes of redirect URIs");
    ok(keyfob_provider_scopes_len(google) == 3 && keyfob_provider_variables_len(google) == 0, "its scopes, no variables");
    same(keyfob_provider_scopes_at(google, 0), "openid", "the first scope");
    ok(keyfob_provider_speaks(github) == KEYFOB_PROVIDER_KIND_OAUTH2, "github speaks plain OAuth 2");
    ok(keyfob_provider_variables_len(oidc) == 1 && keyfob_provider_variables_at(oidc, 1) == NULL, "oidc has a variable");
    same(keyfob_provider_variables_at(oidc, 0), "issuer", "which");
    keyfob_provider_list_free(providers);
    keyfob_provider_list_free(NULL);
    ok(keyfob_provider_id(NULL) == NULL && keyfob_provider_speaks(NULL) == 0 && keyfob_provider_list_len(NULL) == 0
           && keyfob_provider_aliases_at(NULL, 0) == NULL,
       "getters of NULL");
    fails(keyfob_providers(NULL, &error), &error, KEYFOB_INVALID_ARGUMENT, "InvalidArgument", "no output");
}

int main(int argc, char **argv) {
    if (argc != 3) {
        give_up("usage: import ISSUER EMPTY_FOLDER");
    }
    issuer = argv[1];
    folder = argv[2];
    an_imported_session_works();
    only_a_refresh_token();
    the_wrong_user();
    what_cannot_be_imported();
    what_to_enter_at_the_console();
    which_providers_there_are();
    return tap_done();
}
