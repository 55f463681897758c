/* The log in the host's hands. `log ISSUER EMPTY_FOLDER`. */

#define _POSIX_C_SOURCE 200809L

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "tap.h"

static const char *issuer;
static const char *folder;

/* What one callback was told. */
struct told {
    atomic_int lines;
    atomic_int released;
    atomic_int after_release;
    atomic_int strange;
    keyfob_log_level highest;
    char last[4096];
    /* With it, the callback calls Keyfob. */
    keyfob_handle *keyfob;
    const keyfob_session *session;
    keyfob_status from_within[4];
    bool output_is_null;
    bool names_its_reason;
    bool reads;
};

static void take(void *context, keyfob_log_level level, const char *target, const char *message) {
    struct told *told = context;
    atomic_fetch_add(&told->lines, 1);
    atomic_fetch_add(&told->after_release, atomic_load(&told->released));
    if (level < KEYFOB_LOG_LEVEL_ERROR || level > KEYFOB_LOG_LEVEL_DEBUG || target[0] == '\0' || message[0] == '\0') {
        atomic_fetch_add(&told->strange, 1);
    }
}

/* For one thread: remembers the line, and prints it, so that whoever runs this test can look for tokens in it. */
static void take_and_show(void *context, keyfob_log_level level, const char *target, const char *message) {
    struct told *told = context;
    take(context, level, target, message);
    told->highest = level > told->highest ? level : told->highest;
    snprintf(told->last, sizeof told->last, "%s: %s", target, message);
    printf("# log: %d %s\n", (int)level, told->last);
}

static void take_and_call(void *context, keyfob_log_level level, const char *target, const char *message) {
    struct told *told = context;
    take(context, level, target, message);
    keyfob_error *error = NULL;
    keyfob_session_list *sessions = (keyfob_session_list *)&error;
    told->from_within[0] = keyfob_sessions(told->keyfob, &sessions, &error);
    told->output_is_null = sessions == NULL;
    told->names_its_reason = error != NULL && strcmp(keyfob_error_reason(error), "Reentered") == 0;
    keyfob_error_free(error);
    told->from_within[1] = keyfob_refresh_session(told->keyfob, keyfob_session_id(told->session), NULL, NULL);
    told->from_within[2] = keyfob_set_log(KEYFOB_LOG_LEVEL_DEBUG, NULL, NULL, NULL, NULL);
    keyfob_config *config = NULL;
    told->from_within[3] = keyfob_config_from_json("{}", &config, NULL);
    told->reads = strcmp(keyfob_session_provider_uid(told->session), "u-1") == 0;
}

static void release(void *context) { atomic_fetch_add(&((struct told *)context)->released, 1); }

static void set(keyfob_log_level level, keyfob_log_fn callback, struct told *told) {
    keyfob_error *error = NULL;
    must(keyfob_set_log(level, callback, told, release, &error), &error, "set the log");
}

/* Opens a store without a key, of which Keyfob warns. */
static void be_warned(void) {
    keyfob_free(open_config(configure_unsealed(issuer, folder, "plain", ",\"plaintext\":true")));
}

static void levels_are_kept(void) {
    struct told warned = {0};
    struct told silent = {0};
    struct told told = {0};
    be_warned();
    set(KEYFOB_LOG_LEVEL_WARN, take_and_show, &warned);
    be_warned();
    ok(atomic_load(&warned.lines) == 1, "one warning, and nothing that matters less");
    ok(warned.highest == KEYFOB_LOG_LEVEL_WARN, "its level");
    ok(strncmp(warned.last, "keyfob::", 8) == 0 && strstr(warned.last, "not sealed") != NULL, "who says it, and what");

    set(KEYFOB_LOG_LEVEL_ERROR, take_and_show, &silent);
    ok(atomic_load(&warned.released) == 1, "the context of the one before is given back");
    be_warned();
    ok(atomic_load(&silent.lines) == 0, "a warning is no error");

    set(KEYFOB_LOG_LEVEL_DEBUG, take_and_show, &told);
    be_warned();
    ok(atomic_load(&told.lines) > 1 && told.highest == KEYFOB_LOG_LEVEL_DEBUG, "at DEBUG there is more");
    ok(atomic_load(&warned.lines) == 1, "and the one before hears no more of it");

    int before = atomic_load(&told.lines);
    set(KEYFOB_LOG_LEVEL_DEBUG, NULL, &silent);
    ok(atomic_load(&told.released) == 1 && atomic_load(&silent.released) == 2, "without a callback every context is given back");
    be_warned();
    ok(atomic_load(&told.lines) == before, "and there is no log");

    keyfob_error *error = NULL;
    struct told refused = {0};
    fails(keyfob_set_log(0, take, &refused, release, &error), &error, KEYFOB_INVALID_ARGUMENT, "InvalidArgument", "no such level");
    fails(keyfob_set_log(5, take, &refused, release, &error), &error, KEYFOB_INVALID_ARGUMENT, "InvalidArgument", "nor that one");
    ok(atomic_load(&refused.released) == 2, "an error gives the context back too");
}

/* A whole login, a refresh, a logout: whoever runs this test looks for tokens in what is printed. */
static void no_secret_is_logged(void) {
    struct told told = {0};
    set(KEYFOB_LOG_LEVEL_DEBUG, take_and_show, &told);
    keyfob_error *error = NULL;
    keyfob_handle *keyfob = open_config(configure(issuer, folder, "whole"));
    keyfob_session *session = log_in(keyfob);
    must(keyfob_refresh_session(keyfob, keyfob_session_id(session), NULL, &error), &error, "refresh");
    must(keyfob_end_session(keyfob, keyfob_session_id(session), NULL, NULL, &error), &error, "end");
    keyfob_session_free(session);
    keyfob_free(keyfob);
    ok(atomic_load(&told.lines) > 5 && atomic_load(&told.strange) == 0, "a login is told at DEBUG");
    set(KEYFOB_LOG_LEVEL_DEBUG, NULL, &told);
}

static void a_call_from_within_is_refused(void) {
    keyfob_error *error = NULL;
    keyfob_handle *keyfob = open_config(configure(issuer, folder, "within"));
    keyfob_session *session = log_in(keyfob);
    struct told told = {.keyfob = keyfob, .session = session};
    set(KEYFOB_LOG_LEVEL_DEBUG, take_and_call, &told);
    must(keyfob_refresh_session(keyfob, keyfob_session_id(session), NULL, &error), &error, "a refresh that is logged");
    ok(atomic_load(&told.lines) > 0, "the callback was called");
    ok(told.from_within[0] == KEYFOB_INVALID_STATE && told.output_is_null, "from within it Keyfob cannot be called");
    ok(told.names_its_reason, "for the reason Reentered");
    ok(told.from_within[1] == KEYFOB_INVALID_STATE, "not for the session that is being refreshed");
    ok(told.from_within[2] == KEYFOB_INVALID_STATE && atomic_load(&told.released) == 0, "not to change the callback");
    ok(told.from_within[3] == KEYFOB_INVALID_STATE, "not for what has no handle");
    ok(told.reads, "what only reads can be called");
    keyfob_session_list *sessions = NULL;
    must(keyfob_sessions(keyfob, &sessions, &error), &error, "sessions");
    ok(keyfob_session_list_len(sessions) == 1, "and afterwards everything");
    keyfob_session_list_free(sessions);
    set(KEYFOB_LOG_LEVEL_DEBUG, NULL, &told);
    keyfob_session_free(session);
    keyfob_free(keyfob);
}

static atomic_bool over;

static void *keep_logging(void *context) {
    (void)context;
    while (!atomic_load(&over)) {
        be_warned();
    }
    return NULL;
}

static void callbacks_are_replaced_while_they_run(void) {
    enum { THREADS = 4, CALLBACKS = 50 };
    static struct told told[CALLBACKS];
    static struct told last;
    pthread_t threads[THREADS];
    int lines = 0;
    int released = 0;
    int late = 0;
    for (int i = 0; i < THREADS; i++) {
        if (pthread_create(&threads[i], NULL, keep_logging, NULL) != 0) {
            give_up("no thread");
        }
    }
    for (int i = 0; i < CALLBACKS; i++) {
        set(KEYFOB_LOG_LEVEL_DEBUG, take, &told[i]);
        nanosleep(&(struct timespec){.tv_nsec = 4000000}, NULL);
    }
    set(KEYFOB_LOG_LEVEL_DEBUG, NULL, &last);
    atomic_store(&over, true);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    for (int i = 0; i < CALLBACKS; i++) {
        lines += atomic_load(&told[i].lines);
        released += atomic_load(&told[i].released);
        late += atomic_load(&told[i].after_release) + atomic_load(&told[i].strange);
    }
    ok(lines > 0, "lines were told");
    ok(released == CALLBACKS, "every context was given back once");
    ok(late == 0, "and none was used after that");
}

int main(int argc, char **argv) {
    if (argc != 3) {
        give_up("usage: log ISSUER EMPTY_FOLDER");
    }
    issuer = argv[1];
    folder = argv[2];
    levels_are_kept();
    no_secret_is_logged();
    a_call_from_within_is_refused();
    callbacks_are_replaced_while_they_run();
    return tap_done();
}
