/* The configuration in code, and the log. `builder ISSUER EMPTY_FOLDER`. */

#include <map>
#include <stdexcept>

#include "tap.hpp"

/* What the transport was asked last. */
struct asked {
    std::map<std::string, std::string> headers;
    std::string body;
    keyfob::milliseconds connect{0};
    keyfob::milliseconds whole{0};
    int times = 0;
};

static keyfob::registration_builder acme() {
    keyfob::registration_builder made("acme", "acme", "notes", "com.example.notes:/cb");
    made.add_scope("write").add_resource("https://api.example/notes").set_client_secret("s3cret").set_client_secret_post();
    return made;
}

static keyfob::config_builder begun(const std::string& store) {
    keyfob::provider_builder provider("acme", "https://acme.example/authorize", "https://acme.example/token",
                                      "https://acme.example/me", "/id");
    provider.set_name("Acme & Co")
        .add_name_at("/name")
        .set_email_at("/mail")
        .add_avatar_url_at("/picture")
        .add_scope("read")
        .set_revocation_endpoint("https://acme.example/revoke")
        .set_device_authorization_endpoint("https://acme.example/device");
    keyfob::config_builder builder(folder + '/' + store);
    builder.add_provider(std::move(provider));
    return builder;
}

static keyfob::config with_transport(keyfob::config config, asked& seen) {
    config.set_store_key(a_key()).set_transport([&seen](const auto& request, auto& response) {
        ++seen.times;
        seen.headers.clear();
        for (const auto& [name, value] : request.headers()) {
            seen.headers.emplace(name, value);
        }
        seen.body = request.body();
        seen.connect = request.connect_timeout();
        seen.whole = request.timeout();
        must(response.set_status(200), "status");
        must(response.add_header("Content-Type", "application/json"), "header");
        must(response.append_body(request.method() == "POST"
                                      ? R"({"access_token":"at","refresh_token":"rt","token_type":"bearer","expires_in":3600})"
                                      : R"({"id":7,"name":"Ada","mail":"ada@example.com","picture":"https://a.example/p"})"),
             "body");
        return keyfob::transport_outcome::answered;
    });
    return config;
}

static keyfob::session log_in_acme(const keyfob::handle& keys) {
    const auto login = must(keys.begin_login("acme"), "begin");
    const std::string url(login.authorization_url());
    const auto from = url.find("state=") + 6;
    const auto redirect = "com.example.notes:/cb?code=c-1&state=" + url.substr(from, url.find('&', from) - from);
    ok(url.find("https://acme.example/authorize?") == 0 && url.find("scope=write") != std::string::npos
           && url.find("resource=https%3A%2F%2Fapi.example%2Fnotes") != std::string::npos,
       "the endpoint, the scope and the resource");
    ok(login.expires_at() < std::chrono::system_clock::now() + 3min, "the lifetime of the login");
    return must(keys.complete_login(redirect), "complete").session();
}

static void what_is_built_is_used() {
    asked seen;
    auto builder = begun("built");
    builder.add_registration(acme())
        .set_http_timeouts(3s, 7s)
        .set_user_agent("Notes/1.2")
        .set_login_lifetime(2min)
        .set_coherence(0ms)
        .set_leeway(30s)
        .set_wait(5s)
        .set_refresh_policy(keyfob::refresh_policy::never);
    const auto keys = must(keyfob::open(with_transport(must(builder.build(), "build"), seen)), "open");
    fails(builder.build(), status::invalid_argument, "InvalidArgument", "a builder that was built");
    const auto registrations = must(keys.registrations(), "registrations");
    same(registrations[0].provider_name(), "Acme & Co", "the provider's name");
    const auto session = log_in_acme(keys);
    const auto profile = session.profile();
    same(profile.name().value_or(""), "Ada", "the name");
    same(profile.email().value_or(""), "ada@example.com", "the address");
    same(profile.avatar_url().value_or(""), "https://a.example/p", "the picture");
    ok(seen.connect == 3s && seen.whole <= 7s && seen.whole > 5s, "the limits");
    const auto agent = seen.headers.count("user-agent") != 0 ? seen.headers["user-agent"] : seen.headers["User-Agent"];
    ok(agent.find("Notes/1.2") == 0, "the name of the app");
    fails(keys.refresh_session(session.id()), status::invalid_state, "RefreshNotAllowed", "a process that never refreshes");
    const auto ended = must(keys.end_session(session.id()), "end");
    ok(ended.revocation() == keyfob::revocation::done && seen.body.find("client_secret=s3cret") != std::string::npos,
       "the revocation endpoint, and the secret in the body");
    const int before = seen.times;
    static_cast<void>(keys.begin_device_login("acme"));
    ok(seen.times == before + 1, "the device authorization endpoint");
}

static void what_is_wrong_is_told_when_it_is_built() {
    auto builder = begun("wrong");
    auto budgeted = acme();
    budgeted.set_refresh_budget(3, -1s);
    builder.add_registration(std::move(budgeted));
    fails(builder.build(), status::invalid_argument, "InvalidArgument", "a negative window");

    const auto built = [](keyfob::registration_builder made) {
        auto one = begun("wrong");
        one.add_registration(std::move(made));
        return one.build();
    };
    keyfob::registration_builder unknown("x", "nobody", "notes", "com.example.notes:/cb");
    ok(built(std::move(unknown)).has_value(), "whether the provider is there is seen when the store is opened");
    keyfob::registration_builder keyed("x", "acme", "notes", "com.example.notes:/cb");
    keyed.set_private_key("no key").set_key_id("k-1").set_key_algorithm(keyfob::key_algorithm::es256);
    const auto refused = built(std::move(keyed)).error();
    same(refused.status(), status::configuration, "a private key that is none");
    ok(refused.detail().value_or("").find("private_key") != std::string_view::npos, "by its key");
    keyfob::registration_builder odd("x", "acme", "notes", "com.example.notes:/cb");
    odd.set_key_algorithm(static_cast<keyfob::key_algorithm>(99));
    same(built(std::move(odd)).error().status(), status::invalid_argument, "an algorithm that is none");
    keyfob::registration_builder all("x", "acme", "notes", "com.example.notes:/cb");
    all.set_enabled(false).set_refresh_budget(3, 1h).require_pushed_authorization_requests();
    asked seen;
    const auto keys = must(keyfob::open(with_transport(must(built(std::move(all)), "build"), seen)), "open");
    const auto registrations = must(keys.registrations(), "registrations");
    ok(!registrations[0].enabled(), "a registration that is disabled");

    keyfob::config_builder more(folder + "/more");
    more.set_plaintext(true).set_proxy("no proxy").set_ca_certificates("no certificate");
    same(more.build().error().status(), status::configuration, "a proxy that is none");
    fails(keyfob::provider_builder::from_json("{"), status::configuration, "InvalidConfiguration", "a provider that is none");
    auto provider = must(keyfob::provider_builder::from_json(R"({"id":"other","name":"Other","kind":"oidc",
        "issuer":"https://other.example","profile":{"uid":"/sub"}})"),
                         "a provider by JSON");
    keyfob::registration_builder other("other", "other", "notes", "com.example.notes:/cb");
    other.set_variable("tenant", std::string_view("a\0b", 3));
    keyfob::config_builder last(folder + "/last");
    last.add_provider(std::move(provider)).add_registration(std::move(other));
    fails(last.build(), status::invalid_argument, "InvalidArgument", "a variable with a NUL");
}

static void the_log_is_the_hosts() {
    std::mutex one;
    int lines = 0;
    int gone = 0;
    status within = status::ok;
    {
        const auto witness = std::shared_ptr<int>(&gone, [](int* counter) { ++*counter; });
        must(keyfob::set_log(keyfob::log_level::debug,
                             [&, witness](keyfob::log_level level, std::string_view target, std::string_view message) {
                                 const std::lock_guard<std::mutex> alone(one);
                                 lines += keyfob::is_known(level) && !target.empty() && !message.empty();
                                 within = keyfob::config::from_json("{}").error().status();
                                 throw std::runtime_error("no log");
                             }),
             "log");
    }
    asked seen;
    auto builder = begun("log");
    builder.add_registration(acme()).set_login_lifetime(2min);
    const auto keys = must(keyfob::open(with_transport(must(builder.build(), "build"), seen)), "open");
    static_cast<void>(log_in_acme(keys));
    ok(lines > 0 && gone == 0, "lines come, and what is thrown is dropped");
    same(within, status::invalid_state, "a call from within");
    must(keyfob::set_log(keyfob::log_level::error, nullptr), "no log");
    ok(gone == 1, "the function is destroyed when there is no log any more");
    fails(keyfob::set_log(static_cast<keyfob::log_level>(9), [](auto...) {}), status::invalid_argument, "InvalidArgument",
          "a level that is none");
}

int main(int argc, char** argv) {
    begin(argc, argv);
    what_is_built_is_used();
    what_is_wrong_is_told_when_it_is_built();
    the_log_is_the_hosts();
    return tap_done();
}
