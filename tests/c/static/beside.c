/*
 * The static library beside a program's own, other SQLite: each keeps to itself. `beside ISSUER EMPTY_FOLDER`.
 *
 * And beside a function with the name of one of Rust's own, as another Rust library in the program would bring it. Were it
 * called, this program would end.
 */

#include "tap.h"

#include <sqlite3.h>

void rust_eh_personality(void);
void rust_eh_personality(void) { give_up("the program's rust_eh_personality was called"); }

static int opened;

/* The program's SQLite, in use before, while and after Keyfob is. */
static sqlite3 *own_database(const char *folder) {
    char path[4096];
    sqlite3 *database = NULL;
    snprintf(path, sizeof path, "%s/own%d.db", folder, ++opened);
    if (sqlite3_open(path, &database) != SQLITE_OK
        || sqlite3_exec(database, "CREATE TABLE t (x); INSERT INTO t VALUES (1)", NULL, NULL, NULL) != SQLITE_OK) {
        give_up("the program's own SQLite does not work");
    }
    return database;
}

int main(int argc, char **argv) {
    if (argc != 3) {
        give_up("usage: beside ISSUER EMPTY_FOLDER");
    }
    sqlite3 *before = own_database(argv[2]);
    keyfob_error *error = NULL;
    keyfob_handle *keyfob = open_config(configure(argv[1], argv[2], "beside"));
    keyfob_health *health = NULL;
    must(keyfob_read_health(keyfob, &health, &error), &error, "health");
    printf("# the program's SQLite is %s, Keyfob's %s\n", sqlite3_libversion(), keyfob_health_sqlite_version(health));
    ok(strcmp(sqlite3_libversion(), keyfob_health_sqlite_version(health)) != 0, "there are two versions of SQLite");
    keyfob_health_free(health);

    keyfob_session *session = log_in(keyfob);
    sqlite3 *during = own_database(argv[2]);
    must(keyfob_refresh_session(keyfob, keyfob_session_id(session), NULL, &error), &error, "refresh");
    same(keyfob_session_provider_uid(session), "u-1", "the user");
    keyfob_session_free(session);
    keyfob_free(keyfob);

    ok(sqlite3_exec(before, "SELECT x FROM t", NULL, NULL, NULL) == SQLITE_OK, "the program's databases are as they were");
    ok(sqlite3_close(before) == SQLITE_OK && sqlite3_close(during) == SQLITE_OK, "and are closed by its own SQLite");
    return tap_done();
}
