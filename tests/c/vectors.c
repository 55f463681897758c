/*
 * The vectors of tests/vectors, which every language reads: their README has the format. The stage reads the JSON.
 * `vectors ISSUER EMPTY_FOLDER`.
 */

#define _POSIX_C_SOURCE 200809L

#include <time.h>

#include "tap.h"

#define LONG 16384

static const char *issuer;
static const char *folder;

/* Both clocks of the host, ahead by this. */
static int64_t ahead_ms;

static int64_t clock_ms(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 + ahead_ms;
}

static int64_t wall(void *context) { return context == NULL ? clock_ms(CLOCK_REALTIME) : 0; }
static int64_t boot(void *context) { return context == NULL ? clock_ms(CLOCK_MONOTONIC) : 0; }

/* What stands at a place of a file, to be freed; NULL where nothing stands. */
static char *vector(const char *file, const char *format, ...) {
    char what[256];
    va_list arguments;
    int length = snprintf(what, sizeof what, "%s ", file);
    va_start(arguments, format);
    vsnprintf(what + length, sizeof what - (size_t)length, format, arguments);
    va_end(arguments);
    const char *answer = ask("vector", what);
    return answer[0] == '=' ? strdup(answer + 1) : NULL;
}

static double number(const char *file, int index, const char *list, const char *key) {
    char *text = vector(file, "/%s/%d/%s", list, index, key);
    double value = text == NULL ? -1 : strtod(text, NULL);
    free(text);
    return value;
}

/* A text with every place of one word replaced. */
static void replace(char *text, const char *word, const char *with) {
    char *at;
    while ((at = strstr(text, word)) != NULL) {
        char rest[LONG];
        snprintf(rest, sizeof rest, "%s", at + strlen(word));
        snprintf(at, LONG - (size_t)(at - text), "%s%s", with, rest);
    }
}

/* An error, or that there is none, is what the case says; the error is freed. */
static void as_written(const char *file, int index, keyfob_status status, keyfob_error **error, const char *name) {
    char *reason = vector(file, "/cases/%d/error/reason", index);
    double wanted = reason == NULL ? 0 : number(file, index, "cases", "error/number");
    const char *found = *error == NULL ? NULL : keyfob_error_reason(*error);
    bool holds = (int)wanted == status && (reason == NULL ? found == NULL : found != NULL && strcmp(reason, found) == 0);
    if (!ok(holds, "%s: %s", name, reason == NULL ? "no error" : reason)) {
        printf("# found: %d, %s\n", (int)status, found == NULL ? "no error" : found);
    }
    free(reason);
    keyfob_error_free(*error);
    *error = NULL;
}

static keyfob_handle *open_live(const char *file, const char *store) {
    char text[LONG];
    char place[1024];
    char *template = vector(file, "/config");
    keyfob_config *config = NULL;
    keyfob_error *error = NULL;
    snprintf(text, sizeof text, "%s", template);
    snprintf(place, sizeof place, "%s/%s", folder, store);
    replace(text, "{store}", place);
    replace(text, "{issuer}", issuer);
    free(template);
    must(keyfob_config_from_json(text, &config, &error), &error, "the configuration");
    must(keyfob_config_set_clock(config, "this boot", wall, boot, NULL, NULL, &error), &error, "clock");
    ahead_ms = 0;
    return open_config(config);
}

static void configurations(void) {
    char *name;
    for (int i = 0; (name = vector("configuration.json", "/cases/%d/name", i)) != NULL; i++) {
        char text[LONG];
        char place[1024];
        char *template = vector("configuration.json", "/cases/%d/text", i);
        keyfob_config *config = NULL;
        keyfob_handle *keyfob = NULL;
        keyfob_error *error = NULL;
        snprintf(text, sizeof text, "%s", template);
        snprintf(place, sizeof place, "%s/configuration-%d", folder, i);
        replace(text, "{store}", place);
        keyfob_status status = keyfob_config_from_json(text, &config, &error);
        if (status == KEYFOB_OK) {
            status = keyfob_open(config, &keyfob, &error);
        }
        as_written("configuration.json", i, status, &error, name);
        keyfob_free(keyfob);
        free(template);
        free(name);
    }
}

static void tokens(void) {
    char *name;
    for (int i = 0; (name = vector("tokens.json", "/cases/%d/name", i)) != NULL; i++) {
        char store[32];
        char *script = vector("tokens.json", "/cases/%d/script", i);
        char *later = vector("tokens.json", "/cases/%d/script_at_call", i);
        keyfob_token *token = NULL;
        keyfob_error *error = NULL;
        snprintf(store, sizeof store, "tokens-%d", i);
        ask("script", script);
        keyfob_handle *keyfob = open_live("tokens.json", store);
        keyfob_session *session = log_in(keyfob);
        if (later != NULL) {
            ask("script", later);
        }
        ask("forget", "log");
        ahead_ms = (int64_t)(number("tokens.json", i, "cases", "elapsed_seconds") * 1000);
        int64_t wanted = (int64_t)(number("tokens.json", i, "cases", "min_validity_seconds") * 1000);
        keyfob_status status = keyfob_access_token(keyfob, keyfob_session_id(session), wanted, &token, &error);
        as_written("tokens.json", i, status, &error, name);
        if (token != NULL) {
            bool same = strcmp(keyfob_token_secret(token), keyfob_session_provider_access_token(session)) == 0;
            char *which = vector("tokens.json", "/cases/%d/token", i);
            ok(which != NULL && strcmp(which, same ? "same" : "new") == 0, "%s: the token is %s", name, which == NULL ? "none" : which);
            free(which);
        }
        ok(requests("/token") == (int)number("tokens.json", i, "cases", "token_requests"), "%s: the requests", name);
        keyfob_token_free(token);
        keyfob_session_free(session);
        keyfob_free(keyfob);
        free(later);
        free(script);
        free(name);
    }
    ask("script", "{}");
}

/* A parameter as it stands in a URL, with its percent signs, in place of its name in a text. */
static void put_in(char *text, const char *url, const char *name) {
    char word[16];
    char start[16];
    char value[2048];
    snprintf(word, sizeof word, "{%s}", name);
    snprintf(start, sizeof start, "%s=", name);
    const char *at = strchr(url, '?');
    do {
        at++;
        if (strncmp(at, start, strlen(start)) == 0) {
            snprintf(value, sizeof value, "%s", at + strlen(start));
            value[strcspn(value, "&")] = '\0';
            replace(text, word, value);
            return;
        }
    } while ((at = strchr(at, '&')) != NULL);
    give_up("the redirect has no such parameter");
}

static void redirects(void) {
    char *name;
    char *port = vector("redirects.json", "/redirect_port");
    keyfob_handle *keyfob = open_live("redirects.json", "redirects");
    for (int i = 0; (name = vector("redirects.json", "/cases/%d/name", i)) != NULL; i++) {
        char good[LONG];
        char redirect[LONG];
        char *template = vector("redirects.json", "/cases/%d/redirect", i);
        keyfob_completed *completed = NULL;
        keyfob_error *error = NULL;
        keyfob_login_options *options = keyfob_login_options_new();
        must(keyfob_login_options_set_redirect_port(options, (uint16_t)atoi(port), &error), &error, "port");
        snprintf(good, sizeof good, "%s", redirect_of(keyfob, options, "browse"));
        keyfob_login_options_free(options);
        ask("forget", "log");
        snprintf(redirect, sizeof redirect, "%s", template);
        put_in(redirect, good, "code");
        put_in(redirect, good, "state");
        put_in(redirect, good, "iss");
        as_written("redirects.json", i, keyfob_complete_login(keyfob, redirect, &completed, &error), &error, name);
        ok(requests("/token") == 0 && completed == NULL, "%s: nothing was sent", name);
        char *waits = vector("redirects.json", "/cases/%d/waits", i);
        keyfob_status status = keyfob_complete_login(keyfob, good, &completed, &error);
        ok((status == KEYFOB_OK) == (strcmp(waits, "true") == 0), "%s: whether the login waits", name);
        keyfob_completed_free(completed);
        keyfob_error_free(error);
        free(waits);
        free(template);
        free(name);
    }
    keyfob_free(keyfob);
    free(port);
}

/* One login and what comes after it, step by step. */
struct steps {
    keyfob_handle *keyfob;
    char redirect[LONG];
    keyfob_session *session;
    char token[LONG];
};

static char *at(int step, const char *key) { return vector("login.json", "/steps/%d/%s", step, key); }

static void compare(struct steps *steps, int step, const char *given) {
    char *wanted = at(step, "token");
    ok(wanted != NULL && strcmp(wanted, strcmp(given, steps->token) == 0 ? "same" : "new") == 0, "step %d: the token", step);
    snprintf(steps->token, sizeof steps->token, "%s", given);
    free(wanted);
}

static void begin_login(struct steps *steps, int step) {
    keyfob_error *error = NULL;
    keyfob_login_options *options = keyfob_login_options_new();
    char *text;
    char key[64];
    for (int i = 0; snprintf(key, sizeof key, "scopes/%d", i), (text = at(step, key)) != NULL; i++) {
        must(keyfob_login_options_add_scope(options, text, &error), &error, "scope");
        free(text);
    }
    for (int i = 0; snprintf(key, sizeof key, "parameters/%d/0", i), (text = at(step, key)) != NULL; i++) {
        snprintf(key, sizeof key, "parameters/%d/1", i);
        char *value = at(step, key);
        must(keyfob_login_options_add_parameter(options, text, value, &error), &error, "parameter");
        free(value);
        free(text);
    }
    must(keyfob_login_options_set_success(options, text = at(step, "success"), &error), &error, "success");
    free(text);
    must(keyfob_login_options_set_failure(options, text = at(step, "failure"), &error), &error, "failure");
    free(text);
    must(keyfob_login_options_set_app_data(options, text = at(step, "app_data"), &error), &error, "app data");
    free(text);
    uint16_t port = (uint16_t)number("login.json", step, "steps", "redirect_port");
    must(keyfob_login_options_set_redirect_port(options, port, &error), &error, "port");
    snprintf(steps->redirect, sizeof steps->redirect, "%s", redirect_of(steps->keyfob, options, "browse"));
    keyfob_login_options_free(options);
}

static void complete_login(struct steps *steps, int step) {
    keyfob_completed *completed = NULL;
    keyfob_error *error = NULL;
    must(keyfob_complete_login(steps->keyfob, steps->redirect, &completed, &error), &error, "complete");
    steps->session = keyfob_session_copy(keyfob_completed_session(completed));
    snprintf(steps->token, sizeof steps->token, "%s", keyfob_session_provider_access_token(steps->session));
    char *uid = at(step, "provider_uid"), *link = at(step, "return_to"), *data = at(step, "app_data");
    same(keyfob_session_provider_uid(steps->session), uid, "the user");
    same(keyfob_completed_return_to(completed), link, "the success link");
    same(keyfob_completed_app_data(completed), data, "the application's data");
    free(uid), free(link), free(data);
    keyfob_completed_free(completed);
}

static void profile(struct steps *steps, int step) {
    keyfob_profile *profile = NULL;
    keyfob_error *error = NULL;
    int64_t age = (int64_t)(number("login.json", step, "steps", "max_age_seconds") * 1000);
    must(keyfob_fetch_profile(steps->keyfob, keyfob_session_id(steps->session), age, &profile, &error), &error, "profile");
    char *email = at(step, "email");
    same(keyfob_profile_email(profile), email, "the e-mail address");
    free(email);
    keyfob_profile_free(profile);
}

static bool take(struct steps *steps, int step) {
    char *what = at(step, "do");
    keyfob_token *token = NULL;
    keyfob_session *session = NULL;
    keyfob_error *error = NULL;
    if (what == NULL) {
        return false;
    }
    const char *id = steps->session == NULL ? NULL : keyfob_session_id(steps->session);
    if (strcmp(what, "begin_login") == 0) {
        begin_login(steps, step);
    } else if (strcmp(what, "complete_login") == 0) {
        complete_login(steps, step);
    } else if (strcmp(what, "profile") == 0) {
        profile(steps, step);
    } else if (strcmp(what, "pass") == 0) {
        ahead_ms += (int64_t)(number("login.json", step, "steps", "seconds") * 1000);
    } else if (strcmp(what, "access_token") == 0) {
        int64_t wanted = (int64_t)(number("login.json", step, "steps", "min_validity_seconds") * 1000);
        must(keyfob_access_token(steps->keyfob, id, wanted, &token, &error), &error, "access token");
        compare(steps, step, keyfob_token_secret(token));
    } else if (strcmp(what, "refresh_if_current") == 0) {
        must(keyfob_refresh_if_current(steps->keyfob, id, steps->token, &token, &error), &error, "another token");
        compare(steps, step, keyfob_token_secret(token));
    } else if (strcmp(what, "refresh_session") == 0) {
        must(keyfob_refresh_session(steps->keyfob, id, &session, &error), &error, "refresh");
        compare(steps, step, keyfob_session_provider_access_token(session));
    } else if (strcmp(what, "end_session") == 0) {
        must(keyfob_end_session(steps->keyfob, id, NULL, NULL, &error), &error, "end");
    } else {
        give_up(what);
    }
    keyfob_token_free(token);
    keyfob_session_free(session);
    free(what);
    return true;
}

static void whole_login(void) {
    static struct steps steps;
    ask("forget", "log");
    steps.keyfob = open_live("login.json", "login");
    for (int step = 0; take(&steps, step); step++) {
    }
    same(ask("sent", "login.json"), "same", "what the provider got");
    keyfob_session_free(steps.session);
    keyfob_free(steps.keyfob);
}

int main(int argc, char **argv) {
    if (argc != 3) {
        give_up("usage: vectors ISSUER EMPTY_FOLDER");
    }
    issuer = argv[1];
    folder = argv[2];
    configurations();
    tokens();
    redirects();
    whole_login();
    return tap_done();
}
