/* What the host brings: all of it working, failing, slow, throwing and calling back. `callbacks ISSUER EMPTY_FOLDER`. */

#include <stdexcept>

#include "tap.hpp"

/* Tells of its end: the context that a callback belongs to was given back. */
class witness {
public:
    explicit witness(int& counter) : counter_(&counter) {}
    witness(const witness& other) : counter_(other.counter_) { ++copies; }
    witness(witness&& other) noexcept : counter_(std::exchange(other.counter_, nullptr)) {}
    witness& operator=(const witness&) = delete;
    ~witness() {
        if (counter_ != nullptr) {
            ++*counter_;
        }
    }
    static inline int copies = 0;

private:
    int* counter_;
};

/* A provider within the transport. */
struct acme {
    std::function<keyfob::transport_outcome(const keyfob::http_request&, keyfob::http_response&)> instead;
    int tokens = 0;
    std::string body;
    std::string url;
    std::mutex one;

    keyfob::transport_outcome answer(const keyfob::http_request& request, keyfob::http_response& response) {
        const std::lock_guard<std::mutex> alone(one);
        body = request.body();
        url = request.url();
        if (instead) {
            return instead(request, response);
        }
        must(response.set_status(200), "status");
        must(response.add_header("Content-Type", "application/json"), "header");
        if (request.method() == "POST") {
            const std::string number = std::to_string(++tokens);
            must(response.append_body(R"({"access_token":"at-)" + number + R"(","refresh_token":"rt-)" + number), "body");
            must(response.append_body(R"(","token_type":"bearer","expires_in":100})"), "body");
        } else {
            must(response.append_body(R"({"id":7,"name":"Ada"})"), "body");
        }
        return keyfob::transport_outcome::answered;
    }
};

static keyfob::config configure_acme(const std::string& store, acme& provider) {
    auto config = must(keyfob::config::from_json(R"({"store":{"path":")" + folder + '/' + store + R"("},
        "http":{"connect_seconds":5,"total_seconds":25},
        "providers":[{"id":"acme","name":"Acme","kind":"oauth2","scopes":{"default":["read"]},
            "endpoints":{"authorization":"https://acme.example/authorize","token":"https://acme.example/token",
                         "userinfo":"https://acme.example/me"},
            "profile":{"uid":"/id","name":"/name"}}],
        "registrations":[{"id":"acme","provider":"acme","client_id":"notes","redirect_uri":"com.example.notes:/cb"}]})"),
                       "the configuration");
    config.set_store_key(a_key()).set_transport(
        [&provider](const auto& request, auto& response) { return provider.answer(request, response); });
    return config;
}

static std::string redirected(const keyfob::handle& keys) {
    const auto login = must(keys.begin_login("acme"), "begin");
    const std::string url(login.authorization_url());
    const auto from = url.find("state=") + 6;
    return "com.example.notes:/cb?code=c-1&state=" + url.substr(from, url.find('&', from) - from);
}

static keyfob::session log_in_acme(const keyfob::handle& keys) {
    return must(keys.complete_login(redirected(keys)), "complete").session();
}

static void the_host_sends_everything() {
    acme provider;
    const auto keys = must(keyfob::open(configure_acme("transport", provider)), "open");
    const auto redirect = redirected(keys);
    bool limits = false;
    bool accepts_json = false;
    provider.instead = [&](const keyfob::http_request& request, keyfob::http_response& response) {
        limits = request.connect_timeout() == 5s && request.timeout() <= 25s && request.timeout() > 20s
                 && request.max_body_bytes() > 1000;
        for (const auto& [name, value] : request.headers()) {
            accepts_json = accepts_json || ((name == "accept" || name == "Accept") && value == "application/json");
        }
        fails(response.set_status(42), status::invalid_argument, "InvalidArgument", "an HTTP status that is none");
        fails(response.add_header("a\n", std::string_view("b\0", 2)), status::invalid_argument, "InvalidArgument", "a header");
        fails(response.set_failure(static_cast<keyfob::transport_failure>(99)), status::invalid_argument, "InvalidArgument",
              "a failure that is none");
        must(response.set_failure(keyfob::transport_failure::certificate_expired, "acme.example"), "failure");
        return keyfob::transport_outcome::not_sent;
    };
    const auto failed = keys.complete_login(redirect);
    fails(failed, status::tls, "TlsExpired", "a transport that could not send");
    ok(failed.error().is_retryable() || failed.error().detail()->find("acme.example") != std::string_view::npos, "its words");
    ok(limits && accepts_json, "limits and headers are handed over");
    same(provider.url, "https://acme.example/token", "the URL");
    ok(provider.body.find("code=c-1") != std::string::npos, "the body is an exchange of the code");

    provider.instead = nullptr;
    const auto session = must(keys.complete_login(redirect), "complete").session();
    same(session.provider_uid(), "7", "the user");
    same(session.provider_access_token(), "at-1", "the token");

    /* From within a refresh the same refresh cannot be waited for. */
    status within = status::ok;
    provider.instead = [&](const keyfob::http_request&, keyfob::http_response&) {
        within = keys.refresh_session(session.id()).error().status();
        return keyfob::transport_outcome::not_sent;
    };
    fails(keys.refresh_session(session.id()), status::network, "NotSent", "a refresh that was not sent");
    same(within, status::invalid_state, "a call from within is refused, and nothing hangs");

    provider.instead = [](const keyfob::http_request&, keyfob::http_response&) {
        std::this_thread::sleep_for(300ms);
        return keyfob::transport_outcome::unknown;
    };
    const auto other = redirected(keys);
    fails(keys.complete_login(other), status::login_required, "CodeExchangeInDoubt", "a slow one that does not know");
    provider.instead = [](const keyfob::http_request&, keyfob::http_response&) -> keyfob::transport_outcome {
        throw std::runtime_error("no network");
    };
    fails(keys.complete_login(redirected(keys)), status::login_required, "CodeExchangeInDoubt",
          "an exception is taken for not knowing");
    provider.instead = [](const keyfob::http_request&, keyfob::http_response&) -> keyfob::transport_outcome { throw 1; };
    fails(keys.complete_login(redirected(keys)), status::login_required, "CodeExchangeInDoubt", "whatever is thrown");
}

static void callbacks_belong_to_keyfob() {
    acme provider;
    int gone = 0;
    const auto source = [w = witness(gone)](keyfob::wanted_store_key, keyfob::store_key& key) {
        static_cast<void>(w);
        key = a_key();
        return keyfob::store_key_answer::here;
    };
    witness::copies = 0;
    {
        auto config = configure_acme("contexts", provider);
        const int before = gone;
        config.set_store_key_source(source);
        ok(witness::copies == 1, "a callback is copied once, to be given");
        config.set_store_key_source(source);
        ok(gone == before + 1, "another one takes its place");
        {
            const auto keys = must(keyfob::open(std::move(config)), "open");
            ok(gone == before + 1, "it lives while the store is open");
        }
        ok(gone == before + 2, "and no longer");
    }
    const int before = gone;
    {
        auto config = configure_acme("contexts", provider);
        config.set_store_key_source(source);
    }
    ok(gone == before + 1, "nor than a configuration that is not opened");
    {
        auto config = configure_acme("contexts", provider);
        const auto moved = std::move(config);
        config.set_store_key_source(source);
        ok(config.problem() && gone == before + 2, "nor than a setter that fails");
    }
    {
        int opened = 0;
        keyfob::browser_login login;
        login.set_browser([w = witness(opened)](std::string_view) { return static_cast<void>(w), true; });
        ok(opened == 0, "a browser belongs to its login");
        login = keyfob::browser_login();
        ok(opened == 1, "and goes with it");
    }
}

/* Tells the time, or throws. */
class moody_clock : public moved_clock {
public:
    keyfob::time_point wall() override { return broken ? throw std::runtime_error("no clock") : moved_clock::wall(); }
    keyfob::milliseconds boot() override { return broken ? throw std::runtime_error("no clock") : moved_clock::boot(); }
    std::atomic<bool> broken{false};
};

/* Close to the end of its days. */
class last_clock : public moved_clock {
public:
    keyfob::time_point wall() override { return (keyfob::time_point::max)() - 10s; }
};

static void a_time_beyond_the_clock_is_its_last() {
    acme provider;
    auto config = configure_acme("last", provider);
    config.set_clock(std::make_shared<last_clock>());
    const auto session = log_in_acme(must(keyfob::open(std::move(config)), "open"));
    ok(session.created_at() > (keyfob::time_point::max)() - 11s, "ten seconds before the clock's last time");
    ok(session.provider_access_token_expiry() == (keyfob::time_point::max)(), "a token for a hundred is over then");
}

static void time_stands_still_while_the_clock_throws() {
    acme provider;
    const auto clock = std::make_shared<moody_clock>();
    auto config = configure_acme("clock", provider);
    config.set_clock(clock, "boot-1");
    const auto keys = must(keyfob::open(std::move(config)), "open");
    const auto session = log_in_acme(keys);
    ok(session.provider_access_token_expiry().value() > std::chrono::system_clock::now() + 90s, "the clock is asked");
    clock->seconds = 50;
    static_cast<void>(must(keys.begin_login("acme"), "the time is told"));
    clock->broken = true;
    clock->seconds = 200;
    const auto expires = must(keys.begin_login("acme"), "begin").expires_at() - std::chrono::system_clock::now();
    ok(expires > 1h + 20s && expires < 1h + 100s, "it is as late as the clock told last");
    const auto same_one = must(keys.access_token(session.id(), 0s), "token");
    ok(same_one.secret() == "at-1", "an exception stops the time");
    clock->broken = false;
    const auto next = must(keys.access_token(session.id(), 0s), "token");
    ok(next.secret() == "at-2", "and then it goes on");
}

static void work_goes_to_the_hosts_threads() {
    acme provider;
    const auto clock = std::make_shared<moved_clock>();
    std::vector<keyfob::work> given;
    int handed = 0;
    bool throws = false;
    auto config = configure_acme("executor", provider);
    config.set_clock(clock, "boot-1").set_executor([&](keyfob::work task) {
        ++handed;
        if (throws) {
            throw std::runtime_error("no thread");
        }
        given.push_back(std::move(task));
    });
    {
        const auto keys = must(keyfob::open(std::move(config)), "open");
        const auto session = log_in_acme(keys);
        const auto gives = [&](std::string_view token) {
            const auto found = must(keys.access_token(session.id(), 1s), "token");
            return found.secret() == token;
        };
        clock->seconds = 96;
        throws = true;
        ok(gives("at-1") && handed == 1 && given.empty() && provider.tokens == 1, "an executor that throws does no harm");
        throws = false;
        ok(gives("at-1") && handed == 2 && given.size() == 1, "the next call hands the work over again");
        given.clear();
        ok(gives("at-1") && handed == 3 && provider.tokens == 1, "also after work that was dropped");
        std::thread([&] {
            given[0].run();
            given[0].run();
        }).join();
        ok(provider.tokens == 2, "work is run once");
        given.clear();
        ok(gives("at-2") && handed == 3, "from then on there is a new token");
        clock->seconds = 192;
        ok(gives("at-2") && given.size() == 1, "and more work");
    }
    given.clear();
    ok(true, "which outlives the handle");
}

/* Notes what it is told, and calls back; then throws. */
class listener : public keyfob::observer {
public:
    void session_changed(std::string_view session_id) override {
        changed.emplace_back(session_id);
        found += keys != nullptr && must(keys->find_session(session_id), "from within").is_active();
        throw std::runtime_error("not interested");
    }
    void login_required(std::string_view session_id, status kind, std::string_view reason) override {
        required = std::string(session_id) + ' ' + std::string(keyfob::name(kind)) + ' ' + std::string(reason);
        throw 7;
    }
    void clock_skew(keyfob::milliseconds skew) override {
        skewed = skew;
        throw std::runtime_error("not my clock");
    }
    const keyfob::handle* keys = nullptr;
    std::vector<std::string> changed;
    std::string required;
    keyfob::milliseconds skewed{0};
    int found = 0;
};

static void observers_are_told() {
    acme provider;
    const auto told = std::make_shared<listener>();
    auto config = configure_acme("observer", provider);
    config.set_observer(told);
    const auto keys = must(keyfob::open(std::move(config)), "open");
    told->keys = &keys;
    const auto session = log_in_acme(keys);
    ok(!told->changed.empty() && told->changed.back() == session.id(), "a new session is told, and what is thrown is dropped");
    ok(told->found > 0, "it may call from within");
    static_cast<void>(must(keys.end_session(session.id(), keyfob::end_session_options().set_local_only(true)), "end"));
    same(told->required, std::string(session.id()) + " LoginRequired LoggedOut", "the end of a session");

    provider.instead = [&](const keyfob::http_request&, keyfob::http_response& response) {
        must(response.set_status(429), "status");
        must(response.add_header("Date", "Sat, 01 Jan 2000 00:00:00 GMT"), "date");
        return keyfob::transport_outcome::answered;
    };
    static_cast<void>(keys.complete_login(redirected(keys)));
    ok(told->skewed < -24h, "a clock that is off");
    told->keys = nullptr;

    /* One that wants to hear nothing, and none at all. */
    config = configure_acme("silent", provider);
    config.set_observer(std::make_shared<keyfob::observer>());
    provider.instead = nullptr;
    static_cast<void>(log_in_acme(must(keyfob::open(std::move(config)), "open")));
    config = configure_acme("nobody", provider);
    config.set_observer(nullptr);
    static_cast<void>(log_in_acme(must(keyfob::open(std::move(config)), "open")));
    ok(true, "an observer without functions, and none");
}

static void a_keystore_may_be_locked() {
    acme provider;
    enum { here, not_now, throwing, empty, calls } mood = not_now;
    std::vector<keyfob::wanted_store_key> wanted;
    const keyfob::handle* within = nullptr;
    status from_within = status::ok;
    auto config = configure_acme("keystore", provider);
    config.set_store_key_source([&](keyfob::wanted_store_key which, keyfob::store_key& key) {
        wanted.push_back(which);
        switch (mood) {
            case throwing:
                key = a_key();
                throw std::runtime_error("no keystore");
            case not_now:
                return keyfob::store_key_answer::not_now;
            case calls:
                from_within = within->begin_login("acme").error().status();
                return keyfob::store_key_answer::not_now;
            case empty:
                return keyfob::store_key_answer::here;
            default:
                key = a_key();
                return keyfob::store_key_answer::here;
        }
    });
    const auto keys = must(keyfob::open(std::move(config)), "open");
    within = &keys;
    fails(keys.begin_login("acme"), status::store_unavailable, "StoreKeyUnavailable", "a keystore that is locked");
    mood = throwing;
    fails(keys.begin_login("acme"), status::store_unavailable, "StoreKeyUnavailable", "one that throws, whatever it gave");
    mood = empty;
    fails(keys.begin_login("acme"), status::store_unavailable, "StoreKeyUnavailable", "one that gives no key");
    mood = calls;
    fails(keys.begin_login("acme"), status::store_unavailable, "StoreKeyUnavailable", "one that calls from within");
    same(from_within, status::invalid_state, "what it gets");
    ok(must(keys.read_health(), "health").sealing() == keyfob::sealing::locked, "the store is locked");
    mood = here;
    static_cast<void>(log_in_acme(keys));
    ok(must(keys.read_health(), "health").sealing() == keyfob::sealing::sealed, "then it is there");
    ok(wanted.front() == keyfob::wanted_store_key::anew, "a fresh store takes any key");
}

int main(int argc, char** argv) {
    begin(argc, argv);
    the_host_sends_everything();
    callbacks_belong_to_keyfob();
    a_time_beyond_the_clock_is_its_last();
    time_stands_still_while_the_clock_throws();
    work_goes_to_the_hosts_threads();
    observers_are_told();
    a_keystore_may_be_locked();
    return tap_done();
}
