/*
 * The host's own transport and clock: a whole login of plain OAuth 2 without any network, since the transport here is
 * the provider. `transport ISSUER EMPTY_FOLDER`.
 */

#include "tap.h"

#define PROVIDER "https://acme.example"

/* A provider in a few lines: what it was asked last, and how it shall behave. */
struct provider {
    int asked;
    int tokens;
    int released;
    char method[8];
    char url[256];
    char body[2048];
    bool accepts_json;
    bool has_limits;
    keyfob_transport_outcome outcome;
    keyfob_transport_failure failure;
    bool forgets_status;
    bool overloaded;
    /* With both, it tries to refresh the session that is being refreshed. */
    keyfob_handle *keyfob;
    const char *session;
    keyfob_status from_within;
};

static void answer(keyfob_http_response *response, const char *body) {
    keyfob_error *error = NULL;
    must(keyfob_http_response_set_status(response, 200, &error), &error, "status");
    must(keyfob_http_response_add_header(response, "Content-Type", "application/json", &error), &error, "header");
    /* In two parts, as a network would. */
    size_t half = strlen(body) / 2;
    must(keyfob_http_response_append_body(response, (const uint8_t *)body, half, &error), &error, "body");
    must(keyfob_http_response_append_body(response, (const uint8_t *)body + half, strlen(body) - half, &error), &error,
         "body");
}

static keyfob_transport_outcome provide(void *context, const keyfob_http_request *request,
                                        keyfob_http_response *response) {
    struct provider *provider = context;
    keyfob_error *error = NULL;
    provider->asked++;
    snprintf(provider->method, sizeof provider->method, "%s", keyfob_http_request_method(request));
    snprintf(provider->url, sizeof provider->url, "%s", keyfob_http_request_url(request));
    const uint8_t *body = keyfob_http_request_body(request);
    snprintf(provider->body, sizeof provider->body, "%.*s", (int)keyfob_http_request_body_len(request),
             body == NULL ? "" : (const char *)body);
    provider->accepts_json = false;
    for (size_t i = 0; i < keyfob_http_request_headers_len(request); i++) {
        provider->accepts_json |= strcmp(keyfob_http_request_header_name_at(request, i), "accept") == 0
                                  && strcmp(keyfob_http_request_header_value_at(request, i), "application/json") == 0;
    }
    provider->has_limits = keyfob_http_request_connect_timeout_ms(request) == 2000
                           && keyfob_http_request_timeout_ms(request) == 5500
                           && keyfob_http_request_max_body_bytes(request) > 0
                           && keyfob_http_request_header_name_at(request, 1000) == NULL;
    if (provider->keyfob != NULL) {
        provider->from_within = keyfob_refresh_session(provider->keyfob, provider->session, NULL, NULL);
    }
    if (provider->outcome != KEYFOB_TRANSPORT_ANSWERED) {
        if (provider->failure != 0) {
            must(keyfob_http_response_set_failure(response, provider->failure, "acme.example", &error), &error, "failure");
        }
        return provider->outcome;
    }
    if (provider->forgets_status) {
        return KEYFOB_TRANSPORT_ANSWERED;
    }
    if (provider->overloaded) {
        must(keyfob_http_response_set_status(response, 429, &error), &error, "status");
        must(keyfob_http_response_add_header(response, "Retry-After", "7", &error), &error, "header");
        return KEYFOB_TRANSPORT_ANSWERED;
    }
    if (strcmp(provider->url, PROVIDER "/token") == 0) {
        char tokens[256];
        int number = ++provider->tokens;
        snprintf(tokens, sizeof tokens,
                 "{\"access_token\":\"at-%d\",\"refresh_token\":\"rt-%d\",\"token_type\":\"Bearer\",\"expires_in\":100}",
                 number, number);
        answer(response, tokens);
    } else {
        answer(response, "{\"id\":7,\"name\":\"Ada\\u0000Lovelace\"}");
    }
    return KEYFOB_TRANSPORT_ANSWERED;
}

static void release(void *context) { ((struct provider *)context)->released++; }

struct clocks {
    int64_t wall;
    int64_t boot;
};

static int64_t wall(void *context) { return ((struct clocks *)context)->wall; }
static int64_t boot(void *context) { return ((struct clocks *)context)->boot; }

static void pass(struct clocks *clocks, int64_t milliseconds) {
    clocks->wall += milliseconds;
    clocks->boot += milliseconds;
}

static keyfob_config *acme(const char *folder, const char *store) {
    char json[4096];
    keyfob_config *config = NULL;
    keyfob_error *error = NULL;
    snprintf(json, sizeof json,
             "{\"store\":{\"path\":\"%s/%s\"},"
             "\"http\":{\"connect_seconds\":2,\"total_seconds\":5.5},\"login_seconds\":60,"
             "\"registrations\":[{\"id\":\"acme\",\"provider\":\"acme\",\"client_id\":\"notes\","
             "\"redirect_uri\":\"com.example.notes:/callback/acme\"}],"
             "\"providers\":[{\"id\":\"acme\",\"name\":\"Acme\",\"kind\":\"oauth2\",\"endpoints\":{"
             "\"authorization\":\"" PROVIDER "/authorize\",\"token\":\"" PROVIDER "/token\","
             "\"userinfo\":\"" PROVIDER "/me\"},\"profile\":{\"uid\":\"/id\",\"name\":\"/name\"}}]}",
             folder, store);
    must(keyfob_config_from_json(json, &config, &error), &error, "configuration");
    return sealed(config);
}

static keyfob_handle *open_acme(const char *folder, const char *store, struct provider *provider,
                                struct clocks *clocks, const char *boot_id) {
    keyfob_config *config = acme(folder, store);
    keyfob_error *error = NULL;
    must(keyfob_config_set_transport(config, provide, provider, release, &error), &error, "transport");
    must(keyfob_config_set_clock(config, boot_id, wall, boot, clocks, NULL, &error), &error, "clock");
    return open_config(config);
}

/* Begins a login and makes the redirect that a provider would have made. */
static void redirected(keyfob_handle *keyfob, char *redirect, size_t size) {
    keyfob_login *login = NULL;
    keyfob_error *error = NULL;
    must(keyfob_begin_login(keyfob, "acme", NULL, &login, &error), &error, "begin");
    const char *state = strstr(keyfob_login_authorization_url(login), "state=");
    if (state == NULL) {
        give_up("the URL has no state");
    }
    snprintf(redirect, size, "com.example.notes:/callback/acme?code=c-1&%.*s", (int)strcspn(state, "&"), state);
    keyfob_login_free(login);
}

static void the_host_sends_everything(const char *folder) {
    struct provider provider = {0};
    struct clocks clocks = {.wall = 1700000000000, .boot = 5000};
    keyfob_handle *keyfob = open_acme(folder, "whole", &provider, &clocks, "boot-1");
    keyfob_error *error = NULL;
    keyfob_completed *completed = NULL;
    char redirect[4096];

    redirected(keyfob, redirect, sizeof redirect);
    ok(provider.asked == 0, "beginning asks nobody when the endpoints are known");

    /* Nothing was sent: the same redirect is good again. */
    provider.outcome = KEYFOB_TRANSPORT_NOT_SENT;
    keyfob_status status = keyfob_complete_login(keyfob, redirect, &completed, &error);
    ok(keyfob_error_is_retryable(error), "what was not sent may be tried again");
    fails(status, &error, KEYFOB_NETWORK, "NotSent", "a transport that could not send");
    same(provider.method, "POST", "the method");
    same(provider.url, PROVIDER "/token", "the URL");
    ok(strstr(provider.body, "grant_type=authorization_code") != NULL && strstr(provider.body, "code=c-1") != NULL
           && strstr(provider.body, "code_verifier=") != NULL && strstr(provider.body, "client_id=notes") != NULL,
       "the body is an exchange of the code with its verifier");
    ok(provider.accepts_json, "the headers are handed over");
    ok(provider.has_limits, "the limits are those of the configuration");

    provider.outcome = KEYFOB_TRANSPORT_ANSWERED;
    must(keyfob_complete_login(keyfob, redirect, &completed, &error), &error, "complete");
    keyfob_session *session = keyfob_session_copy(keyfob_completed_session(completed));
    keyfob_completed_free(completed);
    same(provider.method, "GET", "the method of userinfo");
    same(keyfob_session_provider_uid(session), "7", "the user");
    same(keyfob_session_provider_access_token(session), "at-1", "the access token");
    same(keyfob_profile_name(keyfob_session_profile(session)), "Ada\xef\xbf\xbdLovelace",
         "a name with a NUL in it");
    same(keyfob_profile_email(keyfob_session_profile(session)), NULL, "the e-mail address");
    ok(keyfob_session_created_at_ms(session) == clocks.wall, "it was made when the clock says");
    ok(keyfob_session_provider_access_token_expiry_ms(session) == clocks.wall + 100000, "and expires when it says");

    keyfob_token *token = NULL;
    int before = provider.asked;
    must(keyfob_access_token(keyfob, keyfob_session_id(session), 0, &token, &error), &error, "token");
    same(keyfob_token_secret(token), "at-1", "the fresh token");
    ok(provider.asked == before, "a fresh token asks nobody");
    keyfob_token_free(token);
    pass(&clocks, 101000);
    must(keyfob_access_token(keyfob, keyfob_session_id(session), 0, &token, &error), &error, "token");
    same(keyfob_token_secret(token), "at-2", "the token when the first one is over");
    ok(strstr(provider.body, "grant_type=refresh_token") != NULL && strstr(provider.body, "refresh_token=rt-1") != NULL,
       "it was refreshed");
    ok(keyfob_token_expires_at_ms(token) == clocks.wall + 100000, "it expires when the clock says");
    keyfob_token_free(token);

    /* From within a refresh the same refresh cannot be waited for. */
    provider.keyfob = keyfob;
    provider.session = keyfob_session_id(session);
    must(keyfob_refresh_session(keyfob, keyfob_session_id(session), NULL, &error), &error, "refresh");
    ok(provider.from_within == KEYFOB_INVALID_STATE, "a call from within is refused, and nothing hangs");
    provider.keyfob = NULL;

    provider.overloaded = true;
    status = keyfob_refresh_session(keyfob, keyfob_session_id(session), NULL, &error);
    ok(keyfob_error_retry_after_ms(error) == 7000, "a header of the answer is read");
    ok(keyfob_error_http_status(error) == 429, "and so is its status");
    fails(status, &error, KEYFOB_RATE_LIMITED, "BackOff", "an overloaded provider");

    keyfob_session_free(session);
    ok(provider.released == 0, "the transport's context is in use");
    keyfob_free(keyfob);
    ok(provider.released == 1, "the transport's context was given back once");
}

static void failures_have_names(const char *folder) {
    static const struct {
        keyfob_transport_outcome outcome;
        keyfob_transport_failure failure;
        keyfob_status status;
        const char *reason;
    } cases[] = {
        {KEYFOB_TRANSPORT_NOT_SENT, 0, KEYFOB_NETWORK, "NotSent"},
        {KEYFOB_TRANSPORT_NOT_SENT, KEYFOB_TRANSPORT_FAILURE_TIMEOUT, KEYFOB_TIMEOUT, "ConnectTimeout"},
        {KEYFOB_TRANSPORT_NOT_SENT, KEYFOB_TRANSPORT_FAILURE_CERTIFICATE, KEYFOB_TLS, "TlsCertificate"},
        {KEYFOB_TRANSPORT_NOT_SENT, KEYFOB_TRANSPORT_FAILURE_CERTIFICATE_EXPIRED, KEYFOB_TLS, "TlsExpired"},
        {KEYFOB_TRANSPORT_NOT_SENT, KEYFOB_TRANSPORT_FAILURE_CERTIFICATE_NOT_YET_VALID, KEYFOB_TLS, "TlsNotYetValid"},
        {KEYFOB_TRANSPORT_NOT_SENT, KEYFOB_TRANSPORT_FAILURE_CERTIFICATE_UNKNOWN_ISSUER, KEYFOB_TLS, "TlsUnknownIssuer"},
        {KEYFOB_TRANSPORT_NOT_SENT, KEYFOB_TRANSPORT_FAILURE_CERTIFICATE_WRONG_HOST, KEYFOB_TLS, "TlsWrongHost"},
        {KEYFOB_TRANSPORT_NOT_SENT, KEYFOB_TRANSPORT_FAILURE_CERTIFICATE_REVOKED, KEYFOB_TLS, "TlsRevoked"},
        {KEYFOB_TRANSPORT_NOT_SENT, KEYFOB_TRANSPORT_FAILURE_PROXY, KEYFOB_NETWORK, "Proxy"},
        {KEYFOB_TRANSPORT_NOT_SENT, KEYFOB_TRANSPORT_FAILURE_TLS, KEYFOB_TLS, "TlsHandshake"},
        /* The code may have arrived: it works once. */
        {KEYFOB_TRANSPORT_UNKNOWN, KEYFOB_TRANSPORT_FAILURE_NETWORK, KEYFOB_LOGIN_REQUIRED, "CodeExchangeInDoubt"},
        {12345, 0, KEYFOB_LOGIN_REQUIRED, "CodeExchangeInDoubt"},
    };
    struct provider provider = {0};
    struct clocks clocks = {.wall = 1700000000000, .boot = 5000};
    keyfob_handle *keyfob = open_acme(folder, "failures", &provider, &clocks, "boot-1");
    keyfob_completed *completed = NULL;
    keyfob_error *error = NULL;
    char redirect[4096];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        redirected(keyfob, redirect, sizeof redirect);
        provider.outcome = cases[i].outcome;
        provider.failure = cases[i].failure;
        keyfob_status status = keyfob_complete_login(keyfob, redirect, &completed, &error);
        if (cases[i].failure != 0 && cases[i].status != KEYFOB_LOGIN_REQUIRED) {
            ok(strstr(keyfob_error_detail(error), "acme.example") != NULL, "the detail is the transport's");
        }
        fails(status, &error, cases[i].status, cases[i].reason, "a transport that fails");
    }
    provider.outcome = KEYFOB_TRANSPORT_ANSWERED;
    provider.forgets_status = true;
    redirected(keyfob, redirect, sizeof redirect);
    fails(keyfob_complete_login(keyfob, redirect, &completed, &error), &error, KEYFOB_LOGIN_REQUIRED,
          "CodeExchangeInDoubt", "an answer without a status");

    redirected(keyfob, redirect, sizeof redirect);
    pass(&clocks, 61000);
    fails(keyfob_complete_login(keyfob, redirect, &completed, &error), &error, KEYFOB_REDIRECT_REJECTED, "LoginExpired",
          "a redirect that took longer than login_seconds");
    keyfob_free(keyfob);
}

/* Logs in, restarts the process, so to say, and tells whether the token then had to be refreshed. */
static bool refreshes_after(const char *folder, const char *store, const char *boot_id) {
    struct provider provider = {0};
    struct clocks clocks = {.wall = 1700000000000, .boot = 5000};
    keyfob_error *error = NULL;
    keyfob_completed *completed = NULL;
    keyfob_token *token = NULL;
    char redirect[4096];
    keyfob_handle *keyfob = open_acme(folder, store, &provider, &clocks, "boot-1");
    redirected(keyfob, redirect, sizeof redirect);
    must(keyfob_complete_login(keyfob, redirect, &completed, &error), &error, "complete");
    keyfob_free(keyfob);

    /* The two clocks disagree about how much of the token's 100 seconds has passed. */
    clocks.wall += 50000;
    clocks.boot += 101000;
    keyfob = open_acme(folder, store, &provider, &clocks, boot_id);
    const char *id = keyfob_session_id(keyfob_completed_session(completed));
    must(keyfob_access_token(keyfob, id, 0, &token, &error), &error, "token");
    keyfob_token_free(token);
    keyfob_completed_free(completed);
    keyfob_free(keyfob);
    return provider.tokens == 2;
}

static void a_context_is_always_given_back(const char *folder) {
    struct provider provider = {0};
    keyfob_error *error = NULL;
    keyfob_config *config = acme(folder, "never opened");
    fails(keyfob_config_set_transport(config, NULL, &provider, release, &error), &error, KEYFOB_INVALID_ARGUMENT,
          "InvalidArgument", "a transport that is NULL");
    ok(provider.released == 1, "an error gives the context back");
    fails(keyfob_config_set_clock(config, "\xff", wall, boot, &provider, release, &error), &error,
          KEYFOB_INVALID_ARGUMENT, "InvalidArgument", "a boot id that is not UTF-8");
    fails(keyfob_config_set_clock(config, NULL, wall, NULL, &provider, release, &error), &error, KEYFOB_INVALID_ARGUMENT,
          "InvalidArgument", "half a clock");
    ok(provider.released == 3, "so do the errors of a clock");
    must(keyfob_config_set_transport(config, provide, &provider, release, &error), &error, "transport");
    must(keyfob_config_set_transport(config, provide, &provider, release, &error), &error, "transport");
    ok(provider.released == 4, "a second transport gives the first one's context back");
    keyfob_config_free(config);
    ok(provider.released == 5, "so does a configuration that is not opened");
}

int main(int argc, char **argv) {
    if (argc != 3) {
        give_up("usage: transport ISSUER EMPTY_FOLDER");
    }
    the_host_sends_everything(argv[2]);
    failures_have_names(argv[2]);
    ok(refreshes_after(argv[2], "same boot", "boot-1"), "within a boot its clock is believed");
    ok(!refreshes_after(argv[2], "other boot", "boot-2"), "after a restart it says nothing about the time before");
    a_context_is_always_given_back(argv[2]);
    return tap_done();
}
