/* Results, errors, enums and views, with and without exceptions. `result ISSUER EMPTY_FOLDER`. */

#include <sys/wait.h>

#include <sstream>
#include <type_traits>

#include "tap.hpp"

static keyfob::result<keyfob::config> broken() { return keyfob::config::from_json("{"); }

/* Runs something in a process of its own; whether it was aborted. */
template <class Call>
static bool aborts(Call&& call) {
    std::cout.flush();
    const pid_t child = fork();
    if (child == 0) {
        call();
        _exit(0);
    }
    int how = 0;
    waitpid(child, &how, 0);
    return WIFSIGNALED(how) && WTERMSIG(how) == SIGABRT;
}

static void a_result_has_a_value_or_an_error() {
    keyfob::result<keyfob::config> good = configure_unsealed("never");
    ok(good.has_value() && good, "a value is one");
    same(good.error().status(), status::ok, "the error of a value says ok");
    same(good.error().reason(), "Ok", "its reason");
    ok(!good.error().is_retryable() && !good.error().is_login_required(), "and asks for nothing");
    ok(&*good == &good.value() && good.operator->() == &good.value(), "* and -> are value()");

    const auto bad = broken();
    ok(!bad && !bad.has_value(), "an error is none");
    fails(bad, status::configuration, "InvalidConfiguration", "JSON that is none");
    ok(bad.error().detail().has_value() && !bad.error().message().empty(), "its words");

    const keyfob::error copy = bad.error();
    ok(copy.message() == bad.error().message(), "an error can be copied");
    const keyfob::error kept = broken().error();
    same(kept.status(), status::configuration, "the error of a temporary is kept by value");

    must(keyfob::result<void>(), "a result without a value");
    const keyfob::result<void> nothing = bad.error();
    ok(!nothing && nothing.error().status() == status::configuration, "the error of a result without a value");

    auto with = keyfob::result<std::string>("here").value_or("elsewhere");
    same(with, "here", "value_or of a value");
    with = keyfob::result<std::string>(bad.error()).value_or("elsewhere");
    same(with, "elsewhere", "value_or of an error");
    const auto length = [](std::string text) { return text.size(); };
    ok(keyfob::result<std::string>("four").transform(length).value() == 4, "transform of a value");
    same(keyfob::result<std::string>(bad.error()).transform(length).error().status(), status::configuration,
         "transform of an error");
    const auto next = [](std::string text) { return keyfob::result<int>(std::stoi(text)); };
    ok(keyfob::result<std::string>("12").and_then(next).value() == 12, "and_then of a value");
    same(keyfob::result<std::string>(bad.error()).and_then(next).error().status(), status::configuration,
         "and_then of an error");
}

static void the_value_of_an_error_throws_or_terminates() {
#if defined(__cpp_exceptions)
    bool caught = false;
    try {
        static_cast<void>(broken().value());
    } catch (const std::exception& thrown) {
        const auto& failed = dynamic_cast<const keyfob::exception&>(thrown);
        caught = failed.error().status() == status::configuration && failed.what() == failed.error().message();
    }
    ok(caught, "value() throws an exception that has the error");
    caught = false;
    try {
        keyfob::result<void>(broken().error()).value();
    } catch (const keyfob::exception&) {
        caught = true;
    }
    ok(caught, "so does a result without a value");
    caught = false;
    try {
        const auto failed = broken();
        static_cast<void>(failed->problem());
    } catch (const keyfob::exception&) {
        caught = true;
    }
    ok(caught, "and ->");
#else
    ok(aborts([] { static_cast<void>(broken().value()); }), "value() ends the program");
    ok(aborts([] { keyfob::result<void>(broken().error()).value(); }), "so does a result without a value");
    ok(aborts([] { static_cast<void>(*broken()); }), "and *");
#endif
    ok(!aborts([] { static_cast<void>(broken().error()); }), "error() does not");
}

template <class T, class = void>
struct prints : std::false_type {};
template <class T>
struct prints<T, std::void_t<decltype(std::declval<std::ostream&>() << std::declval<const T&>())>> : std::true_type {};

template <class T, class = void>
struct lends : std::false_type {};
template <class T>
struct lends<T, std::void_t<decltype(std::declval<T>().id())>> : std::true_type {};

static_assert(lends<keyfob::session&>::value && lends<const keyfob::session&>::value, "a session lends its id");
static_assert(!lends<keyfob::session>::value && !lends<const keyfob::session>::value, "a temporary one does not");
static_assert(!std::is_copy_constructible_v<keyfob::session> && std::is_nothrow_move_constructible_v<keyfob::session>);
static_assert(!std::is_copy_constructible_v<keyfob::handle> && std::is_nothrow_move_assignable_v<keyfob::handle>);
static_assert(!std::is_copy_constructible_v<keyfob::config> && std::is_nothrow_move_constructible_v<keyfob::config>);
static_assert(!std::is_copy_constructible_v<keyfob::store_key> && !std::is_copy_constructible_v<keyfob::token>);
static_assert(std::is_nothrow_copy_constructible_v<keyfob::error>, "as what is thrown has to be");
static_assert(!std::is_convertible_v<keyfob::result<int>, bool>, "a result is no number");
static_assert(prints<keyfob::token>::value && prints<keyfob::session>::value && prints<keyfob::store_key>::value);

static void a_value_without_a_name_is_no_lie() {
    const auto newer = static_cast<status>(98);
    ok(!keyfob::is_known(newer), "a status of a newer library is told");
    same(keyfob::name(newer), "Unknown", "its name");
    bool agree = true;
    for (std::int32_t number = -1; number < 200; ++number) {
        const auto kind = static_cast<status>(number);
        agree = agree && keyfob::is_known(kind) == (keyfob::name(kind) != "Unknown");
    }
    ok(agree, "the header knows every status of the library, and no other");
    const std::pair<status, std::string_view> kinds[] = {
        {status::ok, "Ok"},
        {status::invalid_argument, "InvalidArgument"},
        {status::invalid_state, "InvalidState"},
        {status::configuration, "Configuration"},
        {status::network, "Network"},
        {status::timeout, "Timeout"},
        {status::cancelled, "Cancelled"},
        {status::access_denied, "AccessDenied"},
        {status::redirect_rejected, "RedirectRejected"},
        {status::oauth, "OAuth"},
        {status::login_required, "LoginRequired"},
        {status::bad_response, "BadResponse"},
        {status::token_rejected, "TokenRejected"},
        {status::tls, "Tls"},
        {status::rate_limited, "RateLimited"},
        {status::refresh_busy, "RefreshBusy"},
        {status::store_not_writable, "StoreNotWritable"},
        {status::store_unavailable, "StoreUnavailable"},
        {status::store_key, "StoreKey"},
        {status::store_damaged, "StoreDamaged"},
        {status::store_unsupported, "StoreUnsupported"},
        {status::random, "Random"},
        {status::internal, "Internal"},
    };
    for (const auto& [kind, wanted] : kinds) {
        same(keyfob::name(kind), wanted, "the name of a status");
    }
    ok(keyfob::is_known(keyfob::revocation::owed) && !keyfob::is_known(static_cast<keyfob::revocation>(0)), "revocations");
    ok(keyfob::is_known(keyfob::answer::unknown) && !keyfob::is_known(static_cast<keyfob::answer>(3)), "answers");
    ok(keyfob::is_known(keyfob::loopback::none) && !keyfob::is_known(static_cast<keyfob::loopback>(4)), "loopbacks");
    ok(keyfob::is_known(keyfob::sealing::locked) && !keyfob::is_known(static_cast<keyfob::sealing>(-1)), "sealings");
    ok(keyfob::is_known(keyfob::provider_kind::oidc) && !keyfob::is_known(static_cast<keyfob::provider_kind>(0)), "kinds");
}

static void text_is_never_cut_short() {
    const std::string nul("work-sso\0x", 10);
    const auto keys = open_store("texts");
    fails(keys.begin_login(nul), status::invalid_argument, "InvalidArgument", "a registration with a NUL");
    const auto error = keys.begin_login(nul).error();
    same(error.message(), "InvalidArgument: registration holds a NUL", "what the error says");
    same(error.detail().value_or(""), "registration holds a NUL", "its detail");
    ok(!error.oauth_code() && !error.http_status() && !error.retry_after() && !error.return_to(), "and nothing else");
    ok(!error.is_retryable() && !error.is_login_required(), "and nothing to do but to fix the call");

    /* Half of a longer text, which has no NUL where it ends. */
    const std::string_view longer = "work-sso-and-more";
    const auto guide = must(keys.registration_guide(longer.substr(0, 8)), "the guide");
    same(guide.redirect_uri(), "http://127.0.0.1/callback/work-sso", "a view into a longer text: its redirect URI");
    fails(keys.registration_guide(longer), status::invalid_argument, "UnknownRegistration", "the longer text");
    fails(keys.registration_guide("\xff"), status::invalid_argument, "InvalidArgument", "no UTF-8");
    fails(keys.registration_guide(std::string_view()), status::invalid_argument, "UnknownRegistration", "no text at all");
    fails(keyfob::config::from_json(std::string("{}\0", 3)), status::invalid_argument, "InvalidArgument", "JSON and a NUL");
    ok(!keyfob::open_browser(std::string_view("http://127.0.0.1/\0", 18)), "a URL with a NUL is not opened");
    ok(!keyfob::open_browser("no URL"), "nor what is no URL");
}

static void settings_keep_their_first_failure() {
    const auto keys = open_store("settings");
    keyfob::login_options options;
    options.add_scope("\xff").set_success(std::string_view("a\0b", 3)).set_app_data("fine");
    ok(options.problem().has_value(), "a setter that fails is told");
    fails(keys.begin_login(registration, options), status::invalid_argument, "InvalidArgument", "by the call, too");
    const auto failed = keys.begin_login(registration, options).error();
    ok(failed.message() == options.problem()->message(), "with the first failure");
    same(failed.detail().value_or(""), "scope is not UTF-8", "which is the scope's");

    keyfob::browser_login login;
    login.set_options(options);
    fails(keys.login_in_browser(registration, login), status::invalid_argument, "InvalidArgument", "options in options");
    login = keyfob::browser_login();
    login.set_time_limit(-1ms);
    fails(keys.login_in_browser(registration, login), status::invalid_argument, "InvalidArgument", "a negative limit");
    login = keyfob::browser_login();
    login.set_browser(nullptr);
    fails(keys.login_in_browser(registration, login), status::invalid_argument, "InvalidArgument", "a browser that is none");
    login = keyfob::browser_login();
    login.set_pages(keyfob::login_pages("\xff"));
    fails(keys.login_in_browser(registration, login), status::invalid_argument, "InvalidArgument", "an app without UTF-8");

    auto config = configure("settings");
    config.set_transport(nullptr);
    fails(keyfob::open(std::move(config)), status::invalid_argument, "InvalidArgument", "a transport that is none");
    config = configure("settings");
    config.set_clock(nullptr);
    fails(keyfob::open(std::move(config)), status::invalid_argument, "InvalidArgument", "a clock that is none");
    fails(keys.import_session(keyfob::imported_tokens("\xff", "u-1")), status::invalid_argument, "InvalidArgument",
          "tokens of a registration without UTF-8");
    fails(keyfob::store_key::from_bytes("short"), status::invalid_argument, "InvalidArgument", "a short store key");
}

static void durations_are_not_negative() {
    const auto keys = open_store("durations");
    /* One millisecond less than nothing is what C calls the default. */
    fails(keys.access_token("s", -1ms), status::invalid_argument, "InvalidArgument", "a negative validity");
    const auto error = keys.access_token("s", -1ms).error();
    same(error.detail().value_or(""), "min_validity is negative", "the detail");
    fails(keys.access_token_within("s", 0s, -1ms), status::invalid_argument, "InvalidArgument", "a negative wait");
    fails(keys.fetch_profile("s", -2ms), status::invalid_argument, "InvalidArgument", "a negative age");
    fails(keys.maintain(-1ms), status::invalid_argument, "InvalidArgument", "a negative limit");
    fails(keys.suspend(-1ms), status::invalid_argument, "InvalidArgument", "a negative deadline");
    fails(keys.access_token("s", 1h), status::invalid_argument, "UnknownSession", "an hour");
}

static void what_was_moved_from_is_empty() {
    auto keys = open_store("moved");
    auto guide = must(keys.registration_guide(registration), "the guide");
    const std::string_view uri = guide.redirect_uri();
    const auto moved = std::move(guide);
    same(uri, moved.redirect_uri(), "a view is good after a move");
    same(guide.redirect_uri(), "", "what was moved from");
    ok(guide.steps().empty() && guide.accepts_loopback() == keyfob::loopback::unknown, "and the rest of it");

    keyfob::login_options options;
    const auto others = std::move(options);
    fails(keys.begin_login(registration, options), status::invalid_argument, "InvalidArgument", "options that were moved");
    options.add_scope("x");
    fails(keys.begin_login(registration, options), status::invalid_argument, "InvalidArgument", "also when they are set");

    keyfob::login_control control;
    const auto other = std::move(control);
    control.cancel();
    ok(!control.is_cancelled() && !other.is_cancelled(), "a control that was moved cancels nothing");
    fails(control.hand_over("x"), status::invalid_argument, "InvalidArgument", "and takes nothing");
    fails(keys.login_on_another_device(registration, [](const auto&) {}, keyfob::login_options(), control),
          status::invalid_argument, "InvalidArgument", "and controls no login");

    auto key = a_key();
    const auto kept = std::move(key);
    const keyfob::store_key::bytes_type zeros{};
    ok(key.bytes() == zeros && kept.bytes().front() == 7, "a key that was moved is overwritten");
    auto keyless = configure_unsealed("keyless");
    keyless.set_store_key(key);
    fails(keyfob::open(std::move(keyless)), status::invalid_argument, "InvalidArgument", "and seals nothing");
    fails(keys.rekey(key), status::invalid_argument, "InvalidArgument", "now or later");
    auto config = configure("moved");
    const auto opened = keyfob::open(std::move(config));
    fails(keyfob::open(std::move(config)), status::invalid_argument, "InvalidArgument", "a configuration that was opened");

    auto error = broken().error();
    const auto gone = std::move(error);
    ok(!error.oauth_code() && !error.detail(), "an error that was moved says little");
    const auto here = std::move(keys);
    fails(keys.sessions(), status::invalid_argument, "InvalidArgument", "a handle that was moved");
    must(here.sessions(), "the handle that it was moved to");
}

static void secrets_do_not_print() {
    std::ostringstream text;
    const auto keys = open_store("prints");
    keyfob::imported_tokens tokens(registration, "u-1");
    tokens.set_access_token("canary-token", std::chrono::system_clock::now() + 1h);
    const auto session = must(keys.import_session(std::move(tokens)), "import");
    const auto token = must(keys.access_token(session.id()), "token");
    ok(token.secret() == "canary-token", "a token has its secret");
    text << token << ' ' << session << ' ' << a_key('k');
    same(text.str(), "token(redacted) session(" + std::string(session.id()) + ") store_key(redacted)", "what prints");
}

static void versions_agree() {
    same(keyfob::version_string(), KEYFOB_VERSION_STRING, "the version");
    ok(keyfob::version_number() == KEYFOB_VERSION_NUMBER && keyfob::abi_version() == KEYFOB_ABI_VERSION, "as numbers");
}

int main(int argc, char** argv) {
    begin(argc, argv);
    the_value_of_an_error_throws_or_terminates();
    a_result_has_a_value_or_an_error();
    a_value_without_a_name_is_no_lie();
    text_is_never_cut_short();
    settings_keep_their_first_failure();
    durations_are_not_negative();
    what_was_moved_from_is_empty();
    secrets_do_not_print();
    versions_agree();
    return tap_done();
}
