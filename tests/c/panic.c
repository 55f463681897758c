/*
 * A panic becomes KEYFOB_INTERNAL and harms nothing: no thread of the host's, no store, no later call.
 * `panic ISSUER EMPTY_FOLDER`.
 *
 * The system's clock fails here, which Rust's standard library takes for impossible: it is the program's own, for a name
 * that the program defines goes before the C library's. What the panic says is on standard error.
 */

#define _GNU_SOURCE

#include <errno.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "tap.h"

static atomic_bool broken;

int clock_gettime(clockid_t clock, struct timespec *now) {
    if (atomic_load(&broken) && clock == CLOCK_REALTIME) {
        errno = EINVAL;
        return -1;
    }
    return (int)syscall(SYS_clock_gettime, clock, now);
}

int main(int argc, char **argv) {
    if (argc != 3) {
        give_up("usage: panic ISSUER EMPTY_FOLDER");
    }
    keyfob_error *error = NULL;
    keyfob_handle *keyfob = open_config(configure(argv[1], argv[2], "panic"));
    keyfob_session *session = log_in(keyfob);
    const char *id = keyfob_session_id(session);

    atomic_store(&broken, true);
    fails(keyfob_refresh_session(keyfob, id, NULL, &error), &error, KEYFOB_INTERNAL, "Internal", "a panic");
    ok(keyfob_refresh_session(keyfob, id, NULL, NULL) == KEYFOB_INTERNAL, "and another, of which nobody wants the details");
    atomic_store(&broken, false);

    int before = requests("/token");
    must(keyfob_refresh_session(keyfob, id, NULL, &error), &error, "the same call afterwards");
    ok(requests("/token") == before + 1, "which did what it should");
    keyfob_token *token = NULL;
    must(keyfob_access_token(keyfob, id, KEYFOB_MIN_VALIDITY_DEFAULT, &token, &error), &error, "a token");
    keyfob_token_free(token);
    keyfob_session_free(session);
    keyfob_free(keyfob);
    return tap_done();
}
