/*
 * What went over the wire: the provider's own log, and the provider's pages, read through a socket. For tests that have
 * to see more than the number of requests.
 *
 * A test includes this once, after _POSIX_C_SOURCE and tap.h.
 */
#ifndef WIRE_H
#define WIRE_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

/* A GET of an http:// URL with an IPv4 address and a port; the whole answer, to be freed. */
static inline char *http_get(const char *url) {
    char host[64];
    unsigned port = 0;
    int path = 0;
    if (sscanf(url, "http://%63[0-9.]:%u%n", host, &port, &path) != 2) {
        give_up("not a URL of the provider");
    }
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    inet_pton(AF_INET, host, &address.sin_addr);
    int connection = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(connection, (struct sockaddr *)&address, sizeof address) != 0) {
        give_up("the provider cannot be reached");
    }
    dprintf(connection, "GET %s HTTP/1.0\r\nHost: %s:%u\r\n\r\n", url + path, host, port);
    size_t length = 0;
    size_t room = 65536;
    char *answer = malloc(room);
    ssize_t got;
    while (answer != NULL && (got = read(connection, answer + length, room - length - 1)) > 0) {
        length += (size_t)got;
        if (length + 1 == room) {
            room *= 2;
            answer = realloc(answer, room);
        }
    }
    close(connection);
    if (answer == NULL) {
        give_up("no memory");
    }
    answer[length] = '\0';
    return answer;
}

/* The end of the JSON object that begins here. */
static inline const char *end_of_object(const char *text) {
    int depth = 0;
    bool quoted = false;
    for (; *text != '\0'; text++) {
        if (quoted && text[0] == '\\' && text[1] != '\0') {
            text++;
        } else if (quoted) {
            quoted = *text != '"';
        } else if (*text == '"') {
            quoted = true;
        } else if (*text == '{') {
            depth++;
        } else if (*text == '}' && --depth == 0) {
            return text + 1;
        }
    }
    return text;
}

/* Whether the provider got a request at that path whose entry in the log holds a text, such as ["prompt","login"]. */
static inline bool sent(const char *issuer, const char *path, const char *what) {
    char url[256];
    char at[128];
    snprintf(url, sizeof url, "%s/_idp/requests", issuer);
    snprintf(at, sizeof at, "\"path\":\"%s\"", path);
    char *log = http_get(url);
    char *entry = strstr(log, "\r\n\r\n[");
    bool found = false;
    if (entry == NULL) {
        give_up("the provider's log cannot be read");
    }
    while (!found && (entry = strchr(entry, '{')) != NULL) {
        char *end = log + (end_of_object(entry) - log);
        char next = *end;
        *end = '\0';
        found = strstr(entry, at) != NULL && strstr(entry, what) != NULL;
        *end = next;
        entry = end;
    }
    free(log);
    return found;
}

/* The same for one parameter of the query or the form. */
static inline bool sent_parameter(const char *issuer, const char *path, const char *name, const char *value) {
    char pair[8192];
    snprintf(pair, sizeof pair, "[\"%s\",\"%s\"]", name, value);
    return sent(issuer, path, pair);
}

#endif
