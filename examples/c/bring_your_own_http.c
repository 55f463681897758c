/*
 * The app's own HTTP client under Keyfob: libcurl sends every request, with the certificates, the proxy and the settings
 * that the app has for it anyway. A login from begin to end, as in login.c.
 *
 *     cc examples/c/bring_your_own_http.c $(pkg-config --cflags --libs keyfob libcurl) -o bring_your_own_http
 *     ./bring_your_own_http keyfob.json work-sso
 */

#define _POSIX_C_SOURCE 200809L

#include <curl/curl.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "keyfob.h"

/* ---- The transport: one function. ---- */

/* Where libcurl's bytes go, and how many Keyfob wants of them. */
struct body {
    keyfob_http_response *response;
    size_t room;
};

static size_t take_body(char *bytes, size_t one, size_t length, void *context) {
    struct body *body = context;
    (void)one; /* libcurl says that it is always 1 */
    if (length > body->room
        || keyfob_http_response_append_body(body->response, (const uint8_t *)bytes, length, NULL) != KEYFOB_OK) {
        return 0; /* which ends the request: CURLE_WRITE_ERROR */
    }
    body->room -= length;
    return length;
}

/* The request's own headers, and no Expect: its answer would only cost time. */
static struct curl_slist *headers_of(const keyfob_http_request *request) {
    struct curl_slist *list = curl_slist_append(NULL, "Expect:");
    for (size_t i = 0; i < keyfob_http_request_headers_len(request); i++) {
        char line[16384];
        snprintf(line, sizeof line, "%s: %s", keyfob_http_request_header_name_at(request, i),
                 keyfob_http_request_header_value_at(request, i));
        list = curl_slist_append(list, line);
    }
    return list;
}

/* Status and headers of the answer that came last: what a proxy said before it does not count. */
static bool take_head(CURL *curl, keyfob_http_response *response) {
    long status = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    bool good = keyfob_http_response_set_status(response, (int32_t)status, NULL) == KEYFOB_OK;
    struct curl_header *header = NULL;
    while (good && (header = curl_easy_nextheader(curl, CURLH_HEADER, -1, header)) != NULL) {
        good = keyfob_http_response_add_header(response, header->name, header->value, NULL) == KEYFOB_OK;
    }
    return good;
}

static keyfob_transport_failure failure_of(CURLcode code) {
    switch (code) {
    case CURLE_OPERATION_TIMEDOUT: return KEYFOB_TRANSPORT_FAILURE_TIMEOUT;
    case CURLE_PEER_FAILED_VERIFICATION: return KEYFOB_TRANSPORT_FAILURE_CERTIFICATE;
    case CURLE_SSL_CONNECT_ERROR: return KEYFOB_TRANSPORT_FAILURE_TLS;
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_PROXY: return KEYFOB_TRANSPORT_FAILURE_PROXY;
    case CURLE_WRITE_ERROR:
    case CURLE_WEIRD_SERVER_REPLY: return KEYFOB_TRANSPORT_FAILURE_ANSWER;
    default: return KEYFOB_TRANSPORT_FAILURE_NETWORK;
    }
}

/* Sends one request, once, on a connection of its own; libcurl follows no redirect and unpacks nothing unless it is told to.
 * It runs on any thread, so it keeps nothing between two calls but the count. */
static keyfob_transport_outcome send_by_curl(void *context, const keyfob_http_request *request,
                                             keyfob_http_response *response) {
    CURL *curl = curl_easy_init();
    if (curl == NULL) {
        return KEYFOB_TRANSPORT_NOT_SENT;
    }
    struct body body = {.response = response, .room = keyfob_http_request_max_body_bytes(request)};
    struct curl_slist *headers = headers_of(request);
    curl_easy_setopt(curl, CURLOPT_URL, keyfob_http_request_url(request));
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "127.0.0.1,::1"); /* what is on this machine, no proxy can reach */
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "bring_your_own_http/1 libcurl/" LIBCURL_VERSION);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)keyfob_http_request_connect_timeout_ms(request));
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)keyfob_http_request_timeout_ms(request));
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &body);
    if (strcmp(keyfob_http_request_method(request), "POST") == 0) {
        const uint8_t *bytes = keyfob_http_request_body(request);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)keyfob_http_request_body_len(request));
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, bytes == NULL ? "" : (const char *)bytes);
    }

    keyfob_transport_outcome outcome = KEYFOB_TRANSPORT_ANSWERED;
    CURLcode code = curl_easy_perform(curl);
    if (code == CURLE_OK && !take_head(curl, response)) {
        code = CURLE_WEIRD_SERVER_REPLY;
    }
    if (code != CURLE_OK) {
        /* What Keyfob has to know above all: may the provider have got it? Then it must not simply be sent again. */
        long sent = 0;
        curl_easy_getinfo(curl, CURLINFO_REQUEST_SIZE, &sent);
        outcome = sent == 0 ? KEYFOB_TRANSPORT_NOT_SENT : KEYFOB_TRANSPORT_UNKNOWN;
        if (keyfob_http_response_set_failure(response, failure_of(code), curl_easy_strerror(code), NULL) != KEYFOB_OK) {
            outcome = KEYFOB_TRANSPORT_UNKNOWN;
        }
    }
    *(int *)context += 1;
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    return outcome;
}

/* ---- The app around it. ---- */

static int failed(const char *what, keyfob_error *error) {
    fprintf(stderr, "%s: %s\n", what, keyfob_error_message(error));
    keyfob_error_free(error);
    return EXIT_FAILURE;
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

/* The store key from a file that only you can read, made when there is none. An app asks the system's keystore: see login.c. */
static bool store_key(const char *path, uint8_t *key) {
    int file = open(path, O_RDWR | O_CREAT, S_IRUSR | S_IWUSR);
    if (file < 0) {
        return false;
    }
    ssize_t length = read(file, key, KEYFOB_STORE_KEY_LEN);
    if (length == 0 && keyfob_store_key_generate(key, KEYFOB_STORE_KEY_LEN, NULL) == KEYFOB_OK) {
        length = write(file, key, KEYFOB_STORE_KEY_LEN);
    }
    return close(file) == 0 && length == KEYFOB_STORE_KEY_LEN;
}

static int log_in(keyfob_handle *keyfob, const char *registration) {
    keyfob_login *login = NULL;
    keyfob_completed *completed = NULL;
    keyfob_error *error = NULL;
    char redirect[8192];

    if (keyfob_begin_login(keyfob, registration, NULL, &login, &error) != KEYFOB_OK) {
        return failed("begin", error);
    }
    printf("Open this and log in, then paste the address that the browser ends at:\n\n%s\n\n",
           keyfob_login_authorization_url(login));
    fflush(stdout);
    keyfob_login_free(login);
    if (fgets(redirect, sizeof redirect, stdin) == NULL) {
        fprintf(stderr, "no address was given\n");
        return EXIT_FAILURE;
    }
    redirect[strcspn(redirect, "\r\n")] = '\0';
    if (keyfob_complete_login(keyfob, redirect, &completed, &error) != KEYFOB_OK) {
        return failed("complete", error);
    }
    printf("user %s is logged in\n", keyfob_session_provider_uid(keyfob_completed_session(completed)));
    keyfob_completed_free(completed);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv) {
    keyfob_config *config = NULL;
    keyfob_handle *keyfob = NULL;
    keyfob_error *error = NULL;
    uint8_t key[KEYFOB_STORE_KEY_LEN];
    char key_file[4096];
    int sent = 0; /* one thread uses the handle here; with more of them it would be atomic */

    const char *json = argc == 3 ? read_file(argv[1]) : NULL;
    if (json == NULL) {
        fprintf(stderr, "usage: bring_your_own_http CONFIG_JSON_FILE REGISTRATION\n");
        return EXIT_FAILURE;
    }
    snprintf(key_file, sizeof key_file, "%s.key", argv[1]);
    if (!store_key(key_file, key)) {
        fprintf(stderr, "%s: no store key\n", key_file);
        return EXIT_FAILURE;
    }
    curl_global_init(CURL_GLOBAL_DEFAULT);
    if (keyfob_config_from_json(json, &config, &error) != KEYFOB_OK) {
        return failed("configuration", error);
    }
    if (keyfob_config_set_store_key(config, key, sizeof key, &error) != KEYFOB_OK
        || keyfob_config_set_transport(config, send_by_curl, &sent, NULL, &error) != KEYFOB_OK) {
        keyfob_config_free(config);
        return failed("configuration", error);
    }
    if (keyfob_open(config, &keyfob, &error) != KEYFOB_OK) {
        return failed("open", error);
    }
    int outcome = log_in(keyfob, argv[2]);
    printf("libcurl sent %d requests\n", sent);
    keyfob_free(keyfob);
    curl_global_cleanup();
    return outcome;
}
