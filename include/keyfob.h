/*
 * Keyfob: sign in once with OAuth 2 or OpenID Connect, then always have a good access token.
 *
 *     keyfob_config_from_json (or keyfob_config_builder_new) -> keyfob_open -> keyfob_begin_login -> the browser -> keyfob_complete_login
 *     and from then on keyfob_access_token, before every request.
 *
 * NAMES. Functions and types begin with keyfob_, macros and constants with KEYFOB_. A function is
 * keyfob_<type>_<verb>, and its first parameter is that type. A bare noun instead of a verb
 * (keyfob_session_provider_uid) reads something that the handle holds. What works on the library itself,
 * a keyfob_handle, is keyfob_<verb>.
 *
 * HANDLES. Every type is opaque and known by pointer. What has a _free is freed with that and nothing else;
 * _free(NULL) does nothing. What a call gave does not need what it was called with any more: free them in any
 * order.
 *
 * RESULTS. What can fail returns a keyfob_status: KEYFOB_OK, which is 0, or the number of an error kind,
 * which says what to do about it. Outputs come last and are named *_out; they are set to NULL on entry
 * and to a value only with KEYFOB_OK. After them comes keyfob_error **error_out, which may be NULL, and which
 * gets the details of a failure, or NULL: caller owns; free with keyfob_error_free. Each function lists the
 * kinds that say something about it. Beside them any function may return KEYFOB_INVALID_ARGUMENT and
 * KEYFOB_INTERNAL, and any that takes a keyfob_handle the kinds of the store, KEYFOB_STORE_..., and
 * KEYFOB_INVALID_STATE while it is suspended, or in the child of a fork.
 *
 * OWNERSHIP is told in these words and no others:
 *   "caller owns; free with X"         it is yours, and X is the one way to give it back
 *   "borrowed until Y is freed"        read it, do not keep it longer than Y, do not free it
 *   "copied; caller may free after return"
 *   "consumed, even on error"          it is gone after the call, whatever the call returns
 *
 * STRINGS are UTF-8 and end with a NUL. A pointer parameter must not be NULL unless its description says
 * "may be NULL"; a NULL elsewhere is KEYFOB_INVALID_ARGUMENT with the name of the parameter. A getter has no
 * status: given NULL it answers NULL, 0, false or KEYFOB_TIME_UNKNOWN. A NUL within a text of a provider is
 * replaced by U+FFFD. Secrets are only ever borrowed: the handle that holds one overwrites it when it is freed.
 *
 * THE STORE KEY seals every secret in the store: 32 bytes that the host keeps in the system's keystore and gives
 * with keyfob_config_set_store_key, or through a callback where the keystore may be locked. A key that is locked
 * away is KEYFOB_STORE_UNAVAILABLE, a wrong one KEYFOB_STORE_KEY; neither changes anything.
 *
 * TIMES and durations are int64_t milliseconds, and their names end with _ms. A time is counted from 1970, UTC.
 * A limit that a call is given for its waiting is a uint64_t: it has no value that means something else.
 *
 * ENUMS cross as int32_t with fixed values. A value that this header does not know comes from a newer library.
 *
 * NETWORK. Nothing is sent, and nothing blocks on the network, but where the function says so.
 *
 * THREADS. Each type says "may be shared" (any number of threads at once) or "one thread at a time". No thread
 * may use a handle while another frees it.
 *
 * PROCESSES. Any number of them may open one store; a session is refreshed by one of them for all. A handle does
 * not survive a fork: in the child its calls give KEYFOB_INVALID_STATE with the reason "UsedAfterFork", and
 * keyfob_open makes a new one. Handles of one store in one process share what they know.
 *
 * CALLBACKS get their context as the first argument, run on the thread that called Keyfob, and are never called
 * while Keyfob holds a mutex of its own. A context must be usable on every thread. The log's callback is the
 * exception: it is told of things where they happen, and must not call Keyfob. See keyfob_log_fn.
 *
 * VERSIONS. KEYFOB_VERSION_NUMBER is this header's version, keyfob_version_number() the library's.
 * keyfob_abi_version() differs from KEYFOB_ABI_VERSION only if programs built with this header must be
 * built again. The name that programs know the shared library by has the same number: libkeyfob.so.1.
 */


#ifndef KEYFOB_H
#define KEYFOB_H

/* Generated from ffi/ by `cargo xtask header`. Change it there. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** What a function returns that can fail is not to be ignored. */
#if defined(__GNUC__) || defined(__clang__)
#define KEYFOB_MUST_USE __attribute__((warn_unused_result))
#else
#define KEYFOB_MUST_USE
#endif

/** The version of this header. `keyfob_version_number()` and `keyfob_version_string()` give the library's. */
#define KEYFOB_VERSION_MAJOR 0
#define KEYFOB_VERSION_MINOR 1
#define KEYFOB_VERSION_PATCH 0
#define KEYFOB_VERSION_NUMBER (KEYFOB_VERSION_MAJOR * 1000000 + KEYFOB_VERSION_MINOR * 1000 + KEYFOB_VERSION_PATCH)
#define KEYFOB_VERSION_STRING "0.1.0"


/**
 * A time or a duration that is not known.
 */
#define KEYFOB_TIME_UNKNOWN -1

/**
 * For `keyfob_access_token`: one minute, enough for a request on a slow line.
 */
#define KEYFOB_MIN_VALIDITY_DEFAULT -1

/**
 * For `keyfob_fetch_profile`: a profile of at most two minutes.
 */
#define KEYFOB_MAX_AGE_DEFAULT -1

/**
 * For `keyfob_fetch_profile`: whatever is stored, without asking the provider.
 */
#define KEYFOB_MAX_AGE_STORED -2

/**
 * How many bytes a store key has.
 */
#define KEYFOB_STORE_KEY_LEN 32

/**
 * The ABI of this header. It changes only when programs built with an older header must be built again.
 */
#define KEYFOB_ABI_VERSION 1

/**
 * What a login in the browser is to be like. Made by `keyfob_browser_login_new`, freed by `keyfob_browser_login_free`.
 *
 * Threads: one thread at a time.
 */
typedef struct keyfob_browser_login keyfob_browser_login;

/**
 * A login that has become a session. Made by `keyfob_complete_login`, freed by `keyfob_completed_free`,
 * which does not end the session.
 *
 * Threads: may be shared.
 */
typedef struct keyfob_completed keyfob_completed;

/**
 * What an app says once: where the store is, which registrations it has, how long things may take. Made by
 * `keyfob_config_from_json` or `keyfob_config_builder_build`, consumed by `keyfob_open` or freed by `keyfob_config_free`.
 *
 * Threads: one thread at a time.
 */
typedef struct keyfob_config keyfob_config;

/**
 * A configuration in the making, for an app that does not want to write it as JSON. Made by
 * `keyfob_config_builder_new`, consumed by `keyfob_config_builder_build` or freed by `keyfob_config_builder_free`.
 * What it is told is checked when it is built.
 *
 * Threads: one thread at a time.
 */
typedef struct keyfob_config_builder keyfob_config_builder;

/**
 * A login that waits for the user on another device. It is stored already: the process may end before the user
 * confirms. Show the code and the verification URI; the code also beside a QR code that holds it (RFC 8628 section
 * 3.3.1). Made by `keyfob_begin_device_login` and `keyfob_find_device_login`, freed by `keyfob_device_login_free`,
 * which does not end the login.
 *
 * Threads: may be shared.
 */
typedef struct keyfob_device_login keyfob_device_login;

/**
 * How a session is to end. Made by `keyfob_end_session_options_new`, freed by
 * `keyfob_end_session_options_free`.
 *
 * Threads: one thread at a time.
 */
typedef struct keyfob_end_session_options keyfob_end_session_options;

/**
 * A session that has ended. Made by `keyfob_end_session`, freed by `keyfob_ended_free`.
 *
 * Threads: may be shared.
 */
typedef struct keyfob_ended keyfob_ended;

/**
 * What went wrong, in full. Made by a failed call through its `error_out`, freed by `keyfob_error_free`.
 *
 * Threads: may be shared.
 */
typedef struct keyfob_error keyfob_error;

/**
 * What to enter at the provider's developer console for one registration, and what it accepts. Made by
 * `keyfob_registration_guide`, freed by `keyfob_guide_free`.
 *
 * Threads: may be shared.
 */
typedef struct keyfob_guide keyfob_guide;

/**
 * Keyfob, opened on one store. It has no thread of its own: work happens on the caller's thread, inside
 * the call. Made by `keyfob_open`, freed by `keyfob_free`.
 *
 * Threads: may be shared.
 */
typedef struct keyfob_handle keyfob_handle;

/**
 * How a store is, for a support engineer. It holds no secret. Made by `keyfob_read_health`, freed by
 * `keyfob_health_free`.
 *
 * Threads: may be shared.
 */
typedef struct keyfob_health keyfob_health;

/**
 * A request for a transport to send. URL, headers and body may hold secrets: do not log them. It lives as
 * long as the callback runs.
 *
 * Threads: may be shared.
 */
typedef struct keyfob_http_request keyfob_http_request;

/**
 * Where a transport puts the answer. It lives as long as the callback runs.
 *
 * Threads: one thread at a time.
 */
typedef struct keyfob_http_response keyfob_http_response;

/**
 * What another library kept of a session. Made by `keyfob_imported_tokens_new`, consumed by
 * `keyfob_import_session` or freed by `keyfob_imported_tokens_free`; both overwrite the tokens.
 *
 * Threads: one thread at a time.
 */
typedef struct keyfob_imported_tokens keyfob_imported_tokens;

/**
 * A refresh that is not settled: under way, cut off, in doubt, or with tokens that are not checked yet. The
 * next call for that session's token mends it, or `keyfob_maintain`. It belongs to its keyfob_health.
 *
 * Threads: may be shared.
 */
typedef struct keyfob_interrupted keyfob_interrupted;

/**
 * One line of the journal: why something happened. It holds no secret, and belongs to its list.
 *
 * Threads: may be shared.
 */
typedef struct keyfob_journal_entry keyfob_journal_entry;

/**
 * Lines of the journal, newest first. Made by `keyfob_journal`, freed by `keyfob_journal_list_free`.
 *
 * Threads: may be shared.
 */
typedef struct keyfob_journal_list keyfob_journal_list;

/**
 * A logout whose browser came back from the provider's page. Made by `keyfob_complete_logout`, freed by
 * `keyfob_logged_out_free`.
 *
 * Threads: may be shared.
 */
typedef struct keyfob_logged_out keyfob_logged_out;

/**
 * A login that has begun. It is stored already: the process may end before the redirect comes. Made by
 * `keyfob_begin_login`, freed by `keyfob_login_free`, which does not end the login.
 *
 * Threads: may be shared.
 */
typedef struct keyfob_login keyfob_login;

/**
 * The other end of a login that blocks (`keyfob_login_in_browser`, `keyfob_login_on_another_device`): made before it,
 * given to it, and used from another thread. One for each login. Made by `keyfob_login_control_new`, freed by
 * `keyfob_login_control_free`, also while the login waits: that does not end it.
 *
 * Threads: may be shared.
 */
typedef struct keyfob_login_control keyfob_login_control;

/**
 * What one login asks for beyond its registration. Made by `keyfob_login_options_new`, freed by
 * `keyfob_login_options_free`.
 *
 * Threads: one thread at a time.
 */
typedef struct keyfob_login_options keyfob_login_options;

/**
 * What the pages at the end of a login in the browser say; everything has an English default. Texts are plain text. Made
 * by `keyfob_login_pages_new`, freed by `keyfob_login_pages_free`.
 *
 * Threads: one thread at a time.
 */
typedef struct keyfob_login_pages keyfob_login_pages;

/**
 * What a maintenance did. Made by `keyfob_maintain`, freed by `keyfob_maintained_free`.
 *
 * Threads: may be shared.
 */
typedef struct keyfob_maintained keyfob_maintained;

/**
 * A login that waits for its redirect. It belongs to its list.
 *
 * Threads: may be shared.
 */
typedef struct keyfob_pending_login keyfob_pending_login;

/**
 * Logins that wait for their redirect, oldest first. Made by `keyfob_pending_logins`, freed by
 * `keyfob_pending_login_list_free`.
 *
 * Threads: may be shared.
 */
typedef struct keyfob_pending_login_list keyfob_pending_login_list;

/**
 * The user, in one shape for every provider. Made by `keyfob_fetch_profile`, freed by
 * `keyfob_profile_free`; the one in a session belongs to the session.
 *
 * Threads: may be shared.
 */
typedef struct keyfob_profile keyfob_profile;

/**
 * A provider that Keyfob knows. It belongs to its list.
 *
 * Threads: may be shared.
 */
typedef struct keyfob_provider keyfob_provider;

/**
 * A provider in the making, which the catalogue does not have. Made by `keyfob_provider_builder_from_json` or
 * `keyfob_provider_builder_new_oauth2`, consumed by `keyfob_config_builder_add_provider` or freed by
 * `keyfob_provider_builder_free`; what it was told is checked by `keyfob_config_builder_build`.
 *
 * Threads: one thread at a time.
 */
typedef struct keyfob_provider_builder keyfob_provider_builder;

/**
 * The providers that are built in, by id. Made by `keyfob_providers`, freed by
 * `keyfob_provider_list_free`.
 *
 * Threads: may be shared.
 */
typedef struct keyfob_provider_list keyfob_provider_list;

/**
 * This app as one provider knows it, for the app to draw its login buttons from. It belongs to its list.
 *
 * Threads: may be shared.
 */
typedef struct keyfob_registration keyfob_registration;

/**
 * A registration in the making: this app as one provider will know it. Made by `keyfob_registration_builder_new`,
 * consumed by `keyfob_config_builder_add_registration` or freed by `keyfob_registration_builder_free`; what it was
 * told is checked by `keyfob_config_builder_build`.
 *
 * Threads: one thread at a time.
 */
typedef struct keyfob_registration_builder keyfob_registration_builder;

/**
 * Registrations, in the order of the configuration. Made by `keyfob_registrations`, freed by
 * `keyfob_registration_list_free`.
 *
 * Threads: may be shared.
 */
typedef struct keyfob_registration_list keyfob_registration_list;

/**
 * A session as it was when it was read: who is logged in, with which tokens, until when. Freed by
 * `keyfob_session_free`, which overwrites the tokens; the one in a list or in a keyfob_completed belongs
 * to that.
 *
 * Threads: may be shared.
 */
typedef struct keyfob_session keyfob_session;

/**
 * Sessions, oldest first. Made by `keyfob_sessions` and `keyfob_sessions_page`, freed by
 * `keyfob_session_list_free`.
 *
 * Threads: may be shared.
 */
typedef struct keyfob_session_list keyfob_session_list;

/**
 * An access token that was good when it was given. Made by `keyfob_access_token`,
 * `keyfob_access_token_within`, `keyfob_cached_access_token` and `keyfob_refresh_if_current`, freed by
 * `keyfob_token_free`, which overwrites it.
 *
 * Threads: may be shared.
 */
typedef struct keyfob_token keyfob_token;

/**
 * Work of Keyfob's for a thread of the host's: consumed by `keyfob_work_run`, or freed by
 * `keyfob_work_free`. Work that is freed is only done later, by a call that needs it: nothing is lost. It
 * stays good when the keyfob_handle is freed, and keeps the store open until it is gone.
 *
 * Threads: one thread at a time, and any thread.
 */
typedef struct keyfob_work keyfob_work;

/**
 * What a function that can fail returns: `KEYFOB_OK` or one of the kinds below, which say what to do about
 * it. The numbers never change; new ones may be added.
 */
typedef int32_t keyfob_status;

/**
 * Opens a URL, or shows it to the user, and returns at once; false where neither can be done. The URL's query holds
 * the login's state: not for a log.
 *
 * Called on the thread that called `keyfob_login_in_browser`, which waits for the redirect afterwards. It must return: no
 * exception, no longjmp.
 *
 * @param context  what was given to `keyfob_browser_login_set_browser`
 * @param url      borrowed until the callback returns
 */
typedef bool (*keyfob_open_url_fn)(void *context, const char *url);

/**
 * Gives the `context` of a callback back to the host: called exactly once, on any thread, when Keyfob will
 * not use the context again. That is when the configuration is freed unopened, or else when the last user
 * of the handle is gone; that of the log goes when another takes its place. It must not call Keyfob.
 */
typedef void (*keyfob_release_fn)(void *context);

/**
 * What a transport tells about the request it was given.
 */
typedef int32_t keyfob_transport_outcome;

/**
 * Sends one HTTP request and waits for the whole answer, which it puts into `response`.
 *
 * It sends once and never repeats by itself; follows no redirect; does not decompress; keeps no cookies
 * and no cache; obeys the request's limits; and says honestly whether bytes may have left. It runs on the
 * thread that called Keyfob, on several at once, and must not call Keyfob with the handle that it serves.
 * It must return: no exception, no longjmp.
 *
 * @param context   what was given to `keyfob_config_set_transport`
 * @param request   borrowed until the callback returns
 * @param response  borrowed until the callback returns
 * @return one of `KEYFOB_TRANSPORT_ANSWERED`, `_NOT_SENT`, `_UNKNOWN`.
 */
typedef keyfob_transport_outcome (*keyfob_transport_fn)(void *context,
                                                        const keyfob_http_request *request,
                                                        keyfob_http_response *response);

/**
 * Tells the time in milliseconds: as a wall clock since 1970 (UTC), as a boot clock since the system
 * started, sleep included.
 *
 * It cannot fail: a clock that does not know gives the time that it knew last. A negative time of the boot clock counts
 * as 0.
 *
 * Called often, from any thread, several at once: it answers at once, and does not call Keyfob.
 */
typedef int64_t (*keyfob_clock_fn)(void *context);

/**
 * Takes work that is to run on another thread some time soon: one that may block for as long as an HTTP
 * request takes.
 *
 * Called on the thread that called Keyfob, on several at once. It hands the work to one of the host's
 * threads and returns; it does not run the work itself, and does not call Keyfob otherwise. It must return:
 * no exception, no longjmp.
 *
 * @param context  what was given to `keyfob_config_set_executor`
 * @param work     caller owns; free with keyfob_work_free. That is, the host does from here on: it gives the
 *                 work back once, through `keyfob_work_run` or `keyfob_work_free`
 */
typedef void (*keyfob_executor_fn)(void *context, keyfob_work *work);

/**
 * Is told that a session has other tokens, or has ended.
 *
 * Called on the thread that called Keyfob, before that call returns and after its work is done: with no
 * mutex and no lock of Keyfob's held. It may call Keyfob, with the same handle too, but not free it or
 * anything else that the call it is called from was given. What another process does is noticed at the next
 * call that looks at that session, and told then. It must return: no exception, no longjmp.
 *
 * @param context     what was given to `keyfob_config_set_observer`
 * @param session_id  borrowed until the callback returns
 */
typedef void (*keyfob_session_changed_fn)(void *context, const char *session_id);

/**
 * Is told that a session has ended, by itself or by `keyfob_end_session`. Called as
 * `keyfob_session_changed_fn`, and after it.
 *
 * @param context     what was given to `keyfob_config_set_observer`
 * @param session_id  borrowed until the callback returns
 * @param status      the kind of the reason: `KEYFOB_LOGIN_REQUIRED`
 * @param reason      why, by the stable name that `keyfob_session_ended_reason` has for it, "LoggedOut"
 *                    included; borrowed until the callback returns
 */
typedef void (*keyfob_login_required_fn)(void *context,
                                         const char *session_id,
                                         keyfob_status status,
                                         const char *reason);

/**
 * Is told how far a provider's clock differs from this device's, when that is far and is news. Keyfob
 * reckons with it; the user may want to set the clock. Called as `keyfob_session_changed_fn`.
 *
 * @param context  what was given to `keyfob_config_set_observer`
 * @param skew_ms  how far the provider's clock is ahead (behind, where it is negative), in milliseconds; whole
 *                 seconds
 */
typedef void (*keyfob_clock_skew_fn)(void *context, int64_t skew_ms);

/**
 * What the keystore says.
 */
typedef int32_t keyfob_store_key_answer;

/**
 * Which store key is asked for.
 */
typedef int32_t keyfob_wanted_store_key;

/**
 * Gives the store key, or says why not.
 *
 * Called when the store is opened; again by each call that needs a secret as long as it answered
 * `KEYFOB_STORE_KEY_NOT_NOW`; and when another process has changed the key. It runs on the thread that called
 * Keyfob, which waits for it, with no mutex and no lock of Keyfob's held; on several at once. A call from
 * inside it into the same store that needs the key gives `KEYFOB_INVALID_STATE`. It must return: no
 * exception, no longjmp.
 *
 * @param context  what was given to `keyfob_config_set_store_key_source`
 * @param wanted   one of `KEYFOB_WANTED_STORE_KEY_...`; read one that this header does not know as `_EXISTING`
 * @param key      room for `KEYFOB_STORE_KEY_LEN` bytes, all zeros; borrowed until the callback returns, and
 *                 overwritten then
 * @return one of `KEYFOB_STORE_KEY_HERE`, `_NOT_NOW`, `_GONE`.
 */
typedef keyfob_store_key_answer (*keyfob_store_key_fn)(void *context,
                                                       keyfob_wanted_store_key wanted,
                                                       uint8_t *key);

/**
 * When a process refreshes tokens.
 */
typedef int32_t keyfob_refresh_policy;

/**
 * Shows the code of a login to the user, and returns at once.
 *
 * Called once, on the thread that called `keyfob_login_on_another_device`. It must return: no exception, no longjmp.
 *
 * @param context  what was given to `keyfob_login_on_another_device`
 * @param login    borrowed until the callback returns
 */
typedef void (*keyfob_show_device_login_fn)(void *context, const keyfob_device_login *login);

/**
 * What became of a session's token at the provider.
 */
typedef int32_t keyfob_revocation;

/**
 * A yes, a no, or that nobody knows.
 */
typedef int32_t keyfob_answer;

/**
 * What a provider takes of a loopback redirect URI.
 */
typedef int32_t keyfob_loopback;

/**
 * How a store keeps its secrets.
 */
typedef int32_t keyfob_sealing;

/**
 * How much a line of the log matters. The smaller, the more.
 */
typedef int32_t keyfob_log_level;

/**
 * Takes one line of the log. No line holds a token, a code, a key, or what else is a secret.
 *
 * Called on the thread on which it happens, on several at once, and in the middle of things: it must be quick. It must
 * not call Keyfob: what can fail gives `KEYFOB_INVALID_STATE` with the reason "Reentered", whatever it is called with, and
 * changes nothing. It must return: no exception, no longjmp.
 *
 * @param context  what was given to `keyfob_set_log`
 * @param level    one of `KEYFOB_LOG_LEVEL_...`
 * @param target   the part of the library that says it, such as "keyfob::keyfob::refresh" or "rustls::client". For
 *                 filters; another version may name its parts otherwise; borrowed until the callback returns
 * @param message  for people; borrowed until the callback returns
 */
typedef void (*keyfob_log_fn)(void *context, keyfob_log_level level, const char *target, const char *message);

/**
 * What a provider speaks.
 */
typedef int32_t keyfob_provider_kind;

/**
 * What a client's private key signs with.
 */
typedef int32_t keyfob_key_algorithm;

/**
 * What kept a request from being answered.
 */
typedef int32_t keyfob_transport_failure;

/**
 * Early, so that nobody has to wait, and when a token is over.
 */
#define KEYFOB_REFRESH_POLICY_NORMAL 1

/**
 * Only when a call needs it: for a provider where a refresh makes the token before it invalid at once.
 */
#define KEYFOB_REFRESH_POLICY_ON_DEMAND 2

/**
 * Never: for an extension or a widget that may be frozen at any moment. It uses what the app's own process keeps fresh.
 */
#define KEYFOB_REFRESH_POLICY_NEVER 3

/**
 * The provider says that the token is good for nothing any more.
 */
#define KEYFOB_REVOCATION_DONE 1

/**
 * Nobody asked it to: the options said so, or there was no token left.
 */
#define KEYFOB_REVOCATION_NOT_ASKED 2

/**
 * The provider offers no revocation for this token.
 */
#define KEYFOB_REVOCATION_NOT_SUPPORTED 3

/**
 * It was asked and did not do it: `keyfob_ended_revocation_error` says why. The token lives on until it is
 * over.
 */
#define KEYFOB_REVOCATION_FAILED 4

/**
 * It could not be asked now: `keyfob_ended_revocation_error` says why. The token is kept aside, and
 * `keyfob_maintain` asks again, for seven days.
 */
#define KEYFOB_REVOCATION_OWED 5

/**
 * It worked.
 */
#define KEYFOB_OK 0

/**
 * Fix the call: an unknown id, a malformed argument, NULL.
 */
#define KEYFOB_INVALID_ARGUMENT 1

/**
 * Fix the order of calls: suspended, made before a fork, re-entered from a callback.
 */
#define KEYFOB_INVALID_STATE 2

/**
 * Fix the configuration: an unknown key, a redirect URI of a wrong form, `invalid_client`.
 */
#define KEYFOB_CONFIGURATION 3

/**
 * Try later: the provider could not be reached or gave no usable answer.
 */
#define KEYFOB_NETWORK 4

/**
 * Try later: a time limit passed.
 */
#define KEYFOB_TIMEOUT 5

/**
 * Nothing: the caller cancelled.
 */
#define KEYFOB_CANCELLED 6

/**
 * Show the app's login page: the user said no.
 */
#define KEYFOB_ACCESS_DENIED 7

/**
 * Treat as an attack or a stale tab: the redirect was not believed and nothing was sent.
 */
#define KEYFOB_REDIRECT_REJECTED 8

/**
 * Read `keyfob_error_oauth_code`: the provider answered with an error of RFC 6749.
 */
#define KEYFOB_OAUTH 9

/**
 * Begin a login: the session, or the login, has ended. Nothing else means that.
 */
#define KEYFOB_LOGIN_REQUIRED 10

/**
 * Report the provider: its answer was malformed, too large or not JSON.
 */
#define KEYFOB_BAD_RESPONSE 11

/**
 * Report; treat as an attack: a check on an ID token or on userinfo failed.
 */
#define KEYFOB_TOKEN_REJECTED 12

/**
 * Fix the clock, the network or the certificate: TLS refused the provider.
 */
#define KEYFOB_TLS 13

/**
 * Wait for `keyfob_error_retry_after_ms`.
 */
#define KEYFOB_RATE_LIMITED 14

/**
 * Try again: another process is refreshing this session.
 */
#define KEYFOB_REFRESH_BUSY 15

/**
 * Free space or fix permissions; nothing was lost.
 */
#define KEYFOB_STORE_NOT_WRITABLE 16

/**
 * Try again when the device is unlocked, or the store is no longer busy.
 */
#define KEYFOB_STORE_UNAVAILABLE 17

/**
 * Give the right store key.
 */
#define KEYFOB_STORE_KEY 18

/**
 * The store was damaged; the old file is kept.
 */
#define KEYFOB_STORE_DAMAGED 19

/**
 * Update the app, or choose another place for the store.
 */
#define KEYFOB_STORE_UNSUPPORTED 20

/**
 * Stop: the system gave no random bytes.
 */
#define KEYFOB_RANDOM 21

/**
 * Report a bug in Keyfob.
 */
#define KEYFOB_INTERNAL 99

/**
 * Not known.
 */
#define KEYFOB_ANSWER_UNKNOWN 0

/**
 * No.
 */
#define KEYFOB_ANSWER_NO 1

/**
 * Yes.
 */
#define KEYFOB_ANSWER_YES 2

/**
 * Not known.
 */
#define KEYFOB_LOOPBACK_UNKNOWN 0

/**
 * The IP literal, with any port (RFC 8252 section 7.3).
 */
#define KEYFOB_LOOPBACK_ANY_PORT 1

/**
 * Only exactly as registered, port included.
 */
#define KEYFOB_LOOPBACK_EXACT 2

/**
 * Not at all.
 */
#define KEYFOB_LOOPBACK_NONE 3

/**
 * Not known.
 */
#define KEYFOB_SEALING_UNKNOWN 0

/**
 * As they are.
 */
#define KEYFOB_SEALING_PLAINTEXT 1

/**
 * Sealed, and the key is here.
 */
#define KEYFOB_SEALING_SEALED 2

/**
 * Sealed, and the key was not to be had yet.
 */
#define KEYFOB_SEALING_LOCKED 3

/**
 * Something is lost, or will be if nobody acts.
 */
#define KEYFOB_LOG_LEVEL_ERROR 1

/**
 * Something is not as it should be, and Keyfob goes on.
 */
#define KEYFOB_LOG_LEVEL_WARN 2

/**
 * Something worth knowing, seldom.
 */
#define KEYFOB_LOG_LEVEL_INFO 3

/**
 * For whoever looks for a cause: connections and answers too, without what was in them.
 */
#define KEYFOB_LOG_LEVEL_DEBUG 4

/**
 * OpenID Connect: an issuer, discovery, ID tokens.
 */
#define KEYFOB_PROVIDER_KIND_OIDC 1

/**
 * Plain OAuth 2: explicit endpoints, the user's identity from userinfo.
 */
#define KEYFOB_PROVIDER_KIND_OAUTH2 2

/**
 * RSASSA-PKCS1-v1_5 with SHA-256: what an RSA key signs with where nothing else is said.
 */
#define KEYFOB_KEY_ALGORITHM_RS256 1

/**
 * RSASSA-PSS with SHA-256, by an RSA key.
 */
#define KEYFOB_KEY_ALGORITHM_PS256 2

/**
 * ECDSA on P-256 with SHA-256.
 */
#define KEYFOB_KEY_ALGORITHM_ES256 3

/**
 * ECDSA on P-384 with SHA-384.
 */
#define KEYFOB_KEY_ALGORITHM_ES384 4

/**
 * Ed25519.
 */
#define KEYFOB_KEY_ALGORITHM_EDDSA 5

/**
 * The one that this store was sealed with. It must not be made anew, whatever the keystore says of it.
 */
#define KEYFOB_WANTED_STORE_KEY_EXISTING 1

/**
 * Any: nothing in the store needs an older one. Give the one that the keystore has, or make one
 * (`keyfob_store_key_generate`) and keep it there.
 */
#define KEYFOB_WANTED_STORE_KEY_NEW 2

/**
 * Not now: the device is locked, the keystore does not answer, the user did not unlock it. Also for "not
 * found" where that can mean "locked". Nothing is lost: the call gives `KEYFOB_STORE_UNAVAILABLE`, and the
 * next one asks again. Say this when in doubt; any other number is read as this one.
 */
#define KEYFOB_STORE_KEY_NOT_NOW 0

/**
 * The key is in the buffer. One that is all zeros was not written, and is read as
 * `KEYFOB_STORE_KEY_NOT_NOW`.
 */
#define KEYFOB_STORE_KEY_HERE 1

/**
 * The key is gone for good, and the keystore is sure of it (it was invalidated, or deleted by the user). The
 * sessions that it sealed end with the reason "KeyLost"; what they were stays in the store, sealed. Then a
 * `KEYFOB_WANTED_STORE_KEY_NEW` is asked for.
 */
#define KEYFOB_STORE_KEY_GONE 2

/**
 * The provider answered, whatever the status, and the response holds the whole answer.
 */
#define KEYFOB_TRANSPORT_ANSWERED 0

/**
 * No answer, and no byte of the request left this machine: it may be repeated.
 */
#define KEYFOB_TRANSPORT_NOT_SENT 1

/**
 * No answer, and nobody knows whether the provider acted on the request. Say this when in doubt; any other
 * number is read as this one.
 */
#define KEYFOB_TRANSPORT_UNKNOWN 2

/**
 * The name was not found, no connection came about, or it broke. So it is taken to be when nothing else
 * was said.
 */
#define KEYFOB_TRANSPORT_FAILURE_NETWORK 1

/**
 * A time limit passed.
 */
#define KEYFOB_TRANSPORT_FAILURE_TIMEOUT 2

/**
 * TLS refused the certificate, for a reason that has no name below.
 */
#define KEYFOB_TRANSPORT_FAILURE_CERTIFICATE 3

/**
 * TLS failed for another reason.
 */
#define KEYFOB_TRANSPORT_FAILURE_TLS 4

/**
 * The answer was longer than asked for, or not HTTP.
 */
#define KEYFOB_TRANSPORT_FAILURE_ANSWER 5

/**
 * The proxy could not be reached, or did not let the connection through.
 */
#define KEYFOB_TRANSPORT_FAILURE_PROXY 6

/**
 * The certificate is expired.
 */
#define KEYFOB_TRANSPORT_FAILURE_CERTIFICATE_EXPIRED 7

/**
 * The certificate is not yet valid.
 */
#define KEYFOB_TRANSPORT_FAILURE_CERTIFICATE_NOT_YET_VALID 8

/**
 * Nobody who is trusted has signed the certificate.
 */
#define KEYFOB_TRANSPORT_FAILURE_CERTIFICATE_UNKNOWN_ISSUER 9

/**
 * The certificate is for another host.
 */
#define KEYFOB_TRANSPORT_FAILURE_CERTIFICATE_WRONG_HOST 10

/**
 * The certificate was revoked.
 */
#define KEYFOB_TRANSPORT_FAILURE_CERTIFICATE_REVOKED 11

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * Pages that call the app by this name.
 *
 * Ownership: caller owns; free with keyfob_login_pages_free.
 *
 * @param app  may be NULL: then they say "the app"; copied; caller may free after return
 * @return NULL if the name is not UTF-8
 */
keyfob_login_pages *keyfob_login_pages_new(const char *app);

/**
 * The language of the texts (BCP 47, for instance "de" or "pt-BR"), for screen readers.
 *
 * @param tag  copied; caller may free after return
 */
KEYFOB_MUST_USE
keyfob_status keyfob_login_pages_set_language(keyfob_login_pages *pages,
                                              const char *tag,
                                              keyfob_error **error_out);

/**
 * Whether the texts are written from right to left.
 */
KEYFOB_MUST_USE
keyfob_status keyfob_login_pages_set_right_to_left(keyfob_login_pages *pages,
                                                   bool right_to_left,
                                                   keyfob_error **error_out);

/**
 * Title and text after a login.
 *
 * @param title  copied; caller may free after return
 * @param words  copied; caller may free after return
 */
KEYFOB_MUST_USE
keyfob_status keyfob_login_pages_set_success(keyfob_login_pages *pages,
                                             const char *title,
                                             const char *words,
                                             keyfob_error **error_out);

/**
 * Title and text after the user, or the provider's policy, said no.
 *
 * @param title  copied; caller may free after return
 * @param words  copied; caller may free after return
 */
KEYFOB_MUST_USE
keyfob_status keyfob_login_pages_set_denied(keyfob_login_pages *pages,
                                            const char *title,
                                            const char *words,
                                            keyfob_error **error_out);

/**
 * Title and text after any other failure: what to do now. The name of the reason stands below it.
 *
 * @param title  copied; caller may free after return
 * @param words  copied; caller may free after return
 */
KEYFOB_MUST_USE
keyfob_status keyfob_login_pages_set_failure(keyfob_login_pages *pages,
                                             const char *title,
                                             const char *words,
                                             keyfob_error **error_out);

/**
 * Frees pages; they may be NULL.
 */
void keyfob_login_pages_free(keyfob_login_pages *pages);

/**
 * Five minutes, the system's browser, the built-in pages, nothing asked for beyond the registration.
 *
 * Ownership: caller owns; free with keyfob_browser_login_free.
 */
keyfob_browser_login *keyfob_browser_login_new(void);

/**
 * What the login asks for. Its success and failure links are where the browser is sent at the end (303), where they are
 * absolute; else it shows the built-in pages. Its redirect port is the port to listen on.
 *
 * @param options  copied; caller may free after return
 */
KEYFOB_MUST_USE
keyfob_status keyfob_browser_login_set_options(keyfob_browser_login *login,
                                               const keyfob_login_options *options,
                                               keyfob_error **error_out);

/**
 * What the built-in pages say.
 *
 * @param pages  copied; caller may free after return
 */
KEYFOB_MUST_USE
keyfob_status keyfob_browser_login_set_pages(keyfob_browser_login *login,
                                             const keyfob_login_pages *pages,
                                             keyfob_error **error_out);

/**
 * How long to wait for the redirect. The configuration's `login_seconds` holds too.
 */
KEYFOB_MUST_USE
keyfob_status keyfob_browser_login_set_time_limit_ms(keyfob_browser_login *login,
                                                     uint64_t limit_ms,
                                                     keyfob_error **error_out);

/**
 * Who opens the URL, instead of the system's browser.
 *
 * @param open     opens or shows a URL
 * @param context  given to `open`; may be NULL; consumed, even on error
 * @param release  gives `context` back, at the latest when the keyfob_browser_login is freed; may be NULL
 */
KEYFOB_MUST_USE
keyfob_status keyfob_browser_login_set_browser(keyfob_browser_login *login,
                                               keyfob_open_url_fn open,
                                               void *context,
                                               keyfob_release_fn release,
                                               keyfob_error **error_out);

/**
 * What another thread cancels the login with, or hands a pasted redirect over.
 *
 * @param control  copied; caller may free after return
 */
KEYFOB_MUST_USE
keyfob_status keyfob_browser_login_set_control(keyfob_browser_login *login,
                                               const keyfob_login_control *control,
                                               keyfob_error **error_out);

/**
 * Frees what a login is to be like; it may be NULL.
 */
void keyfob_browser_login_free(keyfob_browser_login *login);

/**
 * The whole login in one call, for an app of the desktop or the command line: listens on a loopback port (RFC 8252 section
 * 7.3), begins the login, opens the browser, waits for the redirect, completes the login, and shows the user how it
 * went.
 *
 * Touches the network, and blocks until the user has logged in or said no, the time limit is over, or somebody cancels. The
 * registration's redirect URI is http://127.0.0.1/... or http://[::1]/...; without a port in it a free one is taken. The
 * port is open only while the login waits, and takes one redirect of this login.
 *
 * @param registration   the id of a registration; copied; caller may free after return
 * @param login          may be NULL; copied; caller may free after return
 * @param completed_out  caller owns; free with keyfob_completed_free
 * @return as `keyfob_begin_login` and `keyfob_complete_login`, and:
 *         `KEYFOB_CONFIGURATION`: the redirect URI is not a loopback address;
 *         `KEYFOB_INVALID_STATE`: nothing can listen on its port (reason "LoopbackUnavailable"), or no browser could be
 *         opened ("BrowserUnavailable");
 *         `KEYFOB_TIMEOUT`: no redirect in time; `KEYFOB_CANCELLED`: by the control. The login is over.
 */
KEYFOB_MUST_USE
keyfob_status keyfob_login_in_browser(const keyfob_handle *handle,
                                      const char *registration,
                                      const keyfob_browser_login *login,
                                      keyfob_completed **completed_out,
                                      keyfob_error **error_out);

/**
 * Opens a URL in the system's browser and returns at once; false where there is none to open, or no screen to show it
 * on (a terminal over SSH).
 *
 * @param url  copied; caller may free after return
 */
bool keyfob_open_browser(const char *url);

/**
 * Reads a configuration from JSON.
 *
 * Its keys: `store` (`path`: a folder of Keyfob's own, made when missing; `plaintext`: true keeps the secrets
 * in it as they are, which is for tests; otherwise a store key is due, see `keyfob_config_set_store_key` and
 * `keyfob_config_set_store_key_source`), `registrations` (`id`, `provider`, `client_id`, `client_secret`, `client_auth`: "basic",
 * "post" or "none" for another way than the provider's; `private_key` (PEM, PKCS#8) in place of a secret, with its `key_id` and
 * `key_algorithm`; `redirect_uri`, `scopes`, `resources` (what tokens are for, RFC 8707), `variables`, `enabled`,
 * `require_pushed_authorization_requests` (RFC 9126),
 * `refresh_budget`: at most so many `refreshes` in so many `seconds`, over all its sessions and every process),
 * `providers` (the app's own, in the format of a provider file: `id`, `name`, `kind`, `endpoints`, ...),
 * `http` (`connect_seconds`, `total_seconds`; `ca_certificates`: authorities to trust beside the built-in ones, in
 * PEM; `proxy`: its URL, or "environment"; `user_agent`: the app's name, such as "Notes/1.2"), `login_seconds`, `coherence_seconds`, `leeway_seconds`,
 * `wait_seconds` (for a refresh that another thread or process is making), `refresh_policy` ("normal";
 * "on_demand": not before a call needs it; "never": this process leaves refreshing to others). Touches
 * neither network nor store.
 *
 * @param json        copied; caller may free after return
 * @param config_out  caller owns; free with keyfob_config_free
 * @return `KEYFOB_CONFIGURATION`: not JSON, an unknown key, a missing or malformed value; the error's
 *         detail names the key.
 */
KEYFOB_MUST_USE
keyfob_status keyfob_config_from_json(const char *json,
                                      keyfob_config **config_out,
                                      keyfob_error **error_out);

/**
 * Sends every HTTP request through the host's own transport instead of the built-in one.
 *
 * @param send     sends one request; see `keyfob_transport_fn`
 * @param context  given to `send`; may be NULL; consumed, even on error
 * @param release  gives `context` back when Keyfob is done with it; may be NULL
 */
KEYFOB_MUST_USE
keyfob_status keyfob_config_set_transport(keyfob_config *config,
                                          keyfob_transport_fn send,
                                          void *context,
                                          keyfob_release_fn release,
                                          keyfob_error **error_out);

/**
 * Asks the host's own clock instead of the operating system's.
 *
 * @param boot_id  a name for this boot of the system, other after each restart; may be NULL where that is
 *                 not known; copied; caller may free after return
 * @param wall     the wall clock, in milliseconds since 1970 (UTC); may be wrong, and may jump
 * @param boot     milliseconds since the system started, sleep included; never goes back
 * @param context  given to both; may be NULL; consumed, even on error
 * @param release  gives `context` back when Keyfob is done with it; may be NULL
 */
KEYFOB_MUST_USE
keyfob_status keyfob_config_set_clock(keyfob_config *config,
                                      const char *boot_id,
                                      keyfob_clock_fn wall,
                                      keyfob_clock_fn boot,
                                      void *context,
                                      keyfob_release_fn release,
                                      keyfob_error **error_out);

/**
 * Hands early refreshes to the host's own threads. Without an executor the caller that notices that one is
 * due makes it on its own thread, though its token is still good.
 *
 * @param execute  takes work for another thread; see `keyfob_executor_fn`
 * @param context  given to `execute`; may be NULL; consumed, even on error
 * @param release  gives `context` back when Keyfob is done with it; may be NULL
 */
KEYFOB_MUST_USE
keyfob_status keyfob_config_set_executor(keyfob_config *config,
                                         keyfob_executor_fn execute,
                                         void *context,
                                         keyfob_release_fn release,
                                         keyfob_error **error_out);

/**
 * Tells the host what happens to its sessions.
 *
 * @param session_changed  is told of other tokens and of endings; see `keyfob_session_changed_fn`; may be NULL
 * @param login_required   is told of endings; see `keyfob_login_required_fn`; may be NULL
 * @param clock_skew       is told of a clock that is off; see `keyfob_clock_skew_fn`; may be NULL
 * @param context          given to all three; may be NULL; consumed, even on error
 * @param release          gives `context` back when Keyfob is done with it; may be NULL
 */
KEYFOB_MUST_USE
keyfob_status keyfob_config_set_observer(keyfob_config *config,
                                         keyfob_session_changed_fn session_changed,
                                         keyfob_login_required_fn login_required,
                                         keyfob_clock_skew_fn clock_skew,
                                         void *context,
                                         keyfob_release_fn release,
                                         keyfob_error **error_out);

/**
 * Seals the secrets in the store under this key. The host keeps it in the system's keystore and nowhere else;
 * where that may be locked, or may lose it, give `keyfob_config_set_store_key_source` instead. The last of the
 * two counts.
 *
 * @param key  the key; copied; caller may free after return, and should overwrite it before
 * @param len  its length: `KEYFOB_STORE_KEY_LEN`
 * @return `KEYFOB_INVALID_ARGUMENT`: another length, or nothing but zeros: a buffer that nobody filled.
 */
KEYFOB_MUST_USE
keyfob_status keyfob_config_set_store_key(keyfob_config *config,
                                          const uint8_t *key,
                                          size_t len,
                                          keyfob_error **error_out);

/**
 * Seals the secrets in the store under the key that the host gives when it is asked: the way to use a keystore
 * that may be locked.
 *
 * @param store_key  gives the key; see `keyfob_store_key_fn`
 * @param context    given to `store_key`; may be NULL; consumed, even on error
 * @param release    gives `context` back when Keyfob is done with it; may be NULL
 */
KEYFOB_MUST_USE
keyfob_status keyfob_config_set_store_key_source(keyfob_config *config,
                                                 keyfob_store_key_fn store_key,
                                                 void *context,
                                                 keyfob_release_fn release,
                                                 keyfob_error **error_out);

/**
 * Binds the store to this device: some bytes (16 random ones at least, say) that the host keeps where no
 * backup carries them. A store that was written with other ones was copied from another device. To refresh its
 * tokens on both would cost both, so its sessions end with the reason "OtherDevice", their users still known;
 * nothing is deleted. Without this call nothing is checked.
 *
 * @param bytes  copied; caller may free after return; may be NULL if `len` is 0
 * @param len    how many
 */
KEYFOB_MUST_USE
keyfob_status keyfob_config_set_device_binding(keyfob_config *config,
                                               const uint8_t *bytes,
                                               size_t len,
                                               keyfob_error **error_out);

/**
 * Frees a configuration that was not opened; it may be NULL.
 */
void keyfob_config_free(keyfob_config *config);

/**
 * Begins a configuration.
 *
 * @param store        the path of a folder of Keyfob's own, made when missing; copied; caller may free after return
 * @param builder_out  caller owns; free with keyfob_config_builder_free
 */
KEYFOB_MUST_USE
keyfob_status keyfob_config_builder_new(const char *store,
                                        keyfob_config_builder **builder_out,
                                        keyfob_error **error_out);

/**
 * Leaves the secrets in the store as they are, for anybody to read who gets at the file (default false). For tests: an
 * app gives a store key, by `keyfob_config_set_store_key` or `keyfob_config_set_store_key_source`.
 */
KEYFOB_MUST_USE
keyfob_status keyfob_config_builder_set_plaintext(keyfob_config_builder *builder,
                                                  bool plaintext,
                                                  keyfob_error **error_out);

/**
 * Adds a registration: this app as one provider knows it. The order is the order of the login buttons.
 *
 * @param registration  consumed, even on error
 */
KEYFOB_MUST_USE
keyfob_status keyfob_config_builder_add_registration(keyfob_config_builder *builder,
                                                     keyfob_registration_builder *registration,
                                                     keyfob_error **error_out);

/**
 * Adds a provider that the catalogue does not have.
 *
 * @param provider  consumed, even on error
 */
KEYFOB_MUST_USE
keyfob_status keyfob_config_builder_add_provider(keyfob_config_builder *builder,
                                                 keyfob_provider_builder *provider,
                                                 keyfob_error **error_out);

/**
 * How long connecting may take, and a whole request.
 *
 * @param connect_ms  in milliseconds; 1 to 600000; default 10000
 * @param total_ms    in milliseconds; 1 to 600000; default 30000
 */
KEYFOB_MUST_USE
keyfob_status keyfob_config_builder_set_http_timeouts_ms(keyfob_config_builder *builder,
                                                         int64_t connect_ms,
                                                         int64_t total_ms,
                                                         keyfob_error **error_out);

/**
 * Authorities to trust beside those that are built in, such as a company's own. A host's own transport has its own.
 *
 * @param pem  PEM (RFC 7468), one certificate after the other; copied; caller may free after return
 */
KEYFOB_MUST_USE
keyfob_status keyfob_config_builder_set_ca_certificates(keyfob_config_builder *builder,
                                                        const char *pem,
                                                        keyfob_error **error_out);

/**
 * Asks a proxy for every https connection (RFC 9110 section 9.3.6, CONNECT). Without it there is none, whatever the
 * environment says. A host's own transport has its own.
 *
 * @param proxy  "http://user:password@host:port" or https, with user and password percent-encoded where need be; or
 *               "environment" for what `HTTPS_PROXY`, else `ALL_PROXY`, say, save for the hosts of `NO_PROXY` and this machine's
 *               own, as they are when `keyfob_open` reads them; copied; caller may free after return
 */
KEYFOB_MUST_USE
keyfob_status keyfob_config_builder_set_proxy(keyfob_config_builder *builder,
                                              const char *proxy,
                                              keyfob_error **error_out);

/**
 * The app's name for the providers' logs (RFC 9110 section 10.1.5). It is sent with every request, with the library's
 * own behind it.
 *
 * @param user_agent  such as "Notes/1.2"; copied; caller may free after return
 */
KEYFOB_MUST_USE
keyfob_status keyfob_config_builder_set_user_agent(keyfob_config_builder *builder,
                                                   const char *user_agent,
                                                   keyfob_error **error_out);

/**
 * How long a login stays open, from `keyfob_begin_login` to its redirect.
 *
 * @param lifetime_ms  in milliseconds; at most 30 days; default one hour
 */
KEYFOB_MUST_USE
keyfob_status keyfob_config_builder_set_login_lifetime_ms(keyfob_config_builder *builder,
                                                          int64_t lifetime_ms,
                                                          keyfob_error **error_out);

/**
 * How old the view of other processes' changes may be.
 *
 * @param coherence_ms  in milliseconds; at most one hour; default 1000; 0 looks at every call
 */
KEYFOB_MUST_USE
keyfob_status keyfob_config_builder_set_coherence_ms(keyfob_config_builder *builder,
                                                     int64_t coherence_ms,
                                                     keyfob_error **error_out);

/**
 * How far the provider's clock and this device's may differ.
 *
 * @param leeway_ms  in milliseconds; at most 300000; default 60000
 */
KEYFOB_MUST_USE
keyfob_status keyfob_config_builder_set_leeway_ms(keyfob_config_builder *builder,
                                                  int64_t leeway_ms,
                                                  keyfob_error **error_out);

/**
 * How long a call waits for a refresh that another thread or process is making. A request that was sent is waited for
 * in any case, up to the limit of `keyfob_config_builder_set_http_timeouts_ms`.
 *
 * @param wait_ms  in milliseconds; at most 600000; default 30000
 */
KEYFOB_MUST_USE
keyfob_status keyfob_config_builder_set_wait_ms(keyfob_config_builder *builder,
                                                int64_t wait_ms,
                                                keyfob_error **error_out);

/**
 * When this process refreshes tokens.
 *
 * @param policy  one of `KEYFOB_REFRESH_POLICY_...`; default `KEYFOB_REFRESH_POLICY_NORMAL`
 */
KEYFOB_MUST_USE
keyfob_status keyfob_config_builder_set_refresh_policy(keyfob_config_builder *builder,
                                                       keyfob_refresh_policy policy,
                                                       keyfob_error **error_out);

/**
 * Checks everything and makes the configuration. Touches neither network nor store.
 *
 * @param builder     consumed, even on error
 * @param config_out  caller owns; free with keyfob_config_free
 * @return `KEYFOB_CONFIGURATION`: a missing or malformed value; the error's detail names it by its key in the
 *         JSON of `keyfob_config_from_json`.
 */
KEYFOB_MUST_USE
keyfob_status keyfob_config_builder_build(keyfob_config_builder *builder,
                                          keyfob_config **config_out,
                                          keyfob_error **error_out);

/**
 * Frees a builder that was not built; it may be NULL.
 */
void keyfob_config_builder_free(keyfob_config_builder *builder);

/**
 * A control for one login.
 *
 * Ownership: caller owns; free with keyfob_login_control_free.
 */
keyfob_login_control *keyfob_login_control_new(void);

/**
 * Ends the login that waits: its call gives `KEYFOB_CANCELLED` within a fifth of a second, and the login is over in the
 * store. Before the login begins, it will not begin. A login whose answer is there already is completed. Does nothing
 * for NULL.
 */
void keyfob_login_control_cancel(const keyfob_login_control *control);

/**
 * Whether somebody has cancelled.
 */
bool keyfob_login_control_is_cancelled(const keyfob_login_control *control);

/**
 * Hands the redirect over to a `keyfob_login_in_browser` that waits: the whole URL, as the user copied it from a
 * browser that could not reach this machine. The waiting call goes on with it. What is not a redirect of that
 * login is refused here, and the login waits on. Touches no network.
 *
 * @param redirect_url  copied; caller may free after return
 * @return `KEYFOB_REDIRECT_REJECTED`: not a redirect of the login that waits, or none waits.
 */
KEYFOB_MUST_USE
keyfob_status keyfob_login_control_hand_over(const keyfob_login_control *control,
                                             const char *redirect_url,
                                             keyfob_error **error_out);

/**
 * Frees a control; it may be NULL.
 */
void keyfob_login_control_free(keyfob_login_control *control);

/**
 * Begins a login that the user confirms on another device (RFC 8628 section 3.1): for a television, a console, a
 * terminal.
 *
 * Touches the network; each request blocks for `http.total_seconds` of the configuration at most. The login is in the
 * store before this returns: any process that opens the same store can show it and poll it.
 *
 * @param registration  the id of a registration; copied; caller may free after return
 * @param options       may be NULL; copied; caller may free after return. A redirect port is refused
 * @param login_out     caller owns; free with keyfob_device_login_free
 * @return `KEYFOB_INVALID_ARGUMENT`: no such registration, a malformed scope, a redirect port;
 *         `KEYFOB_CONFIGURATION`: the registration is disabled, the provider has no such logins (reason
 *         "DeviceGrantUnsupported"), it does not know the client;
 *         `KEYFOB_NETWORK`, `KEYFOB_TIMEOUT`, `KEYFOB_TLS`, `KEYFOB_RATE_LIMITED`: try later;
 *         `KEYFOB_OAUTH`, `KEYFOB_BAD_RESPONSE`: the provider refused, or its answer cannot be read;
 *         `KEYFOB_RANDOM`.
 */
KEYFOB_MUST_USE
keyfob_status keyfob_begin_device_login(const keyfob_handle *handle,
                                        const char *registration,
                                        const keyfob_login_options *options,
                                        keyfob_device_login **login_out,
                                        keyfob_error **error_out);

/**
 * What to show for a login on another device that waits, after a restart of the app for instance
 * (`keyfob_pending_logins` has its id). Touches no network.
 *
 * @param login_id   copied; caller may free after return
 * @param login_out  caller owns; free with keyfob_device_login_free
 * @return `KEYFOB_INVALID_ARGUMENT`: no such login, one with a redirect, or one that is over.
 */
KEYFOB_MUST_USE
keyfob_status keyfob_find_device_login(const keyfob_handle *handle,
                                       const char *login_id,
                                       keyfob_device_login **login_out,
                                       keyfob_error **error_out);

/**
 * Asks the provider once whether the user has confirmed, if it is time to ask (RFC 8628 section 3.4). Sooner nobody is
 * asked, and the rest of the wait is the answer. Being offline is no error: the login waits on.
 *
 * May touch the network; blocks for `http.total_seconds` of the configuration at most for each request. What came is
 * in the store before this returns.
 *
 * @param login_id       copied; caller may free after return
 * @param wait_ms_out    how long to wait before the next poll, where `*completed_out` is NULL; else 0
 * @param completed_out  NULL while the user has not confirmed; caller owns; free with keyfob_completed_free
 * @return `KEYFOB_INVALID_ARGUMENT`: no such login, or one with a redirect;
 *         `KEYFOB_ACCESS_DENIED`, `KEYFOB_OAUTH`, `KEYFOB_CONFIGURATION`: the user or the provider said no; the login
 *         is over;
 *         `KEYFOB_LOGIN_REQUIRED`: nobody confirmed in time, or the answer with the tokens was lost; the login is over;
 *         `KEYFOB_CANCELLED`: `keyfob_cancel_login` ended it;
 *         `KEYFOB_TOKEN_REJECTED`, `KEYFOB_BAD_RESPONSE`: the provider's answer cannot be believed or read;
 *         `KEYFOB_NETWORK`, `KEYFOB_TIMEOUT`, `KEYFOB_TLS`, `KEYFOB_RATE_LIMITED`: the tokens are there and the profile
 *         is not; poll again.
 */
KEYFOB_MUST_USE
keyfob_status keyfob_poll_device_login(const keyfob_handle *handle,
                                       const char *login_id,
                                       int64_t *wait_ms_out,
                                       keyfob_completed **completed_out,
                                       keyfob_error **error_out);

/**
 * The whole login on another device in one call: begins it, has it shown, polls by the rules, and returns with the
 * session. Touches the network, again and again, and blocks until the user has decided, the code is over, or somebody
 * cancels.
 *
 * @param registration   the id of a registration; copied; caller may free after return
 * @param options        may be NULL; copied; caller may free after return
 * @param show           shows the code
 * @param context        for `show`
 * @param control        may be NULL; cancels the login from another thread
 * @param completed_out  caller owns; free with keyfob_completed_free
 * @return as `keyfob_begin_device_login` and `keyfob_poll_device_login`; `KEYFOB_CANCELLED`: by the control.
 */
KEYFOB_MUST_USE
keyfob_status keyfob_login_on_another_device(const keyfob_handle *handle,
                                             const char *registration,
                                             const keyfob_login_options *options,
                                             keyfob_show_device_login_fn show,
                                             void *context,
                                             const keyfob_login_control *control,
                                             keyfob_completed **completed_out,
                                             keyfob_error **error_out);

/**
 * The id of the login in its store, for `keyfob_poll_device_login` and `keyfob_cancel_login`.
 *
 * Ownership: borrowed until the keyfob_device_login is freed.
 */
const char *keyfob_device_login_id(const keyfob_device_login *login);

/**
 * The id of the registration that it was begun for.
 *
 * Ownership: borrowed until the keyfob_device_login is freed.
 */
const char *keyfob_device_login_registration(const keyfob_device_login *login);

/**
 * What the user types in on the other device. Not for a log: who has it can confirm this login as somebody else.
 *
 * Ownership: borrowed until the keyfob_device_login is freed.
 */
const char *keyfob_device_login_user_code(const keyfob_device_login *login);

/**
 * Where the user types it in.
 *
 * Ownership: borrowed until the keyfob_device_login is freed.
 */
const char *keyfob_device_login_verification_uri(const keyfob_device_login *login);

/**
 * The same with the code in it; NULL where the provider has no such URI. Not for a log.
 *
 * Ownership: borrowed until the keyfob_device_login is freed.
 */
const char *keyfob_device_login_verification_uri_complete(const keyfob_device_login *login);

/**
 * When the code is no longer good, in milliseconds since 1970 (UTC).
 */
int64_t keyfob_device_login_expires_at_ms(const keyfob_device_login *login);

/**
 * How long to wait between two polls, in milliseconds. `keyfob_poll_device_login` counts itself.
 */
int64_t keyfob_device_login_interval_ms(const keyfob_device_login *login);

/**
 * A QR code of the verification URI: lines of half blocks, for a terminal that writes light on dark. NULL for a
 * URI that is too long for one.
 *
 * Ownership: borrowed until the keyfob_device_login is freed.
 */
const char *keyfob_device_login_qr_code_text(const keyfob_device_login *login);

/**
 * The same as an SVG image of black on white.
 *
 * Ownership: borrowed until the keyfob_device_login is freed.
 */
const char *keyfob_device_login_qr_code_svg(const keyfob_device_login *login);

/**
 * Frees the handle of a login on another device; it may be NULL. The login itself goes on waiting.
 */
void keyfob_device_login_free(keyfob_device_login *login);

/**
 * Options that end a session here, and at the provider where it offers revocation.
 *
 * Ownership: caller owns; free with keyfob_end_session_options_free.
 */
keyfob_end_session_options *keyfob_end_session_options_new(void);

/**
 * Whether the session ends here only: the provider is not asked to revoke anything, and its tokens live on
 * until they are over.
 */
KEYFOB_MUST_USE
keyfob_status keyfob_end_session_options_set_local_only(keyfob_end_session_options *options,
                                                        bool local_only,
                                                        keyfob_error **error_out);

/**
 * Where the provider's logout page sends the browser afterwards (OpenID Connect RP-Initiated Logout section
 * 3), for `keyfob_ended_logout_url`.
 *
 * The logout URL gets a `state` then, by which `keyfob_complete_logout` knows the redirect.
 *
 * @param uri  an absolute URI without a fragment, registered at the provider (`keyfob_end_session` looks at
 *             it); copied; caller may free after return
 */
KEYFOB_MUST_USE
keyfob_status keyfob_end_session_options_set_post_logout_redirect_uri(keyfob_end_session_options *options,
                                                                      const char *uri,
                                                                      keyfob_error **error_out);

/**
 * Frees options; they may be NULL.
 */
void keyfob_end_session_options_free(keyfob_end_session_options *options);

/**
 * What became of the token at the provider (RFC 7009 section 2.2): one of `KEYFOB_REVOCATION_...`.
 */
keyfob_revocation keyfob_ended_revocation(const keyfob_ended *ended);

/**
 * Why the provider did not revoke the token; NULL but for `KEYFOB_REVOCATION_FAILED` and
 * `KEYFOB_REVOCATION_OWED`.
 *
 * Ownership: borrowed until the keyfob_ended is freed.
 */
const keyfob_error *keyfob_ended_revocation_error(const keyfob_ended *ended);

/**
 * A page to open in the browser, where the user is to be logged out of the provider too (OpenID Connect
 * RP-Initiated Logout section 2); NULL if the provider has none. A secret: it holds the ID token.
 *
 * Ownership: borrowed until the keyfob_ended is freed.
 */
const char *keyfob_ended_logout_url(const keyfob_ended *ended);

/**
 * Frees what a logout gave; it may be NULL.
 */
void keyfob_ended_free(keyfob_ended *ended);

/**
 * The name of a status, for logs: "Ok", "LoginRequired", ...; "Unknown" for a number that this library does
 * not know.
 *
 * Ownership: borrowed until the library is unloaded.
 */
const char *keyfob_status_name(keyfob_status status);

/**
 * The status that the failed call returned.
 */
keyfob_status keyfob_error_status(const keyfob_error *error);

/**
 * Why, more finely than the status: a stable name such as "StateUnknown" or "Revoked".
 *
 * Ownership: borrowed until the keyfob_error is freed.
 */
const char *keyfob_error_reason(const keyfob_error *error);

/**
 * One line for a log. It holds no token, code, state, URL query or text of the provider.
 *
 * Ownership: borrowed until the keyfob_error is freed.
 */
const char *keyfob_error_message(const keyfob_error *error);

/**
 * Words that help to find the cause, safe to log and not stable: the name of a parameter or a key, a host.
 * NULL if there are none.
 *
 * Ownership: borrowed until the keyfob_error is freed.
 */
const char *keyfob_error_detail(const keyfob_error *error);

/**
 * The provider's error code (RFC 6749 sections 4.1.2.1 and 5.2), such as "invalid_grant"; NULL if it sent
 * none. Untrusted text of the provider, at most 100 characters.
 *
 * Ownership: borrowed until the keyfob_error is freed.
 */
const char *keyfob_error_oauth_code(const keyfob_error *error);

/**
 * The provider's words about its error; NULL if it sent none. Untrusted text of the provider, at most 500
 * characters: never render it as HTML.
 *
 * Ownership: borrowed until the keyfob_error is freed.
 */
const char *keyfob_error_oauth_description(const keyfob_error *error);

/**
 * A page about the provider's error; NULL if it named none. Untrusted text of the provider, at most 500
 * characters: never open it unasked.
 *
 * Ownership: borrowed until the keyfob_error is freed.
 */
const char *keyfob_error_oauth_uri(const keyfob_error *error);

/**
 * The HTTP status of the provider's answer; 0 if there was none.
 */
int32_t keyfob_error_http_status(const keyfob_error *error);

/**
 * How many milliseconds to wait before trying again; `KEYFOB_TIME_UNKNOWN` if that is not known.
 */
int64_t keyfob_error_retry_after_ms(const keyfob_error *error);

/**
 * Whether the same call may succeed later without anything being changed.
 */
bool keyfob_error_is_retryable(const keyfob_error *error);

/**
 * Whether a new login is the way on.
 */
bool keyfob_error_is_login_required(const keyfob_error *error);

/**
 * The failure link that the login was begun with, if this error ended one; else NULL.
 *
 * Ownership: borrowed until the keyfob_error is freed.
 */
const char *keyfob_error_return_to(const keyfob_error *error);

/**
 * Frees an error; it may be NULL.
 */
void keyfob_error_free(keyfob_error *error);

/**
 * Does the work, on this thread. Touches the network; blocks for `http.total_seconds` of the configuration
 * at most for each request. What comes of it, `keyfob_journal` tells.
 *
 * @param work  may be NULL; consumed, even on error
 */
void keyfob_work_run(keyfob_work *work);

/**
 * Frees work without doing it; it may be NULL.
 */
void keyfob_work_free(keyfob_work *work);

/**
 * The name of the provider, to show to people.
 *
 * Ownership: borrowed until the keyfob_guide is freed.
 */
const char *keyfob_guide_provider_name(const keyfob_guide *guide);

/**
 * The redirect URI to enter there, character for character.
 *
 * Ownership: borrowed until the keyfob_guide is freed.
 */
const char *keyfob_guide_redirect_uri(const keyfob_guide *guide);

/**
 * How many scopes the app asks for, to be allowed there where the provider wants that.
 */
size_t keyfob_guide_scopes_len(const keyfob_guide *guide);

/**
 * One of those scopes; NULL for an index that is too large.
 *
 * Ownership: borrowed until the keyfob_guide is freed.
 */
const char *keyfob_guide_scopes_at(const keyfob_guide *guide, size_t index);

/**
 * Whether the provider takes redirect URIs with a private-use scheme (RFC 8252 section 7.1).
 */
keyfob_answer keyfob_guide_accepts_custom_scheme(const keyfob_guide *guide);

/**
 * What the provider takes of loopback redirect URIs (RFC 8252 section 7.3): one of `KEYFOB_LOOPBACK_...`.
 */
keyfob_loopback keyfob_guide_accepts_loopback(const keyfob_guide *guide);

/**
 * Whether the registration's own redirect URI is of a form that the provider takes.
 */
keyfob_answer keyfob_guide_redirect_uri_accepted(const keyfob_guide *guide);

/**
 * How many steps there are to do.
 */
size_t keyfob_guide_steps_len(const keyfob_guide *guide);

/**
 * What to do, a sentence of English for a person to read; NULL for an index that is too large.
 *
 * Ownership: borrowed until the keyfob_guide is freed.
 */
const char *keyfob_guide_steps_at(const keyfob_guide *guide, size_t index);

/**
 * Frees a guide; it may be NULL.
 */
void keyfob_guide_free(keyfob_guide *guide);

/**
 * Opens the store, making it when it is missing. Touches no network. Asks for the store key where the
 * configuration says whom.
 *
 * A key that is not available now (`KEYFOB_STORE_KEY_NOT_NOW`) is no error here: calls that need a secret give
 * `KEYFOB_STORE_UNAVAILABLE` until it is. A store that was kept in plaintext and is opened with a key is sealed
 * now, which takes time in proportion to its sessions. A damaged database is moved aside and a fresh one made,
 * if no other process has it open: `keyfob_health_moved_aside` and the journal tell.
 *
 * @param config      consumed, even on error
 * @param handle_out  caller owns; free with keyfob_free
 * @return `KEYFOB_CONFIGURATION`: a registration names a provider that is not there, or lacks one of its
 *         variables; there is neither a store key nor `plaintext`, or both;
 *         `KEYFOB_STORE_KEY`: the key is not the one that the store was sealed with, or it is sealed and there
 *         is none; nothing was changed;
 *         `KEYFOB_STORE_UNSUPPORTED`: the folder is open to others, a symbolic link, another program's, a
 *         newer version's, or on a network file system;
 *         `KEYFOB_STORE_UNAVAILABLE`, `KEYFOB_STORE_NOT_WRITABLE`: the store cannot be used now;
 *         `KEYFOB_STORE_DAMAGED`: it is damaged, and another process has it open; nothing was changed;
 *         `KEYFOB_RANDOM`.
 */
KEYFOB_MUST_USE
keyfob_status keyfob_open(keyfob_config *config,
                          keyfob_handle **handle_out,
                          keyfob_error **error_out);

/**
 * The registrations, in the order of the configuration. Touches neither network nor store.
 *
 * @param list_out  caller owns; free with keyfob_registration_list_free
 */
KEYFOB_MUST_USE
keyfob_status keyfob_registrations(const keyfob_handle *handle,
                                   keyfob_registration_list **list_out,
                                   keyfob_error **error_out);

/**
 * Begins a login and gives the URL to open (RFC 6749 section 4.1.1, with the S256 code challenge of RFC
 * 7636).
 *
 * May touch the network: discovery (OpenID Connect Discovery section 4), unless it is cached, and a request
 * that is pushed (RFC 9126; open its URL at once, for the provider forgets it soon); blocks for
 * `http.total_seconds` of the configuration for each at most. The login is in the store before this returns, so the
 * process may end while the user is in the browser, and any process that opens the same store can complete
 * it.
 *
 * @param registration  the id of a registration; copied; caller may free after return
 * @param options       may be NULL; copied; caller may free after return
 * @param login_out     caller owns; free with keyfob_login_free
 * @return `KEYFOB_INVALID_ARGUMENT`: no such registration or session (of the options), a malformed scope
 *         or port, a parameter that is Keyfob's own;
 *         `KEYFOB_LOGIN_REQUIRED`: the session that the options name has ended;
 *         `KEYFOB_CONFIGURATION`: the registration is disabled, the provider has no S256 or an insecure
 *         endpoint, or does not know the client;
 *         `KEYFOB_NETWORK`, `KEYFOB_TIMEOUT`, `KEYFOB_TLS`, `KEYFOB_BAD_RESPONSE`: discovery or a push
 *         failed; nothing was stored;
 *         `KEYFOB_OAUTH`, `KEYFOB_RATE_LIMITED`: the provider refuses a request that was pushed;
 *         `KEYFOB_RANDOM`.
 */
KEYFOB_MUST_USE
keyfob_status keyfob_begin_login(const keyfob_handle *handle,
                                 const char *registration,
                                 const keyfob_login_options *options,
                                 keyfob_login **login_out,
                                 keyfob_error **error_out);

/**
 * Hands the redirect back and makes a session of the login (RFC 6749 sections 4.1.2 to 4.1.4, OpenID
 * Connect Core section 3.1.3).
 *
 * May touch the network: the code exchange, perhaps the issuer's keys and userinfo; each request blocks
 * for `http.total_seconds` of the configuration at most, and so does a revocation of the same registration
 * that is under way. The state is compared before anything else in the redirect is believed, an `error`
 * included. A redirect that already made a session is answered with that session, and nothing is sent. The
 * session is in the store before this returns.
 *
 * @param redirect_url   the whole URL that the browser was sent to; copied; caller may free after return
 * @param completed_out  caller owns; free with keyfob_completed_free
 * @return `KEYFOB_REDIRECT_REJECTED`: not a redirect of a login in this store; nothing was sent;
 *         `KEYFOB_ACCESS_DENIED`, `KEYFOB_OAUTH`: the user or the provider said no; the login is over;
 *         `KEYFOB_LOGIN_REQUIRED`: the code was sent and the answer lost, or the session that this
 *         redirect made has ended;
 *         `KEYFOB_TOKEN_REJECTED`, `KEYFOB_BAD_RESPONSE`: the provider's answer cannot be believed or
 *         read, or is about another user than the session's that the login was for;
 *         `KEYFOB_NETWORK`, `KEYFOB_TIMEOUT`, `KEYFOB_TLS`, `KEYFOB_RATE_LIMITED`: call again with the
 *         same redirect;
 *         `KEYFOB_INVALID_STATE`: another process is completing this login right now;
 *         `KEYFOB_CONFIGURATION`.
 */
KEYFOB_MUST_USE
keyfob_status keyfob_complete_login(const keyfob_handle *handle,
                                    const char *redirect_url,
                                    keyfob_completed **completed_out,
                                    keyfob_error **error_out);

/**
 * Hands back the form that the browser posted, after `keyfob_login_options_set_form_post` (OAuth 2.0 Form Post Response
 * Mode); otherwise as `keyfob_complete_login`.
 *
 * @param url            where the browser posted it; copied; caller may free after return
 * @param body           the body of the request (application/x-www-form-urlencoded); copied; caller may free after return
 * @param completed_out  caller owns; free with keyfob_completed_free
 * @return as `keyfob_complete_login`.
 */
KEYFOB_MUST_USE
keyfob_status keyfob_complete_login_form(const keyfob_handle *handle,
                                         const char *url,
                                         const char *body,
                                         keyfob_completed **completed_out,
                                         keyfob_error **error_out);

/**
 * The logins that wait, for a redirect or for the user on another device, oldest first. Touches no network.
 *
 * @param list_out  caller owns; free with keyfob_pending_login_list_free
 */
KEYFOB_MUST_USE
keyfob_status keyfob_pending_logins(const keyfob_handle *handle,
                                    keyfob_pending_login_list **list_out,
                                    keyfob_error **error_out);

/**
 * Ends a login that waits for its redirect: from now on the redirect is refused. It is stored before this
 * returns. Cancelling a login that is over is no error. Touches no network.
 *
 * @param login_id  copied; caller may free after return
 * @return `KEYFOB_INVALID_ARGUMENT`: no such login.
 */
KEYFOB_MUST_USE
keyfob_status keyfob_cancel_login(const keyfob_handle *handle,
                                  const char *login_id,
                                  keyfob_error **error_out);

/**
 * Gives an access token that is good for so much longer (RFC 6749 section 1.4).
 *
 * May touch the network, and does so only when a refresh is due (RFC 6749 section 6): a fresh token comes
 * from memory. However many threads and processes ask, one request is made and all get its outcome. Blocks
 * for `wait_seconds` of the configuration at most while another thread or process is refreshing, and for
 * `http.total_seconds` at most for each request of its own. While no better one can be had, a token that is
 * still good at all is given instead of an error.
 *
 * @param session_id       copied; caller may free after return
 * @param min_validity_ms  in milliseconds, or `KEYFOB_MIN_VALIDITY_DEFAULT`. A token whose whole life is
 *                         shorter is given as it is
 * @param token_out        caller owns; free with keyfob_token_free
 * @return `KEYFOB_LOGIN_REQUIRED`: the session has ended, the reason says why; nothing else means that;
 *         `KEYFOB_NETWORK`, `KEYFOB_TIMEOUT`, `KEYFOB_TLS`, `KEYFOB_RATE_LIMITED`, `KEYFOB_OAUTH`,
 *         `KEYFOB_CONFIGURATION`: no new token now; the session lives on;
 *         `KEYFOB_BAD_RESPONSE`, `KEYFOB_TOKEN_REJECTED`: the new token cannot be checked now; the session
 *         lives on;
 *         `KEYFOB_REFRESH_BUSY`: another process is still refreshing, and the error's detail says which one;
 *         `KEYFOB_INVALID_ARGUMENT`: no such session;
 *         `KEYFOB_INVALID_STATE`: called from the transport that is fetching this very token; or the
 *         configuration's `refresh_policy` is "never", and the token is over.
 */
KEYFOB_MUST_USE
keyfob_status keyfob_access_token(const keyfob_handle *handle,
                                  const char *session_id,
                                  int64_t min_validity_ms,
                                  keyfob_token **token_out,
                                  keyfob_error **error_out);

/**
 * The same, with another limit for waiting than the configuration's.
 *
 * May touch the network. Blocks for `wait_ms` at most while another thread or process is refreshing. The limit
 * is for waiting and for starting: a request of its own is seen through to its end, `http.total_seconds` of
 * the configuration at most for each, for one that is given up is a spent token.
 *
 * @param session_id       copied; caller may free after return
 * @param min_validity_ms  as for `keyfob_access_token`
 * @param wait_ms          in milliseconds; 0 does not wait for others at all
 * @param token_out        caller owns; free with keyfob_token_free
 * @return as `keyfob_access_token`; after `wait_ms` `KEYFOB_REFRESH_BUSY` (another process) or
 *         `KEYFOB_TIMEOUT` (another thread), unless the token that is there is still good at all.
 */
KEYFOB_MUST_USE
keyfob_status keyfob_access_token_within(const keyfob_handle *handle,
                                         const char *session_id,
                                         int64_t min_validity_ms,
                                         uint64_t wait_ms,
                                         keyfob_token **token_out,
                                         keyfob_error **error_out);

/**
 * Refreshes now, due or not (RFC 6749 section 6).
 *
 * Touches the network; callers at the same time, in every process, share one request. Blocks as
 * `keyfob_access_token` does. The new tokens are in the store before this returns.
 *
 * @param session_id   copied; caller may free after return
 * @param session_out  may be NULL; caller owns; free with keyfob_session_free
 * @return as `keyfob_access_token`; `KEYFOB_INVALID_STATE` also if the provider gave no refresh token, and
 *         whenever the configuration's `refresh_policy` is "never".
 */
KEYFOB_MUST_USE
keyfob_status keyfob_refresh_session(const keyfob_handle *handle,
                                     const char *session_id,
                                     keyfob_session **session_out,
                                     keyfob_error **error_out);

/**
 * After a resource server refused an access token (HTTP 401, RFC 6750 section 3.1): gives one that is not
 * the refused one.
 *
 * May touch the network. When the token has been replaced since, in this process or another, the newer one
 * is given and nothing is sent; else one refresh is made, whoever asks. Blocks as `keyfob_access_token` does.
 * New tokens are in the store before this returns.
 *
 * @param session_id      copied; caller may free after return
 * @param rejected_token  the token that was refused; copied; caller may free after return
 * @param token_out       caller owns; free with keyfob_token_free
 * @return as `keyfob_refresh_session`.
 */
KEYFOB_MUST_USE
keyfob_status keyfob_refresh_if_current(const keyfob_handle *handle,
                                        const char *session_id,
                                        const char *rejected_token,
                                        keyfob_token **token_out,
                                        keyfob_error **error_out);

/**
 * The user's profile, at most so old (OpenID Connect Core section 5.3).
 *
 * May touch the network: userinfo, which blocks for `http.total_seconds` of the configuration at most, and a
 * refresh when one is due, which blocks as `keyfob_access_token` does.
 *
 * @param session_id   copied; caller may free after return
 * @param max_age_ms   in milliseconds (0 always asks the provider), or `KEYFOB_MAX_AGE_DEFAULT`, or
 *                     `KEYFOB_MAX_AGE_STORED`
 * @param profile_out  caller owns; free with keyfob_profile_free
 * @return as `keyfob_access_token`; `KEYFOB_BAD_RESPONSE`, `KEYFOB_TOKEN_REJECTED`: the userinfo answer
 *         cannot be read or is about somebody else; `KEYFOB_INVALID_STATE`: the provider has no userinfo
 *         endpoint.
 */
KEYFOB_MUST_USE
keyfob_status keyfob_fetch_profile(const keyfob_handle *handle,
                                   const char *session_id,
                                   int64_t max_age_ms,
                                   keyfob_profile **profile_out,
                                   keyfob_error **error_out);

/**
 * The session of that id, ended ones with their reason included. Touches no network.
 *
 * @param session_id   copied; caller may free after return
 * @param session_out  caller owns; free with keyfob_session_free
 * @return `KEYFOB_INVALID_ARGUMENT`: no such session.
 */
KEYFOB_MUST_USE
keyfob_status keyfob_find_session(const keyfob_handle *handle,
                                  const char *session_id,
                                  keyfob_session **session_out,
                                  keyfob_error **error_out);

/**
 * The session that the last login made, or that `keyfob_set_current_session` named. Touches no network.
 *
 * @param session_out  caller owns; free with keyfob_session_free; NULL with `KEYFOB_OK` if there is no
 *                     current session
 */
KEYFOB_MUST_USE
keyfob_status keyfob_current_session(const keyfob_handle *handle,
                                     keyfob_session **session_out,
                                     keyfob_error **error_out);

/**
 * Makes a session the current one, for an app with several accounts. It is stored before this returns.
 * Touches no network.
 *
 * @param session_id  copied; caller may free after return
 * @return `KEYFOB_INVALID_ARGUMENT`: no such session, or the app logged it out.
 */
KEYFOB_MUST_USE
keyfob_status keyfob_set_current_session(const keyfob_handle *handle,
                                         const char *session_id,
                                         keyfob_error **error_out);

/**
 * Logs out: the session ends here and now, in every process, whatever the network does, and no token of it
 * is left in the store, save one that is kept aside to be revoked. Ending an ended session is no error.
 *
 * Then, unless the options say otherwise, the provider is asked once to revoke the token (RFC 7009): may
 * touch the network, also for the provider's metadata; each request blocks for `http.total_seconds` of the
 * configuration at most. The ending is stored before that, and a failure there is no failure of this call:
 * `keyfob_ended_revocation` tells it.
 *
 * @param session_id  copied; caller may free after return
 * @param options     may be NULL; copied; caller may free after return
 * @param ended_out   may be NULL; caller owns; free with keyfob_ended_free
 * @return `KEYFOB_INVALID_ARGUMENT`: no such session, or a post-logout redirect URI that is none.
 */
KEYFOB_MUST_USE
keyfob_status keyfob_end_session(const keyfob_handle *handle,
                                 const char *session_id,
                                 const keyfob_end_session_options *options,
                                 keyfob_ended **ended_out,
                                 keyfob_error **error_out);

/**
 * Takes the redirect from the provider's logout page, where `keyfob_ended_logout_url` led (OpenID Connect
 * RP-Initiated Logout section 3), and says which session's logout it belongs to, by its `state`: for a day after
 * the logout, in every process, as often as it is asked. The session ended long before, in `keyfob_end_session`: a
 * redirect that is refused here changes nothing. Touches no network, changes nothing.
 *
 * @param redirect_url    as it came, whole; copied; caller may free after return
 * @param logged_out_out  may be NULL; caller owns; free with keyfob_logged_out_free
 * @return `KEYFOB_REDIRECT_REJECTED`: not a redirect of a logout of this store; the reason is
 *         "LogoutStateMismatch" where it has no `state`, or one that is not known or too old.
 */
KEYFOB_MUST_USE
keyfob_status keyfob_complete_logout(const keyfob_handle *handle,
                                     const char *redirect_url,
                                     keyfob_logged_out **logged_out_out,
                                     keyfob_error **error_out);

/**
 * Takes over a session from another library, without a new login. It is stored before this returns. Touches
 * no network: whether the tokens are good shows at their first use.
 *
 * @param tokens       consumed, even on error
 * @param session_out  may be NULL; caller owns; free with keyfob_session_free
 * @return `KEYFOB_INVALID_ARGUMENT`: no such registration, no user id, neither token.
 */
KEYFOB_MUST_USE
keyfob_status keyfob_import_session(const keyfob_handle *handle,
                                    keyfob_imported_tokens *tokens,
                                    keyfob_session **session_out,
                                    keyfob_error **error_out);

/**
 * What to enter at the provider's developer console for one registration, and what it accepts. Touches
 * neither network nor store.
 *
 * @param registration  the id of a registration; copied; caller may free after return
 * @param guide_out     caller owns; free with keyfob_guide_free
 * @return `KEYFOB_INVALID_ARGUMENT`: no such registration.
 */
KEYFOB_MUST_USE
keyfob_status keyfob_registration_guide(const keyfob_handle *handle,
                                        const char *registration,
                                        keyfob_guide **guide_out,
                                        keyfob_error **error_out);

/**
 * The newest lines of the journal, newest first: why things happened. Touches no network.
 *
 * @param limit     how many lines at most
 * @param list_out  caller owns; free with keyfob_journal_list_free
 */
KEYFOB_MUST_USE
keyfob_status keyfob_journal(const keyfob_handle *handle,
                             size_t limit,
                             keyfob_journal_list **list_out,
                             keyfob_error **error_out);

/**
 * Frees the handle; it may be NULL. What came from it stays good; work that an executor holds keeps the
 * store open. No other thread may be inside a call with it.
 */
void keyfob_free(keyfob_handle *handle);

/**
 * How the store is: sealing, sessions, refreshes that were cut off, what is owed, how far the clock is off. While
 * the store is locked no refresh is seen. Touches no network.
 *
 * @param health_out  caller owns; free with keyfob_health_free
 */
KEYFOB_MUST_USE
keyfob_status keyfob_read_health(const keyfob_handle *handle,
                                 keyfob_health **health_out,
                                 keyfob_error **error_out);

/**
 * The version of the store's schema.
 */
int32_t keyfob_health_schema_version(const keyfob_health *health);

/**
 * The version of SQLite.
 *
 * Ownership: borrowed until the keyfob_health is freed.
 */
const char *keyfob_health_sqlite_version(const keyfob_health *health);

/**
 * How the secrets in the store are kept: one of `KEYFOB_SEALING_...`.
 */
keyfob_sealing keyfob_health_sealing(const keyfob_health *health);

/**
 * How many damaged databases lie in the store's folder, moved aside (damaged-*.db): each time the sessions in
 * it were gone. The newest two are kept.
 */
size_t keyfob_health_moved_aside(const keyfob_health *health);

/**
 * How many sessions are active.
 */
uint32_t keyfob_health_active_sessions(const keyfob_health *health);

/**
 * How many sessions have ended by themselves and wait for a new login.
 */
uint32_t keyfob_health_ended_sessions(const keyfob_health *health);

/**
 * How many sessions of this process have tokens that could not be saved.
 */
size_t keyfob_health_unsaved_sessions(const keyfob_health *health);

/**
 * How many logged-out sessions the provider is still to be told of.
 */
uint32_t keyfob_health_owed_revocations(const keyfob_health *health);

/**
 * How far a provider's clock was ahead of this device's (behind, where it is negative) when that was last far
 * off, in milliseconds and whole seconds; `KEYFOB_TIME_UNKNOWN` if it never was.
 */
int64_t keyfob_health_clock_skew_ms(const keyfob_health *health);

/**
 * When that was seen by this device's wall clock, in milliseconds since 1970 (UTC); `KEYFOB_TIME_UNKNOWN` if
 * it never was.
 */
int64_t keyfob_health_clock_skew_at_ms(const keyfob_health *health);

/**
 * How many sessions have a refresh that is not settled.
 */
size_t keyfob_health_interrupted_len(const keyfob_health *health);

/**
 * One of those refreshes; NULL for an index that is too large.
 *
 * Ownership: borrowed until the keyfob_health is freed.
 */
const keyfob_interrupted *keyfob_health_interrupted_at(const keyfob_health *health, size_t index);

/**
 * Frees what tells the health; it may be NULL.
 */
void keyfob_health_free(keyfob_health *health);

/**
 * The id of the session.
 *
 * Ownership: borrowed until the keyfob_health is freed.
 */
const char *keyfob_interrupted_session(const keyfob_interrupted *interrupted);

/**
 * The id of the process that sent the refresh token; 0 if none did, and only the check of the tokens is left.
 */
uint32_t keyfob_interrupted_pid(const keyfob_interrupted *interrupted);

/**
 * Whether that process is still there.
 */
bool keyfob_interrupted_is_alive(const keyfob_interrupted *interrupted);

/**
 * When it began by this device's wall clock, in milliseconds since 1970 (UTC).
 */
int64_t keyfob_interrupted_begun_at_ms(const keyfob_interrupted *interrupted);

/**
 * Whether the provider may have acted on it without its answer having come.
 */
bool keyfob_interrupted_is_in_doubt(const keyfob_interrupted *interrupted);

/**
 * Whether the tokens that the session has were checked.
 */
bool keyfob_interrupted_is_verified(const keyfob_interrupted *interrupted);

/**
 * How long it is left alone yet, in milliseconds; `KEYFOB_TIME_UNKNOWN` if it need not be.
 */
int64_t keyfob_interrupted_retry_after_ms(const keyfob_interrupted *interrupted);

/**
 * A session of a registration and of one user, to which the tokens are added next.
 *
 * @param registration  the id of a registration; copied; caller may free after return
 * @param provider_uid  the user's lasting id at the provider (`sub`, where it speaks OpenID Connect); who
 *                      imports vouches for it: nobody is asked; copied; caller may free after return
 * @param tokens_out    caller owns; free with keyfob_imported_tokens_free
 */
KEYFOB_MUST_USE
keyfob_status keyfob_imported_tokens_new(const char *registration,
                                         const char *provider_uid,
                                         keyfob_imported_tokens **tokens_out,
                                         keyfob_error **error_out);

/**
 * The access token, and when it is over.
 *
 * @param token          copied; caller may free after return
 * @param expires_at_ms  in milliseconds since 1970 (UTC), or `KEYFOB_TIME_UNKNOWN`
 */
KEYFOB_MUST_USE
keyfob_status keyfob_imported_tokens_set_access_token(keyfob_imported_tokens *tokens,
                                                      const char *token,
                                                      int64_t expires_at_ms,
                                                      keyfob_error **error_out);

/**
 * The refresh token.
 *
 * @param token  copied; caller may free after return
 */
KEYFOB_MUST_USE
keyfob_status keyfob_imported_tokens_set_refresh_token(keyfob_imported_tokens *tokens,
                                                       const char *token,
                                                       keyfob_error **error_out);

/**
 * Adds a scope that was granted (RFC 6749 section 3.3).
 *
 * @param scope  copied; caller may free after return
 */
KEYFOB_MUST_USE
keyfob_status keyfob_imported_tokens_add_scope(keyfob_imported_tokens *tokens,
                                               const char *scope,
                                               keyfob_error **error_out);

/**
 * Frees tokens that were not imported; they may be NULL.
 */
void keyfob_imported_tokens_free(keyfob_imported_tokens *tokens);

/**
 * How many lines there are.
 */
size_t keyfob_journal_list_len(const keyfob_journal_list *list);

/**
 * One of the lines; NULL for an index that is too large.
 *
 * Ownership: borrowed until the keyfob_journal_list is freed.
 */
const keyfob_journal_entry *keyfob_journal_list_at(const keyfob_journal_list *list, size_t index);

/**
 * Frees a list with its lines; it may be NULL.
 */
void keyfob_journal_list_free(keyfob_journal_list *list);

/**
 * When it happened by this device's wall clock, in milliseconds since 1970 (UTC).
 */
int64_t keyfob_journal_entry_at_ms(const keyfob_journal_entry *entry);

/**
 * The id of the process that it happened in.
 */
uint32_t keyfob_journal_entry_pid(const keyfob_journal_entry *entry);

/**
 * What happened, by its stable name: "LoginBegun", "LoginCompleted", "LoginFailed", "Refreshed",
 * "RefreshFailed", "SessionEnded", "SessionImported", "TokensRevoked" (the provider was told that a session's
 * tokens are not needed any more), "RevocationFailed", or one that a newer version wrote.
 *
 * Ownership: borrowed until the keyfob_journal_list is freed.
 */
const char *keyfob_journal_entry_event(const keyfob_journal_entry *entry);

/**
 * The id of the registration; NULL if there is none.
 *
 * Ownership: borrowed until the keyfob_journal_list is freed.
 */
const char *keyfob_journal_entry_registration(const keyfob_journal_entry *entry);

/**
 * The id of the session; NULL if there is none.
 *
 * Ownership: borrowed until the keyfob_journal_list is freed.
 */
const char *keyfob_journal_entry_session(const keyfob_journal_entry *entry);

/**
 * Why, by the stable name that `keyfob_error_reason` has for it; NULL if nothing went wrong or ended.
 *
 * Ownership: borrowed until the keyfob_journal_list is freed.
 */
const char *keyfob_journal_entry_reason(const keyfob_journal_entry *entry);

/**
 * The HTTP status of the provider's answer; 0 if none decided.
 */
int32_t keyfob_journal_entry_http_status(const keyfob_journal_entry *entry);

/**
 * Why a refresh was wanted: "token" (a call needed one), "early" (before one does), "asked" (the app called
 * for a refresh), "rejected" (a resource server refused the token), "interrupted" (one that was cut off is
 * mended), or one that a newer version wrote; NULL if the line is about no refresh.
 *
 * Ownership: borrowed until the keyfob_journal_list is freed.
 */
const char *keyfob_journal_entry_wish(const keyfob_journal_entry *entry);

/**
 * How long the refresh took, waiting for others included, in milliseconds; `KEYFOB_TIME_UNKNOWN` if the line
 * is about none.
 */
int64_t keyfob_journal_entry_waited_ms(const keyfob_journal_entry *entry);

/**
 * How far the provider's clock was ahead of this device's (behind, where it is negative), in milliseconds and
 * whole seconds; `KEYFOB_TIME_UNKNOWN` if no answer told.
 */
int64_t keyfob_journal_entry_clock_skew_ms(const keyfob_journal_entry *entry);

/**
 * The whole line for people, without its time.
 *
 * Ownership: borrowed until the keyfob_journal_list is freed.
 */
const char *keyfob_journal_entry_message(const keyfob_journal_entry *entry);

/**
 * The session of a user at the issuer that the registration names now. One that ended by itself is found,
 * with its reason; one that the app logged out is not. Touches no network. As quick in a store of a
 * million sessions as in one of a hundred.
 *
 * @param registration  the id of a registration; copied; caller may free after return
 * @param provider_uid  the user's lasting id at the provider, as of `keyfob_session_provider_uid`; copied;
 *                      caller may free after return
 * @param session_out   caller owns; free with keyfob_session_free; NULL with `KEYFOB_OK` if the user has
 *                      no session
 * @return `KEYFOB_INVALID_ARGUMENT`: no such registration.
 */
KEYFOB_MUST_USE
keyfob_status keyfob_find_session_by_user(const keyfob_handle *handle,
                                          const char *registration,
                                          const char *provider_uid,
                                          keyfob_session **session_out,
                                          keyfob_error **error_out);

/**
 * All sessions, oldest first: the active ones and those that ended by themselves, without those that the
 * app logged out. Touches no network. Reads them all at once: where there may be many, there is
 * `keyfob_sessions_page`.
 *
 * @param list_out  caller owns; free with keyfob_session_list_free
 */
KEYFOB_MUST_USE
keyfob_status keyfob_sessions(const keyfob_handle *handle,
                              keyfob_session_list **list_out,
                              keyfob_error **error_out);

/**
 * Some of the sessions that `keyfob_sessions` gives: those that come after one of them. The last id of a
 * page asks for the next one, and an empty page is the end. Sessions that come or go meanwhile move no
 * other: none is given twice or left out, and a session that was logged out meanwhile keeps its place.
 * Touches no network. However many pages lie before it, a page takes the same time.
 *
 * @param after_id  the id of a session, NULL for the first page; copied; caller may free after return
 * @param limit     how many sessions at most, from 1 to 1000
 * @param list_out  caller owns; free with keyfob_session_list_free
 * @return `KEYFOB_INVALID_ARGUMENT`: another `limit`, no session with that id.
 */
KEYFOB_MUST_USE
keyfob_status keyfob_sessions_page(const keyfob_handle *handle,
                                   const char *after_id,
                                   size_t limit,
                                   keyfob_session_list **list_out,
                                   keyfob_error **error_out);

/**
 * Gives the library's log to the host: for the whole process, for all handles, from now on. Without it there is no log.
 *
 * A callback takes the place of the one before it, whose context is given back as soon as no other thread is within
 * that callback any more; until then it may still be called.
 *
 * Threads: may be called on any.
 *
 * @param max_level  one of `KEYFOB_LOG_LEVEL_...`: lines that matter less are not made
 * @param take       takes a line; see `keyfob_log_fn`; may be NULL: from now on there is no log
 * @param context    given to `take`; may be NULL; consumed, even on error
 * @param release    gives `context` back when Keyfob is done with it; may be NULL
 * @return `KEYFOB_INVALID_ARGUMENT`: no such level;
 *         `KEYFOB_INVALID_STATE`: called from within the callback.
 */
KEYFOB_MUST_USE
keyfob_status keyfob_set_log(keyfob_log_level max_level,
                             keyfob_log_fn take,
                             void *context,
                             keyfob_release_fn release,
                             keyfob_error **error_out);

/**
 * The id of the session that was logged out of.
 *
 * Ownership: borrowed until the keyfob_logged_out is freed.
 */
const char *keyfob_logged_out_session_id(const keyfob_logged_out *logged_out);

/**
 * The id of the registration that it was a session of.
 *
 * Ownership: borrowed until the keyfob_logged_out is freed.
 */
const char *keyfob_logged_out_registration(const keyfob_logged_out *logged_out);

/**
 * Frees it; it may be NULL.
 */
void keyfob_logged_out_free(keyfob_logged_out *logged_out);

/**
 * Options that ask for nothing beyond the registration.
 *
 * Ownership: caller owns; free with keyfob_login_options_free.
 */
keyfob_login_options *keyfob_login_options_new(void);

/**
 * Asks for one more scope (RFC 6749 section 3.3), beside the registration's default ones.
 *
 * @param scope  copied; caller may free after return; its form is checked by `keyfob_begin_login`
 */
KEYFOB_MUST_USE
keyfob_status keyfob_login_options_add_scope(keyfob_login_options *options,
                                             const char *scope,
                                             keyfob_error **error_out);

/**
 * Where the app wants to go after success: stored with the login and given back by
 * `keyfob_completed_return_to`, also in another process. Never sent to the provider.
 *
 * @param link  copied; caller may free after return
 */
KEYFOB_MUST_USE
keyfob_status keyfob_login_options_set_success(keyfob_login_options *options,
                                               const char *link,
                                               keyfob_error **error_out);

/**
 * Where the app wants to go after a failure: stored with the login and given back by
 * `keyfob_error_return_to`, also in another process. Never sent to the provider.
 *
 * @param link  copied; caller may free after return
 */
KEYFOB_MUST_USE
keyfob_status keyfob_login_options_set_failure(keyfob_login_options *options,
                                               const char *link,
                                               keyfob_error **error_out);

/**
 * The port that the app listens on, for a loopback redirect URI that leaves it open (RFC 8252 section
 * 7.3).
 *
 * @param port  1 to 65535; checked by `keyfob_begin_login`
 */
KEYFOB_MUST_USE
keyfob_status keyfob_login_options_set_redirect_port(keyfob_login_options *options,
                                                     uint16_t port,
                                                     keyfob_error **error_out);

/**
 * Has the answer come as a form that the browser posts, for `keyfob_complete_login_form` (OAuth 2.0 Form Post Response
 * Mode): no code stands in a URL then. Not with a private-use scheme, and not every provider can.
 */
KEYFOB_MUST_USE
keyfob_status keyfob_login_options_set_form_post(keyfob_login_options *options,
                                                 keyfob_error **error_out);

/**
 * Adds a parameter to the authorization request (RFC 6749 section 3.1), for instance "prompt" = "login" or
 * "login_hint" = an address (OpenID Connect Core section 3.1.2.1). What "max_age" (seconds) and "acr_values" ask
 * for is checked in the ID token: a login that does not keep to it is refused as `KEYFOB_TOKEN_REJECTED`, with the
 * reason "IdTokenAuthTime" or "IdTokenAcr".
 *
 * @param name   copied; caller may free after return; refused by `keyfob_begin_login` if it is one of those
 *               that make a login safe, which are Keyfob's own, or stands twice
 * @param value  copied; caller may free after return
 */
KEYFOB_MUST_USE
keyfob_status keyfob_login_options_add_parameter(keyfob_login_options *options,
                                                 const char *name,
                                                 const char *value,
                                                 keyfob_error **error_out);

/**
 * Something of the app's own to have back when the login completes, also in another process:
 * `keyfob_completed_app_data`. Stored, never sent to the provider.
 *
 * @param data  copied; caller may free after return
 */
KEYFOB_MUST_USE
keyfob_status keyfob_login_options_set_app_data(keyfob_login_options *options,
                                                const char *data,
                                                keyfob_error **error_out);

/**
 * Asks for more scopes for a session that is there: those it has are asked for too, and logging in as
 * somebody else is refused by `keyfob_complete_login` with `KEYFOB_TOKEN_REJECTED`, reason
 * "AccountMismatch".
 *
 * @param session_id  of an active session of the same registration; checked by `keyfob_begin_login`;
 *                    copied; caller may free after return
 */
KEYFOB_MUST_USE
keyfob_status keyfob_login_options_set_for_session(keyfob_login_options *options,
                                                   const char *session_id,
                                                   keyfob_error **error_out);

/**
 * Frees options; they may be NULL.
 */
void keyfob_login_options_free(keyfob_login_options *options);

/**
 * The id of the login in its store.
 *
 * Ownership: borrowed until the keyfob_login is freed.
 */
const char *keyfob_login_id(const keyfob_login *login);

/**
 * The id of the registration that it was begun for.
 *
 * Ownership: borrowed until the keyfob_login is freed.
 */
const char *keyfob_login_registration(const keyfob_login *login);

/**
 * The URL to open in the system's browser, never in an embedded web view (RFC 8252 section 8.12). Its
 * query holds the login's state: do not log it.
 *
 * Ownership: borrowed until the keyfob_login is freed.
 */
const char *keyfob_login_authorization_url(const keyfob_login *login);

/**
 * When the login stops waiting for its redirect, in milliseconds since 1970 (UTC).
 */
int64_t keyfob_login_expires_at_ms(const keyfob_login *login);

/**
 * Frees the handle of a login; it may be NULL. The login itself goes on waiting for its redirect.
 */
void keyfob_login_free(keyfob_login *login);

/**
 * The session. `keyfob_session_copy` makes one of the caller's own.
 *
 * Ownership: borrowed until the keyfob_completed is freed.
 */
const keyfob_session *keyfob_completed_session(const keyfob_completed *completed);

/**
 * The success link that the login was begun with; NULL if it had none.
 *
 * Ownership: borrowed until the keyfob_completed is freed.
 */
const char *keyfob_completed_return_to(const keyfob_completed *completed);

/**
 * What the app gave the login to keep; NULL if it gave nothing.
 *
 * Ownership: borrowed until the keyfob_completed is freed.
 */
const char *keyfob_completed_app_data(const keyfob_completed *completed);

/**
 * Frees the handle of a completed login; it may be NULL. The session stays.
 */
void keyfob_completed_free(keyfob_completed *completed);

/**
 * Does everything that is owed: saves tokens that could not be saved, mends refreshes that a process died in,
 * tells providers of sessions that were logged out, refreshes what is due, forgets what is old. For a moment
 * that the host picks: after its start, in a background task.
 *
 * Touches the network if something is owed. Begins nothing new after `limit_ms`; what was begun is seen
 * through, and blocks for `http.total_seconds` of the configuration at most for each request.
 *
 * @param limit_ms        in milliseconds
 * @param maintained_out  may be NULL; caller owns; free with keyfob_maintained_free
 * @return `KEYFOB_OK` also when something did not succeed: `keyfob_maintained_failed` counts it, and
 *         `keyfob_journal` says why.
 */
KEYFOB_MUST_USE
keyfob_status keyfob_maintain(const keyfob_handle *handle,
                              uint64_t limit_ms,
                              keyfob_maintained **maintained_out,
                              keyfob_error **error_out);

/**
 * How many sessions got new tokens, or had theirs checked or saved at last.
 */
size_t keyfob_maintained_refreshed(const keyfob_maintained *maintained);

/**
 * How many logged-out sessions the provider was told of.
 */
size_t keyfob_maintained_revoked(const keyfob_maintained *maintained);

/**
 * How many pieces of work did not succeed this time.
 */
size_t keyfob_maintained_failed(const keyfob_maintained *maintained);

/**
 * How many pieces of work are left: call again later.
 */
size_t keyfob_maintained_owed(const keyfob_maintained *maintained);

/**
 * Frees what a maintenance gave; it may be NULL.
 */
void keyfob_maintained_free(keyfob_maintained *maintained);

/**
 * How many logins wait.
 */
size_t keyfob_pending_login_list_len(const keyfob_pending_login_list *list);

/**
 * One of the logins; NULL for an index that is too large.
 *
 * Ownership: borrowed until the keyfob_pending_login_list is freed.
 */
const keyfob_pending_login *keyfob_pending_login_list_at(const keyfob_pending_login_list *list, size_t index);

/**
 * Frees a list; it may be NULL. The logins go on waiting.
 */
void keyfob_pending_login_list_free(keyfob_pending_login_list *list);

/**
 * The id of the login in its store, for `keyfob_cancel_login`.
 *
 * Ownership: borrowed until the keyfob_pending_login_list is freed.
 */
const char *keyfob_pending_login_id(const keyfob_pending_login *login);

/**
 * The id of the registration that it was begun for.
 *
 * Ownership: borrowed until the keyfob_pending_login_list is freed.
 */
const char *keyfob_pending_login_registration(const keyfob_pending_login *login);

/**
 * Whether it waits for the user on another device, and not for a redirect: `keyfob_find_device_login` gives what to show,
 * `keyfob_poll_device_login` goes on with it.
 */
bool keyfob_pending_login_is_on_another_device(const keyfob_pending_login *login);

/**
 * When it was begun, in milliseconds since 1970 (UTC).
 */
int64_t keyfob_pending_login_created_at_ms(const keyfob_pending_login *login);

/**
 * When it stops waiting, in milliseconds since 1970 (UTC).
 */
int64_t keyfob_pending_login_expires_at_ms(const keyfob_pending_login *login);

/**
 * The user's lasting id at the provider.
 *
 * Ownership: borrowed until the keyfob_profile is freed.
 */
const char *keyfob_profile_uid(const keyfob_profile *profile);

/**
 * The name to show; NULL if the provider did not tell.
 *
 * Ownership: borrowed until the keyfob_profile is freed.
 */
const char *keyfob_profile_name(const keyfob_profile *profile);

/**
 * The e-mail address; NULL if the provider did not tell.
 *
 * Ownership: borrowed until the keyfob_profile is freed.
 */
const char *keyfob_profile_email(const keyfob_profile *profile);

/**
 * Whether the provider vouches for the e-mail address; false where it does not say.
 */
bool keyfob_profile_email_verified(const keyfob_profile *profile);

/**
 * The URL of a picture of the user; NULL if the provider did not tell.
 *
 * Ownership: borrowed until the keyfob_profile is freed.
 */
const char *keyfob_profile_avatar_url(const keyfob_profile *profile);

/**
 * The user's language and region, as the provider writes it; NULL if it did not tell.
 *
 * Ownership: borrowed until the keyfob_profile is freed.
 */
const char *keyfob_profile_locale(const keyfob_profile *profile);

/**
 * Every claim that the provider sent, as one JSON object (OpenID Connect Core section 5.1).
 *
 * Ownership: borrowed until the keyfob_profile is freed.
 */
const char *keyfob_profile_raw_json(const keyfob_profile *profile);

/**
 * Frees a profile that `keyfob_fetch_profile` gave; it may be NULL.
 */
void keyfob_profile_free(keyfob_profile *profile);

/**
 * The providers that are built in: for a program that lists them. An app names one by its id in its
 * configuration and needs no list. Touches neither network nor store.
 *
 * @param list_out  caller owns; free with keyfob_provider_list_free
 */
KEYFOB_MUST_USE keyfob_status keyfob_providers(keyfob_provider_list **list_out, keyfob_error **error_out);

/**
 * How many providers there are.
 */
size_t keyfob_provider_list_len(const keyfob_provider_list *list);

/**
 * One of the providers; NULL for an index that is too large.
 *
 * Ownership: borrowed until the keyfob_provider_list is freed.
 */
const keyfob_provider *keyfob_provider_list_at(const keyfob_provider_list *list, size_t index);

/**
 * Frees a list with its providers; it may be NULL.
 */
void keyfob_provider_list_free(keyfob_provider_list *list);

/**
 * The id, for the `provider` of a registration.
 *
 * Ownership: borrowed until the keyfob_provider_list is freed.
 */
const char *keyfob_provider_id(const keyfob_provider *provider);

/**
 * The name, to show to people.
 *
 * Ownership: borrowed until the keyfob_provider_list is freed.
 */
const char *keyfob_provider_name(const keyfob_provider *provider);

/**
 * What it speaks: one of `KEYFOB_PROVIDER_KIND_...`.
 */
keyfob_provider_kind keyfob_provider_speaks(const keyfob_provider *provider);

/**
 * How many other names that a registration may use for it there are.
 */
size_t keyfob_provider_aliases_len(const keyfob_provider *provider);

/**
 * One of the other names that a registration may use for it; NULL for an index that is too large.
 *
 * Ownership: borrowed until the keyfob_provider_list is freed.
 */
const char *keyfob_provider_aliases_at(const keyfob_provider *provider, size_t index);

/**
 * How many variables that a registration has to fill in there are.
 */
size_t keyfob_provider_variables_len(const keyfob_provider *provider);

/**
 * One of the variables that a registration has to fill in; NULL for an index that is too large.
 *
 * Ownership: borrowed until the keyfob_provider_list is freed.
 */
const char *keyfob_provider_variables_at(const keyfob_provider *provider, size_t index);

/**
 * How many scopes that are asked for when nobody names one there are.
 */
size_t keyfob_provider_scopes_len(const keyfob_provider *provider);

/**
 * One of the scopes that are asked for when nobody names one; NULL for an index that is too large.
 *
 * Ownership: borrowed until the keyfob_provider_list is freed.
 */
const char *keyfob_provider_scopes_at(const keyfob_provider *provider, size_t index);

/**
 * Whether it takes redirect URIs with a private-use scheme (RFC 8252 section 7.1).
 */
keyfob_answer keyfob_provider_accepts_custom_scheme(const keyfob_provider *provider);

/**
 * What it takes of loopback redirect URIs (RFC 8252 section 7.3): one of `KEYFOB_LOOPBACK_...`.
 */
keyfob_loopback keyfob_provider_accepts_loopback(const keyfob_provider *provider);

/**
 * Reads a provider from JSON, in the format of a provider file: the way to use everything that one can say.
 *
 * @param json          copied; caller may free after return
 * @param provider_out  caller owns; free with keyfob_provider_builder_free
 * @return `KEYFOB_CONFIGURATION`: not JSON, an unknown key, a missing or malformed value; the error's
 *         detail names the key.
 */
KEYFOB_MUST_USE
keyfob_status keyfob_provider_builder_from_json(const char *json,
                                                keyfob_provider_builder **provider_out,
                                                keyfob_error **error_out);

/**
 * A plain OAuth 2 provider by its endpoints (RFC 6749 section 3).
 *
 * @param id                      for the `provider` of a registration; copied; caller may free after return
 * @param authorization_endpoint  a URL; copied; caller may free after return
 * @param token_endpoint          a URL; copied; caller may free after return
 * @param userinfo_endpoint       a URL; copied; caller may free after return
 * @param uid                     a JSON pointer (RFC 6901) to the user's lasting id in the userinfo answer, for instance
 *                                "/id"; copied; caller may free after return
 * @param provider_out            caller owns; free with keyfob_provider_builder_free
 */
KEYFOB_MUST_USE
keyfob_status keyfob_provider_builder_new_oauth2(const char *id,
                                                 const char *authorization_endpoint,
                                                 const char *token_endpoint,
                                                 const char *userinfo_endpoint,
                                                 const char *uid,
                                                 keyfob_provider_builder **provider_out,
                                                 keyfob_error **error_out);

/**
 * The name to show to people.
 *
 * @param name  copied; caller may free after return
 */
KEYFOB_MUST_USE
keyfob_status keyfob_provider_builder_set_name(keyfob_provider_builder *provider,
                                               const char *name,
                                               keyfob_error **error_out);

/**
 * Where the userinfo answer keeps the user's name. Said again, it is the next place to look at.
 *
 * @param pointer  a JSON pointer (RFC 6901), for instance "/name"; copied; caller may free after return
 */
KEYFOB_MUST_USE
keyfob_status keyfob_provider_builder_add_name_at(keyfob_provider_builder *provider,
                                                  const char *pointer,
                                                  keyfob_error **error_out);

/**
 * Where the userinfo answer keeps the e-mail address.
 *
 * @param pointer  a JSON pointer (RFC 6901), for instance "/email"; copied; caller may free after return
 */
KEYFOB_MUST_USE
keyfob_status keyfob_provider_builder_set_email_at(keyfob_provider_builder *provider,
                                                   const char *pointer,
                                                   keyfob_error **error_out);

/**
 * Where the userinfo answer keeps the picture's URL. Said again, it is the next place to look at.
 *
 * @param pointer  a JSON pointer (RFC 6901), for instance "/picture"; copied; caller may free after return
 */
KEYFOB_MUST_USE
keyfob_status keyfob_provider_builder_add_avatar_url_at(keyfob_provider_builder *provider,
                                                        const char *pointer,
                                                        keyfob_error **error_out);

/**
 * Adds a scope to ask for when neither registration nor login names one.
 *
 * @param scope  copied; caller may free after return
 */
KEYFOB_MUST_USE
keyfob_status keyfob_provider_builder_add_scope(keyfob_provider_builder *provider,
                                                const char *scope,
                                                keyfob_error **error_out);

/**
 * The revocation endpoint (RFC 7009).
 *
 * @param url  copied; caller may free after return
 */
KEYFOB_MUST_USE
keyfob_status keyfob_provider_builder_set_revocation_endpoint(keyfob_provider_builder *provider,
                                                              const char *url,
                                                              keyfob_error **error_out);

/**
 * The device authorization endpoint (RFC 8628 section 3.1), for `keyfob_begin_device_login`.
 *
 * @param url  copied; caller may free after return
 */
KEYFOB_MUST_USE
keyfob_status keyfob_provider_builder_set_device_authorization_endpoint(keyfob_provider_builder *provider,
                                                                        const char *url,
                                                                        keyfob_error **error_out);

/**
 * Frees a provider that was not added; it may be NULL.
 */
void keyfob_provider_builder_free(keyfob_provider_builder *provider);

/**
 * How many registrations there are.
 */
size_t keyfob_registration_list_len(const keyfob_registration_list *list);

/**
 * One of the registrations; NULL for an index that is too large.
 *
 * Ownership: borrowed until the keyfob_registration_list is freed.
 */
const keyfob_registration *keyfob_registration_list_at(const keyfob_registration_list *list, size_t index);

/**
 * Frees a list with its registrations; it may be NULL.
 */
void keyfob_registration_list_free(keyfob_registration_list *list);

/**
 * The id, for `keyfob_begin_login` and `keyfob_registration_guide`.
 *
 * Ownership: borrowed until the keyfob_registration_list is freed.
 */
const char *keyfob_registration_id(const keyfob_registration *registration);

/**
 * The id of the provider.
 *
 * Ownership: borrowed until the keyfob_registration_list is freed.
 */
const char *keyfob_registration_provider(const keyfob_registration *registration);

/**
 * The name of the provider, to show to people.
 *
 * Ownership: borrowed until the keyfob_registration_list is freed.
 */
const char *keyfob_registration_provider_name(const keyfob_registration *registration);

/**
 * Whether logins may begin.
 */
bool keyfob_registration_enabled(const keyfob_registration *registration);

/**
 * A public client without scopes of its own, to which the rest is added next.
 *
 * @param id                an id that the app chooses, such as "work-sso"; copied; caller may free after return
 * @param provider          the id of its provider: "oidc", one of `keyfob_providers`, or the app's own; copied;
 *                          caller may free after return
 * @param client_id         what the provider gave out; copied; caller may free after return
 * @param redirect_uri      the one that is registered there (RFC 8252 section 7): an https app link, a private-use scheme
 *                          with a dot in it ("com.example.notes:/callback"), or a loopback address
 *                          ("http://127.0.0.1/callback"; without a port any port will do); copied; caller may free after
 *                          return
 * @param registration_out  caller owns; free with keyfob_registration_builder_free
 */
KEYFOB_MUST_USE
keyfob_status keyfob_registration_builder_new(const char *id,
                                              const char *provider,
                                              const char *client_id,
                                              const char *redirect_uri,
                                              keyfob_registration_builder **registration_out,
                                              keyfob_error **error_out);

/**
 * The client secret, where the provider gave one out. A secret that ships inside an app is no secret (RFC 8252
 * section 8.5): some providers want it nevertheless.
 *
 * @param secret  copied; caller may free after return
 */
KEYFOB_MUST_USE
keyfob_status keyfob_registration_builder_set_client_secret(keyfob_registration_builder *registration,
                                                            const char *secret,
                                                            keyfob_error **error_out);

/**
 * Sends the client secret in the body of the token request ("client_secret_post") instead of as the provider's file
 * or metadata say, else in the Authorization header, which RFC 6749 section 2.3.1 prefers.
 */
KEYFOB_MUST_USE
keyfob_status keyfob_registration_builder_set_client_secret_post(keyfob_registration_builder *registration,
                                                                 keyfob_error **error_out);

/**
 * The private key that the client proves itself with, in place of a secret: for each request it signs a token of its
 * own ("private_key_jwt", RFC 7523 section 2.2), or a client secret where the provider wants one made so (Apple).
 *
 * @param pem  PEM with one unencrypted PKCS#8 key (RFC 7468): RSA of 2048 to 4096 bits, EC on P-256 or P-384 with its
 *             public half in it, or Ed25519; kept in memory only, and never sent; copied; caller may free after return
 */
KEYFOB_MUST_USE
keyfob_status keyfob_registration_builder_set_private_key(keyfob_registration_builder *registration,
                                                          const char *pem,
                                                          keyfob_error **error_out);

/**
 * What the provider calls the private key: "kid" in the header of each token that it signs (RFC 7515 section 4.1.4).
 * Without it there is none.
 *
 * @param key_id  copied; caller may free after return
 */
KEYFOB_MUST_USE
keyfob_status keyfob_registration_builder_set_key_id(keyfob_registration_builder *registration,
                                                     const char *key_id,
                                                     keyfob_error **error_out);

/**
 * What the private key signs with. Without it as its type says: RS256, ES256, ES384 or EdDSA.
 *
 * @param algorithm  one of `KEYFOB_KEY_ALGORITHM_...`
 */
KEYFOB_MUST_USE
keyfob_status keyfob_registration_builder_set_key_algorithm(keyfob_registration_builder *registration,
                                                            keyfob_key_algorithm algorithm,
                                                            keyfob_error **error_out);

/**
 * Adds a default scope (RFC 6749 section 3.3). Without any, the provider's defaults are asked for.
 *
 * @param scope  copied; caller may free after return
 */
KEYFOB_MUST_USE
keyfob_status keyfob_registration_builder_add_scope(keyfob_registration_builder *registration,
                                                    const char *scope,
                                                    keyfob_error **error_out);

/**
 * Adds a resource that the tokens are for (RFC 8707), for instance the address of the app's own API. It is named in
 * each login, code exchange and refresh.
 *
 * @param uri  absolute, without a fragment; copied; caller may free after return
 */
KEYFOB_MUST_USE
keyfob_status keyfob_registration_builder_add_resource(keyfob_registration_builder *registration,
                                                       const char *uri,
                                                       keyfob_error **error_out);

/**
 * Fills in a variable of the provider, for instance "issuer".
 *
 * @param name   copied; caller may free after return
 * @param value  copied; caller may free after return
 */
KEYFOB_MUST_USE
keyfob_status keyfob_registration_builder_set_variable(keyfob_registration_builder *registration,
                                                       const char *name,
                                                       const char *value,
                                                       keyfob_error **error_out);

/**
 * Whether logins may begin (default true). The sessions of a disabled registration stay.
 */
KEYFOB_MUST_USE
keyfob_status keyfob_registration_builder_set_enabled(keyfob_registration_builder *registration,
                                                      bool enabled,
                                                      keyfob_error **error_out);

/**
 * At most so many refreshes of all this registration's sessions together in a window of time, counted over every
 * process of the store; a request that is repeated counts again. Without it the provider's own, or none. A call beyond
 * it gives `KEYFOB_RATE_LIMITED` while no token is good.
 *
 * @param refreshes  at least 1
 * @param window_ms  in milliseconds, 1 to 86400000
 */
KEYFOB_MUST_USE
keyfob_status keyfob_registration_builder_set_refresh_budget(keyfob_registration_builder *registration,
                                                             uint32_t refreshes,
                                                             int64_t window_ms,
                                                             keyfob_error **error_out);

/**
 * Has each login's request sent to the provider by the app itself, and only its name by the browser (RFC 9126), where
 * neither the provider's metadata nor its file asks for that anyway. A provider that names no endpoint for it is then
 * `KEYFOB_CONFIGURATION`.
 */
KEYFOB_MUST_USE
keyfob_status keyfob_registration_builder_require_pushed_authorization_requests(keyfob_registration_builder *registration,
                                                                                keyfob_error **error_out);

/**
 * Frees a registration that was not added; it may be NULL.
 */
void keyfob_registration_builder_free(keyfob_registration_builder *registration);

/**
 * The id: random, never used again. Other calls know the session by it.
 *
 * Ownership: borrowed until the keyfob_session is freed.
 */
const char *keyfob_session_id(const keyfob_session *session);

/**
 * The id of the registration that the user logged in with.
 *
 * Ownership: borrowed until the keyfob_session is freed.
 */
const char *keyfob_session_registration(const keyfob_session *session);

/**
 * The id of the provider.
 *
 * Ownership: borrowed until the keyfob_session is freed.
 */
const char *keyfob_session_provider(const keyfob_session *session);

/**
 * The user's lasting id at the provider: `sub`, where it speaks OpenID Connect.
 *
 * Ownership: borrowed until the keyfob_session is freed.
 */
const char *keyfob_session_provider_uid(const keyfob_session *session);

/**
 * Whether the session can still give a token.
 */
bool keyfob_session_is_active(const keyfob_session *session);

/**
 * Why the session has ended: a reason of `KEYFOB_LOGIN_REQUIRED` by its stable name, such as "Revoked";
 * NULL while it is active.
 *
 * Ownership: borrowed until the keyfob_session is freed.
 */
const char *keyfob_session_ended_reason(const keyfob_session *session);

/**
 * The provider's access token as last saved, empty once the session has ended. A secret. It may be over:
 * `keyfob_access_token` gives a good one.
 *
 * Ownership: borrowed until the keyfob_session is freed.
 */
const char *keyfob_session_provider_access_token(const keyfob_session *session);

/**
 * When that access token is over, in milliseconds since 1970 (UTC); `KEYFOB_TIME_UNKNOWN` if the provider
 * did not say.
 */
int64_t keyfob_session_provider_access_token_expiry_ms(const keyfob_session *session);

/**
 * The provider's refresh token as last saved; NULL if it gave none. A secret. Keyfob uses it for the app;
 * an app that uses it itself will be logged out by the provider's reuse detection (RFC 9700 section
 * 4.14.2).
 *
 * Ownership: borrowed until the keyfob_session is freed.
 */
const char *keyfob_session_provider_refresh_token(const keyfob_session *session);

/**
 * The ID token as it came (OpenID Connect Core section 2), for an app's own back end: the one of the last
 * refresh that brought one; NULL if there is none, and once the session has ended. A secret.
 *
 * Ownership: borrowed until the keyfob_session is freed.
 */
const char *keyfob_session_id_token(const keyfob_session *session);

/**
 * The claims of that ID token, as one JSON object; NULL if there is none. Its signature was verified.
 *
 * Ownership: borrowed until the keyfob_session is freed.
 */
const char *keyfob_session_id_token_claims_json(const keyfob_session *session);

/**
 * What else the token answer had (RFC 6749 section 5.1), as one JSON object: `instance_url`,
 * `refresh_token_expires_in`, ... Untrusted data of the provider, and perhaps a secret.
 *
 * Ownership: borrowed until the keyfob_session is freed.
 */
const char *keyfob_session_token_answer_json(const keyfob_session *session);

/**
 * How many scopes were granted (RFC 6749 section 3.3), which may be fewer than were asked for.
 */
size_t keyfob_session_scopes_len(const keyfob_session *session);

/**
 * One of the granted scopes; NULL for an index that is too large.
 *
 * Ownership: borrowed until the keyfob_session is freed.
 */
const char *keyfob_session_scopes_at(const keyfob_session *session, size_t index);

/**
 * The profile as last fetched.
 *
 * Ownership: borrowed until the keyfob_session is freed.
 */
const keyfob_profile *keyfob_session_profile(const keyfob_session *session);

/**
 * When the user logged in, in milliseconds since 1970 (UTC).
 */
int64_t keyfob_session_created_at_ms(const keyfob_session *session);

/**
 * When the tokens were last replaced, in milliseconds since 1970 (UTC).
 */
int64_t keyfob_session_updated_at_ms(const keyfob_session *session);

/**
 * A session of one's own, out of a list or a keyfob_completed. It is not read anew. NULL for NULL.
 *
 * Ownership: caller owns; free with keyfob_session_free.
 */
keyfob_session *keyfob_session_copy(const keyfob_session *session);

/**
 * Frees a session; it may be NULL.
 */
void keyfob_session_free(keyfob_session *session);

/**
 * How many sessions there are.
 */
size_t keyfob_session_list_len(const keyfob_session_list *list);

/**
 * One of the sessions; NULL for an index that is too large.
 *
 * Ownership: borrowed until the keyfob_session_list is freed.
 */
const keyfob_session *keyfob_session_list_at(const keyfob_session_list *list, size_t index);

/**
 * Frees a list with its sessions; it may be NULL.
 */
void keyfob_session_list_free(keyfob_session_list *list);

/**
 * Makes a new store key, from the system's random generator: for the host to keep in its keystore. Overwrite
 * the bytes when they are there. Touches neither network nor store.
 *
 * @param key_out  where the key goes; unchanged on error
 * @param len      how many bytes there is room for: `KEYFOB_STORE_KEY_LEN`
 * @return `KEYFOB_INVALID_ARGUMENT`: another length;
 *         `KEYFOB_RANDOM`: the system gave no random bytes.
 */
KEYFOB_MUST_USE
keyfob_status keyfob_store_key_generate(uint8_t *key_out,
                                        size_t len,
                                        keyfob_error **error_out);

/**
 * Puts the store under another key and seals every secret in it anew. Touches no network. Blocks in
 * proportion to the number of sessions; others may use the store meanwhile.
 *
 * Keep the new key in the keystore before, and the old one until this has returned: a process that is killed
 * anywhere in between leaves a store that exactly one of the two opens, with everything in it, and the next
 * one to open it ends the work. Other processes ask their source again; one that was given the old key itself
 * gets `KEYFOB_STORE_KEY` from then on.
 *
 * @param new_key  the key; copied; caller may free after return
 * @param len      its length: `KEYFOB_STORE_KEY_LEN`
 * @return `KEYFOB_INVALID_ARGUMENT`: another length, or nothing but zeros;
 *         `KEYFOB_CONFIGURATION`: the store is kept in plaintext (open it with a key instead);
 *         `KEYFOB_STORE_UNAVAILABLE`, `KEYFOB_STORE_KEY`: the old key is not available, or not the right one;
 *         nothing was changed;
 *         `KEYFOB_RANDOM`.
 */
KEYFOB_MUST_USE
keyfob_status keyfob_rekey(const keyfob_handle *handle,
                           const uint8_t *new_key,
                           size_t len,
                           keyfob_error **error_out);

/**
 * Before the system freezes this process (iOS): lets nothing new begin, waits for what is under way, and then
 * closes everything: no lock and no file of the store stays open. Being suspended already is no error.
 *
 * It holds for every handle of this store in this process. Until `keyfob_resume`, calls that need the store
 * give `KEYFOB_INVALID_STATE` with the reason "Suspended". Touches no network itself; blocks for `deadline_ms`
 * at most while requests of other threads end. A refresh that is still on its way then is given up and recorded
 * as in doubt: the next call, here or in another process, repeats it at once.
 *
 * @param deadline_ms  how long from now to wait, in milliseconds
 * @return `KEYFOB_STORE_NOT_WRITABLE`: there are tokens that still could not be saved; they are in memory
 *         only, and lost if the process ends. It is suspended all the same.
 */
KEYFOB_MUST_USE
keyfob_status keyfob_suspend(const keyfob_handle *handle,
                             uint64_t deadline_ms,
                             keyfob_error **error_out);

/**
 * Opens everything again after `keyfob_suspend`. Touches no network. Not being suspended is no error.
 *
 * @return the kinds of the store: then it is still suspended, and the call may be repeated.
 */
KEYFOB_MUST_USE keyfob_status keyfob_resume(const keyfob_handle *handle, keyfob_error **error_out);

/**
 * The token that `keyfob_access_token` would give from memory and at once. Never blocks: for a thread that
 * may not, such as one with an event loop, which asks this first, and only then has another thread call
 * `keyfob_access_token`.
 *
 * @param session_id       copied; caller may free after return
 * @param min_validity_ms  as for `keyfob_access_token`
 * @param token_out        caller owns; free with keyfob_token_free; NULL with `KEYFOB_OK` if
 *                         `keyfob_access_token` would do anything more: read the store, refresh, wait, call
 *                         the observer, or fail. That says nothing about the session. Once in each
 *                         `coherence_seconds` of the configuration it is NULL for a good token too, because
 *                         other processes' changes are looked for then
 */
KEYFOB_MUST_USE
keyfob_status keyfob_cached_access_token(const keyfob_handle *handle,
                                         const char *session_id,
                                         int64_t min_validity_ms,
                                         keyfob_token **token_out,
                                         keyfob_error **error_out);

/**
 * The token itself, for `Authorization: Bearer ...` (RFC 6750 section 2.1). A secret; opaque: never parse
 * it.
 *
 * Ownership: borrowed until the keyfob_token is freed.
 */
const char *keyfob_token_secret(const keyfob_token *token);

/**
 * When the token is over, in milliseconds since 1970 (UTC); `KEYFOB_TIME_UNKNOWN` if the provider did not
 * say.
 */
int64_t keyfob_token_expires_at_ms(const keyfob_token *token);

/**
 * Whether the token is in this process's memory only: the store could not be written when it came, and it is
 * lost if the process ends before it can be saved. Each call for this session's token, `keyfob_maintain` and
 * `keyfob_suspend` try to save it.
 */
bool keyfob_token_is_unsaved(const keyfob_token *token);

/**
 * Frees a token; it may be NULL.
 */
void keyfob_token_free(keyfob_token *token);

/**
 * The method, such as "GET" or "POST".
 *
 * Ownership: borrowed until the callback returns.
 */
const char *keyfob_http_request_method(const keyfob_http_request *request);

/**
 * The absolute URL: https, or http on a loopback address only.
 *
 * Ownership: borrowed until the callback returns.
 */
const char *keyfob_http_request_url(const keyfob_http_request *request);

/**
 * How many headers there are.
 */
size_t keyfob_http_request_headers_len(const keyfob_http_request *request);

/**
 * The name of a header; NULL for an index that is too large.
 *
 * Ownership: borrowed until the callback returns.
 */
const char *keyfob_http_request_header_name_at(const keyfob_http_request *request, size_t index);

/**
 * The value of a header; NULL for an index that is too large.
 *
 * Ownership: borrowed until the callback returns.
 */
const char *keyfob_http_request_header_value_at(const keyfob_http_request *request, size_t index);

/**
 * The bytes of the body, as many as `keyfob_http_request_body_len` says, without a NUL at the end; NULL if
 * there are none.
 *
 * Ownership: borrowed until the callback returns.
 */
const uint8_t *keyfob_http_request_body(const keyfob_http_request *request);

/**
 * How many bytes the body has; 0 for a GET.
 */
size_t keyfob_http_request_body_len(const keyfob_http_request *request);

/**
 * How many milliseconds connecting (DNS, TCP, TLS) may take.
 */
int64_t keyfob_http_request_connect_timeout_ms(const keyfob_http_request *request);

/**
 * How many milliseconds the whole request may take.
 */
int64_t keyfob_http_request_timeout_ms(const keyfob_http_request *request);

/**
 * How many bytes of the answer's body are wanted at most; a longer one is
 * `KEYFOB_TRANSPORT_FAILURE_ANSWER`.
 */
size_t keyfob_http_request_max_body_bytes(const keyfob_http_request *request);

/**
 * Sets the HTTP status of the answer. Without one there is no answer.
 *
 * @param status  100 to 599
 * @return `KEYFOB_INVALID_ARGUMENT`: not an HTTP status.
 */
KEYFOB_MUST_USE
keyfob_status keyfob_http_response_set_status(keyfob_http_response *response,
                                              int32_t status,
                                              keyfob_error **error_out);

/**
 * Adds a header of the answer (RFC 9110 section 6.3).
 *
 * @param name   copied; caller may free after return
 * @param value  copied; caller may free after return
 */
KEYFOB_MUST_USE
keyfob_status keyfob_http_response_add_header(keyfob_http_response *response,
                                              const char *name,
                                              const char *value,
                                              keyfob_error **error_out);

/**
 * Adds bytes to the body of the answer.
 *
 * @param bytes  copied; caller may free after return; may be NULL if `len` is 0
 * @param len    how many
 */
KEYFOB_MUST_USE
keyfob_status keyfob_http_response_append_body(keyfob_http_response *response,
                                               const uint8_t *bytes,
                                               size_t len,
                                               keyfob_error **error_out);

/**
 * Says more about why there is no answer. It counts only when the callback does not return
 * `KEYFOB_TRANSPORT_ANSWERED`.
 *
 * @param failure  one of `KEYFOB_TRANSPORT_FAILURE_...`
 * @param detail   for logs: it must hold no URL query, header or body; may be NULL; copied; caller may
 *                 free after return
 * @return `KEYFOB_INVALID_ARGUMENT`: no such failure.
 */
KEYFOB_MUST_USE
keyfob_status keyfob_http_response_set_failure(keyfob_http_response *response,
                                               keyfob_transport_failure failure,
                                               const char *detail,
                                               keyfob_error **error_out);

/**
 * The library's `KEYFOB_ABI_VERSION`: a program built with this header works with the library if it is the
 * same.
 */
uint32_t keyfob_abi_version(void);

/**
 * The library's `KEYFOB_VERSION_NUMBER`.
 */
uint32_t keyfob_version_number(void);

/**
 * The library's `KEYFOB_VERSION_STRING`.
 *
 * Ownership: borrowed until the library is unloaded.
 */
const char *keyfob_version_string(void);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* KEYFOB_H */
