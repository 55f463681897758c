/* Logins in the browser of this machine and on another device. `desktop ISSUER EMPTY_FOLDER`. */

#include <stdexcept>

#include "tap.hpp"

/* A browser: what it does, and what it was shown in the end. */
struct visit {
    std::string verb = "browse";
    std::string page;
    std::thread going;

    keyfob::open_url_function opener() {
        return [this](std::string_view url) {
            going = std::thread([this, url = std::string(url)] { page = http_get(ask(verb, url)); });
            return true;
        };
    }
    bool shows(std::string_view words) const { return page.find(words) != std::string::npos; }
};

static void a_login_in_the_browser_shows_the_apps_words() {
    const auto keys = open_store("browser");
    visit browser;
    keyfob::login_pages pages("Notizen");
    pages.set_language("de")
        .set_right_to_left(true)
        .set_success("Angemeldet", "Das Fenster kann zu.")
        .set_denied("Abgelehnt", "Wie gewünscht.")
        .set_failure("Fehler", "Noch einmal.");
    keyfob::browser_login login;
    login.set_pages(pages)
        .set_options(keyfob::login_options().set_app_data("42").add_parameter("login_hint", "ada"))
        .set_time_limit(1min)
        .set_browser(browser.opener());
    const auto done = must(keys.login_in_browser(registration, login), "login");
    browser.going.join();
    same(done.session().provider_uid(), "u-1", "the user");
    same(done.app_data().value_or(""), "42", "the application's data");
    ok(sent(R"(["login_hint","ada"])"), "the options were sent");
    ok(browser.shows(" 200 ") && browser.shows("lang=\"de\"") && browser.shows("dir=\"rtl\"") && browser.shows("Notizen")
           && browser.shows("Angemeldet") && browser.shows("Das Fenster kann zu."),
       "the page says what the application said");

    browser.verb = "refuse";
    const auto refused = keys.login_in_browser(registration, login);
    browser.going.join();
    fails(refused, status::access_denied, "AccessDenied", "a user who says no");
    ok(browser.shows(" 403 ") && browser.shows("Abgelehnt"), "the page for that");

    login.set_browser([](std::string_view) { return true; }).set_time_limit(50ms);
    fails(keys.login_in_browser(registration, login), status::timeout, "WaitTimeout", "no redirect in time");
    login.set_browser([](std::string_view) { return false; });
    fails(keys.login_in_browser(registration, login), status::invalid_state, "BrowserUnavailable", "no browser");
    login.set_browser([](std::string_view) -> bool { throw std::runtime_error("no screen"); });
    fails(keys.login_in_browser(registration, login), status::invalid_state, "BrowserUnavailable", "a browser that throws");
    /* It may call Keyfob: it runs without a lock. */
    std::size_t waiting = 0;
    login.set_browser([&](std::string_view) {
        waiting = must(keys.pending_logins(), "from within").size();
        return false;
    });
    fails(keys.login_in_browser(registration, login), status::invalid_state, "BrowserUnavailable", "one that calls back");
    ok(waiting == 1, "and sees its own login");
}

static void a_login_is_cancelled_or_pasted() {
    const auto keys = open_store("control");
    const keyfob::login_control control;
    keyfob::browser_login login;
    login.set_control(control).set_browser([](std::string_view) { return true; });
    std::thread other([&] {
        std::this_thread::sleep_for(200ms);
        control.cancel();
    });
    ok(!control.is_cancelled(), "nobody has cancelled");
    fails(keys.login_in_browser(registration, login), status::cancelled, "Cancelled", "another thread cancels");
    other.join();
    ok(control.is_cancelled(), "somebody has cancelled");

    const keyfob::login_control pasting;
    std::string url;
    std::thread user;
    login.set_control(pasting).set_browser([&](std::string_view opened) {
        user = std::thread([&pasting, url = std::string(opened)] {
            fails(pasting.hand_over("http://127.0.0.1/?state=guessed&code=x"), status::redirect_rejected, "StateUnknown",
                  "a redirect of no login");
            must(pasting.hand_over(ask("browse", url)), "hand over");
        });
        return true;
    });
    const auto done = must(keys.login_in_browser(registration, login), "a pasted redirect");
    user.join();
    same(done.session().provider_uid(), "u-1", "its user");
}

static void connect(const keyfob::device_login& login) {
    same(ask("connect", std::string(login.verification_uri()) + ' ' + std::string(login.user_code())), "done",
         "the user at another device");
}

static void a_login_on_another_device() {
    ask("script", R"({"device":{"interval_seconds":1}})");
    const auto keys = open_store("device");
    const auto login = must(keys.begin_device_login(registration), "begin");
    same(login.registration(), registration, "its registration");
    ok(login.verification_uri_complete()->find(login.user_code()) != std::string_view::npos, "the code is in the URI");
    ok(login.interval() == 1s && login.expires_at() > std::chrono::system_clock::now() + 10s, "its times");
    ok(login.qr_code_text() && login.qr_code_svg()->find("<svg") != std::string_view::npos, "its QR codes");
    const auto pending = must(keys.pending_logins(), "pending");
    ok(pending.size() == 1 && pending[0].is_on_another_device() && pending[0].id() == login.id(), "it is among those that wait");
    const auto found = must(keys.find_device_login(login.id()), "find");
    ok(found.user_code() == login.user_code(), "and is found by its id");
    fails(keys.find_device_login("nobody"), status::invalid_argument, "UnknownLogin", "not by another one");

    auto poll = must(keys.poll_device_login(login.id()), "poll");
    ok(!poll.completed && poll.wait > 0ms, "while nobody has confirmed, a poll says how long to wait");
    connect(login);
    for (int tries = 0; !poll.completed && tries < 50; ++tries) {
        std::this_thread::sleep_for(poll.wait);
        poll = must(keys.poll_device_login(login.id()), "poll");
    }
    ok(poll.completed && poll.wait == 0ms, "then it gives the session");
    same(poll.completed ? poll.completed->session().provider_uid() : "", "u-1", "the user");

    std::string shown;
    const auto whole = must(keys.login_on_another_device(registration,
                                                         [&](const keyfob::device_login& seen) {
                                                             shown = seen.user_code();
                                                             connect(seen);
                                                         },
                                                         keyfob::login_options().set_app_data("tv")),
                            "in one call");
    same(whole.app_data().value_or(""), "tv", "the application's data");
    ok(!shown.empty(), "a code was shown");

    const keyfob::login_control control;
    fails(keys.login_on_another_device(registration, [&](const auto&) { control.cancel(); }, keyfob::login_options(), control),
          status::cancelled, "Cancelled", "one that is cancelled");
    fails(keys.login_on_another_device(registration, [](const auto&) { throw std::runtime_error("no screen"); }),
          status::cancelled, "Cancelled", "one that cannot be shown");
    fails(keys.login_on_another_device(registration, nullptr), status::invalid_argument, "InvalidArgument", "or to nobody");
    fails(keys.begin_device_login(registration, keyfob::login_options().set_redirect_port(1)), status::invalid_argument,
          "InvalidArgument", "a port has no place here");
    ask("script", "{}");
}

int main(int argc, char** argv) {
    begin(argc, argv);
    a_login_in_the_browser_shows_the_apps_words();
    a_login_is_cancelled_or_pasted();
    a_login_on_another_device();
    return tap_done();
}
