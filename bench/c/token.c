/*
 * token token CONFIG TIMES: a cached token through the C ABI, as an app takes it, so many times. What bench_measured encloses is
 * counted, as in bench/src.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keyfob.h"

static int failed(const char *what, keyfob_error *error) {
    fprintf(stderr, "%s: %s\n", what, keyfob_error_message(error));
    keyfob_error_free(error);
    return EXIT_FAILURE;
}

/* Takes a token, looks at it, and frees it. */
__attribute__((noinline)) static size_t bench_measured(keyfob_handle *keyfob, const char *id, long times) {
    size_t length = 0;
    for (long time = 0; time < times; time++) {
        keyfob_token *token = NULL;
        if (keyfob_access_token(keyfob, id, KEYFOB_MIN_VALIDITY_DEFAULT, &token, NULL) != KEYFOB_OK) {
            return 0;
        }
        length += strlen(keyfob_token_secret(token));
        keyfob_token_free(token);
    }
    return length;
}

int main(int count, char **words) {
    static char text[65536];
    /* The key of every store of bench/src. */
    uint8_t key[KEYFOB_STORE_KEY_LEN];
    memset(key, 42, sizeof key);

    FILE *file = count == 4 ? fopen(words[2], "rb") : NULL;
    if (file == NULL) {
        fprintf(stderr, "token token CONFIG TIMES\n");
        return EXIT_FAILURE;
    }
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);

    keyfob_config *config = NULL;
    keyfob_handle *keyfob = NULL;
    keyfob_session *session = NULL;
    keyfob_error *error = NULL;
    if (keyfob_config_from_json(text, &config, &error) != KEYFOB_OK) {
        return failed("config", error);
    }
    if (keyfob_config_set_store_key(config, key, sizeof key, &error) != KEYFOB_OK) {
        return failed("store key", error);
    }
    if (keyfob_open(config, &keyfob, &error) != KEYFOB_OK) {
        return failed("open", error);
    }
    if (keyfob_current_session(keyfob, &session, &error) != KEYFOB_OK || session == NULL) {
        return failed("session", error);
    }
    const char *id = keyfob_session_id(session);
    /* Once outside: what is read from the store is read. */
    keyfob_token *token = NULL;
    if (keyfob_access_token(keyfob, id, KEYFOB_MIN_VALIDITY_DEFAULT, &token, &error) != KEYFOB_OK) {
        return failed("token", error);
    }
    keyfob_token_free(token);
    size_t length = bench_measured(keyfob, id, strtol(words[3], NULL, 10));
    keyfob_session_free(session);
    keyfob_free(keyfob);
    if (length == 0) {
        fprintf(stderr, "there was no token\n");
        return EXIT_FAILURE;
    }
    printf("result {\"length\":%zu}\n", length);
    return EXIT_SUCCESS;
}
