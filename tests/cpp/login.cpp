/* One login in every way, and what becomes of its session. `login ISSUER EMPTY_FOLDER`. */

#include <sys/wait.h>

#include <csignal>

#include "tap.hpp"

/* A process dies while the user is in the browser; another one completes the login from the store. */
static void a_login_outlives_its_process() {
    int channel[2];
    if (pipe(channel) != 0) {
        give_up("no pipe");
    }
    std::cout.flush();
    const pid_t child = fork();
    if (child == 0) {
        const auto keys = open_store("killed");
        keyfob::login_options options;
        options.set_app_data("cart of ada").set_success("app:/home");
        const auto login = must(keys.begin_login(registration, options), "begin");
        const std::string_view url = login.authorization_url();
        if (write(channel[1], url.data(), url.size()) < 0) {
            give_up("the pipe is broken");
        }
        close(channel[1]);
        for (;;) {
            pause();
        }
    }
    close(channel[1]);
    std::string url;
    char part[512];
    for (ssize_t got; (got = read(channel[0], part, sizeof part)) > 0;) {
        url.append(part, static_cast<std::size_t>(got));
    }
    close(channel[0]);
    int how = 0;
    kill(child, SIGKILL);
    waitpid(child, &how, 0);
    ok(WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL && !url.empty(), "a process began a login and was killed");

    const auto keys = open_store("killed");
    const auto redirect = ask("browse", url);
    const auto done = must(keys.complete_login(redirect), "complete");
    same(done.session().provider_uid(), "u-1", "the user of the login that it began");
    same(done.app_data().value_or(""), "cart of ada", "its application data");
    same(done.return_to().value_or(""), "app:/home", "its success link");
    const auto again = must(keys.complete_login(redirect), "complete again");
    same(again.session().id(), done.session().id(), "the session of the same redirect");
}

static void a_login_becomes_a_session() {
    const auto keys = open_store("session");
    const auto registrations = must(keys.registrations(), "registrations");
    ok(registrations.size() == 1, "one registration");
    same(registrations[0].id(), registration, "its id");
    same(registrations[0].provider(), "oidc", "its provider");
    ok(!registrations[0].provider_name().empty() && registrations[0].enabled(), "its name, and that it is enabled");

    const auto before = std::chrono::system_clock::now();
    const auto login = must(keys.begin_login(registration), "begin");
    same(login.registration(), registration, "the login's registration");
    ok(login.expires_at() > before + 1min, "it waits for a while");
    auto pending = must(keys.pending_logins(), "pending");
    ok(pending.size() == 1 && pending[0].id() == login.id(), "it is among those that wait");
    same(pending[0].registration(), registration, "its registration there");
    ok(!pending[0].is_on_another_device() && pending[0].expires_at() == login.expires_at()
           && pending[0].created_at() > before - 1min,
       "and its times");

    const auto done = must(keys.complete_login(ask("browse", login.authorization_url())), "complete");
    const keyfob::session& session = done.session();
    ok(must(keys.pending_logins(), "pending").empty(), "nobody waits any more");
    same(pending[0].registration(), registration, "what a list gave, later");
    same(session.registration(), registration, "the session's registration");
    same(session.provider(), "oidc", "its provider");
    same(session.provider_uid(), "u-1", "its user");
    ok(session.is_active() && !session.ended_reason(), "it is active");
    ok(!session.provider_access_token().empty() && session.provider_refresh_token() && session.id_token(), "it has tokens");
    ok(session.provider_access_token_expiry().value() > before + 1min, "and knows when they are over");
    ok(session.id_token_claims_json()->find("u-1") != std::string_view::npos, "its claims");
    ok(session.token_answer_json().front() == '{', "the rest of the token answer");
    ok(session.scopes() == std::vector<std::string_view>{"openid", "email", "offline_access"}, "its scopes");
    ok(session.created_at() > before - 1min && session.updated_at() >= session.created_at(), "its times");
    const auto profile = session.profile();
    same(profile.uid(), "u-1", "its profile's user");
    same(profile.email().value_or(""), "ada@example.com", "the address");
    ok(profile.email_verified() && profile.raw_json().front() == '{', "verified, with every claim");
    ok(!done.return_to() && !done.app_data(), "a login without links gives none");

    const auto asked = must(keys.fetch_profile(session.id(), 0s), "profile");
    ok(asked.email() == profile.email() && asked.name() == profile.name(), "the same, asked anew");
    ok(!asked.avatar_url() == !profile.avatar_url() && !asked.locale() == !profile.locale(), "and the rest");
    const int userinfo = requests("/userinfo");
    static_cast<void>(must(keys.fetch_profile(session.id(), keyfob::max_age::stored()), "stored profile"));
    static_cast<void>(must(keys.fetch_profile(session.id()), "fresh profile"));
    ok(requests("/userinfo") == userinfo, "a stored and a fresh profile ask nobody");
    static_cast<void>(must(keys.fetch_profile(session.id(), 0s), "profile"));
    ok(requests("/userinfo") == userinfo + 1, "one of no age does");
}

static void options_reach_the_provider() {
    const auto keys = open_store("options");
    keyfob::login_options options;
    options.add_scope("profile")
        .add_parameter("login_hint", "ada & co")
        .add_parameter("prompt", "login")
        .set_redirect_port(4777)
        .set_success("app:/after-success")
        .set_failure("app:/after-failure")
        .set_app_data("cart-of-ada");
    const auto redirect = redirect_of(keys, "browse", options);
    ok(sent(R"(["login_hint","ada & co"])"), "the hint was sent");
    ok(sent(R"(["prompt","login"])"), "the prompt was sent");
    ok(sent(R"(["scope","openid email offline_access profile"])"), "the scope was sent");
    ok(sent(R"(["redirect_uri","http://127.0.0.1:4777/callback/work-sso"])"), "the port was sent");
    const auto done = must(keys.complete_login(redirect), "complete");
    same(done.return_to().value_or(""), "app:/after-success", "the success link");
    same(done.app_data().value_or(""), "cart-of-ada", "the application's data");
    ok(!sent("app:/after") && !sent("cart-of-ada"), "links and data were sent nowhere");

    const auto refused = keys.complete_login(redirect_of(keys, "refuse", options));
    fails(refused, status::access_denied, "AccessDenied", "the user said no");
    same(refused.error().return_to().value_or(""), "app:/after-failure", "the failure link");
    same(refused.error().oauth_code().value_or(""), "access_denied", "the provider's code");

    keyfob::login_options form;
    form.set_form_post();
    const auto login = must(keys.begin_login(registration, form), "begin");
    const std::string posted = ask("post", login.authorization_url());
    const auto space = posted.find(' ');
    const auto by_form = must(keys.complete_login_form(posted.substr(0, space), posted.substr(space + 1)), "complete");
    same(by_form.session().provider_uid(), "u-1", "the user of a form");
    ok(sent(R"(["response_mode","form_post"])"), "the mode was sent");

    keyfob::login_options more;
    more.set_for_session(done.session().id()).add_scope("phone");
    const auto extended = must(keys.complete_login(redirect_of(keys, "browse", more)), "more scopes");
    same(extended.session().id(), done.session().id(), "the session that got more scopes");
    ok(sent("openid email offline_access profile phone") || sent("phone"), "which were asked for");

    more.add_parameter("state", "mine");
    fails(keys.begin_login(registration, more), status::invalid_argument, "InvalidArgument", "a parameter of Keyfob's own");
    const auto cancelled = must(keys.begin_login(registration), "begin");
    must(keys.cancel_login(cancelled.id()), "cancel");
    fails(keys.complete_login(ask("browse", cancelled.authorization_url())), status::redirect_rejected, "RedirectUsed",
          "a login that was given up");
    fails(keys.complete_login("http://127.0.0.1/callback/work-sso?code=c&state=unknown"), status::redirect_rejected,
          "StateUnknown", "a state that nobody made");
}

static void sessions_are_listed_chosen_and_ended() {
    const auto keys = open_store("list");
    ok(!must(keys.current_session(), "current"), "there is no current session yet");
    const auto session = log_in(keys);
    same(must(keys.current_session(), "current")->provider_uid() == "u-1", true, "the last login's is the current one");
    std::vector<std::string> ids{std::string(session.id())};
    for (int number = 2; number <= 5; ++number) {
        keyfob::imported_tokens tokens(registration, "u-" + std::to_string(number));
        tokens.set_access_token("at-" + std::to_string(number)).set_refresh_token("rt").add_scope("email");
        const auto imported = must(keys.import_session(std::move(tokens)), "import");
        ok(!imported.provider_access_token_expiry() && imported.scopes().size() == 1, "an imported session");
        ids.emplace_back(imported.id());
    }
    std::vector<std::string> found;
    for (const auto& each : must(keys.sessions(), "sessions")) {
        found.emplace_back(each.id());
    }
    ok(found == ids, "all are listed, oldest first");
    found.clear();
    for (std::optional<std::string> after;;) {
        const auto page = must(keys.sessions_page(after, 2), "a page");
        if (page.empty()) {
            break;
        }
        for (const auto& each : page) {
            found.emplace_back(each.id());
        }
        after = found.back();
    }
    ok(found == ids, "and page by page");
    fails(keys.sessions_page(std::nullopt, 0), status::invalid_argument, "InvalidArgument", "an empty page");
    fails(keys.sessions_page("nobody", 1), status::invalid_argument, "UnknownSession", "a page after nobody");

    const auto third = must(keys.find_session_by_user(registration, "u-3"), "by user");
    ok(third && third->id() == ids[2], "a session is found by its user");
    ok(!must(keys.find_session_by_user(registration, "u-9"), "by user"), "or not");
    same(must(keys.find_session(ids[3]), "by id").is_active(), true, "and by its id");
    fails(keys.find_session("nobody"), status::invalid_argument, "UnknownSession", "nobody");
    must(keys.set_current_session(ids[1]), "set current");
    ok(must(keys.current_session(), "current")->id() == ids[1], "another one is the current one");

    keyfob::end_session_options options;
    options.set_post_logout_redirect_uri("http://127.0.0.1/signed-out");
    const auto ended = must(keys.end_session(ids[0], options), "end");
    ok(ended.revocation() == keyfob::revocation::done && !ended.revocation_error(), "the provider revoked it");
    const auto page = http_get(std::string(ended.logout_url().value()));
    const auto from = page.find("http://127.0.0.1/signed-out?state=");
    if (!ok(from != std::string::npos, "its logout page leads back")) {
        give_up("the page leads nowhere");
    }
    const auto back = must(keys.complete_logout(page.substr(from, page.find("\r\n", from) - from)), "complete logout");
    same(back.session_id(), ids[0], "the session of the logout");
    same(back.registration(), registration, "its registration");
    fails(keys.complete_logout("http://127.0.0.1/signed-out?state=other"), status::redirect_rejected, "LogoutStateMismatch",
          "another state");
    same(must(keys.end_session(ids[1], keyfob::end_session_options().set_local_only(true)), "end").revocation(),
         keyfob::revocation::not_asked, "a local end asks nobody");
    ask("script", R"({"faults":[{"endpoint":"revoke","status":503,"body":""}]})");
    const auto owed = must(keys.end_session(ids[2]), "end");
    ok(owed.revocation() == keyfob::revocation::owed && owed.revocation_error()
           && owed.revocation_error()->status() == status::network,
       "a provider that is down is told later");
    ask("script", "{}");
    const auto gone = must(keys.find_session(ids[0]), "ended");
    ok(!gone.is_active() && gone.provider_access_token().empty() && !gone.provider_refresh_token(), "it has no tokens left");
    same(gone.ended_reason().value_or(""), "LoggedOut", "why it ended");
    const auto refused = keys.access_token(ids[0]);
    fails(refused, status::login_required, "LoggedOut", "a token of an ended session");
    ok(refused.error().is_login_required() && !refused.error().is_retryable(), "a new login is the way on");

    const auto journal = must(keys.journal(100), "journal");
    ok(must(keys.journal(1), "journal").size() == 1, "as many lines as asked for");
    bool logged_out = false;
    for (const auto& entry : journal) {
        ok(entry.pid() == static_cast<std::uint32_t>(getpid()) && !entry.message().empty()
               && entry.at() > std::chrono::system_clock::now() - 10min,
           "a line: " + std::string(entry.event()));
        logged_out = logged_out
                     || (entry.event() == "SessionEnded" && entry.session() == ids[0] && entry.reason() == "LoggedOut"
                         && entry.registration() == registration && !entry.http_status() && !entry.wish()
                         && !entry.waited());
    }
    ok(logged_out, "one of them tells of the logout");
}

static void objects_outlive_what_they_came_from() {
    auto keys = std::make_unique<keyfob::handle>(open_store("order"));
    static_cast<void>(log_in(*keys));
    auto sessions = must(keys->sessions(), "sessions");
    keyfob::session out = std::move(sessions[0]);
    const auto copy = out.copy();
    auto profile = out.profile();
    sessions.clear();
    keys.reset();
    same(out.provider_uid(), "u-1", "a session after its list and its handle");
    ok(copy.provider_access_token() == out.provider_access_token(), "a copy has the same token");
    { const auto dropped = std::move(out); }
    same(profile.uid(), "u-1", "a profile after its session");
    profile = copy.profile();
    same(profile.raw_json().empty(), false, "and the copy's");
}

static void providers_are_listed() {
    const auto providers = must(keyfob::providers(), "providers");
    bool github = false;
    bool oidc = false;
    for (const auto& provider : providers) {
        github = github || (provider.id() == "github" && provider.speaks() == keyfob::provider_kind::oauth2
                            && !provider.name().empty() && !provider.scopes().empty());
        oidc = oidc || (provider.id() == "oidc" && provider.speaks() == keyfob::provider_kind::oidc
                        && provider.variables() == std::vector<std::string_view>{"issuer"});
        if (!keyfob::is_known(provider.accepts_loopback()) || !keyfob::is_known(provider.accepts_custom_scheme())) {
            give_up("a provider with an answer that nobody knows");
        }
        static_cast<void>(provider.aliases());
    }
    ok(github && oidc && providers.size() > 5, "the catalogue");
    const auto keys = open_store("guide");
    const auto guide = must(keys.registration_guide(registration), "guide");
    ok(!guide.steps().empty() && guide.scopes().size() == 3 && !guide.provider_name().empty(), "a guide says what to do");
    ok(keyfob::is_known(guide.accepts_custom_scheme()) && keyfob::is_known(guide.redirect_uri_accepted()), "and accepts");
}

int main(int argc, char** argv) {
    begin(argc, argv);
    /* First: a process that forks has no threads and no handles yet. */
    a_login_outlives_its_process();
    a_login_becomes_a_session();
    options_reach_the_provider();
    sessions_are_listed_chosen_and_ended();
    objects_outlive_what_they_came_from();
    providers_are_listed();
    return tap_done();
}
