/* Several processes on one store: one refresh for all, who is at it, and fork. `processes ISSUER EMPTY_FOLDER`. */

#define _POSIX_C_SOURCE 200809L

#include "tap.h"
#include "other.h"

static void wait_a_moment(void) {
    struct timespec moment = {.tv_nsec = 20000000};
    nanosleep(&moment, NULL);
}

/* Waits until some process has sent the refresh token of a session. */
static keyfob_health *when_sent(const keyfob_handle *keyfob) {
    for (int i = 0; i < 1000; i++) {
        keyfob_health *health = health_of(keyfob);
        if (keyfob_health_interrupted_len(health) > 0) {
            return health;
        }
        keyfob_health_free(health);
        wait_a_moment();
    }
    give_up("no refresh has begun");
}

static void several_processes_make_one_request(void) {
    ask("script", "{\"tokens\":{\"access_token_seconds\":20},"
                  "\"faults\":[{\"endpoint\":\"token\",\"grant_type\":\"refresh_token\",\"delay_seconds\":1}]}");
    keyfob_handle *keyfob = open_config(configure_clock("one"));
    keyfob_session *session = log_in(keyfob);
    struct process one = start("one", 21000);
    struct process two = start("one", 21000);
    int before = requests("/token");
    tell(&one, "token", session, 0);
    tell(&two, "token", session, 0);
    const char *first = hear(&one);
    const char *second = hear(&two);
    ok(strcmp(first, keyfob_session_provider_access_token(session)) != 0, "at expiry a process gets a new token");
    ok(strcmp(first, second) == 0, "two processes get the same one");
    ok(requests("/token") == before + 1, "they made one request");

    atomic_store(&ahead_ms, 21000);
    keyfob_token *token = NULL;
    keyfob_error *error = NULL;
    must(keyfob_access_token(keyfob, keyfob_session_id(session), 0, &token, &error), &error, "token");
    ok(strcmp(keyfob_token_secret(token), first) == 0, "a third one finds it in the store");
    ok(!keyfob_token_is_unsaved(token), "where it is saved");
    ok(requests("/token") == before + 1, "and sends nothing");
    keyfob_token_free(token);
    stop(&one);
    stop(&two);

    keyfob_journal_list *journal = NULL;
    must(keyfob_journal(keyfob, 1, &journal, &error), &error, "journal");
    const keyfob_journal_entry *entry = keyfob_journal_list_at(journal, 0);
    same(keyfob_journal_entry_event(entry), "Refreshed", "the journal's newest line");
    same(keyfob_journal_entry_wish(entry), "token", "why it was refreshed");
    ok(keyfob_journal_entry_pid(entry) == (uint32_t)one.pid || keyfob_journal_entry_pid(entry) == (uint32_t)two.pid,
       "it says which process did it");
    ok(keyfob_journal_entry_waited_ms(entry) >= 1000, "and how long that took");
    keyfob_journal_list_free(journal);
    keyfob_session_free(session);
    keyfob_free(keyfob);
    atomic_store(&ahead_ms, 0);
}

/* Whoever has not the time to wait for the process that is refreshing. */
static void who_cannot_wait_is_told_who_is_at_it(void) {
    ask("script", "{\"tokens\":{\"access_token_seconds\":20},"
                  "\"faults\":[{\"endpoint\":\"token\",\"grant_type\":\"refresh_token\",\"delay_seconds\":3}]}");
    keyfob_handle *keyfob = open_config(configure_clock("busy"));
    keyfob_session *session = log_in(keyfob);
    struct process other = start("busy", 21000);
    atomic_store(&ahead_ms, 21000);
    tell(&other, "token", session, 0);

    keyfob_health *health = when_sent(keyfob);
    const keyfob_interrupted *interrupted = keyfob_health_interrupted_at(health, 0);
    same(keyfob_interrupted_session(interrupted), keyfob_session_id(session), "the session of the refresh under way");
    ok(keyfob_interrupted_pid(interrupted) == (uint32_t)other.pid, "the other process makes it");
    ok(keyfob_interrupted_is_alive(interrupted), "which is alive");
    ok(!keyfob_interrupted_is_in_doubt(interrupted), "it is not in doubt");
    ok(keyfob_interrupted_is_verified(interrupted), "the tokens before it were checked");
    ok(keyfob_interrupted_begun_at_ms(interrupted) > keyfob_session_created_at_ms(session), "it began after the login");
    ok(keyfob_interrupted_retry_after_ms(interrupted) == KEYFOB_TIME_UNKNOWN, "there is no time to wait for");
    ok(keyfob_health_interrupted_at(health, 1) == NULL, "it is the only one");
    keyfob_health_free(health);

    keyfob_token *token = NULL;
    keyfob_error *error = NULL;
    char owner[32];
    snprintf(owner, sizeof owner, "process %ld ", (long)other.pid);
    keyfob_status status = keyfob_access_token_within(keyfob, keyfob_session_id(session), 0, 50, &token, &error);
    ok(error != NULL && keyfob_error_detail(error) != NULL && strstr(keyfob_error_detail(error), owner) != NULL,
       "the detail names the process");
    ok(keyfob_error_is_retryable(error), "trying again is the way on");
    fails(status, &error, KEYFOB_REFRESH_BUSY, "RefreshBusy", "a short wait");
    must(keyfob_access_token_within(keyfob, keyfob_session_id(session), 0, 30000, &token, &error), &error, "long wait");
    ok(strcmp(keyfob_token_secret(token), hear(&other)) == 0, "a long wait gets the other process's token");
    keyfob_token_free(token);
    health = health_of(keyfob);
    ok(keyfob_health_interrupted_len(health) == 0, "then nothing is under way any more");
    keyfob_health_free(health);
    stop(&other);
    keyfob_session_free(session);
    keyfob_free(keyfob);
    atomic_store(&ahead_ms, 0);
}

static void who_cannot_wait_gets_a_token_that_is_still_good(void) {
    ask("script", "{\"tokens\":{\"access_token_seconds\":60},"
                  "\"faults\":[{\"endpoint\":\"token\",\"grant_type\":\"refresh_token\",\"delay_seconds\":3}]}");
    keyfob_handle *keyfob = open_config(configure_clock("good"));
    keyfob_session *session = log_in(keyfob);
    /* 30 seconds are left. */
    struct process other = start("good", 30000);
    atomic_store(&ahead_ms, 30000);
    int before = requests("/token");
    tell(&other, "token", session, 50000);
    keyfob_health_free(when_sent(keyfob));
    keyfob_token *token = NULL;
    keyfob_error *error = NULL;
    must(keyfob_access_token_within(keyfob, keyfob_session_id(session), 50000, 50, &token, &error), &error, "token");
    ok(strcmp(keyfob_token_secret(token), keyfob_session_provider_access_token(session)) == 0,
       "after a short wait a token that is still good is given");
    keyfob_token_free(token);
    ok(strcmp(hear(&other), keyfob_session_provider_access_token(session)) != 0, "the other process gets a new one");
    ok(requests("/token") == before + 1, "by one request");
    stop(&other);
    keyfob_session_free(session);
    keyfob_free(keyfob);
    ask("script", "{}");
    atomic_store(&ahead_ms, 0);
}

static bool is_used_after_fork(keyfob_status status, keyfob_error *error) {
    bool holds = status == KEYFOB_INVALID_STATE && strcmp(keyfob_error_reason(error), "UsedAfterFork") == 0;
    keyfob_error_free(error);
    return holds;
}

/* The child's claims, one bit each. */
static int in_the_child(keyfob_handle *keyfob, const char *session) {
    keyfob_session_list *sessions = NULL;
    keyfob_token *token = NULL;
    keyfob_error *error = NULL;
    int holds = 0;
    keyfob_status status = keyfob_sessions(keyfob, &sessions, &error);
    holds |= is_used_after_fork(status, error) ? 1 : 0;
    status = keyfob_access_token(keyfob, session, 0, &token, &error);
    holds |= is_used_after_fork(status, error) ? 2 : 0;
    status = keyfob_suspend(keyfob, 0, &error);
    holds |= is_used_after_fork(status, error) ? 4 : 0;
    keyfob_free(keyfob);
    keyfob_handle *own = open_config(configure_clock("forked"));
    if (keyfob_access_token(own, session, 0, &token, &error) == KEYFOB_OK
        && keyfob_refresh_session(own, session, NULL, &error) == KEYFOB_OK) {
        holds |= 8;
    }
    keyfob_token_free(token);
    keyfob_error_free(error);
    keyfob_free(own);
    return holds;
}

static void a_handle_does_not_survive_a_fork(void) {
    keyfob_handle *keyfob = open_config(configure_clock("forked"));
    keyfob_session *session = log_in(keyfob);
    int before = requests("/token");
    int pipe_of_child[2];
    char holds = 0;
    if (pipe(pipe_of_child) != 0) {
        give_up("no pipe");
    }
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        holds = (char)in_the_child(keyfob, keyfob_session_id(session));
        if (write(pipe_of_child[1], &holds, 1) == 1) {
            /* Not by an exit, at which Valgrind would look for leaks: the parent's connection, which the child must not
             * close, would be one. */
            execl("/bin/true", "true", (char *)NULL);
        }
        abort();
    }
    close(pipe_of_child[1]);
    ok(read(pipe_of_child[0], &holds, 1) == 1, "the child lives until it has told");
    close(pipe_of_child[0]);
    waitpid(child, NULL, 0);
    ok(holds & 1, "in a child the sessions: InvalidState, UsedAfterFork");
    ok(holds & 2, "a token: the same");
    ok(holds & 4, "suspend: the same");
    ok(holds & 8, "a handle of its own is good");
    ok(requests("/token") == before + 1, "and refreshes");

    keyfob_session *refreshed = NULL;
    keyfob_error *error = NULL;
    must(keyfob_refresh_session(keyfob, keyfob_session_id(session), &refreshed, &error), &error, "refresh");
    ok(requests("/token") == before + 2 && keyfob_session_is_active(refreshed), "the parent's handle is as it was");
    keyfob_session_free(refreshed);
    keyfob_session_free(session);
    keyfob_free(keyfob);
}

int main(int argc, char **argv) {
    begin(argc, argv);
    several_processes_make_one_request();
    who_cannot_wait_is_told_who_is_at_it();
    who_cannot_wait_gets_a_token_that_is_still_good();
    a_handle_does_not_survive_a_fork();
    return tap_done();
}
