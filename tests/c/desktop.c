/*
 * Logins in the browser of this machine and on another device: the receiver, its pages, the codes. `desktop ISSUER
 * EMPTY_FOLDER`.
 */

#define _POSIX_C_SOURCE 200809L

#include <pthread.h>
#include <time.h>

#include "tap.h"
#include "wire.h"

static const char *issuer;
static const char *folder;

/* What the browser is to do, and what it was shown in the end. */
struct visit {
    const char *verb;
    char url[8192];
    char *page;
    int released;
    pthread_t thread;
};

static void *go(void *context) {
    struct visit *visit = context;
    char redirect[16384];
    snprintf(redirect, sizeof redirect, "%s", ask(visit->verb, visit->url));
    visit->page = http_get(redirect);
    return NULL;
}

static bool open_url(void *context, const char *url) {
    struct visit *visit = context;
    snprintf(visit->url, sizeof visit->url, "%s", url);
    return pthread_create(&visit->thread, NULL, go, visit) == 0;
}

static bool open_nothing(void *context, const char *url) {
    (void)context;
    return url == NULL;
}

static void release(void *context) { ((struct visit *)context)->released++; }

static keyfob_browser_login *wanted(struct visit *visit) {
    keyfob_error *error = NULL;
    keyfob_browser_login *login = keyfob_browser_login_new();
    must(keyfob_browser_login_set_browser(login, open_url, visit, release, &error), &error, "browser");
    return login;
}

static void a_login_in_the_browser_shows_the_app_s_words(void) {
    keyfob_handle *keyfob = open_config(configure(issuer, folder, "browser"));
    keyfob_error *error = NULL;
    keyfob_login_pages *pages = keyfob_login_pages_new("Notizen");
    must(keyfob_login_pages_set_language(pages, "de", &error), &error, "language");
    must(keyfob_login_pages_set_right_to_left(pages, false, &error), &error, "direction");
    must(keyfob_login_pages_set_success(pages, "Angemeldet", "Das Fenster kann zu.", &error), &error, "success");
    must(keyfob_login_pages_set_denied(pages, "Abgelehnt", "Wie gewünscht.", &error), &error, "denied");
    must(keyfob_login_pages_set_failure(pages, "Fehler", "Noch einmal.", &error), &error, "failure");
    keyfob_login_options *options = keyfob_login_options_new();
    must(keyfob_login_options_set_app_data(options, "42", &error), &error, "app data");
    struct visit visit = {.verb = "browse"};
    keyfob_browser_login *login = wanted(&visit);
    must(keyfob_browser_login_set_pages(login, pages, &error), &error, "pages");
    must(keyfob_browser_login_set_options(login, options, &error), &error, "options");
    must(keyfob_browser_login_set_time_limit_ms(login, 60000, &error), &error, "time limit");

    keyfob_completed *completed = NULL;
    must(keyfob_login_in_browser(keyfob, REGISTRATION, login, &completed, &error), &error, "login");
    pthread_join(visit.thread, NULL);
    same(keyfob_session_provider_uid(keyfob_completed_session(completed)), "u-1", "the user");
    same(keyfob_completed_app_data(completed), "42", "the application's data");
    ok(strstr(visit.page, " 200 ") != NULL && strstr(visit.page, "lang=\"de\"") != NULL
           && strstr(visit.page, "Notizen") != NULL && strstr(visit.page, "Das Fenster kann zu.") != NULL,
       "the page says what the application said");
    free(visit.page);
    keyfob_completed_free(completed);

    visit.verb = "refuse";
    keyfob_status status = keyfob_login_in_browser(keyfob, REGISTRATION, login, &completed, &error);
    pthread_join(visit.thread, NULL);
    fails(status, &error, KEYFOB_ACCESS_DENIED, "AccessDenied", "a user who says no");
    ok(completed == NULL && strstr(visit.page, " 403 ") != NULL && strstr(visit.page, "Abgelehnt") != NULL,
       "the page for that");
    free(visit.page);

    ok(visit.released == 0, "the context is in use");
    keyfob_browser_login_free(login);
    ok(visit.released == 1, "and given back once");
    keyfob_login_options_free(options);
    keyfob_login_pages_free(pages);
    keyfob_free(keyfob);
}

static void *cancel_soon(void *context) {
    keyfob_login_control *control = context;
    struct timespec moment = {.tv_nsec = 200 * 1000 * 1000};
    nanosleep(&moment, NULL);
    keyfob_login_control_cancel(control);
    return NULL;
}

static bool open_and_wait(void *context, const char *url) {
    (void)context;
    return url != NULL;
}

/* Hands something else over, and then the redirect. */
struct paste {
    keyfob_login_control *control;
    char url[8192];
    pthread_t thread;
};

static void *hand_over(void *context) {
    struct paste *paste = context;
    keyfob_error *error = NULL;
    fails(keyfob_login_control_hand_over(paste->control, "http://127.0.0.1/?state=guessed&code=x", &error), &error,
          KEYFOB_REDIRECT_REJECTED, "StateUnknown", "a redirect of no login");
    must(keyfob_login_control_hand_over(paste->control, ask("browse", paste->url), &error), &error, "hand over");
    return NULL;
}

static bool open_by_hand(void *context, const char *url) {
    struct paste *paste = context;
    snprintf(paste->url, sizeof paste->url, "%s", url);
    return pthread_create(&paste->thread, NULL, hand_over, paste) == 0;
}

static void a_login_is_cancelled_late_pasted_or_has_no_browser(void) {
    keyfob_handle *keyfob = open_config(configure(issuer, folder, "control"));
    keyfob_error *error = NULL;
    keyfob_completed *completed = NULL;
    keyfob_login_control *control = keyfob_login_control_new();
    keyfob_browser_login *login = keyfob_browser_login_new();
    must(keyfob_browser_login_set_browser(login, open_and_wait, NULL, NULL, &error), &error, "browser");
    must(keyfob_browser_login_set_time_limit_ms(login, 50, &error), &error, "time limit");
    fails(keyfob_login_in_browser(keyfob, REGISTRATION, login, &completed, &error), &error, KEYFOB_TIMEOUT, "WaitTimeout",
          "no redirect in time");
    must(keyfob_browser_login_set_time_limit_ms(login, 60000, &error), &error, "time limit");
    must(keyfob_browser_login_set_control(login, control, &error), &error, "control");
    pthread_t thread;
    pthread_create(&thread, NULL, cancel_soon, control);
    ok(!keyfob_login_control_is_cancelled(control), "nobody has cancelled");
    fails(keyfob_login_in_browser(keyfob, REGISTRATION, login, &completed, &error), &error, KEYFOB_CANCELLED, "Cancelled",
          "another thread cancels");
    pthread_join(thread, NULL);
    ok(keyfob_login_control_is_cancelled(control), "somebody has cancelled");
    keyfob_login_control_free(control);

    struct paste paste = {.control = keyfob_login_control_new()};
    must(keyfob_browser_login_set_control(login, paste.control, &error), &error, "control");
    must(keyfob_browser_login_set_browser(login, open_by_hand, &paste, NULL, &error), &error, "browser");
    must(keyfob_login_in_browser(keyfob, REGISTRATION, login, &completed, &error), &error, "a pasted redirect");
    pthread_join(paste.thread, NULL);
    same(keyfob_session_provider_uid(keyfob_completed_session(completed)), "u-1", "the user");
    keyfob_completed_free(completed);
    keyfob_login_control_free(paste.control);

    must(keyfob_browser_login_set_browser(login, open_nothing, NULL, NULL, &error), &error, "browser");
    fails(keyfob_login_in_browser(keyfob, REGISTRATION, login, &completed, &error), &error, KEYFOB_INVALID_STATE,
          "BrowserUnavailable", "no browser");
    keyfob_browser_login_free(login);
    ok(!keyfob_open_browser(NULL), "nothing opens nothing");
    keyfob_free(keyfob);
}

/* The user at the page for codes: Keyfob's own tests have it from the browser; here it is a form that is posted. */
static void connect_device(const keyfob_device_login *login) {
    char what[512];
    snprintf(what, sizeof what, "%s %s", keyfob_device_login_verification_uri(login), keyfob_device_login_user_code(login));
    same(ask("connect", what), "done", "the user at another device");
}

static void show(void *context, const keyfob_device_login *login) {
    int *shown = context;
    (*shown)++;
    connect_device(login);
}

static void a_login_on_another_device_is_polled_by_the_rules(void) {
    ask("script", "{\"device\":{\"interval_seconds\":5}}");
    keyfob_handle *keyfob = open_config(configure(issuer, folder, "device"));
    keyfob_error *error = NULL;
    keyfob_device_login *login = NULL;
    must(keyfob_begin_device_login(keyfob, REGISTRATION, NULL, &login, &error), &error, "begin");
    same(keyfob_device_login_registration(login), REGISTRATION, "its registration");
    ok(strstr(keyfob_device_login_verification_uri_complete(login), keyfob_device_login_user_code(login)) != NULL,
       "the code is in the complete URI");
    ok(keyfob_device_login_interval_ms(login) == 5000, "the interval");
    ok(keyfob_device_login_qr_code_text(login) != NULL && strstr(keyfob_device_login_qr_code_svg(login), "<svg") != NULL,
       "QR codes");

    keyfob_pending_login_list *pending = NULL;
    must(keyfob_pending_logins(keyfob, &pending, &error), &error, "pending");
    const keyfob_pending_login *waits = keyfob_pending_login_list_at(pending, 0);
    ok(keyfob_pending_login_is_on_another_device(waits), "it waits on another device");
    keyfob_device_login *found = NULL;
    must(keyfob_find_device_login(keyfob, keyfob_pending_login_id(waits), &found, &error), &error, "find");
    same(keyfob_device_login_user_code(found), keyfob_device_login_user_code(login), "the code, found again");
    ok(keyfob_device_login_expires_at_ms(found) == keyfob_device_login_expires_at_ms(login), "it ends when it said");
    keyfob_device_login_free(found);
    keyfob_pending_login_list_free(pending);

    int64_t wait_ms = 0;
    keyfob_completed *completed = NULL;
    const char *id = keyfob_device_login_id(login);
    int before = requests("/token");
    must(keyfob_poll_device_login(keyfob, id, &wait_ms, &completed, &error), &error, "poll");
    ok(completed == NULL && wait_ms > 0 && wait_ms <= 5000, "too soon");
    ok(requests("/token") == before, "and nobody was asked");
    connect_device(login);
    while (completed == NULL) {
        struct timespec moment = {.tv_sec = wait_ms / 1000, .tv_nsec = wait_ms % 1000 * 1000000};
        nanosleep(&moment, NULL);
        must(keyfob_poll_device_login(keyfob, id, &wait_ms, &completed, &error), &error, "poll again");
    }
    same(keyfob_session_provider_uid(keyfob_completed_session(completed)), "u-1", "the user");
    keyfob_completed_free(completed);
    keyfob_device_login_free(login);

    int shown = 0;
    must(keyfob_login_on_another_device(keyfob, REGISTRATION, NULL, show, &shown, NULL, &completed, &error), &error,
         "in one call");
    ok(shown == 1 && completed != NULL, "it was shown once");
    keyfob_completed_free(completed);
    keyfob_login_control *control = keyfob_login_control_new();
    keyfob_login_control_cancel(control);
    fails(keyfob_login_on_another_device(keyfob, REGISTRATION, NULL, show, &shown, control, &completed, &error), &error,
          KEYFOB_CANCELLED, "Cancelled", "cancelled before it began");
    keyfob_login_control_free(control);
    keyfob_free(keyfob);
}

static void a_form_that_the_browser_posts_is_completed(void) {
    keyfob_handle *keyfob = open_config(configure(issuer, folder, "form"));
    keyfob_error *error = NULL;
    keyfob_login_options *options = keyfob_login_options_new();
    must(keyfob_login_options_set_form_post(options, &error), &error, "form post");
    must(keyfob_login_options_set_redirect_port(options, 4777, &error), &error, "port");
    char form[8192];
    snprintf(form, sizeof form, "%s", redirect_of(keyfob, options, "post"));
    ok(sent_parameter(issuer, "/authorize", "response_mode", "form_post"), "the mode was sent");
    char *body = strchr(form, ' ');
    *body++ = '\0';
    keyfob_completed *completed = NULL;
    fails(keyfob_complete_login_form(keyfob, "http://127.0.0.1:4777/other", body, &completed, &error), &error,
          KEYFOB_REDIRECT_REJECTED, "RedirectUriMismatch", "a form to another address");
    must(keyfob_complete_login_form(keyfob, form, body, &completed, &error), &error, "complete");
    same(keyfob_session_provider_uid(keyfob_completed_session(completed)), "u-1", "the user");
    keyfob_completed_free(completed);
    keyfob_login_options_free(options);
    keyfob_free(keyfob);
}

int main(int argc, char **argv) {
    if (argc != 3) {
        give_up("usage: desktop ISSUER EMPTY_FOLDER");
    }
    issuer = argv[1];
    folder = argv[2];
    a_login_in_the_browser_shows_the_app_s_words();
    a_login_is_cancelled_late_pasted_or_has_no_browser();
    a_login_on_another_device_is_polled_by_the_rules();
    a_form_that_the_browser_posts_is_completed();
    return tap_done();
}
