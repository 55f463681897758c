/*
 * Completes a login that another process began, in whatever language, from the store that both open.
 *
 *     complete CONFIG_JSON_FILE [REDIRECT_URL [KEY_FILE]]
 *
 * Without REDIRECT_URL it is a line of standard input. Instead of a file the JSON itself will do. KEY_FILE has the bytes of
 * the store key. Prints uid=UID.
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

static const char *read_file(const char *path) {
    static char text[65536];
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return NULL;
    }
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    return text;
}

static const char *read_line(void) {
    static char line[16384];
    if (fgets(line, sizeof line, stdin) == NULL) {
        return NULL;
    }
    line[strcspn(line, "\r\n")] = '\0';
    return line;
}

/* Gives the configuration the key in a file. */
static keyfob_status set_key(keyfob_config *config, const char *path, keyfob_error **error) {
    uint8_t key[KEYFOB_STORE_KEY_LEN + 1];
    FILE *file = fopen(path, "rb");
    size_t length = file == NULL ? 0 : fread(key, 1, sizeof key, file);
    if (file != NULL) {
        fclose(file);
    }
    return keyfob_config_set_store_key(config, key, length, error);
}

int main(int argc, char **argv) {
    const char *json = argc < 2 ? NULL : argv[1][0] == '{' ? argv[1] : read_file(argv[1]);
    const char *redirect = json == NULL ? NULL : argc > 2 ? argv[2] : read_line();
    if (redirect == NULL) {
        fprintf(stderr, "usage: complete CONFIG_JSON_FILE [REDIRECT_URL [KEY_FILE]]\n");
        return EXIT_FAILURE;
    }
    keyfob_config *config = NULL;
    keyfob_handle *keyfob = NULL;
    keyfob_completed *completed = NULL;
    keyfob_error *error = NULL;
    if (keyfob_config_from_json(json, &config, &error) != KEYFOB_OK) {
        return failed("configuration", error);
    }
    if (argc > 3 && set_key(config, argv[3], &error) != KEYFOB_OK) {
        keyfob_config_free(config);
        return failed("store key", error);
    }
    if (keyfob_open(config, &keyfob, &error) != KEYFOB_OK) {
        return failed("open", error);
    }
    int outcome = EXIT_SUCCESS;
    if (keyfob_complete_login(keyfob, redirect, &completed, &error) == KEYFOB_OK) {
        printf("uid=%s\n", keyfob_session_provider_uid(keyfob_completed_session(completed)));
    } else {
        outcome = failed("complete", error);
    }
    keyfob_completed_free(completed);
    keyfob_free(keyfob);
    return outcome;
}
