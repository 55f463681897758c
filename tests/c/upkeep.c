/* What keeps a store well: suspension, maintenance and health, an observer. `upkeep ISSUER EMPTY_FOLDER`. */

#define _POSIX_C_SOURCE 200809L

#include <dirent.h>

#include "tap.h"
#include "other.h"
#include "wire.h"

/* How many files of a store this process has open, as far as the system tells. */
static int open_files(const char *store) {
    char path[4096];
    char target[4096];
    char file[4096];
    int count = 0;
    snprintf(path, sizeof path, "%s/%s/", folder, store);
    DIR *all = opendir("/proc/self/fd");
    for (struct dirent *entry; all != NULL && (entry = readdir(all)) != NULL;) {
        snprintf(file, sizeof file, "/proc/self/fd/%.32s", entry->d_name);
        ssize_t length = readlink(file, target, sizeof target - 1);
        target[length < 0 ? 0 : length] = '\0';
        count += strstr(target, path) != NULL;
    }
    if (all != NULL) {
        closedir(all);
    }
    return count;
}

static void a_suspended_store_is_closed_until_it_is_resumed(void) {
    keyfob_handle *keyfob = open_config(configure_clock("suspended"));
    keyfob_handle *other = open_config(configure_clock("suspended"));
    keyfob_session *session = log_in(keyfob);
    keyfob_session_list *sessions = NULL;
    keyfob_token *token = NULL;
    keyfob_health *health = NULL;
    keyfob_maintained *maintained = NULL;
    keyfob_error *error = NULL;
    ok(open_files("suspended") > 0, "an open store has open files");
    must(keyfob_suspend(keyfob, 1000, &error), &error, "suspend");
    ok(open_files("suspended") == 0, "a suspended one has none");
    fails(keyfob_sessions(keyfob, &sessions, &error), &error, KEYFOB_INVALID_STATE, "Suspended", "the sessions");
    fails(keyfob_access_token(keyfob, keyfob_session_id(session), 0, &token, &error), &error, KEYFOB_INVALID_STATE,
          "Suspended", "a token, which has to look for other processes");
    fails(keyfob_refresh_session(keyfob, keyfob_session_id(session), NULL, &error), &error, KEYFOB_INVALID_STATE,
          "Suspended", "a refresh");
    fails(keyfob_end_session(keyfob, keyfob_session_id(session), NULL, NULL, &error), &error, KEYFOB_INVALID_STATE,
          "Suspended", "a logout");
    fails(keyfob_maintain(keyfob, 1000, &maintained, &error), &error, KEYFOB_INVALID_STATE, "Suspended",
          "maintenance");
    fails(keyfob_read_health(keyfob, &health, &error), &error, KEYFOB_INVALID_STATE, "Suspended", "health");
    fails(keyfob_sessions(other, &sessions, &error), &error, KEYFOB_INVALID_STATE, "Suspended",
          "another handle of this process");
    must(keyfob_suspend(keyfob, 0, &error), &error, "suspend again");

    must(keyfob_resume(keyfob, &error), &error, "resume");
    must(keyfob_resume(other, &error), &error, "resume again");
    must(keyfob_access_token(keyfob, keyfob_session_id(session), 0, &token, &error), &error, "token");
    ok(strcmp(keyfob_token_secret(token), keyfob_session_provider_access_token(session)) == 0,
       "after the resumption there is the token");
    keyfob_token_free(token);
    must(keyfob_refresh_session(keyfob, keyfob_session_id(session), NULL, &error), &error, "refresh");
    must(keyfob_sessions(other, &sessions, &error), &error, "sessions");
    ok(keyfob_session_list_len(sessions) == 1, "and the other handle has its sessions");
    keyfob_session_list_free(sessions);
    keyfob_session_free(session);
    keyfob_free(other);
    keyfob_free(keyfob);
}

static keyfob_transport_outcome offline(void *context, const keyfob_http_request *request,
                                        keyfob_http_response *response) {
    return context == NULL && request != NULL && response != NULL ? KEYFOB_TRANSPORT_NOT_SENT
                                                                  : KEYFOB_TRANSPORT_UNKNOWN;
}

/* What a maintenance did: refreshed, revoked, failed, owed. */
static void maintains(const keyfob_handle *keyfob, size_t refreshed, size_t revoked, size_t failed, size_t owed,
                      const char *what) {
    keyfob_maintained *maintained = NULL;
    keyfob_error *error = NULL;
    must(keyfob_maintain(keyfob, 60000, &maintained, &error), &error, "maintain");
    bool holds = keyfob_maintained_refreshed(maintained) == refreshed && keyfob_maintained_revoked(maintained) == revoked
                 && keyfob_maintained_failed(maintained) == failed && keyfob_maintained_owed(maintained) == owed;
    if (!ok(holds, "%s: maintenance refreshes %zu, revokes %zu, fails at %zu, owes %zu", what, refreshed, revoked, failed,
            owed)) {
        printf("# found: %zu, %zu, %zu, %zu\n", keyfob_maintained_refreshed(maintained),
               keyfob_maintained_revoked(maintained), keyfob_maintained_failed(maintained),
               keyfob_maintained_owed(maintained));
    }
    keyfob_maintained_free(maintained);
}

static void what_is_owed_is_done_by_maintenance(void) {
    keyfob_handle *keyfob = open_config(configure_clock("owed"));
    keyfob_error *error = NULL;
    keyfob_config *config = configure_clock("owed");
    must(keyfob_config_set_transport(config, offline, NULL, NULL, &error), &error, "transport");
    keyfob_handle *unplugged = open_config(config);
    keyfob_session *session = log_in(keyfob);
    keyfob_health *health = health_of(keyfob);
    ok(keyfob_health_active_sessions(health) == 1 && keyfob_health_ended_sessions(health) == 0, "one session is active");
    ok(keyfob_health_owed_revocations(health) == 0 && keyfob_health_unsaved_sessions(health) == 0, "nothing is owed");
    ok(keyfob_health_schema_version(health) > 0 && strncmp(keyfob_health_sqlite_version(health), "3.", 2) == 0,
       "the store and its engine have versions");
    ok(keyfob_health_clock_skew_ms(health) == KEYFOB_TIME_UNKNOWN
           && keyfob_health_clock_skew_at_ms(health) == KEYFOB_TIME_UNKNOWN,
       "the clock was never off");
    keyfob_health_free(health);
    maintains(keyfob, 0, 0, 0, 0, "with nothing to do");

    int before = requests("/revoke");
    stop_clocks(true);
    keyfob_ended *ended = NULL;
    must(keyfob_end_session(unplugged, keyfob_session_id(session), NULL, &ended, &error), &error, "end");
    ok(keyfob_ended_revocation(ended) == KEYFOB_REVOCATION_OWED, "the revocation of an offline logout is owed");
    same(keyfob_error_reason(keyfob_ended_revocation_error(ended)), "NotSent", "why it is");
    ok(keyfob_error_status(keyfob_ended_revocation_error(ended)) == KEYFOB_NETWORK, "that is one of the network");
    keyfob_ended_free(ended);
    health = health_of(keyfob);
    ok(keyfob_health_owed_revocations(health) == 1 && keyfob_health_active_sessions(health) == 0,
       "the health tells of one that is owed");
    keyfob_health_free(health);
    maintains(keyfob, 0, 0, 0, 1, "at once");
    ok(requests("/revoke") == before, "nothing was sent yet");
    stop_clocks(false);

    atomic_store(&ahead_ms, 600000);
    maintains(unplugged, 0, 0, 1, 1, "later, and still offline");
    atomic_store(&ahead_ms, 3600000);
    maintains(keyfob, 0, 1, 0, 0, "later, and online");
    ok(requests("/revoke") == before + 1, "the provider was told once");
    ok(sent_parameter(issuer, "/revoke", "token", keyfob_session_provider_refresh_token(session)),
       "to revoke the refresh token");
    health = health_of(keyfob);
    ok(keyfob_health_owed_revocations(health) == 0, "nothing is owed any more");
    keyfob_health_free(health);
    keyfob_journal_list *journal = NULL;
    must(keyfob_journal(keyfob, 1, &journal, &error), &error, "journal");
    same(keyfob_journal_entry_event(keyfob_journal_list_at(journal, 0)), "TokensRevoked", "the journal's newest line");
    ok(keyfob_journal_entry_wish(keyfob_journal_list_at(journal, 0)) == NULL
           && keyfob_journal_entry_waited_ms(keyfob_journal_list_at(journal, 0)) == KEYFOB_TIME_UNKNOWN,
       "which is about no refresh");
    keyfob_journal_list_free(journal);
    keyfob_session_free(session);
    atomic_store(&ahead_ms, 0);

    session = log_in(keyfob);
    atomic_store(&ahead_ms, 3590000);
    before = requests("/token");
    must(keyfob_maintain(keyfob, 0, NULL, &error), &error, "maintain");
    ok(requests("/token") == before, "without time nothing is begun, and the result is optional");
    maintains(keyfob, 1, 0, 0, 0, "a token in its last seconds");
    ok(requests("/token") == before + 1, "which is one request");
    keyfob_session_free(session);
    keyfob_free(unplugged);
    keyfob_free(keyfob);
    atomic_store(&ahead_ms, 0);
}

/* A host that is told, and calls back. */
struct host {
    keyfob_handle *keyfob;
    int changed;
    int required;
    int skewed;
    int released;
    int called_back;
    char session[128];
    char reason[64];
    keyfob_status status;
    int64_t skew_ms;
};

static void changed(void *context, const char *session_id) {
    struct host *host = context;
    keyfob_session *session = NULL;
    keyfob_token *token = NULL;
    host->changed++;
    snprintf(host->session, sizeof host->session, "%s", session_id);
    if (keyfob_find_session(host->keyfob, session_id, &session, NULL) == KEYFOB_OK) {
        keyfob_status status = keyfob_access_token(host->keyfob, session_id, 0, &token, NULL);
        host->called_back += status == (keyfob_session_is_active(session) ? KEYFOB_OK : KEYFOB_LOGIN_REQUIRED);
    }
    keyfob_token_free(token);
    keyfob_session_free(session);
}

static void required(void *context, const char *session_id, keyfob_status status, const char *reason) {
    struct host *host = context;
    host->required += strcmp(host->session, session_id) == 0;
    host->status = status;
    snprintf(host->reason, sizeof host->reason, "%s", reason);
}

static void skewed(void *context, int64_t skew_ms) {
    struct host *host = context;
    host->skewed++;
    host->skew_ms = skew_ms;
}

static void release(void *context) { ((struct host *)context)->released++; }

static void an_observer_is_told_and_may_call_back(void) {
    struct host host = {0};
    keyfob_error *error = NULL;
    keyfob_config *config = configure_clock("observed");
    must(keyfob_config_set_observer(config, changed, required, skewed, &host, release, &error), &error, "observer");
    keyfob_handle *keyfob = open_config(config);
    host.keyfob = keyfob;
    keyfob_session *session = log_in(keyfob);
    host.changed = host.called_back = 0;
    must(keyfob_refresh_session(keyfob, keyfob_session_id(session), NULL, &error), &error, "refresh");
    ok(host.changed == 1, "a refresh is told once");
    same(host.session, keyfob_session_id(session), "the session that it is told of");
    ok(host.called_back == 1, "the observer may call back into the handle");
    ok(host.required == 0 && host.skewed == 0, "nothing else is told");

    /* Another process refreshes, and one ends the session. */
    struct process other = start("observed", 3650000);
    tell(&other, "token", session, 0);
    hear(&other);
    atomic_store(&ahead_ms, 3650000);
    ok(host.changed == 1, "what another process does is not told by itself");
    keyfob_token *token = NULL;
    must(keyfob_access_token(keyfob, keyfob_session_id(session), 0, &token, &error), &error, "token");
    keyfob_token_free(token);
    ok(host.changed == 2 && host.required == 0, "it is at the next call for that session");
    tell(&other, "end", session, 0);
    same(hear(&other), "done", "a logout in another process");
    fails(keyfob_access_token(keyfob, keyfob_session_id(session), 0, &token, &error), &error, KEYFOB_LOGIN_REQUIRED,
          "LoggedOut", "a token after it");
    ok(host.changed == 3 && host.required == 1, "the ending is told, after the change, and once");
    ok(host.status == KEYFOB_LOGIN_REQUIRED, "with the kind of its reason");
    same(host.reason, "LoggedOut", "its reason");
    ok(host.called_back == 3, "the observer called back each time");
    stop(&other);
    atomic_store(&ahead_ms, 0);
    keyfob_session_free(session);

    atomic_store(&behind_ms, 600000);
    session = log_in(keyfob);
    ok(host.skewed == 1, "a clock that is ten minutes behind is told once");
    ok(host.skew_ms >= 590000 && host.skew_ms <= 610000 && host.skew_ms % 1000 == 0, "in milliseconds");
    must(keyfob_refresh_session(keyfob, keyfob_session_id(session), NULL, &error), &error, "refresh");
    ok(host.skewed == 1, "and is no news at the next answer");
    keyfob_journal_list *journal = NULL;
    must(keyfob_journal(keyfob, 1, &journal, &error), &error, "journal");
    const keyfob_journal_entry *entry = keyfob_journal_list_at(journal, 0);
    same(keyfob_journal_entry_wish(entry), "asked", "why it was refreshed");
    ok(keyfob_journal_entry_clock_skew_ms(entry) >= 590000 && keyfob_journal_entry_clock_skew_ms(entry) <= 610000,
       "the journal tells how far the clock was off");
    keyfob_journal_list_free(journal);
    keyfob_health *health = health_of(keyfob);
    ok(keyfob_health_clock_skew_ms(health) == host.skew_ms, "and so does the health");
    ok(keyfob_health_clock_skew_at_ms(health) > 0, "with the time when it was seen");
    keyfob_health_free(health);
    atomic_store(&behind_ms, 0);
    keyfob_session_free(session);
    ok(host.released == 0, "the observer's context is in use");
    keyfob_free(keyfob);
    ok(host.released == 1, "the observer's context was given back once");
}

static void an_observer_may_have_nothing_to_say(void) {
    struct host host = {0};
    keyfob_error *error = NULL;
    keyfob_config *config = configure_clock("deaf");
    must(keyfob_config_set_observer(config, NULL, NULL, NULL, &host, release, &error), &error, "observer");
    atomic_store(&behind_ms, 600000);
    keyfob_handle *keyfob = open_config(config);
    keyfob_session *session = log_in(keyfob);
    must(keyfob_refresh_session(keyfob, keyfob_session_id(session), NULL, &error), &error, "refresh");
    must(keyfob_end_session(keyfob, keyfob_session_id(session), NULL, NULL, &error), &error, "end");
    atomic_store(&behind_ms, 0);
    keyfob_session_free(session);
    keyfob_free(keyfob);
    ok(host.released == 1, "an observer whose functions are all NULL is told nothing, and given back");
    config = configure_clock("deaf");
    must(keyfob_config_set_observer(config, changed, NULL, NULL, &host, release, &error), &error, "observer");
    must(keyfob_config_set_observer(config, NULL, NULL, NULL, NULL, NULL, &error), &error, "another observer");
    ok(host.released == 2, "the context of one that was replaced was given back");
    keyfob_config_free(config);
    fails(keyfob_config_set_observer(NULL, NULL, NULL, NULL, &host, release, &error), &error, KEYFOB_INVALID_ARGUMENT,
          "InvalidArgument", "an observer of no configuration");
    ok(host.released == 3, "its context was given back");
}

int main(int argc, char **argv) {
    begin(argc, argv);
    a_suspended_store_is_closed_until_it_is_resumed();
    what_is_owed_is_done_by_maintenance();
    an_observer_is_told_and_may_call_back();
    an_observer_may_have_nothing_to_say();
    return tap_done();
}
