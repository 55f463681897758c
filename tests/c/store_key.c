/* What seals a store, and every answer of a keystore. `store_key ISSUER EMPTY_FOLDER`. */

#define _POSIX_C_SOURCE 200809L

#include <dirent.h>

#include "tap.h"

static const char *issuer;
static const char *folder;

static const uint8_t other_key[KEYFOB_STORE_KEY_LEN] = "another store key of these test";

static keyfob_config *with_key(const char *store, const uint8_t *key) {
    keyfob_config *config = configure_unsealed(issuer, folder, store, "");
    keyfob_error *error = NULL;
    must(keyfob_config_set_store_key(config, key, KEYFOB_STORE_KEY_LEN, &error), &error, "the store key");
    return config;
}

/* Opens what must not be opened. */
static void does_not_open(keyfob_config *config, keyfob_status status, const char *reason, const char *what) {
    keyfob_handle *keyfob = NULL;
    keyfob_error *error = NULL;
    fails(keyfob_open(config, &keyfob, &error), &error, status, reason, what);
    ok(keyfob == NULL, "and there is no handle");
}

static keyfob_session *import(keyfob_handle *keyfob, const char *uid) {
    keyfob_imported_tokens *tokens = NULL;
    keyfob_session *session = NULL;
    keyfob_error *error = NULL;
    must(keyfob_imported_tokens_new(REGISTRATION, uid, &tokens, &error), &error, "tokens");
    must(keyfob_imported_tokens_set_access_token(tokens, "canary-access-token", KEYFOB_TIME_UNKNOWN, &error), &error, "token");
    must(keyfob_import_session(keyfob, tokens, &session, &error), &error, "import");
    return session;
}

static void has_token(keyfob_handle *keyfob, const keyfob_session *session, const char *what) {
    keyfob_session *found = NULL;
    keyfob_error *error = NULL;
    must(keyfob_find_session(keyfob, keyfob_session_id(session), &found, &error), &error, what);
    same(keyfob_session_provider_access_token(found), "canary-access-token", what);
    keyfob_session_free(found);
}

static void ended(keyfob_handle *keyfob, const keyfob_session *session, const char *reason) {
    keyfob_session *found = NULL;
    keyfob_error *error = NULL;
    must(keyfob_find_session(keyfob, keyfob_session_id(session), &found, &error), &error, "the session");
    ok(!keyfob_session_is_active(found), "the session has ended");
    same(keyfob_session_ended_reason(found), reason, "why");
    same(keyfob_session_provider_uid(found), keyfob_session_provider_uid(session), "its user");
    same(keyfob_session_provider_access_token(found), "", "its token");
    keyfob_session_free(found);
}

static void sealing_is(keyfob_handle *keyfob, keyfob_sealing wanted, const char *what) {
    keyfob_health *health = NULL;
    keyfob_error *error = NULL;
    must(keyfob_read_health(keyfob, &health, &error), &error, "health");
    ok(keyfob_health_sealing(health) == wanted, "sealing: %s", what);
    ok(keyfob_health_moved_aside(health) == 0, "nothing was moved aside");
    keyfob_health_free(health);
}

/* Whether a text stands in any file of a store. */
static bool store_holds(const char *store, const char *text) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, store);
    DIR *files = opendir(path);
    bool found = false;
    struct dirent *entry;
    if (files == NULL) {
        give_up("the store has no folder");
    }
    while (!found && (entry = readdir(files)) != NULL) {
        static char bytes[4 << 20];
        char name[4096 + 256];
        snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        FILE *file = entry->d_name[0] == '.' ? NULL : fopen(name, "rb");
        size_t length = file == NULL ? 0 : fread(bytes, 1, sizeof bytes, file);
        for (size_t at = 0; !found && at + strlen(text) <= length; at++) {
            found = memcmp(bytes + at, text, strlen(text)) == 0;
        }
        if (file != NULL) {
            fclose(file);
        }
    }
    closedir(files);
    return found;
}

static void a_key_is_32_bytes(void) {
    keyfob_error *error = NULL;
    uint8_t one[KEYFOB_STORE_KEY_LEN + 1] = {0};
    uint8_t two[KEYFOB_STORE_KEY_LEN] = {0};
    const uint8_t none[KEYFOB_STORE_KEY_LEN] = {0};
    must(keyfob_store_key_generate(one, KEYFOB_STORE_KEY_LEN, &error), &error, "generate");
    must(keyfob_store_key_generate(two, sizeof two, &error), &error, "generate");
    ok(memcmp(one, two, sizeof two) != 0 && memcmp(two, none, sizeof none) != 0, "each key is a new one");
    ok(one[KEYFOB_STORE_KEY_LEN] == 0, "and not longer than it says");
    fails(keyfob_store_key_generate(one, sizeof one, &error), &error, KEYFOB_INVALID_ARGUMENT, "InvalidArgument",
          "a key of another length");
    fails(keyfob_store_key_generate(NULL, KEYFOB_STORE_KEY_LEN, &error), &error, KEYFOB_INVALID_ARGUMENT, "InvalidArgument",
          "a key for nobody");

    keyfob_config *config = configure_unsealed(issuer, folder, "lengths", "");
    for (size_t length = 0; length <= sizeof one; length += length == 0 ? 31 : 2) {
        fails(keyfob_config_set_store_key(config, one, length, &error), &error, KEYFOB_INVALID_ARGUMENT, "InvalidArgument",
              "a store key of a wrong length");
    }
    fails(keyfob_config_set_store_key(config, none, sizeof none, &error), &error, KEYFOB_INVALID_ARGUMENT, "InvalidArgument",
          "a store key that nobody filled in");
    fails(keyfob_config_set_store_key(config, NULL, 0, &error), &error, KEYFOB_INVALID_ARGUMENT, "InvalidArgument",
          "a store key that is NULL");
    fails(keyfob_config_set_store_key(NULL, one, KEYFOB_STORE_KEY_LEN, &error), &error, KEYFOB_INVALID_ARGUMENT,
          "InvalidArgument", "a configuration that is NULL");
    fails(keyfob_config_set_device_binding(config, NULL, 16, &error), &error, KEYFOB_INVALID_ARGUMENT, "InvalidArgument",
          "a device binding that is NULL");
    fails(keyfob_config_set_device_binding(NULL, one, 16, &error), &error, KEYFOB_INVALID_ARGUMENT, "InvalidArgument",
          "a configuration that is NULL");
    does_not_open(config, KEYFOB_CONFIGURATION, "InvalidConfiguration", "neither a key nor plaintext");
    ok(keyfob_health_sealing(NULL) == KEYFOB_SEALING_UNKNOWN && keyfob_health_moved_aside(NULL) == 0, "no health, no answer");
}

static void a_store_is_sealed_under_its_key(void) {
    uint8_t key[KEYFOB_STORE_KEY_LEN];
    memcpy(key, other_key, sizeof key);
    keyfob_config *config = with_key("sealed", key);
    memset(key, 0, sizeof key);
    keyfob_handle *keyfob = open_config(config);
    sealing_is(keyfob, KEYFOB_SEALING_SEALED, "sealed");
    /* A whole login: its secrets are sealed while it waits, too. */
    keyfob_session *session = log_in(keyfob);
    ok(!store_holds("sealed", keyfob_session_provider_access_token(session)), "the access token is in no file");
    ok(!store_holds("sealed", keyfob_session_provider_refresh_token(session)), "nor is the refresh token");
    ok(store_holds("sealed", keyfob_session_id(session)), "what is no secret is found there");
    keyfob_free(keyfob);

    does_not_open(with_key("sealed", tap_key), KEYFOB_STORE_KEY, "WrongStoreKey", "a wrong key");
    does_not_open(configure_unsealed(issuer, folder, "sealed", ",\"plaintext\":true"), KEYFOB_STORE_KEY, "StoreSealed", "no key");
    keyfob_error *error = NULL;
    config = configure_unsealed(issuer, folder, "sealed", ",\"plaintext\":true");
    must(keyfob_config_set_store_key(config, other_key, sizeof other_key, &error), &error, "the store key");
    does_not_open(config, KEYFOB_CONFIGURATION, "InvalidConfiguration", "a key and plaintext");

    keyfob_session *found = NULL;
    keyfob = open_config(with_key("sealed", other_key));
    must(keyfob_find_session(keyfob, keyfob_session_id(session), &found, &error), &error, "find");
    ok(strcmp(keyfob_session_provider_access_token(found), keyfob_session_provider_access_token(session)) == 0,
       "the right key gives the token");
    keyfob_session_free(found);
    keyfob_session_free(session);
    keyfob_free(keyfob);
}

/* The same scan finds what nobody seals. */
static void plaintext_is_seen(void) {
    keyfob_handle *keyfob = open_config(configure_unsealed(issuer, folder, "plain", ",\"plaintext\":true"));
    keyfob_session *session = import(keyfob, "u-1");
    keyfob_error *error = NULL;
    sealing_is(keyfob, KEYFOB_SEALING_PLAINTEXT, "as they are");
    ok(store_holds("plain", "canary-access-token"), "the access token is in a file");
    fails(keyfob_rekey(keyfob, other_key, sizeof other_key, &error), &error, KEYFOB_CONFIGURATION, "InvalidConfiguration",
          "another key for a store without one");
    keyfob_free(keyfob);

    keyfob = open_config(with_key("plain", other_key));
    sealing_is(keyfob, KEYFOB_SEALING_SEALED, "sealed from now on");
    has_token(keyfob, session, "the token of before");
    keyfob_free(keyfob);
    ok(!store_holds("plain", "canary-access-token"), "the access token is in no file any more");
    keyfob_session_free(session);
}

/* A keystore, and what it was asked for. */
struct keystore {
    keyfob_store_key_answer answer;
    uint8_t key[KEYFOB_STORE_KEY_LEN];
    bool writes_nothing;
    int asked;
    keyfob_wanted_store_key wanted;
    bool was_empty;
    int released;
    /* To call back into. */
    keyfob_handle *keyfob;
    const char *session;
    keyfob_status from_within;
};

static keyfob_store_key_answer give(void *context, keyfob_wanted_store_key wanted, uint8_t *key) {
    struct keystore *keystore = context;
    const uint8_t none[KEYFOB_STORE_KEY_LEN] = {0};
    keystore->asked++;
    keystore->wanted = wanted;
    keystore->was_empty = memcmp(key, none, sizeof none) == 0;
    if (keystore->keyfob != NULL) {
        keyfob_session *session = NULL;
        keystore->from_within = keyfob_find_session(keystore->keyfob, keystore->session, &session, NULL);
        keyfob_session_free(session);
    }
    if (!keystore->writes_nothing) {
        memcpy(key, keystore->key, sizeof keystore->key);
    }
    return keystore->answer;
}

static void release(void *context) { ((struct keystore *)context)->released++; }

static keyfob_config *with_source(const char *store, struct keystore *keystore) {
    keyfob_config *config = configure_unsealed(issuer, folder, store, "");
    keyfob_error *error = NULL;
    must(keyfob_config_set_store_key_source(config, give, keystore, release, &error), &error, "the keystore");
    return config;
}

static void locked(keyfob_handle *keyfob, const keyfob_session *session, const char *what) {
    keyfob_session *found = NULL;
    keyfob_error *error = NULL;
    sealing_is(keyfob, KEYFOB_SEALING_LOCKED, "locked");
    keyfob_status status = keyfob_find_session(keyfob, keyfob_session_id(session), &found, &error);
    ok(keyfob_error_is_retryable(error), "it may be tried again");
    fails(status, &error, KEYFOB_STORE_UNAVAILABLE, "StoreKeyUnavailable", what);
}

static void a_keystore_may_be_locked(void) {
    struct keystore keystore = {.answer = KEYFOB_STORE_KEY_HERE};
    keyfob_error *error = NULL;
    memcpy(keystore.key, other_key, sizeof other_key);
    keyfob_handle *keyfob = open_config(with_source("asked", &keystore));
    ok(keystore.asked == 1 && keystore.wanted == KEYFOB_WANTED_STORE_KEY_NEW, "a new store may have a new key");
    ok(keystore.was_empty, "the buffer is empty");
    keyfob_session *session = import(keyfob, "u-1");
    ok(keystore.asked == 1, "the key is asked for once");
    keyfob_free(keyfob);
    ok(keystore.released == 1, "the context was given back once");

    keystore = (struct keystore){.answer = KEYFOB_STORE_KEY_NOT_NOW};
    keyfob = open_config(with_source("asked", &keystore));
    ok(keystore.asked >= 1 && keystore.wanted == KEYFOB_WANTED_STORE_KEY_EXISTING, "a sealed store wants its key");
    locked(keyfob, session, "a keystore that is locked");
    keystore.answer = 77;
    locked(keyfob, session, "an answer that is none");
    keystore.answer = KEYFOB_STORE_KEY_HERE;
    keystore.writes_nothing = true;
    locked(keyfob, session, "a key that was not written");
    keystore.writes_nothing = false;

    /* From within the keystore the store that waits for it has nothing to give. */
    memcpy(keystore.key, other_key, sizeof other_key);
    keystore.keyfob = keyfob;
    keystore.session = keyfob_session_id(session);
    has_token(keyfob, session, "the token once the keystore is unlocked");
    ok(keystore.from_within == KEYFOB_INVALID_STATE, "a call from within is refused, and nothing hangs");
    keystore.keyfob = NULL;
    sealing_is(keyfob, KEYFOB_SEALING_SEALED, "sealed");
    int asked = keystore.asked;
    has_token(keyfob, session, "the token from then on");
    ok(keystore.asked == asked, "without another question");
    keyfob_free(keyfob);
    ok(keystore.released == 1, "the context was given back once");

    struct keystore wrong = {.answer = KEYFOB_STORE_KEY_HERE};
    memcpy(wrong.key, tap_key, sizeof tap_key);
    does_not_open(with_source("asked", &wrong), KEYFOB_STORE_KEY, "WrongStoreKey", "a keystore with another key");
    ok(wrong.released == 1, "the context was given back once");

    struct keystore unused = {.answer = KEYFOB_STORE_KEY_HERE};
    keyfob_config *config = with_source("asked", &unused);
    must(keyfob_config_set_store_key(config, other_key, sizeof other_key, &error), &error, "the store key");
    ok(unused.released == 1, "a key in place of a keystore gives its context back");
    fails(keyfob_config_set_store_key_source(config, NULL, &unused, release, &error), &error, KEYFOB_INVALID_ARGUMENT,
          "InvalidArgument", "a keystore that is NULL");
    ok(unused.released == 2, "and so does a failure");
    keyfob = open_config(config);
    ok(unused.asked == 0, "the last of the two counts");
    has_token(keyfob, session, "its token");
    keyfob_free(keyfob);
    fails(keyfob_config_set_store_key_source(NULL, give, &unused, release, &error), &error, KEYFOB_INVALID_ARGUMENT,
          "InvalidArgument", "a configuration that is NULL");
    ok(unused.released == 3, "which gives the context back as well");
    keyfob_session_free(session);
}

/* What a keystore that has lost its key says: that it is gone, and then a new one. */
static keyfob_store_key_answer give_new(void *context, keyfob_wanted_store_key wanted, uint8_t *key) {
    struct keystore *keystore = context;
    keystore->answer = wanted == KEYFOB_WANTED_STORE_KEY_NEW ? KEYFOB_STORE_KEY_HERE : KEYFOB_STORE_KEY_GONE;
    return give(context, wanted, key);
}

static void a_key_may_be_gone(void) {
    keyfob_handle *keyfob = open_config(with_key("gone", tap_key));
    keyfob_error *error = NULL;
    keyfob_session *session = import(keyfob, "u-1");
    keyfob_free(keyfob);

    struct keystore keystore = {0};
    memcpy(keystore.key, other_key, sizeof other_key);
    keyfob_config *config = configure_unsealed(issuer, folder, "gone", "");
    must(keyfob_config_set_store_key_source(config, give_new, &keystore, release, &error), &error, "the keystore");
    keyfob = open_config(config);
    ok(keystore.asked == 2 && keystore.wanted == KEYFOB_WANTED_STORE_KEY_NEW, "it was asked for a new one");
    sealing_is(keyfob, KEYFOB_SEALING_SEALED, "sealed");
    ended(keyfob, session, "KeyLost");
    keyfob_session *again = import(keyfob, "u-1");
    has_token(keyfob, again, "the same user's new token");
    keyfob_session_free(again);
    keyfob_free(keyfob);
    keyfob = open_config(with_key("gone", other_key));
    ok(keystore.released == 1, "the context was given back once");
    keyfob_free(keyfob);
    keyfob_session_free(session);
}

static void a_store_gets_another_key(void) {
    keyfob_handle *keyfob = open_config(with_key("rekeyed", tap_key));
    keyfob_session *session = import(keyfob, "u-1");
    keyfob_error *error = NULL;
    fails(keyfob_rekey(keyfob, other_key, 31, &error), &error, KEYFOB_INVALID_ARGUMENT, "InvalidArgument", "a shorter key");
    fails(keyfob_rekey(keyfob, NULL, KEYFOB_STORE_KEY_LEN, &error), &error, KEYFOB_INVALID_ARGUMENT, "InvalidArgument",
          "a key that is NULL");
    fails(keyfob_rekey(NULL, other_key, sizeof other_key, &error), &error, KEYFOB_INVALID_ARGUMENT, "InvalidArgument",
          "a handle that is NULL");
    must(keyfob_rekey(keyfob, other_key, sizeof other_key, &error), &error, "rekey");
    has_token(keyfob, session, "the token under another key");
    keyfob_journal_list *journal = NULL;
    must(keyfob_journal(keyfob, 1, &journal, &error), &error, "journal");
    same(keyfob_journal_entry_event(keyfob_journal_list_at(journal, 0)), "StoreRekeyed", "the newest line of the journal");
    keyfob_journal_list_free(journal);
    keyfob_free(keyfob);

    does_not_open(with_key("rekeyed", tap_key), KEYFOB_STORE_KEY, "WrongStoreKey", "the old key");
    keyfob = open_config(with_key("rekeyed", other_key));
    has_token(keyfob, session, "the new key's token");
    keyfob_session_free(session);
    keyfob_free(keyfob);
}

static keyfob_handle *on_device(const char *bytes) {
    keyfob_config *config = with_key("bound", tap_key);
    keyfob_error *error = NULL;
    must(keyfob_config_set_device_binding(config, (const uint8_t *)bytes, strlen(bytes), &error), &error, "device binding");
    return open_config(config);
}

static void a_store_belongs_to_its_device(void) {
    keyfob_handle *keyfob = on_device("sixteen bytes: 1");
    keyfob_session *session = import(keyfob, "u-1");
    keyfob_free(keyfob);
    keyfob = on_device("sixteen bytes: 1");
    has_token(keyfob, session, "the token on the same device");
    keyfob_free(keyfob);
    keyfob = on_device("sixteen bytes: 2");
    ended(keyfob, session, "OtherDevice");
    keyfob_session_free(session);
    keyfob_free(keyfob);
}

int main(int argc, char **argv) {
    if (argc != 3) {
        give_up("usage: store_key ISSUER EMPTY_FOLDER");
    }
    issuer = argv[1];
    folder = argv[2];
    a_key_is_32_bytes();
    a_store_is_sealed_under_its_key();
    plaintext_is_seen();
    a_keystore_may_be_locked();
    a_key_may_be_gone();
    a_store_gets_another_key();
    a_store_belongs_to_its_device();
    return tap_done();
}
