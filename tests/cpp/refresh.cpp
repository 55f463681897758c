/* Tokens: from memory, refreshed once whoever asks; and what mends, freezes and seals a store. `refresh ISSUER
 * EMPTY_FOLDER`. */

#include "tap.hpp"

static const char* const refuses =
    R"({"faults":[{"endpoint":"token","grant_type":"refresh_token","status":400,
        "body":{"error":"invalid_grant","error_description":"it was revoked"}}]})";

static std::string one_line(std::string text) {
    for (char& each : text) {
        each = each == '\n' ? ' ' : each;
    }
    return text;
}

static void many_threads_make_one_request() {
    ask("script", R"({"tokens":{"access_token_seconds":20}})");
    const auto clock = std::make_shared<moved_clock>();
    auto config = configure("threads");
    config.set_clock(clock, "this boot");
    const auto keys = must(keyfob::open(std::move(config)), "open");
    const auto session = log_in(keys);
    const int before = requests("/token");
    const auto fresh = must(keys.access_token(session.id(), 0s), "token");
    ok(fresh.secret() == session.provider_access_token() && !fresh.is_unsaved(), "a fresh token is the session's");
    ok(fresh.expires_at() == session.provider_access_token_expiry(), "and so is its expiry");
    ok(requests("/token") == before, "it comes from memory");

    clock->seconds = 21;
    std::vector<std::thread> threads;
    std::vector<std::string> tokens(16);
    for (auto& token : tokens) {
        threads.emplace_back([&] {
            const auto mine = must(keys.access_token(session.id(), 0s), "token");
            token = mine.secret();
        });
    }
    for (auto& thread : threads) {
        thread.join();
    }
    bool one = tokens[0] != fresh.secret() && !tokens[0].empty();
    for (const auto& token : tokens) {
        one = one && token == tokens[0];
    }
    ok(one, "16 threads at expiry get the same token, a new one");
    ok(requests("/token") == before + 1, "they made one request");

    const auto other = must(keys.refresh_if_current(session.id(), tokens[0]), "rejected");
    ok(other.secret() != tokens[0] && requests("/token") == before + 2, "a token that was refused is replaced");
    const auto late = must(keys.refresh_if_current(session.id(), tokens[0]), "rejected again");
    ok(late.secret() == other.secret() && requests("/token") == before + 2, "once");
    const auto refreshed = must(keys.refresh_session(session.id()), "refresh");
    ok(refreshed.provider_access_token() != late.secret() && refreshed.id() == session.id(), "and refreshed when asked for");
    const auto within = must(keys.access_token_within(session.id(), std::nullopt, 0s), "within");
    ok(within.secret() == refreshed.provider_access_token(), "a fresh token does not wait");
    ask("script", "{}");
}

static void a_refused_refresh_ends_the_session() {
    ask("script", one_line(refuses));
    const auto keys = open_store("refused");
    const auto session = log_in(keys);
    const auto refused = keys.refresh_session(session.id());
    fails(refused, status::login_required, "Revoked", "a refused refresh");
    const keyfob::error& error = refused.error();
    ok(error.is_login_required() && !error.is_retryable() && !error.retry_after(), "a new login is the way on");
    same(error.oauth_code().value_or(""), "invalid_grant", "the provider's code");
    same(error.oauth_description().value_or(""), "it was revoked", "its words");
    ok(!error.oauth_uri() && error.http_status() == 400, "its status, and no page");
    ok(error.message().find("it was revoked") == std::string_view::npos, "which are not in the message");
    ask("script", one_line(R"({"faults":[{"endpoint":"token","grant_type":"refresh_token","status":429,
        "headers":{"Retry-After":"7"},"body":""}]})"));
    const auto other = log_in(keys);
    const auto overloaded = keys.refresh_session(other.id());
    fails(overloaded, status::rate_limited, "BackOff", "an overloaded provider");
    ok(overloaded.error().is_retryable() && overloaded.error().retry_after() > 6s && overloaded.error().retry_after() <= 7s,
       "in seven seconds");
    ask("script", "{}");
}

static void a_cached_token_is_given_at_once_or_not_at_all() {
    const auto keys = must(keyfob::open(configure("cached", 3600)), "open");
    const auto session = log_in(keys);
    ok(!must(keys.cached_access_token("nobody"), "cached"), "nobody has none");
    const auto token = must(keys.access_token(session.id()), "token");
    const auto cached = must(keys.cached_access_token(session.id()), "cached");
    ok(cached && cached->secret() == token.secret(), "what is in memory is given");
    const auto each_time = open_store("cached");
    static_cast<void>(must(each_time.access_token(session.id()), "token"));
    ok(!must(each_time.cached_access_token(session.id()), "cached"), "where others are looked for each time nothing is");
    must(keys.suspend(1s), "suspend");
    must(keys.resume(), "resume");
    ok(!must(keys.cached_access_token(session.id()), "cached"), "what has to be read is not");
}

static void what_is_owed_is_done() {
    const auto keys = open_store("owed");
    const auto session = log_in(keys);
    ask("script", R"({"faults":[{"endpoint":"revoke","status":503,"body":""}]})");
    static_cast<void>(must(keys.end_session(session.id()), "end"));
    auto health = must(keys.read_health(), "health");
    ok(health.owed_revocations() == 1 && health.active_sessions() == 0, "a revocation is owed");
    ok(health.sealing() == keyfob::sealing::sealed && health.schema_version() > 0 && !health.sqlite_version().empty(),
       "the store is sealed");
    ok(health.moved_aside() == 0 && health.unsaved_sessions() == 0 && health.ended_sessions() == 0, "and well");
    ok(health.interrupted().empty() && !health.clock_skew() && !health.clock_skew_at(), "with nothing amiss");
    ask("script", "{}");
    const auto maintained = must(keys.maintain(10s), "maintain");
    ok(maintained.revoked() + maintained.owed() == 1 && maintained.refreshed() == 0 && maintained.failed() == 0,
       "maintenance counts what it did and what is left");

    const auto second = log_in(keys);
    must(keys.suspend(1s), "suspend");
    fails(keys.access_token(second.id()), status::invalid_state, "Suspended", "while it is suspended");
    must(keys.resume(), "resume");
    static_cast<void>(must(keys.access_token(second.id()), "token"));
    ok(true, "after that it goes on");

    const auto fresh = must(keyfob::store_key::generate(), "generate");
    must(keys.rekey(fresh), "rekey");
    auto config = configure("owed");
    fails(keyfob::open(std::move(config)), status::store_key, "WrongStoreKey", "the old key");
    config = configure_unsealed("owed");
    config.set_store_key(must(keyfob::store_key::from_bytes({reinterpret_cast<const char*>(fresh.bytes().data()), 32}), "key"));
    const auto again = must(keyfob::open(std::move(config)), "open with the new key");
    const auto found = must(again.find_session(second.id()), "session");
    ok(found.provider_access_token() == second.provider_access_token(), "the new one opens it");
}

static void another_device_is_noticed() {
    auto config = configure("device");
    config.set_device_binding("this device's 16");
    std::string id;
    {
        const auto keys = must(keyfob::open(std::move(config)), "open");
        const auto session = log_in(keys);
        id = session.id();
    }
    config = configure("device");
    config.set_device_binding("another one's 16");
    const auto keys = must(keyfob::open(std::move(config)), "open");
    fails(keys.access_token(id), status::login_required, "OtherDevice", "a store from another device");
}

int main(int argc, char** argv) {
    begin(argc, argv);
    many_threads_make_one_request();
    a_refused_refresh_ends_the_session();
    a_cached_token_is_given_at_once_or_not_at_all();
    what_is_owed_is_done();
    another_device_is_noticed();
    return tap_done();
}
