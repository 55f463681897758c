/*
 * What the tests share: the Test Anything Protocol, the talk with the stage that runs them (the browser and the
 * provider's log are on the other side of standard input and output: see xtask/src/stage.rs), and a configuration.
 *
 * A test includes this once, in its one source file.
 */
#ifndef TAP_H
#define TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keyfob.h"

#define REGISTRATION "work-sso"

static int tap_count;
static int tap_failures;

/* One test: a claim that holds or not. */
static inline bool ok(bool holds, const char *format, ...) {
    va_list arguments;
    printf("%s %d - ", holds ? "ok" : "not ok", ++tap_count);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    printf("\n");
    fflush(stdout);
    tap_failures += !holds;
    return holds;
}

static inline bool same(const char *found, const char *wanted, const char *what) {
    bool holds = found == NULL || wanted == NULL ? found == wanted : strcmp(found, wanted) == 0;
    if (!ok(holds, "%s is %s", what, wanted == NULL ? "NULL" : wanted)) {
        printf("# found: %s\n", found == NULL ? "NULL" : found);
    }
    return holds;
}

/* The plan, which also tells a test that left early. For the end of main. */
static inline int tap_done(void) {
    printf("1..%d\n", tap_count);
    return tap_failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static inline _Noreturn void give_up(const char *why) {
    printf("Bail out! %s\n", why);
    exit(EXIT_FAILURE);
}

/* A call that must work for the test to go on. */
static inline void must(keyfob_status status, keyfob_error **error, const char *what) {
    if (status != KEYFOB_OK) {
        printf("# %s: %s\n", what, *error == NULL ? keyfob_status_name(status) : keyfob_error_message(*error));
        keyfob_error_free(*error);
        give_up(what);
    }
}

/* A call that must fail, and how; the error is freed. */
static inline void fails(keyfob_status status, keyfob_error **error, keyfob_status wanted, const char *reason, const char *what) {
    bool holds = status == wanted && *error != NULL && keyfob_error_status(*error) == status
                 && strcmp(keyfob_error_reason(*error), reason) == 0;
    if (!ok(holds, "%s: %s, %s", what, keyfob_status_name(wanted), reason)) {
        printf("# found: %s, %s\n", keyfob_status_name(status), *error == NULL ? "no error" : keyfob_error_message(*error));
    }
    keyfob_error_free(*error);
    *error = NULL;
}

/* Asks the stage for something; the answer is good until the next question. */
static inline char *ask(const char *verb, const char *what) {
    static char answer[16384];
    printf("# %s %s\n", verb, what);
    fflush(stdout);
    if (fgets(answer, sizeof answer, stdin) == NULL || answer[0] == '\n') {
        give_up("the stage gave no answer");
    }
    answer[strcspn(answer, "\n")] = '\0';
    return answer;
}

/* How many requests the provider got at a path. */
static inline int requests(const char *path) { return atoi(ask("count", path)); }

/* The store key of the tests. */
static const uint8_t tap_key[KEYFOB_STORE_KEY_LEN] = "the store key of the tests here";

static inline keyfob_config *sealed(keyfob_config *config) {
    keyfob_error *error = NULL;
    must(keyfob_config_set_store_key(config, tap_key, sizeof tap_key, &error), &error, "the store key");
    return config;
}

/* The configuration of the tests without a store key, and with more keys in `store`: the provider by discovery, with a store
 * in a folder of its own. */
static inline keyfob_config *configure_unsealed(const char *issuer, const char *folder, const char *store, const char *more) {
    char json[4096];
    keyfob_config *config = NULL;
    keyfob_error *error = NULL;
    snprintf(json, sizeof json,
             "{\"store\":{\"path\":\"%s/%s\"%s},"
             "\"coherence_seconds\":0,"
             "\"registrations\":[{\"id\":\"" REGISTRATION "\",\"provider\":\"oidc\",\"variables\":{\"issuer\":\"%s\"},"
             "\"client_id\":\"demo\",\"redirect_uri\":\"http://127.0.0.1/callback/work-sso\","
             "\"scopes\":[\"openid\",\"email\",\"offline_access\"]}]}",
             folder, store, more, issuer);
    must(keyfob_config_from_json(json, &config, &error), &error, "the configuration");
    return config;
}

/* The same, with the key. */
static inline keyfob_config *configure(const char *issuer, const char *folder, const char *store) {
    return sealed(configure_unsealed(issuer, folder, store, ""));
}

static inline keyfob_handle *open_config(keyfob_config *config) {
    keyfob_handle *keyfob = NULL;
    keyfob_error *error = NULL;
    must(keyfob_open(config, &keyfob, &error), &error, "open");
    return keyfob;
}

/* Begins a login and sends the browser there; the redirect is good until the next question to the stage. */
static inline char *redirect_of(keyfob_handle *keyfob, const keyfob_login_options *options, const char *verb) {
    keyfob_login *login = NULL;
    keyfob_error *error = NULL;
    must(keyfob_begin_login(keyfob, REGISTRATION, options, &login, &error), &error, "begin");
    char *redirect = ask(verb, keyfob_login_authorization_url(login));
    keyfob_login_free(login);
    return redirect;
}

/* A whole login; the caller frees the session. */
static inline keyfob_session *log_in(keyfob_handle *keyfob) {
    keyfob_completed *completed = NULL;
    keyfob_error *error = NULL;
    const char *redirect = redirect_of(keyfob, NULL, "browse");
    must(keyfob_complete_login(keyfob, redirect, &completed, &error), &error, "complete");
    keyfob_session *session = keyfob_session_copy(keyfob_completed_session(completed));
    keyfob_completed_free(completed);
    return session;
}

#endif
