/* Early refreshes on a thread of the host's. `executor ISSUER EMPTY_FOLDER`. */

#define _POSIX_C_SOURCE 200809L

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "tap.h"

static const char *issuer;
static const char *folder;

/* The boot clock, some seconds ahead: the wall clock stays right for the provider's ID tokens. */
static atomic_llong ahead_ms;

static int64_t clock_ms(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t wall(void *context) { return context == NULL ? clock_ms(CLOCK_REALTIME) : 0; }
static int64_t boot(void *context) {
    return context == NULL ? clock_ms(CLOCK_MONOTONIC) + atomic_load(&ahead_ms) : 0;
}

/* A host with one place for work. */
struct host {
    keyfob_work *work;
    int handed;
    int released;
};

static void execute(void *context, keyfob_work *work) {
    struct host *host = context;
    host->handed++;
    keyfob_work_free(host->work);
    host->work = work;
}

static void release(void *context) { ((struct host *)context)->released++; }

static void *run(void *argument) {
    keyfob_work_run(argument);
    return NULL;
}

static void on_another_thread(struct host *host) {
    pthread_t thread;
    pthread_create(&thread, NULL, run, host->work);
    host->work = NULL;
    pthread_join(thread, NULL);
}

static keyfob_handle *open_with(struct host *host, const char *store) {
    keyfob_config *config = configure(issuer, folder, store);
    keyfob_error *error = NULL;
    must(keyfob_config_set_clock(config, "this boot", wall, boot, NULL, NULL, &error), &error, "clock");
    must(keyfob_config_set_executor(config, execute, host, release, &error), &error, "executor");
    return open_config(config);
}

static keyfob_token *token_of(const keyfob_handle *keyfob, const keyfob_session *session) {
    keyfob_token *token = NULL;
    keyfob_error *error = NULL;
    must(keyfob_access_token(keyfob, keyfob_session_id(session), KEYFOB_MIN_VALIDITY_DEFAULT, &token, &error), &error,
         "token");
    return token;
}

/* Whether the session's token is this one, as a call for it tells. */
static bool gives(const keyfob_handle *keyfob, const keyfob_session *session, const char *secret) {
    keyfob_token *token = token_of(keyfob, session);
    bool same_one = strcmp(keyfob_token_secret(token), secret) == 0;
    keyfob_token_free(token);
    return same_one;
}

static void an_early_refresh_runs_on_another_thread(void) {
    struct host host = {0};
    keyfob_handle *keyfob = open_with(&host, "early");
    keyfob_session *session = log_in(keyfob);
    const char *old = keyfob_session_provider_access_token(session);
    ok(gives(keyfob, session, old) && host.handed == 0, "a fresh token gives no work");

    /* Of its hour, 150 seconds are left: good enough, and time to look for the next one. */
    atomic_store(&ahead_ms, 3450000);
    int before = requests("/token");
    ok(gives(keyfob, session, old), "a token that is good is given as it is");
    ok(host.handed == 1 && host.work != NULL, "and work is handed to the host");
    ok(requests("/token") == before, "nothing was sent yet");
    ok(gives(keyfob, session, old) && host.handed == 1, "while it is on its way there is no more of it");

    keyfob_work_free(host.work);
    host.work = NULL;
    ok(requests("/token") == before, "work that is freed sends nothing");
    ok(gives(keyfob, session, old) && host.handed == 2, "the next call hands it over again");
    on_another_thread(&host);
    ok(requests("/token") == before + 1, "work that is run is one request");
    ok(!gives(keyfob, session, old) && host.handed == 2, "from then on there is a new token");
    ok(requests("/token") == before + 1, "from memory");

    keyfob_session_free(session);
    keyfob_free(keyfob);
    ok(host.released == 1, "the context was given back once");
    atomic_store(&ahead_ms, 0);
}

/* A failed early refresh is nobody's business while the token is good. */
static void work_may_fail(void) {
    struct host host = {0};
    keyfob_handle *keyfob = open_with(&host, "fails");
    keyfob_session *session = log_in(keyfob);
    const char *old = keyfob_session_provider_access_token(session);
    ask("script", "{\"faults\":[{\"endpoint\":\"token\",\"grant_type\":\"refresh_token\",\"status\":503,\"body\":\"\"}]}");
    atomic_store(&ahead_ms, 3450000);
    ok(gives(keyfob, session, old) && host.handed == 1, "work is handed to the host");
    on_another_thread(&host);
    ok(gives(keyfob, session, old), "after its failure the token is given as before");
    keyfob_session *now = NULL;
    keyfob_error *error = NULL;
    must(keyfob_find_session(keyfob, keyfob_session_id(session), &now, &error), &error, "find");
    ok(keyfob_session_is_active(now), "and the session lives on");
    keyfob_session_free(now);
    keyfob_session_free(session);
    keyfob_work_free(host.work);
    host.work = NULL;
    keyfob_free(keyfob);
    ok(host.released == 1, "the context was given back once");
    ask("script", "{}");
    atomic_store(&ahead_ms, 0);
}

static void work_outlives_its_handle(void) {
    struct host host = {0};
    keyfob_handle *keyfob = open_with(&host, "outlives");
    keyfob_session *session = log_in(keyfob);
    atomic_store(&ahead_ms, 3450000);
    keyfob_token_free(token_of(keyfob, session));
    ok(host.work != NULL, "work is handed to the host");
    keyfob_free(keyfob);
    ok(host.released == 0, "while there is work the context is in use");
    int before = requests("/token");
    on_another_thread(&host);
    ok(requests("/token") == before + 1, "the work is done after its handle");
    ok(host.released == 1, "then the context was given back");

    /* What it brought is in the store. */
    keyfob = open_config(configure(issuer, folder, "outlives"));
    keyfob_session *refreshed = NULL;
    keyfob_error *error = NULL;
    must(keyfob_find_session(keyfob, keyfob_session_id(session), &refreshed, &error), &error, "find");
    ok(strcmp(keyfob_session_provider_access_token(refreshed), keyfob_session_provider_access_token(session)) != 0,
       "and what it brought is stored");
    keyfob_session_free(refreshed);
    keyfob_session_free(session);
    keyfob_free(keyfob);
    atomic_store(&ahead_ms, 0);
}

static void an_executor_is_consumed_even_on_error(void) {
    struct host host = {0};
    keyfob_error *error = NULL;
    keyfob_config *config = configure(issuer, folder, "consumed");
    fails(keyfob_config_set_executor(config, NULL, &host, release, &error), &error, KEYFOB_INVALID_ARGUMENT,
          "InvalidArgument", "an executor that is NULL");
    ok(host.released == 1, "its context was given back");
    must(keyfob_config_set_executor(config, execute, &host, release, &error), &error, "executor");
    must(keyfob_config_set_executor(config, execute, &host, NULL, &error), &error, "another executor");
    ok(host.released == 2, "the context of an executor that was replaced was given back");
    keyfob_config_free(config);
    ok(host.released == 2, "without a release nothing is called");
}

int main(int argc, char **argv) {
    if (argc != 3) {
        give_up("usage: executor ISSUER EMPTY_FOLDER");
    }
    issuer = argv[1];
    folder = argv[2];
    an_early_refresh_runs_on_another_thread();
    work_may_fail();
    work_outlives_its_handle();
    an_executor_is_consumed_even_on_error();
    return tap_done();
}
