/* Tokens: from memory, refreshed once whoever asks, and the refresh that is refused. `refresh ISSUER EMPTY_FOLDER`. */

#define _POSIX_C_SOURCE 200809L

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "tap.h"

#define THREADS 16

static const char *issuer;
static const char *folder;

/* The system's clocks, some seconds ahead. */
static atomic_llong ahead_ms;

static int64_t clock_ms(clockid_t clock, void *context) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 + atomic_load((atomic_llong *)context);
}

static int64_t wall(void *context) { return clock_ms(CLOCK_REALTIME, context); }
static int64_t boot(void *context) { return clock_ms(CLOCK_MONOTONIC, context); }

static atomic_int released;
static void release(void *context) { atomic_fetch_add(&released, context == &ahead_ms); }

static keyfob_handle *open_with_clock(const char *store) {
    keyfob_config *config = configure(issuer, folder, store);
    keyfob_error *error = NULL;
    must(keyfob_config_set_clock(config, "this boot", wall, boot, &ahead_ms, release, &error), &error, "clock");
    return open_config(config);
}

static void a_fresh_token_comes_from_memory(void) {
    keyfob_handle *keyfob = open_config(configure(issuer, folder, "memory"));
    keyfob_session *session = log_in(keyfob);
    keyfob_token *token = NULL;
    keyfob_error *error = NULL;
    int before = requests("/token");
    must(keyfob_access_token(keyfob, keyfob_session_id(session), KEYFOB_MIN_VALIDITY_DEFAULT, &token, &error), &error,
         "token");
    ok(strcmp(keyfob_token_secret(token), keyfob_session_provider_access_token(session)) == 0,
       "the token is the session's");
    ok(keyfob_token_expires_at_ms(token) == keyfob_session_provider_access_token_expiry_ms(session),
       "and so is its expiry");
    ok(requests("/token") == before, "nothing was sent");

    keyfob_session *refreshed = NULL;
    must(keyfob_refresh_session(keyfob, keyfob_session_id(session), &refreshed, &error), &error, "refresh");
    ok(requests("/token") == before + 1, "a refresh is one request");
    ok(strcmp(keyfob_session_provider_access_token(refreshed), keyfob_token_secret(token)) != 0,
       "it brings a new access token");
    ok(strcmp(keyfob_session_provider_refresh_token(refreshed), keyfob_session_provider_refresh_token(session)) != 0,
       "and a new refresh token");
    same(keyfob_session_id(refreshed), keyfob_session_id(session), "the refreshed session");
    must(keyfob_refresh_session(keyfob, keyfob_session_id(session), NULL, &error), &error, "refresh without an output");

    int userinfo = requests("/userinfo");
    keyfob_profile *profile = NULL;
    must(keyfob_fetch_profile(keyfob, keyfob_session_id(session), KEYFOB_MAX_AGE_STORED, &profile, &error), &error,
         "stored profile");
    ok(requests("/userinfo") == userinfo, "a stored profile sends nothing");
    same(keyfob_profile_email(profile), "ada@example.com", "its e-mail address");
    keyfob_profile_free(profile);
    must(keyfob_fetch_profile(keyfob, keyfob_session_id(session), 0, &profile, &error), &error, "profile");
    ok(requests("/userinfo") == userinfo + 1, "a profile of age 0 is one request");
    same(keyfob_profile_uid(profile), "u-1", "its uid");
    keyfob_profile_free(profile);
    fails(keyfob_fetch_profile(keyfob, keyfob_session_id(session), -3, &profile, &error), &error,
          KEYFOB_INVALID_ARGUMENT, "InvalidArgument", "a negative age");
    keyfob_token *none = NULL;
    fails(keyfob_access_token(keyfob, keyfob_session_id(session), -2, &none, &error), &error, KEYFOB_INVALID_ARGUMENT,
          "InvalidArgument", "a negative validity");

    keyfob_token_free(token);
    keyfob_session_free(refreshed);
    keyfob_session_free(session);
    keyfob_free(keyfob);
}

struct caller {
    pthread_t thread;
    pthread_barrier_t *start;
    const keyfob_handle *keyfob;
    const char *session;
    /* Asks for another one than this, if it is set. */
    const char *rejected;
    keyfob_token *token;
    keyfob_status status;
};

static void *call(void *argument) {
    struct caller *caller = argument;
    pthread_barrier_wait(caller->start);
    caller->status =
        caller->rejected == NULL
            ? keyfob_access_token(caller->keyfob, caller->session, 0, &caller->token, NULL)
            : keyfob_refresh_if_current(caller->keyfob, caller->session, caller->rejected, &caller->token, NULL);
    return NULL;
}

/* All at once; whether all got the same token, which is another one than `old`. */
static bool all_get_one(const keyfob_handle *keyfob, const keyfob_session *session, const char *rejected,
                        const char *old) {
    struct caller callers[THREADS];
    pthread_barrier_t start;
    pthread_barrier_init(&start, NULL, THREADS);
    for (int i = 0; i < THREADS; i++) {
        callers[i] = (struct caller){
            .start = &start, .keyfob = keyfob, .session = keyfob_session_id(session), .rejected = rejected};
        pthread_create(&callers[i].thread, NULL, call, &callers[i]);
    }
    bool all = true;
    for (int i = 0; i < THREADS; i++) {
        pthread_join(callers[i].thread, NULL);
        all = all && callers[i].status == KEYFOB_OK
              && strcmp(keyfob_token_secret(callers[i].token), keyfob_token_secret(callers[0].token)) == 0;
    }
    all = all && strcmp(keyfob_token_secret(callers[0].token), old) != 0;
    for (int i = 0; i < THREADS; i++) {
        keyfob_token_free(callers[i].token);
    }
    pthread_barrier_destroy(&start);
    return all;
}

static void many_threads_make_one_request(void) {
    ask("script", "{\"tokens\":{\"access_token_seconds\":20}}");
    keyfob_handle *keyfob = open_with_clock("threads");
    keyfob_session *session = log_in(keyfob);
    int before = requests("/token");
    atomic_store(&ahead_ms, 21000);

    ok(all_get_one(keyfob, session, NULL, keyfob_session_provider_access_token(session)),
       "%d threads at expiry get the same token, a new one", THREADS);
    ok(requests("/token") == before + 1, "they made one request");
    keyfob_session_free(session);
    ok(atomic_load(&released) == 0, "the clock's context is in use");
    keyfob_free(keyfob);
    ok(atomic_load(&released) == 1, "the clock's context was given back once");
    atomic_store(&ahead_ms, 0);
}

/* A resource server answers 401, and every thread that sent it the token says so. */
static void a_rejected_token_is_replaced_once(void) {
    ask("script", "{}");
    keyfob_handle *keyfob = open_config(configure(issuer, folder, "rejected"));
    keyfob_session *session = log_in(keyfob);
    const char *rejected = keyfob_session_provider_access_token(session);
    int before = requests("/token");
    ok(all_get_one(keyfob, session, rejected, rejected), "%d threads with a rejected token get the same other one",
       THREADS);
    ok(requests("/token") == before + 1, "they made one request");

    /* Much later somebody else comes with that old one. */
    keyfob_token *token = NULL;
    keyfob_error *error = NULL;
    must(keyfob_refresh_if_current(keyfob, keyfob_session_id(session), rejected, &token, &error), &error, "late");
    ok(strcmp(keyfob_token_secret(token), rejected) != 0, "a late one gets the newer token");
    ok(requests("/token") == before + 1, "and sends nothing");

    /* The newer one is rejected, too, by a handle that has only the store to know it from. */
    keyfob_handle *other = open_config(configure(issuer, folder, "rejected"));
    keyfob_token *third = NULL;
    must(keyfob_refresh_if_current(other, keyfob_session_id(session), keyfob_token_secret(token), &third, &error),
         &error, "another handle");
    ok(strcmp(keyfob_token_secret(third), keyfob_token_secret(token)) != 0, "another handle gets a third one");
    ok(requests("/token") == before + 2, "by one more request");
    keyfob_token_free(third);
    keyfob_free(other);
    must(keyfob_refresh_if_current(keyfob, keyfob_session_id(session), keyfob_token_secret(token), &third, &error),
         &error, "the first handle");
    ok(requests("/token") == before + 2, "which the first handle finds in the store");

    keyfob_token *none = NULL;
    fails(keyfob_refresh_if_current(keyfob, "nobody", rejected, &none, &error), &error, KEYFOB_INVALID_ARGUMENT,
          "UnknownSession", "a rejected token of nobody");
    keyfob_token_free(third);
    keyfob_token_free(token);
    keyfob_session_free(session);
    keyfob_free(keyfob);
}

static void a_refused_refresh_ends_the_session(void) {
    ask("script", "{\"faults\":[{\"endpoint\":\"token\",\"grant_type\":\"refresh_token\",\"status\":400,"
                  "\"body\":{\"error\":\"invalid_grant\",\"error_description\":\"it was revoked\"}}]}");
    keyfob_handle *keyfob = open_config(configure(issuer, folder, "refused"));
    keyfob_session *session = log_in(keyfob);
    keyfob_error *error = NULL;
    keyfob_status status = keyfob_refresh_session(keyfob, keyfob_session_id(session), NULL, &error);
    keyfob_free(keyfob);
    ok(keyfob_error_is_login_required(error), "a new login is the way on, says an error after its handle");
    ok(!keyfob_error_is_retryable(error), "trying again is not");
    same(keyfob_error_oauth_code(error), "invalid_grant", "the provider's code");
    same(keyfob_error_oauth_description(error), "it was revoked", "the provider's words");
    same(keyfob_error_oauth_uri(error), NULL, "the provider's page");
    same(keyfob_error_return_to(error), NULL, "the failure link");
    ok(keyfob_error_http_status(error) == 400, "the HTTP status is 400");
    ok(keyfob_error_retry_after_ms(error) == KEYFOB_TIME_UNKNOWN, "when to try again is not known");
    ok(strstr(keyfob_error_message(error), "it was revoked") == NULL, "the message has no text of the provider");
    fails(status, &error, KEYFOB_LOGIN_REQUIRED, "Revoked", "a refused refresh");

    keyfob = open_config(configure(issuer, folder, "refused"));
    keyfob_session_list *sessions = NULL;
    must(keyfob_sessions(keyfob, &sessions, &error), &error, "sessions");
    ok(keyfob_session_list_len(sessions) == 1, "the session is listed");
    same(keyfob_session_ended_reason(keyfob_session_list_at(sessions, 0)), "Revoked", "the reason of its end");
    keyfob_session_list_free(sessions);
    keyfob_session_free(session);
    keyfob_free(keyfob);
}

static void an_overloaded_provider_is_left_alone(void) {
    ask("script", "{\"faults\":[{\"endpoint\":\"token\",\"grant_type\":\"refresh_token\",\"status\":429,"
                  "\"headers\":{\"Retry-After\":\"7\"},\"body\":\"\"}]}");
    keyfob_handle *keyfob = open_config(configure(issuer, folder, "overloaded"));
    keyfob_session *session = log_in(keyfob);
    keyfob_error *error = NULL;
    keyfob_status status = keyfob_refresh_session(keyfob, keyfob_session_id(session), NULL, &error);
    ok(keyfob_error_is_retryable(error) && !keyfob_error_is_login_required(error), "trying again is the way on");
    int64_t wait = keyfob_error_retry_after_ms(error);
    ok(wait > 6000 && wait <= 7000, "after the seconds that the provider named");
    fails(status, &error, KEYFOB_RATE_LIMITED, "BackOff", "an overloaded provider");
    keyfob_session_free(session);
    keyfob_free(keyfob);
}

int main(int argc, char **argv) {
    if (argc != 3) {
        give_up("usage: refresh ISSUER EMPTY_FOLDER");
    }
    issuer = argv[1];
    folder = argv[2];
    a_fresh_token_comes_from_memory();
    many_threads_make_one_request();
    a_rejected_token_is_replaced_once();
    a_refused_refresh_ends_the_session();
    an_overloaded_provider_is_left_alone();
    return tap_done();
}
