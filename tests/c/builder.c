/*
 * A configuration without JSON: what each setter says is seen in a request, in an answer, or in what Keyfob then does.
 * `builder ISSUER EMPTY_FOLDER`. The transport here is the provider.
 */

#define _POSIX_C_SOURCE 200809L

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tap.h"

#include "keys.h"

#define SITE "https://acme.example"
#define REDIRECT_URI "com.example.notes:/callback/acme"

static const char *folder;

/* What the provider was asked last at each place, and how it shall behave. */
static struct {
    atomic_int asked;
    int tokens;
    char place[64];
    char head[4096];
    char body[8192];
    char token_head[4096];
    char token_body[8192];
    int64_t connect_ms;
    int64_t total_ms;
    /* A refresh is held up until this is 0. */
    atomic_int held;
} provider;

static atomic_llong now_ms;

static int64_t now(void *context) {
    (void)context;
    return (int64_t)atomic_load(&now_ms);
}

static const char *answer_at(const char *place, char *room, size_t size) {
    if (strcmp(place, "/token") == 0) {
        int number = ++provider.tokens;
        snprintf(room, size,
                 "{\"access_token\":\"at-%d\",\"refresh_token\":\"rt-%d\",\"token_type\":\"Bearer\",\"expires_in\":100}",
                 number, number);
        return room;
    }
    if (strcmp(place, "/me") == 0) {
        return "{\"key\":{\"id\":\"u-7\"},\"nick\":\"Ada\",\"mail\":\"ada@acme.example\",\"face\":\"https://acme.example/ada.png\"}";
    }
    if (strcmp(place, "/device") == 0) {
        return "{\"device_code\":\"dc-1\",\"user_code\":\"WDJB-MJHT\",\"verification_uri\":\"" SITE "/connect\","
               "\"expires_in\":600}";
    }
    if (strcmp(place, "/push") == 0) {
        return "{\"request_uri\":\"urn:ietf:params:oauth:request_uri:1\",\"expires_in\":60}";
    }
    if (strcmp(place, "/.well-known/openid-configuration") == 0) {
        return "{\"issuer\":\"" SITE "\",\"authorization_endpoint\":\"" SITE "/found\",\"token_endpoint\":\"" SITE
               "/token\",\"jwks_uri\":\"" SITE "/keys\",\"response_types_supported\":[\"code\"],"
               "\"subject_types_supported\":[\"public\"],\"id_token_signing_alg_values_supported\":[\"RS256\"],"
               "\"code_challenge_methods_supported\":[\"S256\"]}";
    }
    return "{}";
}

static keyfob_transport_outcome provide(void *context, const keyfob_http_request *request,
                                        keyfob_http_response *response) {
    keyfob_error *error = NULL;
    char room[256];
    (void)context;
    const char *url = keyfob_http_request_url(request);
    const char *place = strncmp(url, SITE, strlen(SITE)) == 0 ? url + strlen(SITE) : "/elsewhere";
    snprintf(provider.place, sizeof provider.place, "%s", place);
    size_t length = 0;
    provider.head[0] = '\0';
    for (size_t i = 0; i < keyfob_http_request_headers_len(request); i++) {
        length += (size_t)snprintf(provider.head + length, sizeof provider.head - length, "%s: %s\n",
                                   keyfob_http_request_header_name_at(request, i),
                                   keyfob_http_request_header_value_at(request, i));
    }
    const uint8_t *body = keyfob_http_request_body(request);
    snprintf(provider.body, sizeof provider.body, "%.*s", (int)keyfob_http_request_body_len(request),
             body == NULL ? "" : (const char *)body);
    if (strcmp(place, "/token") == 0) {
        memcpy(provider.token_head, provider.head, sizeof provider.head);
        memcpy(provider.token_body, provider.body, sizeof provider.body);
    }
    provider.connect_ms = keyfob_http_request_connect_timeout_ms(request);
    provider.total_ms = keyfob_http_request_timeout_ms(request);
    atomic_fetch_add(&provider.asked, 1);
    while (atomic_load(&provider.held)) {
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    const char *answer = answer_at(place, room, sizeof room);
    must(keyfob_http_response_set_status(response, 200, &error), &error, "status");
    must(keyfob_http_response_add_header(response, "Content-Type", "application/json", &error), &error, "header");
    must(keyfob_http_response_append_body(response, (const uint8_t *)answer, strlen(answer), &error), &error, "body");
    return KEYFOB_TRANSPORT_ANSWERED;
}

static keyfob_config_builder *begin(const char *store) {
    char path[4096];
    keyfob_config_builder *builder = NULL;
    keyfob_error *error = NULL;
    snprintf(path, sizeof path, "%s/%s", folder, store);
    must(keyfob_config_builder_new(path, &builder, &error), &error, "a builder");
    return builder;
}

static keyfob_provider_builder *acme(void) {
    keyfob_provider_builder *acme = NULL;
    keyfob_error *error = NULL;
    must(keyfob_provider_builder_new_oauth2("acme", SITE "/authorize", SITE "/token", SITE "/me", "/key/id", &acme, &error),
         &error, "a provider");
    return acme;
}

static keyfob_registration_builder *notes(const char *of) {
    keyfob_registration_builder *notes = NULL;
    keyfob_error *error = NULL;
    must(keyfob_registration_builder_new("notes", of, "client-4", REDIRECT_URI, &notes, &error), &error, "a registration");
    return notes;
}

static void add(keyfob_config_builder *builder, keyfob_provider_builder *provider, keyfob_registration_builder *registration) {
    keyfob_error *error = NULL;
    if (provider != NULL) {
        must(keyfob_config_builder_add_provider(builder, provider, &error), &error, "add the provider");
    }
    must(keyfob_config_builder_add_registration(builder, registration, &error), &error, "add the registration");
}

static keyfob_config *build(keyfob_config_builder *builder) {
    keyfob_config *config = NULL;
    keyfob_error *error = NULL;
    must(keyfob_config_builder_build(builder, &config, &error), &error, "build");
    return config;
}

/* With the transport, the clock and the store key of these tests. */
static keyfob_handle *open_built(keyfob_config_builder *builder) {
    keyfob_config *config = sealed(build(builder));
    keyfob_error *error = NULL;
    must(keyfob_config_set_transport(config, provide, NULL, NULL, &error), &error, "transport");
    must(keyfob_config_set_clock(config, "this boot", now, now, NULL, NULL, &error), &error, "clock");
    return open_config(config);
}

/* What cannot be built, by the key that the error names. */
static void refused(keyfob_config_builder *builder, const char *detail) {
    keyfob_config *config = NULL;
    keyfob_error *error = NULL;
    keyfob_status status = keyfob_config_builder_build(builder, &config, &error);
    const char *found = keyfob_error_detail(error);
    if (!ok(status == KEYFOB_CONFIGURATION && config == NULL && found != NULL && strstr(found, detail) != NULL,
            "refused: %s", detail)) {
        printf("# found: %s, %s\n", keyfob_status_name(status), found == NULL ? "no detail" : found);
    }
    keyfob_error_free(error);
    keyfob_config_free(config);
}

/* Begins a login; its URL is good until the next one. */
static const char *url_of(keyfob_handle *keyfob) {
    static char url[8192];
    keyfob_login *login = NULL;
    keyfob_error *error = NULL;
    must(keyfob_begin_login(keyfob, "notes", NULL, &login, &error), &error, "begin");
    snprintf(url, sizeof url, "%s", keyfob_login_authorization_url(login));
    keyfob_login_free(login);
    return url;
}

static keyfob_session *log_in_here(keyfob_handle *keyfob) {
    keyfob_completed *completed = NULL;
    keyfob_error *error = NULL;
    char redirect[4096];
    const char *state = strstr(url_of(keyfob), "state=");
    if (state == NULL) {
        give_up("the URL has no state");
    }
    snprintf(redirect, sizeof redirect, REDIRECT_URI "?code=c-1&%.*s", (int)strcspn(state, "&"), state);
    must(keyfob_complete_login(keyfob, redirect, &completed, &error), &error, "complete");
    keyfob_session *session = keyfob_session_copy(keyfob_completed_session(completed));
    keyfob_completed_free(completed);
    return session;
}

static bool has(const char *text, const char *part) {
    bool found = strstr(text, part) != NULL;
    if (!found) {
        printf("# %s is not in: %.*s\n", part, (int)strcspn(text, "\n"), text);
    }
    return found;
}

/* The whole of a parameter, not the beginning of one. */
static bool has_parameter(const char *url, const char *pair) {
    const char *at = strstr(url, pair);
    char next = at == NULL ? '?' : at[strlen(pair)];
    return (next == '&' || next == '\0') && (at[-1] == '&' || at[-1] == '?');
}

static void a_provider_of_the_app_s_own(void) {
    keyfob_error *error = NULL;
    keyfob_provider_builder *own = acme();
    must(keyfob_provider_builder_set_name(own, "Acme & Sons", &error), &error, "name");
    must(keyfob_provider_builder_add_name_at(own, "/name", &error), &error, "a first place of the name");
    must(keyfob_provider_builder_add_name_at(own, "/nick", &error), &error, "a second one");
    must(keyfob_provider_builder_set_email_at(own, "/mail", &error), &error, "the place of the address");
    must(keyfob_provider_builder_add_avatar_url_at(own, "/face", &error), &error, "the place of the picture");
    must(keyfob_provider_builder_add_scope(own, "me", &error), &error, "scope");
    must(keyfob_provider_builder_set_revocation_endpoint(own, SITE "/revoke", &error), &error, "revocation");
    must(keyfob_provider_builder_set_device_authorization_endpoint(own, SITE "/device", &error), &error, "device");
    keyfob_config_builder *builder = begin("provider");
    add(builder, own, notes("acme"));
    keyfob_handle *keyfob = open_built(builder);

    keyfob_registration_list *registrations = NULL;
    must(keyfob_registrations(keyfob, &registrations, &error), &error, "registrations");
    same(keyfob_registration_provider_name(keyfob_registration_list_at(registrations, 0)), "Acme & Sons", "its name");
    same(keyfob_registration_id(keyfob_registration_list_at(registrations, 0)), "notes", "the id of the registration");
    keyfob_registration_list_free(registrations);

    const char *url = url_of(keyfob);
    ok(strncmp(url, SITE "/authorize?", strlen(SITE "/authorize?")) == 0, "the authorization endpoint");
    ok(has_parameter(url, "scope=me"), "the scope of the provider");
    ok(has(url, "client_id=client-4"), "the client's id");
    ok(has(url, "redirect_uri=com.example.notes%3A%2Fcallback%2Facme"), "the redirect URI");

    keyfob_session *session = log_in_here(keyfob);
    same(provider.place, "/me", "the userinfo endpoint");
    const keyfob_profile *profile = keyfob_session_profile(session);
    same(keyfob_session_provider_uid(session), "u-7", "the user");
    same(keyfob_profile_name(profile), "Ada", "the name, in the second place");
    same(keyfob_profile_email(profile), "ada@acme.example", "the address");
    same(keyfob_profile_avatar_url(profile), "https://acme.example/ada.png", "the picture");

    keyfob_device_login *device = NULL;
    must(keyfob_begin_device_login(keyfob, "notes", NULL, &device, &error), &error, "on another device");
    same(provider.place, "/device", "the device authorization endpoint");
    same(keyfob_device_login_user_code(device), "WDJB-MJHT", "its code");
    keyfob_device_login_free(device);

    must(keyfob_end_session(keyfob, keyfob_session_id(session), NULL, NULL, &error), &error, "end");
    same(provider.place, "/revoke", "the revocation endpoint");
    keyfob_session_free(session);
    keyfob_free(keyfob);
}

static void a_provider_of_a_file(void) {
    keyfob_error *error = NULL;
    keyfob_provider_builder *own = NULL;
    fails(keyfob_provider_builder_from_json("{\"id\":\"acme\",\"colour\":1}", &own, &error), &error, KEYFOB_CONFIGURATION,
          "UnknownKey", "a key that a provider has not");
    must(keyfob_provider_builder_from_json(
             "{\"id\":\"acme\",\"kind\":\"oauth2\",\"endpoints\":{\"authorization\":\"" SITE "/authorize\",\"token\":\"" SITE
             "/token\",\"userinfo\":\"" SITE "/me\",\"pushed_authorization_request\":\"" SITE
             "/push\"},\"profile\":{\"uid\":\"/key/id\"}}",
             &own, &error),
         &error, "a provider");
    keyfob_registration_builder *registration = notes("acme");
    must(keyfob_registration_builder_require_pushed_authorization_requests(registration, &error), &error, "push");
    keyfob_config_builder *builder = begin("pushed");
    add(builder, own, registration);
    keyfob_handle *keyfob = open_built(builder);
    const char *url = url_of(keyfob);
    same(provider.place, "/push", "the login was pushed to the provider");
    ok(has(provider.body, "code_challenge_method=S256"), "all of it");
    ok(has(url, "request_uri=urn%3Aietf") && strstr(url, "redirect_uri=") == NULL, "and the browser brings its name");
    keyfob_free(keyfob);

    /* Nowhere to push it to. */
    keyfob_login *login = NULL;
    registration = notes("acme");
    must(keyfob_registration_builder_require_pushed_authorization_requests(registration, &error), &error, "push");
    builder = begin("nowhere");
    add(builder, acme(), registration);
    keyfob = open_built(builder);
    keyfob_status status = keyfob_begin_login(keyfob, "notes", NULL, &login, &error);
    ok(status == KEYFOB_CONFIGURATION && login == NULL, "a provider that takes no push");
    keyfob_error_free(error);
    keyfob_free(keyfob);
}

static void a_registration_reaches_the_provider(void) {
    keyfob_error *error = NULL;
    keyfob_registration_builder *registration = notes("acme");
    must(keyfob_registration_builder_set_client_secret(registration, "s3cret", &error), &error, "secret");
    must(keyfob_registration_builder_add_scope(registration, "read", &error), &error, "scope");
    must(keyfob_registration_builder_add_scope(registration, "write", &error), &error, "scope");
    must(keyfob_registration_builder_add_resource(registration, "https://api.example/v1", &error), &error, "resource");
    must(keyfob_registration_builder_set_refresh_budget(registration, 1, 60000, &error), &error, "budget");
    keyfob_config_builder *builder = begin("registration");
    add(builder, acme(), registration);
    keyfob_handle *keyfob = open_built(builder);
    keyfob_session *session = log_in_here(keyfob);
    ok(has(provider.token_head, "authorization: Basic Y2xpZW50LTQ6czNjcmV0"), "the secret, in its header");
    ok(has(provider.token_body, "resource=https%3A%2F%2Fapi.example%2Fv1"), "the resource, in the exchange");
    const char *url = url_of(keyfob);
    ok(has_parameter(url, "scope=read%20write"), "both scopes");
    ok(has(url, "resource=https%3A%2F%2Fapi.example%2Fv1"), "the resource, in the URL");

    must(keyfob_refresh_session(keyfob, keyfob_session_id(session), NULL, &error), &error, "refresh");
    int before = atomic_load(&provider.asked);
    keyfob_status status = keyfob_refresh_session(keyfob, keyfob_session_id(session), NULL, &error);
    ok(status == KEYFOB_RATE_LIMITED && atomic_load(&provider.asked) == before, "the budget was one refresh");
    keyfob_error_free(error);
    error = NULL;
    keyfob_session_free(session);
    keyfob_free(keyfob);

    registration = notes("acme");
    must(keyfob_registration_builder_set_client_secret(registration, "s3cret", &error), &error, "secret");
    must(keyfob_registration_builder_set_client_secret_post(registration, &error), &error, "in the body");
    builder = begin("post");
    add(builder, acme(), registration);
    keyfob = open_built(builder);
    keyfob_session_free(log_in_here(keyfob));
    ok(has(provider.token_body, "client_secret=s3cret") && strstr(provider.token_head, "authorization:") == NULL,
       "the secret, in the body");
    keyfob_free(keyfob);

    registration = notes("oidc");
    must(keyfob_registration_builder_set_variable(registration, "issuer", SITE, &error), &error, "variable");
    builder = begin("variable");
    add(builder, NULL, registration);
    keyfob = open_built(builder);
    ok(has(url_of(keyfob), SITE "/found?"), "the issuer that the variable names was asked");
    keyfob_free(keyfob);

    registration = notes("acme");
    must(keyfob_registration_builder_set_enabled(registration, false, &error), &error, "disabled");
    builder = begin("disabled");
    add(builder, acme(), registration);
    keyfob = open_built(builder);
    keyfob_login *login = NULL;
    fails(keyfob_begin_login(keyfob, "notes", NULL, &login, &error), &error, KEYFOB_CONFIGURATION, "RegistrationDisabled",
          "a registration that is disabled");
    keyfob_free(keyfob);
}

/* The header of the token that the client signed last. */
static const char *assertion_header(void) {
    static char header[256];
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const char *from = strstr(provider.token_body, "client_assertion=");
    size_t length = 0;
    unsigned bits = 0;
    int held = 0;
    const char *digit;
    for (from = from == NULL ? "" : from + strlen("client_assertion=");
         *from != '\0' && (digit = strchr(digits, *from)) != NULL && length + 1 < sizeof header; from++) {
        bits = bits << 6 | (unsigned)(digit - digits);
        held += 6;
        if (held >= 8) {
            held -= 8;
            header[length++] = (char)(bits >> held & 0xff);
        }
    }
    header[length] = '\0';
    return header;
}

static void keys_sign_as_they_are_told(void) {
    static const struct {
        const char *store;
        const char *key;
        keyfob_key_algorithm algorithm; /* 0: not said */
        const char *name;               /* NULL: does not fit */
    } cases[] = {
        {"p256", p256_key, 0, "ES256"},
        {"es256", p256_key, KEYFOB_KEY_ALGORITHM_ES256, "ES256"},
        {"es384", p256_key, KEYFOB_KEY_ALGORITHM_ES384, NULL},
        {"eddsa", p256_key, KEYFOB_KEY_ALGORITHM_EDDSA, NULL},
        {"rsa", rsa_key, 0, "RS256"},
        {"rs256", rsa_key, KEYFOB_KEY_ALGORITHM_RS256, "RS256"},
        {"ps256", rsa_key, KEYFOB_KEY_ALGORITHM_PS256, "PS256"},
    };
    keyfob_error *error = NULL;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        keyfob_registration_builder *registration = notes("acme");
        must(keyfob_registration_builder_set_private_key(registration, cases[i].key, &error), &error, "key");
        must(keyfob_registration_builder_set_key_id(registration, "key-9", &error), &error, "its id");
        if (cases[i].algorithm != 0) {
            must(keyfob_registration_builder_set_key_algorithm(registration, cases[i].algorithm, &error), &error, "algorithm");
        }
        keyfob_config_builder *builder = begin(cases[i].store);
        add(builder, acme(), registration);
        if (cases[i].name == NULL) {
            refused(builder, "registrations[0].key_algorithm does not fit the private_key");
            continue;
        }
        keyfob_handle *keyfob = open_built(builder);
        keyfob_session_free(log_in_here(keyfob));
        char algorithm[32];
        snprintf(algorithm, sizeof algorithm, "\"alg\":\"%s\"", cases[i].name);
        ok(has(assertion_header(), algorithm), "%s: signed with %s", cases[i].store, cases[i].name);
        ok(has(assertion_header(), "\"kid\":\"key-9\""), "%s: the key's id", cases[i].store);
        keyfob_free(keyfob);
    }
    keyfob_registration_builder *registration = notes("acme");
    fails(keyfob_registration_builder_set_key_algorithm(registration, 6, &error), &error, KEYFOB_INVALID_ARGUMENT,
          "InvalidArgument", "an algorithm that is none");
    keyfob_registration_builder_free(registration);
}

static void the_store_and_its_requests(void) {
    keyfob_error *error = NULL;
    keyfob_config_builder *builder = begin("requests");
    must(keyfob_config_builder_set_http_timeouts_ms(builder, 2000, 5500, &error), &error, "time limits");
    must(keyfob_config_builder_set_user_agent(builder, "Notes/1.2", &error), &error, "user agent");
    must(keyfob_config_builder_set_login_lifetime_ms(builder, 90000, &error), &error, "lifetime");
    add(builder, acme(), notes("acme"));
    keyfob_handle *keyfob = open_built(builder);
    keyfob_login *login = NULL;
    must(keyfob_begin_login(keyfob, "notes", NULL, &login, &error), &error, "begin");
    ok(keyfob_login_expires_at_ms(login) == now(NULL) + 90000, "a login is open as long as it was told");
    keyfob_login_free(login);
    keyfob_session_free(log_in_here(keyfob));
    ok(provider.connect_ms == 2000 && provider.total_ms == 5500, "a request has the time that it was told");
    ok(has(provider.head, "User-Agent: Notes/1.2 keyfob/" KEYFOB_VERSION_STRING), "the app's name is sent");
    keyfob_health *health = NULL;
    must(keyfob_read_health(keyfob, &health, &error), &error, "health");
    ok(keyfob_health_sealing(health) == KEYFOB_SEALING_SEALED, "the store is sealed");
    keyfob_health_free(health);
    keyfob_free(keyfob);

    builder = begin("plain");
    must(keyfob_config_builder_set_plaintext(builder, true, &error), &error, "plaintext");
    keyfob = open_config(build(builder));
    must(keyfob_read_health(keyfob, &health, &error), &error, "health");
    ok(keyfob_health_sealing(health) == KEYFOB_SEALING_PLAINTEXT, "unless it was told otherwise");
    keyfob_health_free(health);
    keyfob_free(keyfob);
}

/* A proxy that notes what it is asked for, and refuses. */
static char proxied[1024];

static void *proxy_once(void *listener) {
    int connection = accept(*(int *)listener, NULL, NULL);
    size_t length = 0;
    ssize_t got;
    while (strstr(proxied, "\r\n\r\n") == NULL && length + 1 < sizeof proxied
           && (got = read(connection, proxied + length, sizeof proxied - length - 1)) > 0) {
        length += (size_t)got;
        proxied[length] = '\0';
    }
    dprintf(connection, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
    close(connection);
    return NULL;
}

static void the_proxy_is_asked(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    pthread_t thread;
    if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(listener, 1) != 0
        || getsockname(listener, (struct sockaddr *)&address, &size) != 0
        || pthread_create(&thread, NULL, proxy_once, &listener) != 0) {
        give_up("no proxy");
    }
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%d", ntohs(address.sin_port));
    keyfob_error *error = NULL;
    keyfob_registration_builder *registration = notes("oidc");
    must(keyfob_registration_builder_set_variable(registration, "issuer", SITE, &error), &error, "variable");
    keyfob_config_builder *builder = begin("proxy");
    must(keyfob_config_builder_set_proxy(builder, url, &error), &error, "proxy");
    add(builder, NULL, registration);
    keyfob_handle *keyfob = open_config(sealed(build(builder)));
    keyfob_login *login = NULL;
    fails(keyfob_begin_login(keyfob, "notes", NULL, &login, &error), &error, KEYFOB_NETWORK, "Proxy", "a proxy that says no");
    pthread_join(thread, NULL);
    close(listener);
    ok(has(proxied, "CONNECT acme.example:443 HTTP/1.1\r\n"), "it was asked for the provider");
    keyfob_free(keyfob);

    builder = begin("no proxy");
    must(keyfob_config_builder_set_proxy(builder, "ftp://127.0.0.1", &error), &error, "proxy");
    refused(builder, "http.proxy");
    builder = begin("no authority");
    must(keyfob_config_builder_set_ca_certificates(builder, "-----BEGIN CERTIFICATE-----\nno\n-----END CERTIFICATE-----\n", &error),
         &error, "authorities");
    refused(builder, "http.ca_certificates");
}

/* What comes of a token 95 of its 100 seconds old, and after them: how often the provider is asked. */
static void refreshes(const char *store, keyfob_refresh_policy policy, int early, int late) {
    keyfob_error *error = NULL;
    keyfob_config_builder *builder = begin(store);
    must(keyfob_config_builder_set_refresh_policy(builder, policy, &error), &error, "policy");
    add(builder, acme(), notes("acme"));
    keyfob_handle *keyfob = open_built(builder);
    keyfob_session *session = log_in_here(keyfob);
    int before = atomic_load(&provider.asked);
    keyfob_token *token = NULL;
    atomic_fetch_add(&now_ms, 99000);
    must(keyfob_access_token(keyfob, keyfob_session_id(session), 0, &token, &error), &error, "a token that is good");
    keyfob_token_free(token);
    ok(atomic_load(&provider.asked) - before == early, "%s: %d early", store, early);
    before = atomic_load(&provider.asked);
    atomic_fetch_add(&now_ms, 101000);
    keyfob_status status = keyfob_access_token(keyfob, keyfob_session_id(session), 0, &token, &error);
    ok(atomic_load(&provider.asked) - before == late && (status == KEYFOB_OK) == (late == 1), "%s: %d when it is over", store,
       late);
    keyfob_token_free(token);
    keyfob_error_free(error);
    error = NULL;
    keyfob_session_free(session);
    keyfob_free(keyfob);

    builder = begin("no policy");
    fails(keyfob_config_builder_set_refresh_policy(builder, 4, &error), &error, KEYFOB_INVALID_ARGUMENT, "InvalidArgument",
          "a policy that is none");
    keyfob_config_builder_free(builder);
}

struct refresh {
    keyfob_handle *keyfob;
    const char *session;
    keyfob_status status;
};

static void *refresh(void *context) {
    struct refresh *refresh = context;
    refresh->status = keyfob_refresh_session(refresh->keyfob, refresh->session, NULL, NULL);
    return NULL;
}

static void nobody_waits_longer_than_told(void) {
    keyfob_error *error = NULL;
    keyfob_config_builder *builder = begin("wait");
    must(keyfob_config_builder_set_wait_ms(builder, 50, &error), &error, "wait");
    add(builder, acme(), notes("acme"));
    keyfob_handle *keyfob = open_built(builder);
    keyfob_session *session = log_in_here(keyfob);
    int before = atomic_load(&provider.asked);
    struct refresh other = {.keyfob = keyfob, .session = keyfob_session_id(session)};
    pthread_t thread;
    atomic_store(&provider.held, 1);
    if (pthread_create(&thread, NULL, refresh, &other) != 0) {
        give_up("no thread");
    }
    while (atomic_load(&provider.asked) == before) {
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    time_t began = time(NULL);
    fails(keyfob_refresh_session(keyfob, keyfob_session_id(session), NULL, &error), &error, KEYFOB_TIMEOUT, "WaitTimeout",
          "another thread's refresh takes longer than wait_ms");
    ok(time(NULL) - began < 20, "and not the half minute that is waited otherwise");
    atomic_store(&provider.held, 0);
    pthread_join(thread, NULL);
    ok(other.status == KEYFOB_OK, "which nobody has disturbed");
    keyfob_session_free(session);
    keyfob_free(keyfob);
}

static void what_cannot_be_is_refused_by_its_key(void) {
    keyfob_error *error = NULL;
    keyfob_config_builder *builder = begin("coherence");
    must(keyfob_config_builder_set_coherence_ms(builder, 3600001, &error), &error, "coherence");
    refused(builder, "coherence_seconds must be");
    builder = begin("leeway");
    must(keyfob_config_builder_set_leeway_ms(builder, 300001, &error), &error, "leeway");
    refused(builder, "leeway_seconds must be");
    builder = begin("lifetime");
    must(keyfob_config_builder_set_login_lifetime_ms(builder, 0, &error), &error, "lifetime");
    refused(builder, "login_seconds must be");
    builder = begin("twice");
    add(builder, acme(), notes("acme"));
    add(builder, acme(), notes("acme"));
    refused(builder, "providers[1].id stands twice");
    builder = begin("secret");
    keyfob_registration_builder *registration = notes("acme");
    must(keyfob_registration_builder_set_client_secret(registration, "", &error), &error, "an empty secret");
    add(builder, acme(), registration);
    refused(builder, "registrations[0].client_secret");

    builder = begin("negative");
    fails(keyfob_config_builder_set_wait_ms(builder, -1, &error), &error, KEYFOB_INVALID_ARGUMENT, "InvalidArgument",
          "a duration that is negative");
    keyfob_config_builder_free(builder);
}

static void what_is_added_is_gone_even_on_error(void) {
    keyfob_error *error = NULL;
    fails(keyfob_config_builder_add_registration(NULL, notes("acme"), &error), &error, KEYFOB_INVALID_ARGUMENT,
          "InvalidArgument", "a registration for nobody");
    fails(keyfob_config_builder_add_provider(NULL, acme(), &error), &error, KEYFOB_INVALID_ARGUMENT, "InvalidArgument",
          "a provider for nobody");
    fails(keyfob_config_builder_build(begin("no output"), NULL, &error), &error, KEYFOB_INVALID_ARGUMENT, "InvalidArgument",
          "a configuration for nobody");
    keyfob_provider_builder_free(acme());
    keyfob_registration_builder_free(notes("acme"));
    keyfob_config_builder_free(begin("never built"));
}

int main(int argc, char **argv) {
    if (argc != 3) {
        give_up("usage: builder ISSUER EMPTY_FOLDER");
    }
    folder = argv[2];
    atomic_store(&now_ms, 1700000000000);
    a_provider_of_the_app_s_own();
    a_provider_of_a_file();
    a_registration_reaches_the_provider();
    keys_sign_as_they_are_told();
    the_store_and_its_requests();
    the_proxy_is_asked();
    refreshes("normal", KEYFOB_REFRESH_POLICY_NORMAL, 1, 1);
    refreshes("on demand", KEYFOB_REFRESH_POLICY_ON_DEMAND, 0, 1);
    refreshes("never", KEYFOB_REFRESH_POLICY_NEVER, 0, 0);
    nobody_waits_longer_than_told();
    what_cannot_be_is_refused_by_its_key();
    what_is_added_is_gone_even_on_error();
    return tap_done();
}
