/*
 * One login from begin to end, and what an app does with its session.
 *
 *     cc examples/c/login.c $(pkg-config --cflags --libs keyfob) -o login
 *     ./login keyfob.json work-sso
 *
 * The store is sealed. Its key lies in keyfob.json.key, a file that only you can read: it stands in for the system's
 * keystore, which an app would ask, and is less than that, for any program that you run can read it.
 *
 * It prints a URL. Open it, log in, and paste the address that the browser ends at: with a loopback redirect URI
 * nobody listens there, so the browser shows an error page, and the address is what counts.
 */

#define _POSIX_C_SOURCE 200809L

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "keyfob.h"

/* Says what failed and why. Errors of Keyfob hold no secrets: they may go into a log as they are. */
static int failed(const char *what, keyfob_error *error) {
    fprintf(stderr, "%s: %s (%s)\n", what, keyfob_status_name(keyfob_error_status(error)), keyfob_error_reason(error));
    fprintf(stderr, "  %s\n", keyfob_error_message(error));
    keyfob_error_free(error);
    return EXIT_FAILURE;
}

static const char *or_none(const char *text) { return text != NULL ? text : "(none)"; }

/* Prints a time of Keyfob: milliseconds since 1970. */
static void print_time(const char *label, int64_t unix_ms) {
    char text[32] = "(the provider did not say)";
    time_t seconds = (time_t)(unix_ms / 1000);
    struct tm *utc = unix_ms == KEYFOB_TIME_UNKNOWN ? NULL : gmtime(&seconds);
    if (utc != NULL) {
        strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", utc);
    }
    printf("%-10s %s\n", label, text);
}

/* A line from standard input without its end. */
static char *read_line(void) {
    static char line[8192];
    if (fgets(line, sizeof line, stdin) == NULL) {
        return NULL;
    }
    line[strcspn(line, "\r\n")] = '\0';
    return line;
}

static char *read_file(const char *path) {
    static char text[65536];
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return NULL;
    }
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    return text;
}

/* Makes a key and keeps it, before anything is sealed under it. */
static keyfob_store_key_answer make_key(const char *path, uint8_t *key) {
    if (keyfob_store_key_generate(key, KEYFOB_STORE_KEY_LEN, NULL) != KEYFOB_OK) {
        return KEYFOB_STORE_KEY_NOT_NOW;
    }
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL, S_IRUSR | S_IWUSR);
    if (file < 0) {
        return KEYFOB_STORE_KEY_NOT_NOW;
    }
    int kept = write(file, key, KEYFOB_STORE_KEY_LEN) == KEYFOB_STORE_KEY_LEN && fsync(file) == 0;
    return close(file) == 0 && kept ? KEYFOB_STORE_KEY_HERE : KEYFOB_STORE_KEY_NOT_NOW;
}

/* Gives the store key. Only a keystore that is sure of it says KEYFOB_STORE_KEY_GONE: that ends every session. A file that
 * is not there may be on a disk that is not mounted. */
static keyfob_store_key_answer store_key(void *context, keyfob_wanted_store_key wanted, uint8_t *key) {
    const char *path = context;
    int file = open(path, O_RDONLY);
    if (file < 0) {
        return errno == ENOENT && wanted == KEYFOB_WANTED_STORE_KEY_NEW ? make_key(path, key) : KEYFOB_STORE_KEY_NOT_NOW;
    }
    ssize_t length = read(file, key, KEYFOB_STORE_KEY_LEN);
    close(file);
    return length == KEYFOB_STORE_KEY_LEN ? KEYFOB_STORE_KEY_HERE : KEYFOB_STORE_KEY_NOT_NOW;
}

/* Begins a login, lets the user log in, and completes it. */
static int log_in(keyfob_handle *keyfob, const char *registration) {
    keyfob_login *login = NULL;
    keyfob_completed *completed = NULL;
    keyfob_error *error = NULL;

    if (keyfob_begin_login(keyfob, registration, NULL, &login, &error) != KEYFOB_OK) {
        return failed("begin", error);
    }
    /* The login is stored: this process could end here, and another complete it. */
    printf("Open this and log in, then paste the address that the browser ends at:\n\n%s\n\n",
           keyfob_login_authorization_url(login));
    fflush(stdout);
    keyfob_login_free(login);

    const char *redirect = read_line();
    if (redirect == NULL) {
        fprintf(stderr, "no address was given\n");
        return EXIT_FAILURE;
    }
    if (keyfob_complete_login(keyfob, redirect, &completed, &error) != KEYFOB_OK) {
        return failed("complete", error);
    }
    keyfob_completed_free(completed);
    return EXIT_SUCCESS;
}

/* What an app does with a session, day by day. */
static int use_session(keyfob_handle *keyfob, const char *id) {
    keyfob_profile *profile = NULL;
    keyfob_token *token = NULL;
    keyfob_error *error = NULL;

    if (keyfob_fetch_profile(keyfob, id, KEYFOB_MAX_AGE_DEFAULT, &profile, &error) != KEYFOB_OK) {
        return failed("profile", error);
    }
    printf("%-10s %s <%s>\n", "profile", or_none(keyfob_profile_name(profile)), or_none(keyfob_profile_email(profile)));
    keyfob_profile_free(profile);

    /* Ask before every request to the provider: a fresh token comes from memory, and a refresh happens by itself. */
    if (keyfob_access_token(keyfob, id, KEYFOB_MIN_VALIDITY_DEFAULT, &token, &error) != KEYFOB_OK) {
        return failed("access token", error);
    }
    printf("%-10s %zu bytes, never shown\n", "token", strlen(keyfob_token_secret(token)));
    print_time("good until", keyfob_token_expires_at_ms(token));
    keyfob_token_free(token);

    /* Rarely needed: only when the provider refuses a token that should have been good. */
    if (keyfob_refresh_session(keyfob, id, NULL, &error) != KEYFOB_OK) {
        return failed("refresh", error);
    }
    return EXIT_SUCCESS;
}

/* Here at once, whatever the network does; then the provider is asked to revoke the token. */
static int log_out(keyfob_handle *keyfob, const char *id) {
    keyfob_ended *ended = NULL;
    keyfob_error *error = NULL;

    if (keyfob_end_session(keyfob, id, NULL, &ended, &error) != KEYFOB_OK) {
        return failed("end", error);
    }
    const char *where = "here; the provider's token lives on until it is over";
    if (keyfob_ended_revocation(ended) == KEYFOB_REVOCATION_DONE) {
        where = "here and at the provider";
    } else if (keyfob_ended_revocation(ended) == KEYFOB_REVOCATION_OWED) {
        where = "here; the provider is told by a later keyfob_maintain";
    }
    printf("%-10s %s\n", "logged out", where);
    keyfob_ended_free(ended);
    return EXIT_SUCCESS;
}

static int show_journal(keyfob_handle *keyfob) {
    keyfob_journal_list *journal = NULL;
    keyfob_error *error = NULL;

    if (keyfob_journal(keyfob, 10, &journal, &error) != KEYFOB_OK) {
        return failed("journal", error);
    }
    printf("\nWhat happened, newest first:\n");
    for (size_t i = 0; i < keyfob_journal_list_len(journal); i++) {
        printf("  %s\n", keyfob_journal_entry_message(keyfob_journal_list_at(journal, i)));
    }
    keyfob_journal_list_free(journal);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv) {
    keyfob_config *config = NULL;
    keyfob_handle *keyfob = NULL;
    keyfob_session *session = NULL;
    keyfob_error *error = NULL;

    const char *json = argc == 3 ? read_file(argv[1]) : NULL;
    if (json == NULL) {
        fprintf(stderr, "usage: login CONFIG_JSON_FILE REGISTRATION\n");
        return EXIT_FAILURE;
    }
    if (keyfob_config_from_json(json, &config, &error) != KEYFOB_OK) {
        return failed("configuration", error);
    }
    char key_file[4096];
    snprintf(key_file, sizeof key_file, "%s.key", argv[1]);
    if (keyfob_config_set_store_key_source(config, store_key, key_file, NULL, &error) != KEYFOB_OK) {
        keyfob_config_free(config);
        return failed("store key", error);
    }
    if (keyfob_open(config, &keyfob, &error) != KEYFOB_OK) {
        return failed("open", error);
    }

    int outcome = log_in(keyfob, argv[2]);
    if (outcome == EXIT_SUCCESS && keyfob_current_session(keyfob, &session, &error) != KEYFOB_OK) {
        outcome = failed("session", error);
    }
    if (outcome == EXIT_SUCCESS) {
        const char *id = keyfob_session_id(session);
        printf("%-10s %s\n", "session", id);
        printf("%-10s %s at %s\n", "user", keyfob_session_provider_uid(session), keyfob_session_provider(session));
        print_time("expires", keyfob_session_provider_access_token_expiry_ms(session));

        outcome = use_session(keyfob, id);
        if (outcome == EXIT_SUCCESS) {
            outcome = log_out(keyfob, id);
        }
    }
    if (outcome == EXIT_SUCCESS) {
        outcome = show_journal(keyfob);
    }
    keyfob_session_free(session);
    keyfob_free(keyfob);
    return outcome;
}
