/*
 * What the tests share: the Test Anything Protocol, the talk with the stage that runs them (the browser and the
 * provider's log are on the other side of standard input and output: see xtask/src/stage.rs), and a configuration.
 *
 * A test includes this once, in its one source file.
 */
#ifndef TAP_HPP
#define TAP_HPP

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "keyfob.hpp"

using namespace std::chrono_literals;
using keyfob::status;

inline constexpr std::string_view registration = "work-sso";

inline std::string issuer;
inline std::string folder;

inline int tap_count = 0;
inline int tap_failures = 0;

/* One test: a claim that holds or not. */
inline bool ok(bool holds, const std::string& claim) {
    std::cout << (holds ? "ok " : "not ok ") << ++tap_count << " - " << claim << std::endl;
    tap_failures += !holds;
    return holds;
}

template <class Found, class Wanted, class = std::enable_if_t<!std::is_convertible_v<Found, std::string_view>>>
bool same(const Found& found, const Wanted& wanted, const std::string& what) {
    return ok(found == wanted, what);
}

/* For texts, which are shown where they differ. No secrets, then. */
inline bool same(std::string_view found, std::string_view wanted, const std::string& what) {
    const bool holds = ok(found == wanted, what + " is " + std::string(wanted));
    if (!holds) {
        std::cout << "# found: " << found << std::endl;
    }
    return holds;
}

/* The plan, which also tells a test that left early. For the end of main. */
inline int tap_done() {
    std::cout << "1.." << tap_count << std::endl;
    return tap_failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

[[noreturn]] inline void give_up(const std::string& why) {
    std::cout << "Bail out! " << why << std::endl;
    std::exit(EXIT_FAILURE);
}

/* A call that must work for the test to go on. */
template <class T>
T must(keyfob::result<T> found, const std::string& what) {
    if (!found) {
        give_up(what + ": " + std::string(found.error().message()));
    }
    return std::move(found).value();
}
inline void must(const keyfob::result<void>& found, const std::string& what) {
    if (!found) {
        give_up(what + ": " + std::string(found.error().message()));
    }
}

/* A call that must fail, and how. */
template <class T>
bool fails(const keyfob::result<T>& found, status wanted, std::string_view reason, const std::string& what) {
    const keyfob::error& error = found.error();
    const bool holds = ok(!found && error.status() == wanted && error.reason() == reason,
                          what + ": " + std::string(keyfob::name(wanted)) + ", " + std::string(reason));
    if (!holds) {
        std::cout << "# found: " << error.message() << std::endl;
    }
    return holds;
}

/* Asks the stage for something. */
inline std::string ask(const std::string& verb, std::string_view what) {
    std::string answer;
    std::cout << "# " << verb << ' ' << what << std::endl;
    if (!std::getline(std::cin, answer) || answer.empty()) {
        give_up("the stage gave no answer");
    }
    return answer;
}

/* How many requests the provider got at a path. */
inline int requests(std::string_view path) { return std::stoi(ask("count", path)); }

/* A GET of an http:// URL with an IPv4 address and a port; the whole answer. */
inline std::string http_get(const std::string& url) {
    char host[64];
    unsigned port = 0;
    int path = 0;
    if (std::sscanf(url.c_str(), "http://%63[0-9.]:%u%n", host, &port, &path) != 2) {
        give_up("not a URL of the provider");
    }
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    inet_pton(AF_INET, host, &address.sin_addr);
    const int connection = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(connection, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
        give_up("the provider cannot be reached");
    }
    const std::string request = "GET " + url.substr(static_cast<std::size_t>(path)) + " HTTP/1.0\r\nHost: " + host + ':'
                                + std::to_string(port) + "\r\n\r\n";
    if (write(connection, request.data(), request.size()) < 0) {
        give_up("the provider does not listen");
    }
    std::string answer;
    char part[4096];
    for (ssize_t got; (got = read(connection, part, sizeof part)) > 0;) {
        answer.append(part, static_cast<std::size_t>(got));
    }
    close(connection);
    return answer;
}

/* Whether anything that the provider was sent holds a text, such as ["prompt","login"]. */
inline bool sent(const std::string& what) {
    return http_get(issuer + "/_idp/requests").find(what) != std::string::npos;
}

/* A store key for tests. */
inline keyfob::store_key a_key(std::uint8_t byte = 7) {
    keyfob::store_key key;
    key.bytes().fill(byte);
    return key;
}

/* The configuration of the tests without a store key: the provider by discovery, with a store in a folder of its own. Others are looked for at each
 * call, or so seldom. */
inline keyfob::config configure_unsealed(const std::string& store, int coherence_seconds = 0) {
    const std::string json = R"({"store":{"path":")" + folder + '/' + store + R"("},"coherence_seconds":)" +
                             std::to_string(coherence_seconds) + R"(,
        "registrations":[{"id":"work-sso","provider":"oidc","variables":{"issuer":")" + issuer + R"("},
        "client_id":"demo","redirect_uri":"http://127.0.0.1/callback/work-sso",
        "scopes":["openid","email","offline_access"]}]})";
    return must(keyfob::config::from_json(json), "the configuration");
}

/* The same, with the key. */
inline keyfob::config configure(const std::string& store, int coherence_seconds = 0) {
    keyfob::config config = configure_unsealed(store, coherence_seconds);
    config.set_store_key(a_key());
    return config;
}

inline keyfob::handle open_store(const std::string& store) { return must(keyfob::open(configure(store)), "open"); }

/* Begins a login and sends the browser there. */
inline std::string redirect_of(const keyfob::handle& keys, const std::string& verb = "browse",
                               const keyfob::login_options& options = keyfob::login_options()) {
    const auto login = must(keys.begin_login(registration, options), "begin");
    return ask(verb, login.authorization_url());
}

/* A whole login. */
inline keyfob::session log_in(const keyfob::handle& keys) {
    return must(keys.complete_login(redirect_of(keys)), "complete").session();
}

/* A clock that can be moved. */
class moved_clock : public keyfob::clock {
public:
    keyfob::time_point wall() override { return std::chrono::system_clock::now() + ahead(); }
    keyfob::milliseconds boot() override {
        return std::chrono::duration_cast<keyfob::milliseconds>(std::chrono::steady_clock::now().time_since_epoch()) + ahead();
    }
    std::atomic<long> seconds{0};

private:
    std::chrono::seconds ahead() const { return std::chrono::seconds(seconds.load()); }
};

/* Of `NAME ISSUER EMPTY_FOLDER`. */
inline void begin(int argc, char** argv) {
    if (argc != 3) {
        give_up("usage: NAME ISSUER EMPTY_FOLDER");
    }
    issuer = argv[1];
    folder = argv[2];
}

#endif
