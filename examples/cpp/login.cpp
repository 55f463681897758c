/*
 * A desktop login by the browser of this machine, and what an app does with its session.
 *
 *     c++ -std=c++17 examples/cpp/login.cpp $(pkg-config --cflags --libs keyfob) -o login
 *     ./login keyfob.json work-sso
 *
 * The redirect URI of the registration is a loopback address (http://127.0.0.1/...): Keyfob listens there while the login
 * waits. Open the URL that is printed; an app would leave out `set_browser`, and the system's browser opens by itself.
 *
 * The store is sealed. Its key lies in keyfob.json.key, a file that only you can read: it stands in for the system's
 * keystore, which an app would ask, and is less than that, for any program that you run can read it.
 */

#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <utility>

#include "keyfob.hpp"

namespace {

std::string read_file(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
}

/* Makes a key and keeps it, before anything is sealed under it. */
keyfob::store_key_answer make_key(const std::string& path, keyfob::store_key& key) {
    auto made = keyfob::store_key::generate();
    const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL, S_IRUSR | S_IWUSR);
    if (!made || file < 0) {
        return keyfob::store_key_answer::not_now;
    }
    key = std::move(made).value();
    const bool kept = write(file, key.bytes().data(), key.bytes().size()) == ssize_t(key.bytes().size()) && fsync(file) == 0;
    return close(file) == 0 && kept ? keyfob::store_key_answer::here : keyfob::store_key_answer::not_now;
}

/* Only a keystore that is sure of it says `gone`: that ends every session. A file that is not there may be on a disk that is
 * not mounted. */
keyfob::store_key_answer store_key(const std::string& path, keyfob::wanted_store_key wanted, keyfob::store_key& key) {
    const int file = open(path.c_str(), O_RDONLY);
    if (file < 0) {
        return wanted == keyfob::wanted_store_key::anew ? make_key(path, key) : keyfob::store_key_answer::not_now;
    }
    const ssize_t length = read(file, key.bytes().data(), key.bytes().size());
    close(file);
    return length == ssize_t(key.bytes().size()) ? keyfob::store_key_answer::here : keyfob::store_key_answer::not_now;
}

/* The whole login in one call: it returns when the user is back from the browser. */
keyfob::session log_in(const keyfob::handle& keys, const std::string& registration) {
    keyfob::browser_login login;
    login.set_pages(keyfob::login_pages("the example"))
        .set_time_limit(std::chrono::minutes(5))
        .set_browser([](std::string_view url) {
            std::cout << "Open this and log in:\n\n" << url << "\n\n" << std::flush;
            return true;
        });
    return keys.login_in_browser(registration, login).value().session();
}

void print_expiry(const std::optional<keyfob::time_point>& expiry) {
    if (!expiry) {
        std::cout << "good until (the provider did not say)\n";
        return;
    }
    const std::time_t seconds = std::chrono::system_clock::to_time_t(*expiry);
    char text[32];
    std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", std::gmtime(&seconds));
    std::cout << "good until " << text << '\n';
}

/* What an app does with a session, day by day. */
void use(const keyfob::handle& keys, const keyfob::session& session) {
    const auto me = keys.fetch_profile(session.id()).value();
    std::cout << "profile    " << me.name().value_or("(no name)") << " <" << me.email().value_or("(no address)") << ">\n";

    /* Ask before every request to the provider: a fresh token comes from memory, and a refresh happens by itself. */
    const auto token = keys.access_token(session.id()).value();
    std::cout << "token      " << token.secret().size() << " bytes, shown as " << token << '\n';
    print_expiry(token.expires_at());

    /* Where a failure is not the end, the result says what to do. */
    if (const auto refreshed = keys.refresh_session(session.id()); !refreshed) {
        const keyfob::error& error = refreshed.error();
        std::cout << (error.is_login_required() ? "log in again: " : "later: ") << error.message() << '\n';
    }
}

/* Here at once, whatever the network does; then the provider is asked to revoke the token. */
void log_out(const keyfob::handle& keys, const keyfob::session& session) {
    const auto ended = keys.end_session(session.id()).value();
    const bool told = ended.revocation() == keyfob::revocation::done;
    std::cout << "logged out here" << (told ? " and at the provider" : "; the provider's token lives on until it is over") << '\n';
}

void run(const std::string& config_file, const std::string& registration) {
    auto config = keyfob::config::from_json(read_file(config_file)).value();
    config.set_store_key_source([path = config_file + ".key"](keyfob::wanted_store_key wanted, keyfob::store_key& key) {
        return store_key(path, wanted, key);
    });
    const auto keys = keyfob::open(std::move(config)).value();

    const auto session = log_in(keys, registration);
    std::cout << "user       " << session.provider_uid() << " at " << session.provider() << '\n';
    use(keys, session);
    log_out(keys, session);

    std::cout << "\nWhat happened, newest first:\n";
    for (const auto& entry : keys.journal(10).value()) {
        std::cout << "  " << entry.message() << '\n';
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) {
        std::cerr << "usage: login CONFIG_JSON_FILE REGISTRATION\n";
        return EXIT_FAILURE;
    }
    try {
        run(argv[1], argv[2]);
    } catch (const keyfob::exception& failed) {
        /* Errors of Keyfob hold no secrets: they may go into a log as they are. */
        std::cerr << failed.what() << '\n';
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
