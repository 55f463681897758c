/*
 * Keyfob for C++17: the whole of keyfob.h as classes that free themselves, with results that cannot be overlooked.
 *
 *     auto config = keyfob::config::from_json(json).value();
 *     config.set_store_key_source(ask_keystore);
 *     const auto keys = keyfob::open(std::move(config)).value();
 *     const auto login = keys.begin_login("github").value();          // open login.authorization_url() in the browser
 *     const auto done = keys.complete_login(redirect_url).value();    // in this process or in another one
 *     const auto token = keys.access_token(done.session().id());      // and from then on that, before every request
 *
 * Header only: link libkeyfob and nothing else. This page has the rules and each function its essential line; the long
 * version, with every error kind, stands at the C function that it names.
 *
 * RESULTS. What can fail returns a keyfob::result<T>: a value, or a keyfob::error, whose status() says what to do about
 * it. value() gives the value; on an error it throws keyfob::exception, or ends the program where exceptions are switched
 * off. Nothing else here throws, but what the standard library throws when memory is out (std::bad_alloc). Beside the kinds
 * that are listed any call may give status::invalid_argument and status::internal, and any of a handle those of the
 * store (status::store_...), and status::invalid_state while it is suspended, or in the child of a fork.
 *
 * OBJECTS can be moved, not copied (an error can), and are freed in any order: what a call gave does not need what it was
 * called with any more. One that was moved from is empty: it reads as empty texts, 0, false and nothing, and a call that
 * needs it gives status::invalid_argument. What a list gave keeps the list in memory.
 *
 * TEXT comes in as std::string_view, UTF-8, and is copied for the call; the copy is overwritten afterwards. It need not
 * end with a NUL and must not hold one: that is status::invalid_argument, and never a text cut short. Text goes out as
 * std::string_view into the object that it was read from, for as long as that object lives, moved or not. Where the object
 * is a temporary there is no such function, since the view would dangle: give the object a name first.
 *
 * TIMES are std::chrono::system_clock::time_point (UTC, and no later than that can hold: the year 2262 in common
 * libraries), durations std::chrono::milliseconds. What is not known is std::nullopt. A negative duration given to a call
 * is status::invalid_argument.
 *
 * ENUMS have a fixed type: one may hold a value without a name here, from a library that is newer than this header.
 * is_known(value) tells; a switch over one wants to go on after its cases.
 *
 * SETTINGS (config, login_options, the builders and their like) have setters that return the object, to be chained. One that fails
 * leaves the object as it was, and the first failure is kept: problem() tells it, and the call that takes the object gives it.
 *
 * NETWORK. Nothing is sent, and nothing blocks on the network, but where the function says so.
 *
 * THREADS. A class "may be shared" (const functions by any number of threads at once) or is for "one thread at a time". No
 * thread may use an object while another one destroys it or moves from it.
 *
 * CALLBACKS run on the thread that called Keyfob, and on several at once. They belong to Keyfob, which destroys them, on
 * any thread, with the last handle of the store, or with the configuration that was not opened. One that holds a handle of the
 * store that it serves keeps itself alive for ever. An exception out of one ends there: each says what it is taken for. (In
 * a file without exceptions one that comes from elsewhere ends the program.)
 *
 * EXCEPTIONS AND RTTI may be switched off. Two files of one program may differ in that; results and handles are then two
 * sets of types, and do not pass between them.
 */
#ifndef KEYFOB_HPP
#define KEYFOB_HPP

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <iosfwd>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "keyfob.h"

namespace keyfob {
#if defined(__cpp_exceptions) || defined(_CPPUNWIND)
inline namespace abi1 {
#else
inline namespace abi1_no_exceptions {
#endif

static_assert(KEYFOB_ABI_VERSION == 1, "keyfob.hpp and keyfob.h are of one version");

/// A moment of the wall clock. Keyfob counts in milliseconds since 1970, UTC.
using time_point = std::chrono::system_clock::time_point;
/// A duration.
using std::chrono::milliseconds;

/* ---------------------------------------------------------------------------------------------------------------------
 * Enums: the values of keyfob.h, where each is explained at length.
 * ------------------------------------------------------------------------------------------------------------------ */

/// What a call came to: ok, or an error kind, which says what to do about it. `KEYFOB_OK` and so on.
enum class status : std::int32_t {
    /// It worked.
    ok = KEYFOB_OK,
    /// Fix the call: an unknown id, a malformed argument, an object that was moved from.
    invalid_argument = KEYFOB_INVALID_ARGUMENT,
    /// Fix the order of calls: suspended, made before a fork, re-entered from a callback.
    invalid_state = KEYFOB_INVALID_STATE,
    /// Fix the configuration.
    configuration = KEYFOB_CONFIGURATION,
    /// Try later: the provider could not be reached or gave no usable answer.
    network = KEYFOB_NETWORK,
    /// Try later: a time limit passed.
    timeout = KEYFOB_TIMEOUT,
    /// Nothing: the caller cancelled.
    cancelled = KEYFOB_CANCELLED,
    /// Show the app's login page: the user said no.
    access_denied = KEYFOB_ACCESS_DENIED,
    /// Treat as an attack or a stale tab: the redirect was not believed and nothing was sent.
    redirect_rejected = KEYFOB_REDIRECT_REJECTED,
    /// Read error::oauth_code(): the provider answered with an error of RFC 6749.
    oauth = KEYFOB_OAUTH,
    /// Begin a login: the session, or the login, has ended. Nothing else means that.
    login_required = KEYFOB_LOGIN_REQUIRED,
    /// Report the provider: its answer was malformed, too large or not JSON.
    bad_response = KEYFOB_BAD_RESPONSE,
    /// Report; treat as an attack: a check on an ID token or on userinfo failed.
    token_rejected = KEYFOB_TOKEN_REJECTED,
    /// Fix the clock, the network or the certificate: TLS refused the provider.
    tls = KEYFOB_TLS,
    /// Wait for error::retry_after().
    rate_limited = KEYFOB_RATE_LIMITED,
    /// Try again: another process is refreshing this session.
    refresh_busy = KEYFOB_REFRESH_BUSY,
    /// Free space or fix permissions; nothing was lost.
    store_not_writable = KEYFOB_STORE_NOT_WRITABLE,
    /// Try again when the device is unlocked, or the store is no longer busy.
    store_unavailable = KEYFOB_STORE_UNAVAILABLE,
    /// Give the right store key.
    store_key = KEYFOB_STORE_KEY,
    /// The store was damaged; the old file is kept.
    store_damaged = KEYFOB_STORE_DAMAGED,
    /// Update the app, or choose another place for the store.
    store_unsupported = KEYFOB_STORE_UNSUPPORTED,
    /// Stop: the system gave no random bytes.
    random = KEYFOB_RANDOM,
    /// Report a bug in Keyfob.
    internal = KEYFOB_INTERNAL,
};

/// What became of a session's token at the provider (RFC 7009 section 2.2). `KEYFOB_REVOCATION_...`.
enum class revocation : std::int32_t {
    /// The token is good for nothing any more.
    done = KEYFOB_REVOCATION_DONE,
    /// Nobody asked: the options said so, or there was no token left.
    not_asked = KEYFOB_REVOCATION_NOT_ASKED,
    /// The provider offers no revocation for this token.
    not_supported = KEYFOB_REVOCATION_NOT_SUPPORTED,
    /// It was asked and did not do it; the token lives on until it is over.
    failed = KEYFOB_REVOCATION_FAILED,
    /// It could not be asked now: handle::maintain() asks again, for seven days.
    owed = KEYFOB_REVOCATION_OWED,
};

/// A yes, a no, or that nobody knows. `KEYFOB_ANSWER_...`.
enum class answer : std::int32_t {
    unknown = KEYFOB_ANSWER_UNKNOWN,
    no = KEYFOB_ANSWER_NO,
    yes = KEYFOB_ANSWER_YES,
};

/// What a provider takes of a loopback redirect URI (RFC 8252 section 7.3). `KEYFOB_LOOPBACK_...`.
enum class loopback : std::int32_t {
    unknown = KEYFOB_LOOPBACK_UNKNOWN,
    /// The IP literal, with any port.
    any_port = KEYFOB_LOOPBACK_ANY_PORT,
    /// Only exactly as registered, port included.
    exact = KEYFOB_LOOPBACK_EXACT,
    /// Not at all.
    none = KEYFOB_LOOPBACK_NONE,
};

/// How a store keeps its secrets. `KEYFOB_SEALING_...`.
enum class sealing : std::int32_t {
    unknown = KEYFOB_SEALING_UNKNOWN,
    /// As they are.
    plaintext = KEYFOB_SEALING_PLAINTEXT,
    /// Sealed, and the key is here.
    sealed = KEYFOB_SEALING_SEALED,
    /// Sealed, and the key was not to be had yet.
    locked = KEYFOB_SEALING_LOCKED,
};

/// What a provider speaks. `KEYFOB_PROVIDER_KIND_...`.
enum class provider_kind : std::int32_t {
    /// OpenID Connect: an issuer, discovery, ID tokens.
    oidc = KEYFOB_PROVIDER_KIND_OIDC,
    /// Plain OAuth 2: explicit endpoints, the user's identity from userinfo.
    oauth2 = KEYFOB_PROVIDER_KIND_OAUTH2,
};

/// Which store key is asked for. `KEYFOB_WANTED_STORE_KEY_...`.
enum class wanted_store_key : std::int32_t {
    /// The one that this store was sealed with. It must not be made anew, whatever the keystore says of it.
    existing = KEYFOB_WANTED_STORE_KEY_EXISTING,
    /// Any: give the one that the keystore has, or make one (store_key::generate()) and keep it there.
    anew = KEYFOB_WANTED_STORE_KEY_NEW,
};

/// What the keystore says. `KEYFOB_STORE_KEY_NOT_NOW` and so on.
enum class store_key_answer : std::int32_t {
    /// Locked, or silent, or "not found" where that can mean locked. Nothing is lost. Say this when in doubt.
    not_now = KEYFOB_STORE_KEY_NOT_NOW,
    /// The key was given.
    here = KEYFOB_STORE_KEY_HERE,
    /// The key is gone for good, and the keystore is sure of it: the sessions that it sealed end ("KeyLost").
    gone = KEYFOB_STORE_KEY_GONE,
};

/// What a transport tells about the request it was given. `KEYFOB_TRANSPORT_ANSWERED` and so on.
enum class transport_outcome : std::int32_t {
    /// The provider answered, whatever the status, and the response holds the whole answer.
    answered = KEYFOB_TRANSPORT_ANSWERED,
    /// No answer, and no byte of the request left this machine: it may be repeated.
    not_sent = KEYFOB_TRANSPORT_NOT_SENT,
    /// No answer, and nobody knows whether the provider acted on the request. Say this when in doubt.
    unknown = KEYFOB_TRANSPORT_UNKNOWN,
};

/// What kept a request from being answered. `KEYFOB_TRANSPORT_FAILURE_...`.
enum class transport_failure : std::int32_t {
    /// The name was not found, no connection came about, or it broke.
    network = KEYFOB_TRANSPORT_FAILURE_NETWORK,
    /// A time limit passed.
    timeout = KEYFOB_TRANSPORT_FAILURE_TIMEOUT,
    /// TLS refused the certificate, for a reason that has no name below.
    certificate = KEYFOB_TRANSPORT_FAILURE_CERTIFICATE,
    /// TLS failed for another reason.
    tls = KEYFOB_TRANSPORT_FAILURE_TLS,
    /// The answer was longer than asked for, or not HTTP.
    answer = KEYFOB_TRANSPORT_FAILURE_ANSWER,
    /// The proxy could not be reached, or did not let the connection through.
    proxy = KEYFOB_TRANSPORT_FAILURE_PROXY,
    certificate_expired = KEYFOB_TRANSPORT_FAILURE_CERTIFICATE_EXPIRED,
    certificate_not_yet_valid = KEYFOB_TRANSPORT_FAILURE_CERTIFICATE_NOT_YET_VALID,
    /// Nobody who is trusted has signed the certificate.
    certificate_unknown_issuer = KEYFOB_TRANSPORT_FAILURE_CERTIFICATE_UNKNOWN_ISSUER,
    /// The certificate is for another host.
    certificate_wrong_host = KEYFOB_TRANSPORT_FAILURE_CERTIFICATE_WRONG_HOST,
    certificate_revoked = KEYFOB_TRANSPORT_FAILURE_CERTIFICATE_REVOKED,
};

/// When a process refreshes tokens. `KEYFOB_REFRESH_POLICY_...`.
enum class refresh_policy : std::int32_t {
    /// Early, so that nobody has to wait, and when a token is over.
    normal = KEYFOB_REFRESH_POLICY_NORMAL,
    /// Only when a call needs it.
    on_demand = KEYFOB_REFRESH_POLICY_ON_DEMAND,
    /// Never: for an extension or a widget that may be frozen at any moment.
    never = KEYFOB_REFRESH_POLICY_NEVER,
};

/// What a client's private key signs with. `KEYFOB_KEY_ALGORITHM_...`.
enum class key_algorithm : std::int32_t {
    rs256 = KEYFOB_KEY_ALGORITHM_RS256,
    ps256 = KEYFOB_KEY_ALGORITHM_PS256,
    es256 = KEYFOB_KEY_ALGORITHM_ES256,
    es384 = KEYFOB_KEY_ALGORITHM_ES384,
    eddsa = KEYFOB_KEY_ALGORITHM_EDDSA,
};

/// How much a line of the log matters. The smaller, the more. `KEYFOB_LOG_LEVEL_...`.
enum class log_level : std::int32_t {
    /// Something is lost, or will be if nobody acts.
    error = KEYFOB_LOG_LEVEL_ERROR,
    /// Something is not as it should be, and Keyfob goes on.
    warn = KEYFOB_LOG_LEVEL_WARN,
    /// Something worth knowing, seldom.
    info = KEYFOB_LOG_LEVEL_INFO,
    /// For whoever looks for a cause.
    debug = KEYFOB_LOG_LEVEL_DEBUG,
};

/// Whether this header has a name for the value; a newer library may give others.
[[nodiscard]] constexpr bool is_known(status value) noexcept {
    return (value >= status::ok && value <= status::random) || value == status::internal;
}
[[nodiscard]] constexpr bool is_known(revocation value) noexcept {
    return value >= revocation::done && value <= revocation::owed;
}
[[nodiscard]] constexpr bool is_known(answer value) noexcept { return value >= answer::unknown && value <= answer::yes; }
[[nodiscard]] constexpr bool is_known(loopback value) noexcept {
    return value >= loopback::unknown && value <= loopback::none;
}
[[nodiscard]] constexpr bool is_known(sealing value) noexcept {
    return value >= sealing::unknown && value <= sealing::locked;
}
[[nodiscard]] constexpr bool is_known(provider_kind value) noexcept {
    return value >= provider_kind::oidc && value <= provider_kind::oauth2;
}
[[nodiscard]] constexpr bool is_known(log_level value) noexcept {
    return value >= log_level::error && value <= log_level::debug;
}

/// The name of a status, for logs: "Ok", "LoginRequired"; "Unknown" for a number that the library does not know. Good
/// until the library is unloaded. `keyfob_status_name`.
[[nodiscard]] inline std::string_view name(status value) noexcept {
    return keyfob_status_name(static_cast<keyfob_status>(value));
}

/* ---------------------------------------------------------------------------------------------------------------------
 * What holds the rest together. Nothing in `detail` is for an app.
 * ------------------------------------------------------------------------------------------------------------------ */

class error;
template <class T>
class result;

namespace detail {

inline void dispose(keyfob_browser_login* it) noexcept { keyfob_browser_login_free(it); }
inline void dispose(keyfob_completed* it) noexcept { keyfob_completed_free(it); }
inline void dispose(keyfob_config* it) noexcept { keyfob_config_free(it); }
inline void dispose(keyfob_config_builder* it) noexcept { keyfob_config_builder_free(it); }
inline void dispose(keyfob_device_login* it) noexcept { keyfob_device_login_free(it); }
inline void dispose(keyfob_end_session_options* it) noexcept { keyfob_end_session_options_free(it); }
inline void dispose(keyfob_ended* it) noexcept { keyfob_ended_free(it); }
inline void dispose(keyfob_error* it) noexcept { keyfob_error_free(it); }
inline void dispose(keyfob_guide* it) noexcept { keyfob_guide_free(it); }
inline void dispose(keyfob_handle* it) noexcept { keyfob_free(it); }
inline void dispose(keyfob_health* it) noexcept { keyfob_health_free(it); }
inline void dispose(keyfob_imported_tokens* it) noexcept { keyfob_imported_tokens_free(it); }
inline void dispose(keyfob_journal_list* it) noexcept { keyfob_journal_list_free(it); }
inline void dispose(keyfob_logged_out* it) noexcept { keyfob_logged_out_free(it); }
inline void dispose(keyfob_login* it) noexcept { keyfob_login_free(it); }
inline void dispose(keyfob_login_control* it) noexcept { keyfob_login_control_free(it); }
inline void dispose(keyfob_login_options* it) noexcept { keyfob_login_options_free(it); }
inline void dispose(keyfob_login_pages* it) noexcept { keyfob_login_pages_free(it); }
inline void dispose(keyfob_maintained* it) noexcept { keyfob_maintained_free(it); }
inline void dispose(keyfob_pending_login_list* it) noexcept { keyfob_pending_login_list_free(it); }
inline void dispose(keyfob_profile* it) noexcept { keyfob_profile_free(it); }
inline void dispose(keyfob_provider_builder* it) noexcept { keyfob_provider_builder_free(it); }
inline void dispose(keyfob_provider_list* it) noexcept { keyfob_provider_list_free(it); }
inline void dispose(keyfob_registration_builder* it) noexcept { keyfob_registration_builder_free(it); }
inline void dispose(keyfob_registration_list* it) noexcept { keyfob_registration_list_free(it); }
inline void dispose(keyfob_session* it) noexcept { keyfob_session_free(it); }
inline void dispose(keyfob_session_list* it) noexcept { keyfob_session_list_free(it); }
inline void dispose(keyfob_token* it) noexcept { keyfob_token_free(it); }
inline void dispose(keyfob_work* it) noexcept { keyfob_work_free(it); }

template <class Raw>
struct disposer {
    void operator()(Raw* it) const noexcept { dispose(it); }
};

template <class Raw>
using owned = std::unique_ptr<Raw, disposer<Raw>>;

/// Read by any number of its parts: what a list or a session holds keeps it.
template <class Raw>
[[nodiscard]] std::shared_ptr<const Raw> shared(Raw* it) {
    return std::shared_ptr<const Raw>(it, disposer<Raw>());
}

/// The one way to the inside of the classes.
struct access {
    template <class T, class... Arguments>
    [[nodiscard]] static T make(Arguments&&... arguments) {
        return T(std::forward<Arguments>(arguments)...);
    }
    template <class T>
    [[nodiscard]] static auto raw(T& object) noexcept {
        return object.raw();
    }
    template <class T>
    [[nodiscard]] static auto consume(T& object) noexcept {
        return object.consume();
    }
};

[[nodiscard]] inline std::string_view text(const char* found) noexcept {
    return found == nullptr ? std::string_view() : std::string_view(found);
}

[[nodiscard]] inline std::optional<std::string_view> optional_text(const char* found) noexcept {
    return found == nullptr ? std::nullopt : std::optional<std::string_view>(found);
}

/// Texts that are read one by one.
template <class Raw>
[[nodiscard]] std::vector<std::string_view> texts(const Raw* it, std::size_t (*len)(const Raw*),
                                                  const char* (*at)(const Raw*, std::size_t)) {
    std::vector<std::string_view> found;
    const std::size_t count = len(it);
    found.reserve(count);
    for (std::size_t index = 0; index < count; ++index) {
        found.push_back(text(at(it, index)));
    }
    return found;
}

/// The parts of what holds them, each of which keeps it.
template <class Part, class Whole, class Raw>
[[nodiscard]] std::vector<Part> parts(const std::shared_ptr<const Whole>& whole, std::size_t (*len)(const Whole*),
                                      const Raw* (*at)(const Whole*, std::size_t)) {
    std::vector<Part> found;
    const std::size_t count = len(whole.get());
    found.reserve(count);
    for (std::size_t index = 0; index < count; ++index) {
        found.push_back(access::make<Part>(std::shared_ptr<const Raw>(whole, at(whole.get(), index))));
    }
    return found;
}

[[nodiscard]] inline std::optional<milliseconds> optional_span(std::int64_t found_ms) noexcept {
    return found_ms == KEYFOB_TIME_UNKNOWN ? std::nullopt : std::optional<milliseconds>(found_ms);
}

/// A duration that is always known; 0 where there is no object.
[[nodiscard]] inline milliseconds span(std::int64_t found_ms) noexcept {
    return optional_span(found_ms).value_or(milliseconds::zero());
}

[[nodiscard]] inline std::optional<time_point> optional_time(std::int64_t found_ms) noexcept {
    using std::chrono::duration_cast;
    if (found_ms == KEYFOB_TIME_UNKNOWN) {
        return std::nullopt;
    }
    // Compared in milliseconds: a nanosecond clock overflows where a provider names the year 3000. In parentheses: there are
    // systems with macros of these names.
    if (found_ms >= duration_cast<milliseconds>((time_point::max)().time_since_epoch()).count()) {
        return (time_point::max)();
    }
    if (found_ms <= duration_cast<milliseconds>((time_point::min)().time_since_epoch()).count()) {
        return (time_point::min)();
    }
    return time_point(duration_cast<time_point::duration>(milliseconds(found_ms)));
}

/// A time that is always known; 1970 where there is no object.
[[nodiscard]] inline time_point time(std::int64_t found_ms) noexcept {
    return optional_time(found_ms).value_or(time_point());
}

[[nodiscard]] inline std::int64_t to_ms(time_point moment) noexcept {
    const std::int64_t ms = std::chrono::floor<milliseconds>(moment.time_since_epoch()).count();
    // The last millisecond of 1969 would say that the time is not known.
    return ms == KEYFOB_TIME_UNKNOWN ? ms - 1 : ms;
}

/// Overwrites in a way that no compiler leaves out.
inline void wipe(void* place, std::size_t length) noexcept {
    volatile unsigned char* bytes = static_cast<unsigned char*>(place);
    for (std::size_t index = 0; index < length; ++index) {
        bytes[index] = 0;
    }
}

[[nodiscard]] inline const std::uint8_t* bytes(std::string_view view) noexcept {
    return reinterpret_cast<const std::uint8_t*>(view.data());
}

/// A text on its way to C, with the name of its parameter: ended with a NUL, and overwritten afterwards.
class argument {
public:
    argument(const char* parameter, std::optional<std::string_view> given)
        : name_(parameter), text_(given.value_or(std::string_view())), given_(given.has_value()) {}
    argument(const argument&) = delete;
    argument& operator=(const argument&) = delete;
    ~argument() { wipe(text_.data(), text_.size()); }

    [[nodiscard]] const char* c_str() const noexcept { return given_ ? text_.c_str() : nullptr; }
    [[nodiscard]] std::optional<error> unfit() const;

private:
    const char* name_;
    std::string text_;
    bool given_;
};

/// A duration on its way to C; without one, what stands for that there.
class duration_argument {
public:
    duration_argument(const char* parameter, std::optional<milliseconds> given, std::int64_t otherwise = 0) noexcept
        : name_(parameter), ms_(given ? given->count() : otherwise), negative_(given && given->count() < 0) {}

    [[nodiscard]] std::int64_t ms() const noexcept { return ms_; }
    [[nodiscard]] std::uint64_t limit_ms() const noexcept { return static_cast<std::uint64_t>(ms_); }
    [[nodiscard]] std::optional<error> unfit() const;

private:
    const char* name_;
    std::int64_t ms_;
    bool negative_;
};

/// Calls into the host: what is thrown there ends here.
template <class Outcome, class Call>
[[nodiscard]] Outcome guarded(Outcome failure, Call&& call) noexcept {
#if defined(__cpp_exceptions) || defined(_CPPUNWIND)
    try {
        return std::forward<Call>(call)();
    } catch (...) {
        return failure;
    }
#else
    static_cast<void>(failure);
    return std::forward<Call>(call)();
#endif
}

template <class Context>
void release(void* context) noexcept {
    delete static_cast<Context*>(context);
}

/// What was read from Keyfob and does not change.
template <class Raw>
class reader {
public:
    reader(reader&&) noexcept = default;
    reader& operator=(reader&&) noexcept = default;
    reader(const reader&) = delete;
    reader& operator=(const reader&) = delete;

protected:
    explicit reader(std::shared_ptr<const Raw> raw) noexcept : raw_(std::move(raw)) {}
    ~reader() = default;

    [[nodiscard]] const Raw* raw() const noexcept { return raw_.get(); }
    [[nodiscard]] const std::shared_ptr<const Raw>& whole() const noexcept { return raw_; }

private:
    std::shared_ptr<const Raw> raw_;
    friend struct access;
};

}  // namespace detail

/* ---------------------------------------------------------------------------------------------------------------------
 * Errors and results
 * ------------------------------------------------------------------------------------------------------------------ */

/// What went wrong, in full. It holds no secret. May be shared, and copied.
class error {
public:
    /// What to do about it; status::ok in the error of a result that has a value.
    [[nodiscard]] keyfob::status status() const noexcept { return status_; }
    /// Why, more finely: a stable name such as "StateUnknown" or "Revoked".
    [[nodiscard]] std::string_view reason() const& noexcept {
        return raw_ != nullptr ? detail::text(keyfob_error_reason(raw_.get())) : name(status_);
    }
    /// One line for a log. It holds no token, code, state, URL query or text of the provider.
    [[nodiscard]] std::string_view message() const& noexcept {
        return raw_ != nullptr ? detail::text(keyfob_error_message(raw_.get())) : own_ != nullptr ? *own_ : name(status_);
    }
    /// Words that help to find the cause, safe to log and not stable: the name of a parameter or a key, a host.
    [[nodiscard]] std::optional<std::string_view> detail() const& noexcept {
        if (own_ != nullptr) {
            return std::string_view(*own_).substr(name(status_).size() + 2);
        }
        return detail::optional_text(keyfob_error_detail(raw_.get()));
    }
    /// The provider's error code (RFC 6749 sections 4.1.2.1 and 5.2), such as "invalid_grant". Untrusted text.
    [[nodiscard]] std::optional<std::string_view> oauth_code() const& noexcept {
        return detail::optional_text(keyfob_error_oauth_code(raw_.get()));
    }
    /// The provider's words about it. Untrusted text: never render it as HTML.
    [[nodiscard]] std::optional<std::string_view> oauth_description() const& noexcept {
        return detail::optional_text(keyfob_error_oauth_description(raw_.get()));
    }
    /// A page of the provider about it. Untrusted text: never open it unasked.
    [[nodiscard]] std::optional<std::string_view> oauth_uri() const& noexcept {
        return detail::optional_text(keyfob_error_oauth_uri(raw_.get()));
    }
    /// The HTTP status of the provider's answer, if there was one.
    [[nodiscard]] std::optional<int> http_status() const noexcept {
        const std::int32_t found = keyfob_error_http_status(raw_.get());
        return found == 0 ? std::nullopt : std::optional<int>(found);
    }
    /// How long to wait before trying again, if that is known.
    [[nodiscard]] std::optional<milliseconds> retry_after() const noexcept {
        return detail::optional_span(keyfob_error_retry_after_ms(raw_.get()));
    }
    /// Whether the same call may succeed later without anything being changed.
    [[nodiscard]] bool is_retryable() const noexcept { return keyfob_error_is_retryable(raw_.get()); }
    /// Whether a new login is the way on.
    [[nodiscard]] bool is_login_required() const noexcept { return keyfob_error_is_login_required(raw_.get()); }
    /// The failure link that the login was begun with, if this error ended one.
    [[nodiscard]] std::optional<std::string_view> return_to() const& noexcept {
        return detail::optional_text(keyfob_error_return_to(raw_.get()));
    }

    void reason() const&& = delete;
    void message() const&& = delete;
    void detail() const&& = delete;
    void oauth_code() const&& = delete;
    void oauth_description() const&& = delete;
    void oauth_uri() const&& = delete;
    void return_to() const&& = delete;

private:
    error() noexcept = default;
    explicit error(std::shared_ptr<const keyfob_error> raw, keyfob::status kind) noexcept
        : raw_(std::move(raw)), status_(kind) {}
    /// Of this header's own finding.
    error(const char* parameter, const char* problem)
        : own_(std::make_shared<const std::string>(std::string("InvalidArgument: ") + parameter + ' ' + problem)),
          status_(keyfob::status::invalid_argument) {}

    std::shared_ptr<const keyfob_error> raw_;
    std::shared_ptr<const std::string> own_;
    keyfob::status status_ = keyfob::status::ok;
    friend struct detail::access;
};

#if defined(__cpp_exceptions) || defined(_CPPUNWIND)
/// What result::value() throws. what() is error().message(), which is safe to log.
class exception : public std::exception {
public:
    explicit exception(keyfob::error cause) noexcept : error_(std::move(cause)) {}

    [[nodiscard]] const keyfob::error& error() const noexcept { return error_; }
    [[nodiscard]] const char* what() const noexcept override { return error_.message().data(); }

private:
    keyfob::error error_;
};
#endif

namespace detail {

[[noreturn]] inline void raise(const error& cause) {
#if defined(__cpp_exceptions) || defined(_CPPUNWIND)
    throw exception(cause);
#else
    static_cast<void>(cause);
    std::terminate();
#endif
}

/// The error of what did not fail.
[[nodiscard]] inline const error& no_error() {
    static const error none = access::make<error>();
    return none;
}

}  // namespace detail

/// A value, or the error that there is instead of it; never neither. One thread at a time.
template <class T>
class [[nodiscard]] result {
public:
    using value_type = T;

    result(T value) : held_(std::in_place_index<0>, std::move(value)) {}
    result(keyfob::error cause) : held_(std::in_place_index<1>, std::move(cause)) {}

    /// Whether there is a value.
    [[nodiscard]] bool has_value() const noexcept { return held_.index() == 0; }
    explicit operator bool() const noexcept { return has_value(); }

    /// The value. On an error it throws keyfob::exception; where exceptions are switched off it ends the program.
    [[nodiscard]] T& value() & { return *(has_value() ? std::get_if<0>(&held_) : failed()); }
    [[nodiscard]] const T& value() const& { return *(has_value() ? std::get_if<0>(&held_) : failed()); }
    /// The same out of a temporary, by value: `for (const auto& it : keys.sessions().value())` is safe.
    [[nodiscard]] T value() && { return std::move(*(has_value() ? std::get_if<0>(&held_) : failed())); }

    /// As value(), which checks.
    [[nodiscard]] T& operator*() & { return value(); }
    [[nodiscard]] const T& operator*() const& { return value(); }
    [[nodiscard]] T operator*() && { return std::move(*this).value(); }
    [[nodiscard]] T* operator->() & { return &value(); }
    [[nodiscard]] const T* operator->() const& { return &value(); }
    void operator->() && = delete;

    /// The value, or another one where there is an error.
    template <class U>
    [[nodiscard]] T value_or(U&& other) && {
        return has_value() ? std::move(*std::get_if<0>(&held_)) : static_cast<T>(std::forward<U>(other));
    }
    template <class U>
    [[nodiscard]] T value_or(U&& other) const& {
        return has_value() ? *std::get_if<0>(&held_) : static_cast<T>(std::forward<U>(other));
    }

    /// The error; where there is a value, one that says status::ok.
    [[nodiscard]] const keyfob::error& error() const& {
        return has_value() ? detail::no_error() : *std::get_if<1>(&held_);
    }
    [[nodiscard]] keyfob::error error() && {
        return has_value() ? detail::no_error() : std::move(*std::get_if<1>(&held_));
    }

    /// Goes on with the value, by a function that gives another result; an error stays.
    template <class Next>
    [[nodiscard]] auto and_then(Next&& next) && -> std::invoke_result_t<Next, T> {
        if (!has_value()) {
            return std::move(*this).error();
        }
        return std::forward<Next>(next)(std::move(*std::get_if<0>(&held_)));
    }
    /// Makes another value of the value; an error stays.
    template <class Change>
    [[nodiscard]] auto transform(Change&& change) && -> result<std::invoke_result_t<Change, T>> {
        if (!has_value()) {
            return std::move(*this).error();
        }
        return std::forward<Change>(change)(std::move(*std::get_if<0>(&held_)));
    }

private:
    [[noreturn]] T* failed() const { detail::raise(*std::get_if<1>(&held_)); }

    std::variant<T, keyfob::error> held_;
};

/// Of a call that only works or fails.
template <>
class [[nodiscard]] result<void> {
public:
    using value_type = void;

    result() noexcept = default;
    result(keyfob::error cause) : error_(std::move(cause)) {}

    [[nodiscard]] bool has_value() const noexcept { return !error_.has_value(); }
    explicit operator bool() const noexcept { return has_value(); }
    /// Nothing; on an error as result<T>::value().
    void value() const {
        if (error_) {
            detail::raise(*error_);
        }
    }
    [[nodiscard]] const keyfob::error& error() const& { return error_ ? *error_ : detail::no_error(); }
    [[nodiscard]] keyfob::error error() && { return error_ ? *std::move(error_) : detail::no_error(); }

private:
    std::optional<keyfob::error> error_;
};

namespace detail {

inline std::optional<error> argument::unfit() const {
    if (text_.find('\0') == std::string::npos) {
        return std::nullopt;
    }
    return access::make<error>(name_, "holds a NUL");
}

inline std::optional<error> duration_argument::unfit() const {
    return negative_ ? std::optional<error>(access::make<error>(name_, "is negative")) : std::nullopt;
}

/// One call into C, unless an argument is unfit for it; its error.
template <class Call, class... Arguments>
[[nodiscard]] std::optional<error> call(Call&& into_c, const Arguments&... arguments) {
    std::optional<error> found;
    static_cast<void>(((found = arguments.unfit()) || ...));
    if (found) {
        return found;
    }
    keyfob_error* raw = nullptr;
    const keyfob_status outcome = std::forward<Call>(into_c)(&raw);
    if (outcome == KEYFOB_OK) {
        return std::nullopt;
    }
    return access::make<error>(shared(raw), static_cast<status>(outcome));
}

template <class Call, class... Arguments>
[[nodiscard]] result<void> run(Call&& into_c, const Arguments&... arguments) {
    std::optional<error> failed = call(std::forward<Call>(into_c), arguments...);
    return failed ? result<void>(*std::move(failed)) : result<void>();
}

/// A call that gives a handle of C's, and what becomes of it.
template <class T, class Raw, class Make, class Call, class... Arguments>
[[nodiscard]] result<T> give_as(Make&& make, Call&& into_c, const Arguments&... arguments) {
    Raw* given = nullptr;
    std::optional<error> failed =
        call([&](keyfob_error** problem) { return into_c(&given, problem); }, arguments...);
    if (failed) {
        return *std::move(failed);
    }
    return std::forward<Make>(make)(shared(given));
}

template <class T, class Raw, class Call, class... Arguments>
[[nodiscard]] result<T> give(Call&& into_c, const Arguments&... arguments) {
    return give_as<T, Raw>([](std::shared_ptr<const Raw> given) { return access::make<T>(std::move(given)); },
                           std::forward<Call>(into_c), arguments...);
}

/// The same where there may be none.
template <class T, class Raw, class Call, class... Arguments>
[[nodiscard]] result<std::optional<T>> give_optional(Call&& into_c, const Arguments&... arguments) {
    return give_as<std::optional<T>, Raw>(
        [](std::shared_ptr<const Raw> given) {
            return given == nullptr ? std::nullopt : std::optional<T>(access::make<T>(std::move(given)));
        },
        std::forward<Call>(into_c), arguments...);
}

/// What is set up before it is used: see SETTINGS above.
template <class Raw>
class settings {
public:
    settings(settings&&) noexcept = default;
    settings& operator=(settings&&) noexcept = default;
    settings(const settings&) = delete;
    settings& operator=(const settings&) = delete;

    /// The first setter that failed.
    [[nodiscard]] std::optional<error> problem() const {
        return problem_.status() == status::ok ? std::nullopt : std::optional<error>(problem_);
    }

protected:
    settings(const char* parameter, Raw* raw) : name_(parameter), raw_(raw), problem_(no_error()) {}
    ~settings() = default;

    [[nodiscard]] Raw* raw() const noexcept { return raw_.get(); }
    [[nodiscard]] Raw* consume() noexcept { return raw_.release(); }

    template <class Call, class... Arguments>
    void set(Call&& into_c, const Arguments&... arguments) {
        fail(call(std::forward<Call>(into_c), arguments...));
    }
    template <class Setter>
    void set_text(Setter setter, const char* parameter, std::string_view given) {
        const argument text(parameter, given);
        set([&](auto problem) { return setter(raw(), text.c_str(), problem); }, text);
    }
    template <class Setter>
    void set_texts(Setter setter, const char* first, std::string_view one, const char* second, std::string_view other) {
        const argument text(first, one);
        const argument next(second, other);
        set([&](auto problem) { return setter(raw(), text.c_str(), next.c_str(), problem); }, text, next);
    }
    /// For a handle whose making can fail.
    template <class Call, class... Arguments>
    void begin(Call&& into_c, const Arguments&... arguments) {
        Raw* made = nullptr;
        fail(call([&](keyfob_error** problem) { return into_c(&made, problem); }, arguments...));
        raw_.reset(made);
    }
    void fail(const std::optional<error>& failed) {
        if (failed && problem_.status() == status::ok) {
            problem_ = *failed;
        }
    }

private:
    [[nodiscard]] std::optional<error> unfit() const {
        std::optional<error> found = problem();
        if (!found && raw_ == nullptr) {
            found = access::make<error>(name_, "was moved from");
        }
        return found;
    }

    const char* name_;
    owned<Raw> raw_;
    error problem_;

    template <class Call, class... Arguments>
    friend std::optional<error> call(Call&& into_c, const Arguments&... arguments);
    friend struct access;
};

}  // namespace detail

/* ---------------------------------------------------------------------------------------------------------------------
 * Version
 * ------------------------------------------------------------------------------------------------------------------ */

/// The version of the library, such as "0.1.0"; `KEYFOB_VERSION_STRING` is this header's. Good until the library is
/// unloaded. `keyfob_version_string`.
[[nodiscard]] inline std::string_view version_string() noexcept { return keyfob_version_string(); }
/// The same as one number; `KEYFOB_VERSION_NUMBER` is this header's. `keyfob_version_number`.
[[nodiscard]] inline std::uint32_t version_number() noexcept { return keyfob_version_number(); }
/// The library's ABI: a program works with it if it is `KEYFOB_ABI_VERSION`. `keyfob_abi_version`.
[[nodiscard]] inline std::uint32_t abi_version() noexcept { return keyfob_abi_version(); }

/* ---------------------------------------------------------------------------------------------------------------------
 * The log
 * ------------------------------------------------------------------------------------------------------------------ */

/// Takes one line of the log: how much it matters, the part of the library that says it, and the line for people, without
/// secrets. The texts live until it returns. Called where the line is made, on any thread, several at once: it must be quick, and
/// calls into Keyfob give status::invalid_state ("Reentered"). What is thrown is dropped. `keyfob_log_fn`.
using log_function = std::function<void(log_level level, std::string_view target, std::string_view message)>;

namespace detail {

inline void takes_line(void* context, keyfob_log_level level, const char* target, const char* message) noexcept {
    static_cast<void>(guarded(false, [&] {
        (*static_cast<log_function*>(context))(static_cast<log_level>(level), text(target), text(message));
        return true;
    }));
}

}  // namespace detail

/// Gives the library's log to the host, for the whole process, from now on; an empty function ends it. Lines that matter less
/// than `max_level` are not made. The function before it is destroyed as soon as no other thread is within it.
/// status::invalid_argument: no such level; invalid_state: called from within the function. `keyfob_set_log`.
[[nodiscard]] inline result<void> set_log(log_level max_level, log_function take) {
    const keyfob_log_fn into = take ? detail::takes_line : nullptr;
    auto context = std::make_unique<log_function>(std::move(take));
    return detail::run([&](auto problem) {
        return keyfob_set_log(static_cast<keyfob_log_level>(max_level), into, context.release(),
                              detail::release<log_function>, problem);
    });
}

/* ---------------------------------------------------------------------------------------------------------------------
 * Sessions, tokens, profiles
 * ------------------------------------------------------------------------------------------------------------------ */

/// The user, in one shape for every provider. May be shared. `keyfob_profile`.
class profile : public detail::reader<keyfob_profile> {
public:
    /// The user's lasting id at the provider.
    [[nodiscard]] std::string_view uid() const& noexcept { return detail::text(keyfob_profile_uid(raw())); }
    /// The name to show, if the provider told.
    [[nodiscard]] std::optional<std::string_view> name() const& noexcept {
        return detail::optional_text(keyfob_profile_name(raw()));
    }
    /// The e-mail address, if the provider told.
    [[nodiscard]] std::optional<std::string_view> email() const& noexcept {
        return detail::optional_text(keyfob_profile_email(raw()));
    }
    /// Whether the provider vouches for the e-mail address; false where it does not say.
    [[nodiscard]] bool email_verified() const noexcept { return keyfob_profile_email_verified(raw()); }
    /// The URL of a picture of the user, if the provider told.
    [[nodiscard]] std::optional<std::string_view> avatar_url() const& noexcept {
        return detail::optional_text(keyfob_profile_avatar_url(raw()));
    }
    /// The user's language and region as the provider writes it, if it told.
    [[nodiscard]] std::optional<std::string_view> locale() const& noexcept {
        return detail::optional_text(keyfob_profile_locale(raw()));
    }
    /// Every claim that the provider sent, as one JSON object (OpenID Connect Core section 5.1).
    [[nodiscard]] std::string_view raw_json() const& noexcept { return detail::text(keyfob_profile_raw_json(raw())); }

    void uid() const&& = delete;
    void name() const&& = delete;
    void email() const&& = delete;
    void avatar_url() const&& = delete;
    void locale() const&& = delete;
    void raw_json() const&& = delete;

private:
    using reader::reader;
    friend struct detail::access;
};

/// A session as it was when it was read: who is logged in, with which tokens, until when. Its tokens are overwritten when
/// it is destroyed; one out of a list, with the last of that list. May be shared. `keyfob_session`.
class session : public detail::reader<keyfob_session> {
public:
    /// The id: random, never used again. Other calls know the session by it.
    [[nodiscard]] std::string_view id() const& noexcept { return detail::text(keyfob_session_id(raw())); }
    /// The id of the registration that the user logged in with.
    [[nodiscard]] std::string_view registration() const& noexcept {
        return detail::text(keyfob_session_registration(raw()));
    }
    /// The id of the provider.
    [[nodiscard]] std::string_view provider() const& noexcept { return detail::text(keyfob_session_provider(raw())); }
    /// The user's lasting id at the provider: `sub`, where it speaks OpenID Connect.
    [[nodiscard]] std::string_view provider_uid() const& noexcept {
        return detail::text(keyfob_session_provider_uid(raw()));
    }
    /// Whether the session can still give a token.
    [[nodiscard]] bool is_active() const noexcept { return keyfob_session_is_active(raw()); }
    /// Why the session has ended, by its stable name, such as "Revoked"; nothing while it is active.
    [[nodiscard]] std::optional<std::string_view> ended_reason() const& noexcept {
        return detail::optional_text(keyfob_session_ended_reason(raw()));
    }
    /// The provider's access token as last saved, empty once the session has ended. A secret. It may be over:
    /// handle::access_token() gives a good one.
    [[nodiscard]] std::string_view provider_access_token() const& noexcept {
        return detail::text(keyfob_session_provider_access_token(raw()));
    }
    /// When that access token is over, if the provider said.
    [[nodiscard]] std::optional<time_point> provider_access_token_expiry() const noexcept {
        return detail::optional_time(keyfob_session_provider_access_token_expiry_ms(raw()));
    }
    /// The provider's refresh token, if it gave one. A secret. An app that uses it itself will be logged out by the
    /// provider's reuse detection (RFC 9700 section 4.14.2).
    [[nodiscard]] std::optional<std::string_view> provider_refresh_token() const& noexcept {
        return detail::optional_text(keyfob_session_provider_refresh_token(raw()));
    }
    /// The ID token as it came (OpenID Connect Core section 2), for an app's own back end. A secret.
    [[nodiscard]] std::optional<std::string_view> id_token() const& noexcept {
        return detail::optional_text(keyfob_session_id_token(raw()));
    }
    /// The verified claims of that ID token, as one JSON object.
    [[nodiscard]] std::optional<std::string_view> id_token_claims_json() const& noexcept {
        return detail::optional_text(keyfob_session_id_token_claims_json(raw()));
    }
    /// What else the token answer had (RFC 6749 section 5.1), as one JSON object. Untrusted, and perhaps a secret.
    [[nodiscard]] std::string_view token_answer_json() const& noexcept {
        return detail::text(keyfob_session_token_answer_json(raw()));
    }
    /// The granted scopes (RFC 6749 section 3.3), which may be fewer than were asked for.
    [[nodiscard]] std::vector<std::string_view> scopes() const& {
        return detail::texts(raw(), keyfob_session_scopes_len, keyfob_session_scopes_at);
    }
    /// The profile as last fetched. It may outlive this session.
    [[nodiscard]] keyfob::profile profile() const {
        return detail::access::make<keyfob::profile>(
            std::shared_ptr<const keyfob_profile>(whole(), keyfob_session_profile(raw())));
    }
    /// When the user logged in.
    [[nodiscard]] time_point created_at() const noexcept { return detail::time(keyfob_session_created_at_ms(raw())); }
    /// When the tokens were last replaced.
    [[nodiscard]] time_point updated_at() const noexcept { return detail::time(keyfob_session_updated_at_ms(raw())); }
    /// One more of the same, not read anew, that keeps nothing else in memory. `keyfob_session_copy`.
    [[nodiscard]] session copy() const {
        return session(detail::shared(keyfob_session_copy(raw())));
    }

    void id() const&& = delete;
    void registration() const&& = delete;
    void provider() const&& = delete;
    void provider_uid() const&& = delete;
    void ended_reason() const&& = delete;
    void provider_access_token() const&& = delete;
    void provider_refresh_token() const&& = delete;
    void id_token() const&& = delete;
    void id_token_claims_json() const&& = delete;
    void token_answer_json() const&& = delete;
    void scopes() const&& = delete;

private:
    using reader::reader;
    friend struct detail::access;
};

/// An access token that was good when it was given. It is overwritten when it is destroyed, and prints as
/// "token(redacted)". May be shared. `keyfob_token`.
class token : public detail::reader<keyfob_token> {
public:
    /// The token itself, for `Authorization: Bearer ...` (RFC 6750 section 2.1). A secret; opaque: never parse it.
    [[nodiscard]] std::string_view secret() const& noexcept { return detail::text(keyfob_token_secret(raw())); }
    /// When it is over, if the provider said.
    [[nodiscard]] std::optional<time_point> expires_at() const noexcept {
        return detail::optional_time(keyfob_token_expires_at_ms(raw()));
    }
    /// Whether it is in this process's memory only, since the store could not be written. `keyfob_token_is_unsaved`.
    [[nodiscard]] bool is_unsaved() const noexcept { return keyfob_token_is_unsaved(raw()); }

    void secret() const&& = delete;

private:
    using reader::reader;
    friend struct detail::access;
};

/// Without the token.
template <class Traits>
std::basic_ostream<char, Traits>& operator<<(std::basic_ostream<char, Traits>& out, const token&) {
    return out << "token(redacted)";
}
/// Its id, without its tokens.
template <class Traits>
std::basic_ostream<char, Traits>& operator<<(std::basic_ostream<char, Traits>& out, const session& shown) {
    return out << "session(" << shown.id() << ')';
}

/* ---------------------------------------------------------------------------------------------------------------------
 * A login
 * ------------------------------------------------------------------------------------------------------------------ */

/// What one login asks for beyond its registration. Settings; one thread at a time. `keyfob_login_options`.
class login_options : public detail::settings<keyfob_login_options> {
public:
    login_options() : settings("options", keyfob_login_options_new()) {}

    /// Asks for one more scope (RFC 6749 section 3.3), beside the registration's.
    login_options& add_scope(std::string_view scope) {
        set_text(keyfob_login_options_add_scope, "scope", scope);
        return *this;
    }
    /// Where the app wants to go after success: completed::return_to(), also in another process. Never sent.
    login_options& set_success(std::string_view link) {
        set_text(keyfob_login_options_set_success, "link", link);
        return *this;
    }
    /// Where the app wants to go after a failure: error::return_to(), also in another process. Never sent.
    login_options& set_failure(std::string_view link) {
        set_text(keyfob_login_options_set_failure, "link", link);
        return *this;
    }
    /// The port that the app listens on, for a loopback redirect URI that leaves it open (RFC 8252 section 7.3).
    login_options& set_redirect_port(std::uint16_t port) {
        set([&](auto problem) { return keyfob_login_options_set_redirect_port(raw(), port, problem); });
        return *this;
    }
    /// Has the answer come as a form that the browser posts, for handle::complete_login_form() (OAuth 2.0 Form Post
    /// Response Mode).
    login_options& set_form_post() {
        set([&](auto problem) { return keyfob_login_options_set_form_post(raw(), problem); });
        return *this;
    }
    /// Adds a parameter to the authorization request (RFC 6749 section 3.1), such as "prompt" = "login". Those that make
    /// a login safe are Keyfob's own, and refused when it begins.
    login_options& add_parameter(std::string_view parameter, std::string_view value) {
        set_texts(keyfob_login_options_add_parameter, "name", parameter, "value", value);
        return *this;
    }
    /// Something of the app's own to have back: completed::app_data(), also in another process. Never sent.
    login_options& set_app_data(std::string_view data) {
        set_text(keyfob_login_options_set_app_data, "data", data);
        return *this;
    }
    /// Asks for more scopes for a session that is there; another account is refused (status::token_rejected,
    /// "AccountMismatch").
    login_options& set_for_session(std::string_view session_id) {
        set_text(keyfob_login_options_set_for_session, "session_id", session_id);
        return *this;
    }
};

/// A login that has begun. It is stored already: the process may end before the redirect comes, and destroying this
/// does not end it. May be shared. `keyfob_login`.
class login : public detail::reader<keyfob_login> {
public:
    /// The id of the login in its store.
    [[nodiscard]] std::string_view id() const& noexcept { return detail::text(keyfob_login_id(raw())); }
    /// The id of the registration that it was begun for.
    [[nodiscard]] std::string_view registration() const& noexcept {
        return detail::text(keyfob_login_registration(raw()));
    }
    /// The URL to open in the system's browser, never in a web view (RFC 8252 section 8.12). Not for a log.
    [[nodiscard]] std::string_view authorization_url() const& noexcept {
        return detail::text(keyfob_login_authorization_url(raw()));
    }
    /// When the login stops waiting for its redirect.
    [[nodiscard]] time_point expires_at() const noexcept { return detail::time(keyfob_login_expires_at_ms(raw())); }

    void id() const&& = delete;
    void registration() const&& = delete;
    void authorization_url() const&& = delete;

private:
    using reader::reader;
    friend struct detail::access;
};

/// A login that has become a session. May be shared. `keyfob_completed`.
class completed : public detail::reader<keyfob_completed> {
public:
    /// The session.
    [[nodiscard]] const keyfob::session& session() const& noexcept { return session_; }
    [[nodiscard]] keyfob::session session() && noexcept { return std::move(session_); }
    /// The success link that the login was begun with, if it had one.
    [[nodiscard]] std::optional<std::string_view> return_to() const& noexcept {
        return detail::optional_text(keyfob_completed_return_to(raw()));
    }
    /// What the app gave the login to keep, if it gave something.
    [[nodiscard]] std::optional<std::string_view> app_data() const& noexcept {
        return detail::optional_text(keyfob_completed_app_data(raw()));
    }

    void return_to() const&& = delete;
    void app_data() const&& = delete;

private:
    explicit completed(std::shared_ptr<const keyfob_completed> made) noexcept
        : reader(std::move(made)),
          session_(detail::access::make<keyfob::session>(
              std::shared_ptr<const keyfob_session>(whole(), keyfob_completed_session(raw())))) {}

    keyfob::session session_;
    friend struct detail::access;
};

/// A login that waits for its redirect, or for the user on another device. May be shared. `keyfob_pending_login`.
class pending_login : public detail::reader<keyfob_pending_login> {
public:
    /// The id of the login in its store, for handle::cancel_login().
    [[nodiscard]] std::string_view id() const& noexcept { return detail::text(keyfob_pending_login_id(raw())); }
    /// The id of the registration that it was begun for.
    [[nodiscard]] std::string_view registration() const& noexcept {
        return detail::text(keyfob_pending_login_registration(raw()));
    }
    /// Whether it waits for the user on another device: handle::find_device_login() gives what to show.
    [[nodiscard]] bool is_on_another_device() const noexcept { return keyfob_pending_login_is_on_another_device(raw()); }
    /// When it was begun.
    [[nodiscard]] time_point created_at() const noexcept {
        return detail::time(keyfob_pending_login_created_at_ms(raw()));
    }
    /// When it stops waiting.
    [[nodiscard]] time_point expires_at() const noexcept {
        return detail::time(keyfob_pending_login_expires_at_ms(raw()));
    }

    void id() const&& = delete;
    void registration() const&& = delete;

private:
    using reader::reader;
    friend struct detail::access;
};

/* ---------------------------------------------------------------------------------------------------------------------
 * A login in the browser of this machine
 * ------------------------------------------------------------------------------------------------------------------ */

/// The other end of a login that blocks (handle::login_in_browser(), handle::login_on_another_device()): made before it,
/// given to it, and used from another thread. One for each login. May be shared. `keyfob_login_control`.
class login_control {
public:
    login_control() : raw_(keyfob_login_control_new()) {}

    /// Ends the login that waits: its call gives status::cancelled within a fifth of a second. Before the login
    /// begins, it will not begin. `keyfob_login_control_cancel`.
    void cancel() const noexcept { keyfob_login_control_cancel(raw()); }
    /// Whether somebody has cancelled.
    [[nodiscard]] bool is_cancelled() const noexcept { return keyfob_login_control_is_cancelled(raw()); }
    /// Hands the redirect over to a login in the browser that waits: the whole URL, as the user copied it. What is not a
    /// redirect of that login is refused here (status::redirect_rejected), and the login waits on. Touches no network.
    /// `keyfob_login_control_hand_over`.
    [[nodiscard]] result<void> hand_over(std::string_view redirect_url) const {
        const detail::argument url("redirect_url", redirect_url);
        return detail::run(
            [&](auto problem) { return keyfob_login_control_hand_over(raw(), url.c_str(), problem); }, url);
    }

private:
    [[nodiscard]] keyfob_login_control* raw() const noexcept { return raw_.get(); }
    [[nodiscard]] std::optional<error> unfit() const {
        return raw_ != nullptr ? std::nullopt
                               : std::optional<error>(detail::access::make<error>("control", "was moved from"));
    }

    detail::owned<keyfob_login_control> raw_;

    template <class Call, class... Arguments>
    friend std::optional<error> detail::call(Call&& into_c, const Arguments&... arguments);
    friend struct detail::access;
};

/// What the pages at the end of a login in the browser say; everything has an English default, and is plain text.
/// Settings; one thread at a time. `keyfob_login_pages`.
class login_pages : public detail::settings<keyfob_login_pages> {
public:
    /// Pages that call the app by this name; without one they say "the app".
    explicit login_pages(std::optional<std::string_view> app = std::nullopt) : login_pages(detail::argument("app", app)) {}

    /// The language of the texts (BCP 47, for instance "de" or "pt-BR"), for screen readers.
    login_pages& set_language(std::string_view tag) {
        set_text(keyfob_login_pages_set_language, "tag", tag);
        return *this;
    }
    /// Whether the texts are written from right to left.
    login_pages& set_right_to_left(bool right_to_left) {
        set([&](auto problem) { return keyfob_login_pages_set_right_to_left(raw(), right_to_left, problem); });
        return *this;
    }
    /// Title and text after a login.
    login_pages& set_success(std::string_view title, std::string_view words) {
        set_texts(keyfob_login_pages_set_success, "title", title, "words", words);
        return *this;
    }
    /// Title and text after the user, or the provider's policy, said no.
    login_pages& set_denied(std::string_view title, std::string_view words) {
        set_texts(keyfob_login_pages_set_denied, "title", title, "words", words);
        return *this;
    }
    /// Title and text after any other failure: what to do now. The name of the reason stands below it.
    login_pages& set_failure(std::string_view title, std::string_view words) {
        set_texts(keyfob_login_pages_set_failure, "title", title, "words", words);
        return *this;
    }

private:
    explicit login_pages(const detail::argument& app) : settings("pages", keyfob_login_pages_new(app.c_str())) {
        fail(app.unfit());
        if (raw() == nullptr) {
            // C has no words for it.
            fail(detail::access::make<error>("app", "is not UTF-8"));
        }
    }
};

/// Opens a URL, or shows it to the user, and returns at once; false where neither can be done. The URL is not for a log.
/// Called on the thread that waits for the login. An exception is taken for false. `keyfob_open_url_fn`.
using open_url_function = std::function<bool(std::string_view url)>;

/// What a login in the browser is to be like: five minutes, the system's browser, the built-in pages, unless it is set.
/// Settings; one thread at a time. `keyfob_browser_login`.
class browser_login : public detail::settings<keyfob_browser_login> {
public:
    browser_login() : settings("login", keyfob_browser_login_new()) {}

    /// What the login asks for. Absolute success and failure links are where the browser is sent at the end (303).
    browser_login& set_options(const login_options& options) {
        set(
            [&](auto problem) {
                return keyfob_browser_login_set_options(raw(), detail::access::raw(options), problem);
            },
            options);
        return *this;
    }
    /// What the built-in pages say.
    browser_login& set_pages(const login_pages& pages) {
        set([&](auto problem) { return keyfob_browser_login_set_pages(raw(), detail::access::raw(pages), problem); },
            pages);
        return *this;
    }
    /// How long to wait for the redirect. The configuration's `login_seconds` holds too.
    browser_login& set_time_limit(milliseconds limit) {
        const detail::duration_argument given("limit", limit);
        set([&](auto problem) { return keyfob_browser_login_set_time_limit_ms(raw(), given.limit_ms(), problem); },
            given);
        return *this;
    }
    /// Who opens the URL, instead of the system's browser.
    browser_login& set_browser(open_url_function open) {
        const keyfob_open_url_fn into = open ? opens : nullptr;
        auto context = std::make_unique<open_url_function>(std::move(open));
        set([&](auto problem) {
            return keyfob_browser_login_set_browser(raw(), into, context.release(), detail::release<open_url_function>,
                                                    problem);
        });
        return *this;
    }
    /// What another thread cancels the login with, or hands a pasted redirect over.
    browser_login& set_control(const login_control& control) {
        set(
            [&](auto problem) {
                return keyfob_browser_login_set_control(raw(), detail::access::raw(control), problem);
            },
            control);
        return *this;
    }

private:
    static bool opens(void* context, const char* url) noexcept {
        return detail::guarded(false, [&] { return (*static_cast<open_url_function*>(context))(detail::text(url)); });
    }
};

/// Opens a URL in the system's browser and returns at once; false where there is none to open, or no screen to show it
/// on. `keyfob_open_browser`.
[[nodiscard]] inline bool open_browser(std::string_view url) {
    const detail::argument given("url", url);
    return !given.unfit() && keyfob_open_browser(given.c_str());
}

/* ---------------------------------------------------------------------------------------------------------------------
 * A login on another device
 * ------------------------------------------------------------------------------------------------------------------ */

/// A login that waits for the user on another device (RFC 8628). It is stored already, and destroying this does not end
/// it. Show the code and the verification URI. May be shared. `keyfob_device_login`.
class device_login : public detail::reader<keyfob_device_login> {
public:
    /// The id of the login in its store, for handle::poll_device_login() and handle::cancel_login().
    [[nodiscard]] std::string_view id() const& noexcept { return detail::text(keyfob_device_login_id(raw())); }
    /// The id of the registration that it was begun for.
    [[nodiscard]] std::string_view registration() const& noexcept {
        return detail::text(keyfob_device_login_registration(raw()));
    }
    /// What the user types in on the other device. Not for a log.
    [[nodiscard]] std::string_view user_code() const& noexcept {
        return detail::text(keyfob_device_login_user_code(raw()));
    }
    /// Where the user types it in.
    [[nodiscard]] std::string_view verification_uri() const& noexcept {
        return detail::text(keyfob_device_login_verification_uri(raw()));
    }
    /// The same with the code in it, if the provider has such a URI. Not for a log.
    [[nodiscard]] std::optional<std::string_view> verification_uri_complete() const& noexcept {
        return detail::optional_text(keyfob_device_login_verification_uri_complete(raw()));
    }
    /// When the code is no longer good.
    [[nodiscard]] time_point expires_at() const noexcept {
        return detail::time(keyfob_device_login_expires_at_ms(raw()));
    }
    /// How long to wait between two polls. handle::poll_device_login() counts itself.
    [[nodiscard]] milliseconds interval() const noexcept {
        return detail::span(keyfob_device_login_interval_ms(raw()));
    }
    /// A QR code of the verification URI (RFC 8628 section 3.3.1): lines of half blocks, for a terminal that writes light
    /// on dark. Nothing for a URI that is too long for one.
    [[nodiscard]] std::optional<std::string_view> qr_code_text() const& noexcept {
        return detail::optional_text(keyfob_device_login_qr_code_text(raw()));
    }
    /// The same as an SVG image of black on white.
    [[nodiscard]] std::optional<std::string_view> qr_code_svg() const& noexcept {
        return detail::optional_text(keyfob_device_login_qr_code_svg(raw()));
    }

    void id() const&& = delete;
    void registration() const&& = delete;
    void user_code() const&& = delete;
    void verification_uri() const&& = delete;
    void verification_uri_complete() const&& = delete;
    void qr_code_text() const&& = delete;
    void qr_code_svg() const&& = delete;

private:
    using reader::reader;
    friend struct detail::access;
};

/// What a poll came to: the completed login, or how long to wait before the next poll.
struct device_login_poll {
    /// Nothing while the user has not confirmed.
    std::optional<keyfob::completed> completed;
    /// How long to wait, where there is nothing yet.
    milliseconds wait;
};

/// Shows the code of a login to the user, and returns at once. The login that it is given lives until it returns. An
/// exception cancels the login: the call gives status::cancelled. `keyfob_show_device_login_fn`.
using show_device_login_function = std::function<void(const device_login& login)>;

/* ---------------------------------------------------------------------------------------------------------------------
 * What the host brings: store key, HTTP, clock, threads, and who is told
 * ------------------------------------------------------------------------------------------------------------------ */

/// What seals the secrets in a store: 32 bytes for the system's keystore. Overwritten when it is destroyed or moved from;
/// prints as "store_key(redacted)". One thread at a time.
class store_key {
public:
    using bytes_type = std::array<std::uint8_t, KEYFOB_STORE_KEY_LEN>;

    /// All zeros, to be filled in. One that is still so, or was moved from, seals nothing: status::invalid_argument.
    store_key() noexcept = default;
    explicit store_key(const bytes_type& from) noexcept : bytes_(from) {}
    store_key(store_key&& other) noexcept : bytes_(other.bytes_) { other.wipe(); }
    store_key& operator=(store_key&& other) noexcept {
        if (this != &other) {
            bytes_ = other.bytes_;
            other.wipe();
        }
        return *this;
    }
    store_key(const store_key&) = delete;
    store_key& operator=(const store_key&) = delete;
    ~store_key() { wipe(); }

    /// A new one, from the system's random generator. status::random: it gave no random bytes.
    /// `keyfob_store_key_generate`.
    [[nodiscard]] static result<store_key> generate() {
        store_key made;
        auto failed = detail::call(
            [&](auto problem) { return keyfob_store_key_generate(made.bytes_.data(), made.bytes_.size(), problem); });
        return failed ? result<store_key>(*std::move(failed)) : result<store_key>(std::move(made));
    }
    /// The bytes that a keystore gave. status::invalid_argument: not 32 of them.
    [[nodiscard]] static result<store_key> from_bytes(std::string_view given) {
        store_key made;
        if (given.size() != made.bytes_.size()) {
            return detail::access::make<error>("key", "has another length than a store key");
        }
        given.copy(reinterpret_cast<char*>(made.bytes_.data()), given.size());
        return made;
    }

    /// The bytes: a secret.
    [[nodiscard]] const bytes_type& bytes() const& noexcept { return bytes_; }
    [[nodiscard]] bytes_type& bytes() & noexcept { return bytes_; }
    void bytes() && = delete;

private:
    void wipe() noexcept { detail::wipe(bytes_.data(), bytes_.size()); }
    [[nodiscard]] std::optional<error> unfit() const {
        return bytes_ != bytes_type{} ? std::nullopt
                                      : std::optional<error>(detail::access::make<error>("key", "is all zeros"));
    }

    bytes_type bytes_{};

    template <class Call, class... Arguments>
    friend std::optional<error> detail::call(Call&& into_c, const Arguments&... arguments);
};

/// Without the key.
template <class Traits>
std::basic_ostream<char, Traits>& operator<<(std::basic_ostream<char, Traits>& out, const store_key&) {
    return out << "store_key(redacted)";
}

/// Gives the store key by filling in `key`, or says why not. Called when the store is opened, again as long as the answer
/// is not_now, and when another process has changed the key. An exception is taken for not_now. `keyfob_store_key_fn`.
using store_key_function = std::function<store_key_answer(wanted_store_key wanted, store_key& key)>;

/// A request for a transport to send. URL, headers and body may hold secrets: do not log them. It lives as long as the
/// callback runs. May be shared. `keyfob_http_request`.
class http_request {
public:
    http_request(const http_request&) = delete;
    http_request& operator=(const http_request&) = delete;

    /// The method, such as "GET" or "POST".
    [[nodiscard]] std::string_view method() const noexcept { return detail::text(keyfob_http_request_method(raw_)); }
    /// The absolute URL: https, or http on a loopback address only.
    [[nodiscard]] std::string_view url() const noexcept { return detail::text(keyfob_http_request_url(raw_)); }
    /// Names and values of the headers.
    [[nodiscard]] std::vector<std::pair<std::string_view, std::string_view>> headers() const {
        std::vector<std::pair<std::string_view, std::string_view>> found;
        const std::size_t count = keyfob_http_request_headers_len(raw_);
        found.reserve(count);
        for (std::size_t index = 0; index < count; ++index) {
            found.emplace_back(detail::text(keyfob_http_request_header_name_at(raw_, index)),
                               detail::text(keyfob_http_request_header_value_at(raw_, index)));
        }
        return found;
    }
    /// The bytes of the body; none for a GET.
    [[nodiscard]] std::string_view body() const noexcept {
        return {reinterpret_cast<const char*>(keyfob_http_request_body(raw_)), keyfob_http_request_body_len(raw_)};
    }
    /// How long connecting (DNS, TCP, TLS) may take.
    [[nodiscard]] milliseconds connect_timeout() const noexcept {
        return detail::span(keyfob_http_request_connect_timeout_ms(raw_));
    }
    /// How long the whole request may take.
    [[nodiscard]] milliseconds timeout() const noexcept { return detail::span(keyfob_http_request_timeout_ms(raw_)); }
    /// How many bytes of the answer's body are wanted at most; a longer one is transport_failure::answer.
    [[nodiscard]] std::size_t max_body_bytes() const noexcept { return keyfob_http_request_max_body_bytes(raw_); }

private:
    explicit http_request(const keyfob_http_request* request) noexcept : raw_(request) {}

    const keyfob_http_request* raw_;
    friend class config;
};

/// Where a transport puts the answer. It lives as long as the callback runs. One thread at a time.
/// `keyfob_http_response`.
class http_response {
public:
    http_response(const http_response&) = delete;
    http_response& operator=(const http_response&) = delete;

    /// The HTTP status, 100 to 599. Without one there is no answer.
    [[nodiscard]] result<void> set_status(int code) {
        return detail::run([&](auto problem) { return keyfob_http_response_set_status(raw_, code, problem); });
    }
    /// Adds a header (RFC 9110 section 6.3).
    [[nodiscard]] result<void> add_header(std::string_view header, std::string_view value) {
        const detail::argument named("name", header);
        const detail::argument given("value", value);
        return detail::run(
            [&](auto problem) {
                return keyfob_http_response_add_header(raw_, named.c_str(), given.c_str(), problem);
            },
            named, given);
    }
    /// Adds bytes to the body.
    [[nodiscard]] result<void> append_body(std::string_view more) {
        return detail::run([&](auto problem) {
            return keyfob_http_response_append_body(raw_, detail::bytes(more), more.size(), problem);
        });
    }
    /// Says more about why there is no answer; `words`, for logs, hold no URL query, header or body. It counts only
    /// when the callback does not return answered.
    [[nodiscard]] result<void> set_failure(transport_failure failure, std::optional<std::string_view> words = {}) {
        const detail::argument given("detail", words);
        return detail::run(
            [&](auto problem) {
                return keyfob_http_response_set_failure(raw_, static_cast<keyfob_transport_failure>(failure),
                                                        given.c_str(), problem);
            },
            given);
    }

private:
    explicit http_response(keyfob_http_response* response) noexcept : raw_(response) {}

    keyfob_http_response* raw_;
    friend class config;
};

/// Sends one HTTP request and waits for the whole answer, which it puts into `response`: once, following no redirect,
/// without cookies or cache, within the request's limits, and honest about whether bytes may have left. It must not
/// call the handle that it serves. An exception is taken for unknown. `keyfob_transport_fn`.
using transport_function = std::function<transport_outcome(const http_request& request, http_response& response)>;

/// The host's own clock, for tests above all. Called often, on any thread, several at once. While it throws, time stands
/// still at what it told last. `keyfob_clock_fn`.
class clock {
public:
    virtual ~clock() = default;
    /// The wall clock; it may be wrong, and may jump.
    [[nodiscard]] virtual time_point wall() = 0;
    /// Since the system started, sleep included; never goes back.
    [[nodiscard]] virtual milliseconds boot() = 0;
};

/// Work of Keyfob's for a thread of the host's. Destroyed without run() it is only done later, by a call that needs it:
/// nothing is lost. It keeps the store open until it is gone. One thread at a time, and any thread. `keyfob_work`.
class work {
public:
    /// Does the work, on this thread, once. Touches the network; blocks for `http.total_seconds` of the configuration at
    /// most for each request. `keyfob_work_run`.
    void run() noexcept { keyfob_work_run(raw_.release()); }

private:
    explicit work(keyfob_work* given) noexcept : raw_(given) {}

    detail::owned<keyfob_work> raw_;
    friend class config;
};

/// Hands the work to one of the host's threads and returns; it does not run the work itself. After an exception the work
/// is destroyed, which is no loss. `keyfob_executor_fn`.
using executor_function = std::function<void(work task)>;

/// Is told what happens to sessions: on the thread that called Keyfob, before that call returns, with no lock held, so that
/// it may call Keyfob itself. What is thrown is dropped. `keyfob_config_set_observer`.
class observer {
public:
    virtual ~observer() = default;
    /// A session has other tokens, or has ended. The id lives until this returns.
    virtual void session_changed(std::string_view session_id) { static_cast<void>(session_id); }
    /// A session has ended, by itself or by handle::end_session(): the kind, status::login_required, and the reason
    /// by its stable name, "LoggedOut" included. The texts live until this returns.
    virtual void login_required(std::string_view session_id, status kind, std::string_view reason) {
        static_cast<void>(session_id);
        static_cast<void>(kind);
        static_cast<void>(reason);
    }
    /// A provider's clock is ahead of this device's by that much (behind, where it is negative), which is far and is news.
    virtual void clock_skew(milliseconds skew) { static_cast<void>(skew); }
};

/* ---------------------------------------------------------------------------------------------------------------------
 * Configuration
 * ------------------------------------------------------------------------------------------------------------------ */

/// What an app says once: where the store is, which registrations it has, how long things may take. Consumed by open().
/// Settings; one thread at a time. `keyfob_config`.
class config : public detail::settings<keyfob_config> {
public:
    /// Reads a configuration from JSON; its keys are listed at `keyfob_config_from_json`. Touches neither network nor
    /// store. status::configuration: not JSON, an unknown key, a missing or malformed value; error::detail() names it.
    [[nodiscard]] static result<config> from_json(std::string_view json) {
        const detail::argument given("json", json);
        keyfob_config* made = nullptr;
        auto failed = detail::call(
            [&](auto problem) { return keyfob_config_from_json(given.c_str(), &made, problem); }, given);
        return failed ? result<config>(*std::move(failed)) : result<config>(config(made));
    }

    /// Sends every HTTP request through the host's own transport instead of the built-in one.
    config& set_transport(transport_function send) {
        const keyfob_transport_fn into = send ? sends : nullptr;
        auto context = std::make_unique<transport_function>(std::move(send));
        set([&](auto problem) {
            return keyfob_config_set_transport(raw(), into, context.release(), detail::release<transport_function>,
                                               problem);
        });
        return *this;
    }
    /// Asks the host's own clock instead of the operating system's. `boot_id` is a name for this boot of the system,
    /// other after each restart, where that is known.
    config& set_clock(std::shared_ptr<clock> host, std::optional<std::string_view> boot_id = std::nullopt) {
        const detail::argument given("boot_id", boot_id);
        const keyfob_clock_fn wall = host != nullptr ? tells_wall : nullptr;
        const keyfob_clock_fn boot = host != nullptr ? tells_boot : nullptr;
        auto context = std::make_unique<told_clock>(std::move(host));
        set(
            [&](auto problem) {
                return keyfob_config_set_clock(raw(), given.c_str(), wall, boot, context.release(),
                                               detail::release<told_clock>, problem);
            },
            given);
        return *this;
    }
    /// Hands early refreshes to the host's own threads; without this the caller that notices that one is due makes it.
    config& set_executor(executor_function execute) {
        const keyfob_executor_fn into = execute ? executes : nullptr;
        auto context = std::make_unique<executor_function>(std::move(execute));
        set([&](auto problem) {
            return keyfob_config_set_executor(raw(), into, context.release(), detail::release<executor_function>,
                                              problem);
        });
        return *this;
    }
    /// Tells the host what happens to its sessions; nobody, where it is null.
    config& set_observer(std::shared_ptr<observer> host) {
        const bool told = host != nullptr;
        auto context = std::make_unique<std::shared_ptr<observer>>(std::move(host));
        set([&](auto problem) {
            return keyfob_config_set_observer(raw(), told ? tells_session_changed : nullptr,
                                              told ? tells_login_required : nullptr, told ? tells_clock_skew : nullptr,
                                              context.release(), detail::release<std::shared_ptr<observer>>, problem);
        });
        return *this;
    }
    /// Seals the secrets in the store under this key, which the host keeps in the system's keystore and nowhere else. Of
    /// this and set_store_key_source() the last one counts.
    config& set_store_key(const store_key& key) {
        set(
            [&](auto problem) {
                return keyfob_config_set_store_key(raw(), key.bytes().data(), key.bytes().size(), problem);
            },
            key);
        return *this;
    }
    /// Seals them under the key that the host gives when it is asked: for a keystore that may be locked.
    config& set_store_key_source(store_key_function source) {
        const keyfob_store_key_fn into = source ? gives_key : nullptr;
        auto context = std::make_unique<store_key_function>(std::move(source));
        set([&](auto problem) {
            return keyfob_config_set_store_key_source(raw(), into, context.release(),
                                                      detail::release<store_key_function>, problem);
        });
        return *this;
    }
    /// Binds the store to this device: some bytes (16 random ones at least) that no backup carries. In a store that was
    /// copied from another device the sessions end ("OtherDevice"). `keyfob_config_set_device_binding`.
    config& set_device_binding(std::string_view binding) {
        set([&](auto problem) {
            return keyfob_config_set_device_binding(raw(), detail::bytes(binding), binding.size(), problem);
        });
        return *this;
    }

private:
    /// A clock, and what it told last.
    struct told_clock {
        explicit told_clock(std::shared_ptr<clock> telling)
            : host(std::move(telling)), wall_ms(detail::to_ms(std::chrono::system_clock::now())), boot_ms(0) {}

        std::shared_ptr<clock> host;
        std::atomic<std::int64_t> wall_ms;
        std::atomic<std::int64_t> boot_ms;
    };

    explicit config(keyfob_config* made) : settings("config", made) {}

    static keyfob_transport_outcome sends(void* context, const keyfob_http_request* asked,
                                          keyfob_http_response* answered) noexcept {
        const auto outcome = detail::guarded(transport_outcome::unknown, [&] {
            const http_request request(asked);
            http_response response(answered);
            return (*static_cast<transport_function*>(context))(request, response);
        });
        return static_cast<keyfob_transport_outcome>(outcome);
    }
    static std::int64_t tells_wall(void* context) noexcept {
        auto& told = *static_cast<told_clock*>(context);
        return detail::guarded(told.wall_ms.load(), [&] { return told.wall_ms = detail::to_ms(told.host->wall()); });
    }
    static std::int64_t tells_boot(void* context) noexcept {
        auto& told = *static_cast<told_clock*>(context);
        return detail::guarded(told.boot_ms.load(), [&] { return told.boot_ms = told.host->boot().count(); });
    }
    static void executes(void* context, keyfob_work* given) noexcept {
        // Owned before anything can throw.
        work task(given);
        static_cast<void>(detail::guarded(false, [&] {
            (*static_cast<executor_function*>(context))(std::move(task));
            return true;
        }));
    }
    template <class Tell>
    static void tell(void* context, Tell&& told) noexcept {
        static_cast<void>(detail::guarded(false, [&] {
            told(**static_cast<std::shared_ptr<observer>*>(context));
            return true;
        }));
    }
    static void tells_session_changed(void* context, const char* session_id) noexcept {
        tell(context, [&](observer& host) { host.session_changed(detail::text(session_id)); });
    }
    static void tells_login_required(void* context, const char* session_id, keyfob_status kind,
                                     const char* reason) noexcept {
        tell(context, [&](observer& host) {
            host.login_required(detail::text(session_id), static_cast<status>(kind), detail::text(reason));
        });
    }
    static void tells_clock_skew(void* context, std::int64_t skew_ms) noexcept {
        tell(context, [&](observer& host) { host.clock_skew(milliseconds(skew_ms)); });
    }
    static keyfob_store_key_answer gives_key(void* context, keyfob_wanted_store_key wanted, std::uint8_t* key) noexcept {
        const auto said = detail::guarded(store_key_answer::not_now, [&] {
            // One that this header does not know is to be read as the existing one.
            const bool anew = wanted == KEYFOB_WANTED_STORE_KEY_NEW;
            store_key given;
            const auto outcome = (*static_cast<store_key_function*>(context))(
                anew ? wanted_store_key::anew : wanted_store_key::existing, given);
            for (std::size_t index = 0; outcome == store_key_answer::here && index < given.bytes().size(); ++index) {
                key[index] = given.bytes()[index];
            }
            return outcome;
        });
        return static_cast<keyfob_store_key_answer>(said);
    }

    friend struct detail::access;
};

/* ---------------------------------------------------------------------------------------------------------------------
 * The configuration in code, for an app that does not want to write JSON
 * ------------------------------------------------------------------------------------------------------------------ */

/// A registration in the making: this app as one provider will know it. What it is told is checked by
/// config_builder::build(). Settings; one thread at a time. `keyfob_registration_builder`.
class registration_builder : public detail::settings<keyfob_registration_builder> {
public:
    /// A public client without scopes of its own: an id that the app chooses; the id of its provider; what the provider gave
    /// out; and the redirect URI that is registered there (RFC 8252 section 7).
    registration_builder(std::string_view id, std::string_view provider_id, std::string_view client_id,
                         std::string_view redirect_uri)
        : settings("registration", nullptr) {
        const detail::argument named("id", id);
        const detail::argument of("provider", provider_id);
        const detail::argument client("client_id", client_id);
        const detail::argument redirect("redirect_uri", redirect_uri);
        begin(
            [&](auto out, auto problem) {
                return keyfob_registration_builder_new(named.c_str(), of.c_str(), client.c_str(), redirect.c_str(), out,
                                                       problem);
            },
            named, of, client, redirect);
    }

    /// The client secret, where the provider gave one out (RFC 8252 section 8.5).
    registration_builder& set_client_secret(std::string_view secret) {
        set_text(keyfob_registration_builder_set_client_secret, "secret", secret);
        return *this;
    }
    /// Sends the client secret in the body of the token request (RFC 6749 section 2.3.1).
    registration_builder& set_client_secret_post() {
        set([&](auto problem) { return keyfob_registration_builder_set_client_secret_post(raw(), problem); });
        return *this;
    }
    /// The private key that the client proves itself with, in place of a secret (RFC 7523 section 2.2): PEM with one
    /// unencrypted PKCS#8 key (RFC 7468).
    registration_builder& set_private_key(std::string_view pem) {
        set_text(keyfob_registration_builder_set_private_key, "pem", pem);
        return *this;
    }
    /// What the provider calls the private key: "kid" (RFC 7515 section 4.1.4).
    registration_builder& set_key_id(std::string_view key_id) {
        set_text(keyfob_registration_builder_set_key_id, "key_id", key_id);
        return *this;
    }
    /// What the private key signs with, where it is not as its type says.
    registration_builder& set_key_algorithm(key_algorithm algorithm) {
        set([&](auto problem) {
            return keyfob_registration_builder_set_key_algorithm(raw(), static_cast<keyfob_key_algorithm>(algorithm),
                                                                 problem);
        });
        return *this;
    }
    /// Adds a default scope (RFC 6749 section 3.3). Without any, the provider's defaults are asked for.
    registration_builder& add_scope(std::string_view scope) {
        set_text(keyfob_registration_builder_add_scope, "scope", scope);
        return *this;
    }
    /// Adds a resource that the tokens are for (RFC 8707): an absolute URI without a fragment.
    registration_builder& add_resource(std::string_view uri) {
        set_text(keyfob_registration_builder_add_resource, "uri", uri);
        return *this;
    }
    /// Fills in a variable of the provider, for instance "issuer".
    registration_builder& set_variable(std::string_view variable, std::string_view value) {
        set_texts(keyfob_registration_builder_set_variable, "name", variable, "value", value);
        return *this;
    }
    /// Whether logins may begin (default true). The sessions of a disabled registration stay.
    registration_builder& set_enabled(bool enabled) {
        set([&](auto problem) { return keyfob_registration_builder_set_enabled(raw(), enabled, problem); });
        return *this;
    }
    /// At most so many refreshes of all its sessions together in a window of time of 1 ms to a day, over every process.
    registration_builder& set_refresh_budget(std::uint32_t refreshes, milliseconds window) {
        const detail::duration_argument within("window", window);
        set(
            [&](auto problem) {
                return keyfob_registration_builder_set_refresh_budget(raw(), refreshes, within.ms(), problem);
            },
            within);
        return *this;
    }
    /// Has each login's request sent to the provider by the app itself, and only its name by the browser (RFC 9126).
    registration_builder& require_pushed_authorization_requests() {
        set([&](auto problem) {
            return keyfob_registration_builder_require_pushed_authorization_requests(raw(), problem);
        });
        return *this;
    }
};

/// A provider in the making, which the catalogue does not have. What it is told is checked by config_builder::build().
/// Settings; one thread at a time. `keyfob_provider_builder`.
class provider_builder : public detail::settings<keyfob_provider_builder> {
public:
    /// A plain OAuth 2 provider by its endpoints (RFC 6749 section 3), with an id for the registrations, and `uid`: a JSON
    /// pointer (RFC 6901) to the user's lasting id in the userinfo answer, for instance "/id".
    provider_builder(std::string_view id, std::string_view authorization_endpoint, std::string_view token_endpoint,
                     std::string_view userinfo_endpoint, std::string_view uid)
        : settings("provider", nullptr) {
        const detail::argument named("id", id);
        const detail::argument authorization("authorization_endpoint", authorization_endpoint);
        const detail::argument tokens("token_endpoint", token_endpoint);
        const detail::argument userinfo("userinfo_endpoint", userinfo_endpoint);
        const detail::argument user("uid", uid);
        begin(
            [&](auto out, auto problem) {
                return keyfob_provider_builder_new_oauth2(named.c_str(), authorization.c_str(), tokens.c_str(),
                                                          userinfo.c_str(), user.c_str(), out, problem);
            },
            named, authorization, tokens, userinfo, user);
    }
    /// Reads a provider from JSON, in the format of a provider file: everything that one can say. status::configuration: not
    /// JSON, an unknown key, a missing or malformed value. `keyfob_provider_builder_from_json`.
    [[nodiscard]] static result<provider_builder> from_json(std::string_view json) {
        const detail::argument given("json", json);
        provider_builder made;
        made.begin([&](auto out, auto problem) { return keyfob_provider_builder_from_json(given.c_str(), out, problem); },
                   given);
        if (auto failed = made.problem()) {
            return *std::move(failed);
        }
        return made;
    }

    /// The name to show to people.
    provider_builder& set_name(std::string_view shown) {
        set_text(keyfob_provider_builder_set_name, "name", shown);
        return *this;
    }
    /// Where the userinfo answer keeps the user's name (RFC 6901). Said again, it is the next place to look at.
    provider_builder& add_name_at(std::string_view pointer) {
        set_text(keyfob_provider_builder_add_name_at, "pointer", pointer);
        return *this;
    }
    /// Where the userinfo answer keeps the e-mail address (RFC 6901).
    provider_builder& set_email_at(std::string_view pointer) {
        set_text(keyfob_provider_builder_set_email_at, "pointer", pointer);
        return *this;
    }
    /// Where the userinfo answer keeps the picture's URL (RFC 6901). Said again, it is the next place to look at.
    provider_builder& add_avatar_url_at(std::string_view pointer) {
        set_text(keyfob_provider_builder_add_avatar_url_at, "pointer", pointer);
        return *this;
    }
    /// Adds a scope to ask for when neither registration nor login names one.
    provider_builder& add_scope(std::string_view scope) {
        set_text(keyfob_provider_builder_add_scope, "scope", scope);
        return *this;
    }
    /// The revocation endpoint (RFC 7009).
    provider_builder& set_revocation_endpoint(std::string_view url) {
        set_text(keyfob_provider_builder_set_revocation_endpoint, "url", url);
        return *this;
    }
    /// The device authorization endpoint (RFC 8628 section 3.1), for handle::begin_device_login().
    provider_builder& set_device_authorization_endpoint(std::string_view url) {
        set_text(keyfob_provider_builder_set_device_authorization_endpoint, "url", url);
        return *this;
    }

private:
    provider_builder() : settings("provider", nullptr) {}
};

/// A configuration in the making. What it is told is checked when it is built. Settings; one thread at a time.
/// `keyfob_config_builder`.
class config_builder : public detail::settings<keyfob_config_builder> {
public:
    /// With the path of a folder of Keyfob's own for the store, made when missing.
    explicit config_builder(std::string_view store) : settings("builder", nullptr) {
        const detail::argument folder("store", store);
        begin([&](auto out, auto problem) { return keyfob_config_builder_new(folder.c_str(), out, problem); }, folder);
    }

    /// Leaves the secrets in the store as they are (default false). For tests: an app gives a store key.
    config_builder& set_plaintext(bool plaintext) {
        set([&](auto problem) { return keyfob_config_builder_set_plaintext(raw(), plaintext, problem); });
        return *this;
    }
    /// Adds a registration, which is consumed. The order is the order of the login buttons.
    config_builder& add_registration(registration_builder registration) {
        set(
            [&](auto problem) {
                return keyfob_config_builder_add_registration(raw(), detail::access::consume(registration), problem);
            },
            registration);
        return *this;
    }
    /// Adds a provider that the catalogue does not have; it is consumed.
    config_builder& add_provider(provider_builder provider) {
        set(
            [&](auto problem) {
                return keyfob_config_builder_add_provider(raw(), detail::access::consume(provider), problem);
            },
            provider);
        return *this;
    }
    /// How long connecting may take, and a whole request: 1 ms to 10 minutes (default 10 and 30 seconds).
    config_builder& set_http_timeouts(milliseconds connect, milliseconds total) {
        const detail::duration_argument connecting("connect", connect);
        const detail::duration_argument whole("total", total);
        set(
            [&](auto problem) {
                return keyfob_config_builder_set_http_timeouts_ms(raw(), connecting.ms(), whole.ms(), problem);
            },
            connecting, whole);
        return *this;
    }
    /// Authorities to trust beside those that are built in: PEM (RFC 7468), one certificate after the other.
    config_builder& set_ca_certificates(std::string_view pem) {
        set_text(keyfob_config_builder_set_ca_certificates, "pem", pem);
        return *this;
    }
    /// Asks a proxy for every https connection: its URL, or "environment". `keyfob_config_builder_set_proxy`.
    config_builder& set_proxy(std::string_view proxy) {
        set_text(keyfob_config_builder_set_proxy, "proxy", proxy);
        return *this;
    }
    /// The app's name for the providers' logs (RFC 9110 section 10.1.5), such as "Notes/1.2".
    config_builder& set_user_agent(std::string_view user_agent) {
        set_text(keyfob_config_builder_set_user_agent, "user_agent", user_agent);
        return *this;
    }
    /// How long a login stays open: at most 30 days (default an hour).
    config_builder& set_login_lifetime(milliseconds lifetime) {
        return set_duration(keyfob_config_builder_set_login_lifetime_ms, "lifetime", lifetime);
    }
    /// How old the view of other processes' changes may be: at most an hour (default a second); zero looks at every call.
    config_builder& set_coherence(milliseconds coherence) {
        return set_duration(keyfob_config_builder_set_coherence_ms, "coherence", coherence);
    }
    /// How far the provider's clock and this device's may differ: at most 5 minutes (default a minute).
    config_builder& set_leeway(milliseconds leeway) {
        return set_duration(keyfob_config_builder_set_leeway_ms, "leeway", leeway);
    }
    /// How long a call waits for a refresh that another thread or process is making: at most 10 minutes (default 30 seconds).
    config_builder& set_wait(milliseconds wait) {
        return set_duration(keyfob_config_builder_set_wait_ms, "wait", wait);
    }
    /// When this process refreshes tokens (default refresh_policy::normal).
    config_builder& set_refresh_policy(refresh_policy policy) {
        set([&](auto problem) {
            return keyfob_config_builder_set_refresh_policy(raw(), static_cast<keyfob_refresh_policy>(policy), problem);
        });
        return *this;
    }

    /// Checks everything and makes the configuration; the builder is consumed, also on an error. Touches neither network nor
    /// store. status::configuration: a missing or malformed value; error::detail() names its key in JSON.
    /// `keyfob_config_builder_build`.
    [[nodiscard]] result<config> build() {
        auto from = std::move(*this);
        keyfob_config* made = nullptr;
        auto failed = detail::call(
            [&](auto problem) { return keyfob_config_builder_build(detail::access::consume(from), &made, problem); },
            from);
        return failed ? result<config>(*std::move(failed)) : result<config>(detail::access::make<config>(made));
    }

private:
    template <class Setter>
    config_builder& set_duration(Setter setter, const char* parameter, milliseconds given) {
        const detail::duration_argument duration(parameter, given);
        set([&](auto problem) { return setter(raw(), duration.ms(), problem); }, duration);
        return *this;
    }
};

/* ---------------------------------------------------------------------------------------------------------------------
 * Ending a session, importing one
 * ------------------------------------------------------------------------------------------------------------------ */

/// How a session is to end: here, and at the provider where it offers revocation, unless it is set otherwise. Settings;
/// one thread at a time. `keyfob_end_session_options`.
class end_session_options : public detail::settings<keyfob_end_session_options> {
public:
    end_session_options() : settings("options", keyfob_end_session_options_new()) {}

    /// Whether the session ends here only: its tokens at the provider live on until they are over.
    end_session_options& set_local_only(bool local_only) {
        set([&](auto problem) { return keyfob_end_session_options_set_local_only(raw(), local_only, problem); });
        return *this;
    }
    /// Where the provider's logout page sends the browser afterwards (OpenID Connect RP-Initiated Logout section 3), for
    /// ended::logout_url(): an absolute URI without a fragment, registered there. handle::complete_logout() knows the redirect
    /// by the `state` that the URL gets then.
    end_session_options& set_post_logout_redirect_uri(std::string_view uri) {
        set_text(keyfob_end_session_options_set_post_logout_redirect_uri, "uri", uri);
        return *this;
    }
};

/// A session that has ended. May be shared. `keyfob_ended`.
class ended : public detail::reader<keyfob_ended> {
public:
    /// What became of the token at the provider.
    [[nodiscard]] keyfob::revocation revocation() const noexcept {
        return static_cast<keyfob::revocation>(keyfob_ended_revocation(raw()));
    }
    /// Why the provider did not revoke it, for revocation::failed and revocation::owed.
    [[nodiscard]] std::optional<error> revocation_error() const {
        const keyfob_error* found = keyfob_ended_revocation_error(raw());
        if (found == nullptr) {
            return std::nullopt;
        }
        return detail::access::make<error>(std::shared_ptr<const keyfob_error>(whole(), found),
                                           static_cast<status>(keyfob_error_status(found)));
    }
    /// A page to open in the browser, where the user is to be logged out of the provider too (OpenID Connect
    /// RP-Initiated Logout section 2), if it has one. A secret: it holds the ID token.
    [[nodiscard]] std::optional<std::string_view> logout_url() const& noexcept {
        return detail::optional_text(keyfob_ended_logout_url(raw()));
    }

    void logout_url() const&& = delete;

private:
    using reader::reader;
    friend struct detail::access;
};

/// A logout whose browser came back from the provider's page. May be shared. `keyfob_logged_out`.
class logged_out : public detail::reader<keyfob_logged_out> {
public:
    /// The id of the session that was logged out of.
    [[nodiscard]] std::string_view session_id() const& noexcept {
        return detail::text(keyfob_logged_out_session_id(raw()));
    }
    /// The id of the registration that it was a session of.
    [[nodiscard]] std::string_view registration() const& noexcept {
        return detail::text(keyfob_logged_out_registration(raw()));
    }

    void session_id() const&& = delete;
    void registration() const&& = delete;

private:
    using reader::reader;
    friend struct detail::access;
};

/// What another library kept of a session. Its tokens are overwritten when it is imported or destroyed. Settings; one
/// thread at a time. `keyfob_imported_tokens`.
class imported_tokens : public detail::settings<keyfob_imported_tokens> {
public:
    /// Of a registration, and of a user by the lasting id at the provider (`sub`, where it speaks OpenID Connect): who
    /// imports vouches for it.
    imported_tokens(std::string_view registration, std::string_view provider_uid) : settings("tokens", nullptr) {
        const detail::argument of("registration", registration);
        const detail::argument user("provider_uid", provider_uid);
        begin([&](auto out, auto problem) { return keyfob_imported_tokens_new(of.c_str(), user.c_str(), out, problem); },
              of, user);
    }

    /// The access token, and when it is over, if that is known.
    imported_tokens& set_access_token(std::string_view token, std::optional<time_point> expires_at = std::nullopt) {
        const detail::argument given("token", token);
        const std::int64_t expires_at_ms = expires_at ? detail::to_ms(*expires_at) : KEYFOB_TIME_UNKNOWN;
        set(
            [&](auto problem) {
                return keyfob_imported_tokens_set_access_token(raw(), given.c_str(), expires_at_ms, problem);
            },
            given);
        return *this;
    }
    /// The refresh token.
    imported_tokens& set_refresh_token(std::string_view token) {
        set_text(keyfob_imported_tokens_set_refresh_token, "token", token);
        return *this;
    }
    /// Adds a scope that was granted (RFC 6749 section 3.3).
    imported_tokens& add_scope(std::string_view scope) {
        set_text(keyfob_imported_tokens_add_scope, "scope", scope);
        return *this;
    }
};

/* ---------------------------------------------------------------------------------------------------------------------
 * What is known about providers and registrations, and what happened
 * ------------------------------------------------------------------------------------------------------------------ */

/// A provider that is built in. May be shared. `keyfob_provider`.
class provider : public detail::reader<keyfob_provider> {
public:
    /// The id, for the `provider` of a registration.
    [[nodiscard]] std::string_view id() const& noexcept { return detail::text(keyfob_provider_id(raw())); }
    /// The name, to show to people.
    [[nodiscard]] std::string_view name() const& noexcept { return detail::text(keyfob_provider_name(raw())); }
    /// What it speaks.
    [[nodiscard]] provider_kind speaks() const noexcept {
        return static_cast<provider_kind>(keyfob_provider_speaks(raw()));
    }
    /// Other names that a registration may use for it.
    [[nodiscard]] std::vector<std::string_view> aliases() const& {
        return detail::texts(raw(), keyfob_provider_aliases_len, keyfob_provider_aliases_at);
    }
    /// The variables that a registration has to fill in.
    [[nodiscard]] std::vector<std::string_view> variables() const& {
        return detail::texts(raw(), keyfob_provider_variables_len, keyfob_provider_variables_at);
    }
    /// The scopes that are asked for when nobody names one.
    [[nodiscard]] std::vector<std::string_view> scopes() const& {
        return detail::texts(raw(), keyfob_provider_scopes_len, keyfob_provider_scopes_at);
    }
    /// Whether it takes redirect URIs with a private-use scheme (RFC 8252 section 7.1).
    [[nodiscard]] answer accepts_custom_scheme() const noexcept {
        return static_cast<answer>(keyfob_provider_accepts_custom_scheme(raw()));
    }
    /// What it takes of loopback redirect URIs (RFC 8252 section 7.3).
    [[nodiscard]] loopback accepts_loopback() const noexcept {
        return static_cast<loopback>(keyfob_provider_accepts_loopback(raw()));
    }

    void id() const&& = delete;
    void name() const&& = delete;
    void aliases() const&& = delete;
    void variables() const&& = delete;
    void scopes() const&& = delete;

private:
    using reader::reader;
    friend struct detail::access;
};

/// This app as one provider knows it, for the app to draw its login buttons from. May be shared.
/// `keyfob_registration`.
class registration : public detail::reader<keyfob_registration> {
public:
    /// The id, for handle::begin_login() and handle::registration_guide().
    [[nodiscard]] std::string_view id() const& noexcept { return detail::text(keyfob_registration_id(raw())); }
    /// The id of the provider.
    [[nodiscard]] std::string_view provider() const& noexcept {
        return detail::text(keyfob_registration_provider(raw()));
    }
    /// The name of the provider, to show to people.
    [[nodiscard]] std::string_view provider_name() const& noexcept {
        return detail::text(keyfob_registration_provider_name(raw()));
    }
    /// Whether logins may begin.
    [[nodiscard]] bool enabled() const noexcept { return keyfob_registration_enabled(raw()); }

    void id() const&& = delete;
    void provider() const&& = delete;
    void provider_name() const&& = delete;

private:
    using reader::reader;
    friend struct detail::access;
};

/// What to enter at the provider's developer console for one registration, and what it accepts. May be shared.
/// `keyfob_guide`.
class guide : public detail::reader<keyfob_guide> {
public:
    /// The name of the provider, to show to people.
    [[nodiscard]] std::string_view provider_name() const& noexcept {
        return detail::text(keyfob_guide_provider_name(raw()));
    }
    /// The redirect URI to enter there, character for character.
    [[nodiscard]] std::string_view redirect_uri() const& noexcept {
        return detail::text(keyfob_guide_redirect_uri(raw()));
    }
    /// The scopes that the app asks for, to be allowed there where the provider wants that.
    [[nodiscard]] std::vector<std::string_view> scopes() const& {
        return detail::texts(raw(), keyfob_guide_scopes_len, keyfob_guide_scopes_at);
    }
    /// Whether the provider takes redirect URIs with a private-use scheme (RFC 8252 section 7.1).
    [[nodiscard]] answer accepts_custom_scheme() const noexcept {
        return static_cast<answer>(keyfob_guide_accepts_custom_scheme(raw()));
    }
    /// What the provider takes of loopback redirect URIs (RFC 8252 section 7.3).
    [[nodiscard]] loopback accepts_loopback() const noexcept {
        return static_cast<loopback>(keyfob_guide_accepts_loopback(raw()));
    }
    /// Whether the registration's own redirect URI is of a form that the provider takes.
    [[nodiscard]] answer redirect_uri_accepted() const noexcept {
        return static_cast<answer>(keyfob_guide_redirect_uri_accepted(raw()));
    }
    /// What to do, a sentence of English for each step.
    [[nodiscard]] std::vector<std::string_view> steps() const& {
        return detail::texts(raw(), keyfob_guide_steps_len, keyfob_guide_steps_at);
    }

    void provider_name() const&& = delete;
    void redirect_uri() const&& = delete;
    void scopes() const&& = delete;
    void steps() const&& = delete;

private:
    using reader::reader;
    friend struct detail::access;
};

/// One line of the journal: why something happened. It holds no secret. May be shared. `keyfob_journal_entry`.
class journal_entry : public detail::reader<keyfob_journal_entry> {
public:
    /// When it happened by this device's wall clock.
    [[nodiscard]] time_point at() const noexcept { return detail::time(keyfob_journal_entry_at_ms(raw())); }
    /// The id of the process that it happened in.
    [[nodiscard]] std::uint32_t pid() const noexcept { return keyfob_journal_entry_pid(raw()); }
    /// What happened, by its stable name, such as "LoginCompleted"; the list is at `keyfob_journal_entry_event`.
    [[nodiscard]] std::string_view event() const& noexcept { return detail::text(keyfob_journal_entry_event(raw())); }
    /// The id of the registration, if there is one.
    [[nodiscard]] std::optional<std::string_view> registration() const& noexcept {
        return detail::optional_text(keyfob_journal_entry_registration(raw()));
    }
    /// The id of the session, if there is one.
    [[nodiscard]] std::optional<std::string_view> session() const& noexcept {
        return detail::optional_text(keyfob_journal_entry_session(raw()));
    }
    /// Why, by the stable name that error::reason() has for it, if something went wrong or ended.
    [[nodiscard]] std::optional<std::string_view> reason() const& noexcept {
        return detail::optional_text(keyfob_journal_entry_reason(raw()));
    }
    /// The HTTP status of the provider's answer, if one decided.
    [[nodiscard]] std::optional<int> http_status() const noexcept {
        const std::int32_t found = keyfob_journal_entry_http_status(raw());
        return found == 0 ? std::nullopt : std::optional<int>(found);
    }
    /// Why a refresh was wanted, such as "token" or "early", if the line is about one; the list is at
    /// `keyfob_journal_entry_wish`.
    [[nodiscard]] std::optional<std::string_view> wish() const& noexcept {
        return detail::optional_text(keyfob_journal_entry_wish(raw()));
    }
    /// How long the refresh took, waiting for others included, if the line is about one.
    [[nodiscard]] std::optional<milliseconds> waited() const noexcept {
        return detail::optional_span(keyfob_journal_entry_waited_ms(raw()));
    }
    /// How far the provider's clock was ahead of this device's (behind, where it is negative), if an answer told.
    [[nodiscard]] std::optional<milliseconds> clock_skew() const noexcept {
        return detail::optional_span(keyfob_journal_entry_clock_skew_ms(raw()));
    }
    /// The whole line for people, without its time.
    [[nodiscard]] std::string_view message() const& noexcept {
        return detail::text(keyfob_journal_entry_message(raw()));
    }

    void event() const&& = delete;
    void registration() const&& = delete;
    void session() const&& = delete;
    void reason() const&& = delete;
    void wish() const&& = delete;
    void message() const&& = delete;

private:
    using reader::reader;
    friend struct detail::access;
};

/// A refresh that is not settled; the next call for that session's token mends it, or handle::maintain(). May be shared.
/// `keyfob_interrupted`.
class interrupted : public detail::reader<keyfob_interrupted> {
public:
    /// The id of the session.
    [[nodiscard]] std::string_view session() const& noexcept {
        return detail::text(keyfob_interrupted_session(raw()));
    }
    /// The id of the process that sent the refresh token; nothing if none did, and only the check of the tokens is left.
    [[nodiscard]] std::optional<std::uint32_t> pid() const noexcept {
        const std::uint32_t found = keyfob_interrupted_pid(raw());
        return found == 0 ? std::nullopt : std::optional<std::uint32_t>(found);
    }
    /// Whether that process is still there.
    [[nodiscard]] bool is_alive() const noexcept { return keyfob_interrupted_is_alive(raw()); }
    /// When it began by this device's wall clock.
    [[nodiscard]] time_point begun_at() const noexcept { return detail::time(keyfob_interrupted_begun_at_ms(raw())); }
    /// Whether the provider may have acted on it without its answer having come.
    [[nodiscard]] bool is_in_doubt() const noexcept { return keyfob_interrupted_is_in_doubt(raw()); }
    /// Whether the tokens that the session has were checked.
    [[nodiscard]] bool is_verified() const noexcept { return keyfob_interrupted_is_verified(raw()); }
    /// How long it is left alone yet, if it need be.
    [[nodiscard]] std::optional<milliseconds> retry_after() const noexcept {
        return detail::optional_span(keyfob_interrupted_retry_after_ms(raw()));
    }

    void session() const&& = delete;

private:
    using reader::reader;
    friend struct detail::access;
};

/// How a store is, for a support engineer. It holds no secret. May be shared. `keyfob_health`.
class health : public detail::reader<keyfob_health> {
public:
    /// The version of the store's schema.
    [[nodiscard]] std::int32_t schema_version() const noexcept { return keyfob_health_schema_version(raw()); }
    /// The version of SQLite.
    [[nodiscard]] std::string_view sqlite_version() const& noexcept {
        return detail::text(keyfob_health_sqlite_version(raw()));
    }
    /// How the secrets in the store are kept.
    [[nodiscard]] keyfob::sealing sealing() const noexcept {
        return static_cast<keyfob::sealing>(keyfob_health_sealing(raw()));
    }
    /// How many damaged databases lie in the store's folder, moved aside.
    [[nodiscard]] std::size_t moved_aside() const noexcept { return keyfob_health_moved_aside(raw()); }
    /// How many sessions are active.
    [[nodiscard]] std::uint32_t active_sessions() const noexcept { return keyfob_health_active_sessions(raw()); }
    /// How many sessions have ended by themselves and wait for a new login.
    [[nodiscard]] std::uint32_t ended_sessions() const noexcept { return keyfob_health_ended_sessions(raw()); }
    /// How many sessions of this process have tokens that could not be saved.
    [[nodiscard]] std::size_t unsaved_sessions() const noexcept { return keyfob_health_unsaved_sessions(raw()); }
    /// How many logged-out sessions the provider is still to be told of.
    [[nodiscard]] std::uint32_t owed_revocations() const noexcept { return keyfob_health_owed_revocations(raw()); }
    /// How far a provider's clock was ahead of this device's (behind, where it is negative) when that was last far off.
    [[nodiscard]] std::optional<milliseconds> clock_skew() const noexcept {
        return detail::optional_span(keyfob_health_clock_skew_ms(raw()));
    }
    /// When that was seen by this device's wall clock.
    [[nodiscard]] std::optional<time_point> clock_skew_at() const noexcept {
        return detail::optional_time(keyfob_health_clock_skew_at_ms(raw()));
    }
    /// The refreshes that are not settled.
    [[nodiscard]] std::vector<keyfob::interrupted> interrupted() const {
        return detail::parts<keyfob::interrupted>(whole(), keyfob_health_interrupted_len, keyfob_health_interrupted_at);
    }

    void sqlite_version() const&& = delete;

private:
    using reader::reader;
    friend struct detail::access;
};

/// What a maintenance did. May be shared. `keyfob_maintained`.
class maintained : public detail::reader<keyfob_maintained> {
public:
    /// How many sessions got new tokens, or had theirs checked or saved at last.
    [[nodiscard]] std::size_t refreshed() const noexcept { return keyfob_maintained_refreshed(raw()); }
    /// How many logged-out sessions the provider was told of.
    [[nodiscard]] std::size_t revoked() const noexcept { return keyfob_maintained_revoked(raw()); }
    /// How many pieces of work did not succeed this time.
    [[nodiscard]] std::size_t failed() const noexcept { return keyfob_maintained_failed(raw()); }
    /// How many pieces of work are left: call again later.
    [[nodiscard]] std::size_t owed() const noexcept { return keyfob_maintained_owed(raw()); }

private:
    using reader::reader;
    friend struct detail::access;
};

/// How old a profile may be for handle::fetch_profile().
class max_age {
public:
    /// Two minutes at most.
    constexpr max_age() noexcept = default;
    /// At most that old; zero always asks the provider.
    template <class Rep, class Period>
    constexpr max_age(std::chrono::duration<Rep, Period> age) noexcept
        : ms_(std::chrono::duration_cast<milliseconds>(age).count()), negative_(age < age.zero()) {}
    /// Whatever is stored, without asking the provider.
    [[nodiscard]] static constexpr max_age stored() noexcept {
        max_age made;
        made.ms_ = KEYFOB_MAX_AGE_STORED;
        return made;
    }

private:
    [[nodiscard]] std::optional<error> unfit() const {
        return negative_ ? std::optional<error>(detail::access::make<error>("max_age", "is negative")) : std::nullopt;
    }

    std::int64_t ms_ = KEYFOB_MAX_AGE_DEFAULT;
    bool negative_ = false;

    template <class Call, class... Arguments>
    friend std::optional<error> detail::call(Call&& into_c, const Arguments&... arguments);
    friend class handle;
};

/* ---------------------------------------------------------------------------------------------------------------------
 * The handle
 * ------------------------------------------------------------------------------------------------------------------ */

/// Keyfob, opened on one store. It has no thread of its own: work happens on the caller's thread, inside the call. What came
/// from it stays good after it. May be shared. `keyfob_handle`.
class handle {
public:
    /// The registrations, in the order of the configuration. Touches neither network nor store. `keyfob_registrations`.
    [[nodiscard]] result<std::vector<registration>> registrations() const {
        return list<registration, keyfob_registration_list>(
            keyfob_registration_list_len, keyfob_registration_list_at,
            [&](auto out, auto problem) { return keyfob_registrations(raw(), out, problem); });
    }

    /// Begins a login and gives the URL to open (RFC 6749 section 4.1.1, RFC 7636). May touch the network: discovery, and a
    /// request that is pushed (RFC 9126). The login is in the store before this returns, so the process may end while the
    /// user is in the browser, and any process that opens the same store can complete it.
    ///
    /// status::invalid_argument: no such registration or session, a malformed scope or port, a parameter of Keyfob's own;
    /// login_required: the session that the options name has ended; configuration; network, timeout, tls, bad_response:
    /// nothing was stored; oauth, rate_limited; random. `keyfob_begin_login`.
    [[nodiscard]] result<login> begin_login(std::string_view registration_id,
                                            const login_options& options = login_options()) const {
        const detail::argument id("registration", registration_id);
        return detail::give<login, keyfob_login>(
            [&](auto out, auto problem) {
                return keyfob_begin_login(raw(), id.c_str(), detail::access::raw(options), out, problem);
            },
            id, options);
    }

    /// Hands the redirect back, the whole URL that the browser was sent to, and makes a session of the login (RFC 6749
    /// sections 4.1.2 to 4.1.4, OpenID Connect Core section 3.1.3). May touch the network: the code exchange, perhaps keys
    /// and userinfo. A redirect that already made a session is answered with it. The session is in the store before this
    /// returns.
    ///
    /// status::redirect_rejected: not a redirect of a login in this store, nothing was sent; access_denied, oauth: the
    /// user or the provider said no, the login is over; login_required: the code was sent and the answer lost, or that
    /// session has ended; token_rejected, bad_response; network, timeout, tls, rate_limited: call again with the same
    /// redirect; invalid_state: another process is completing this login; configuration. `keyfob_complete_login`.
    [[nodiscard]] result<completed> complete_login(std::string_view redirect_url) const {
        const detail::argument url("redirect_url", redirect_url);
        return detail::give<completed, keyfob_completed>(
            [&](auto out, auto problem) { return keyfob_complete_login(raw(), url.c_str(), out, problem); }, url);
    }
    /// The same for the form that the browser posted to that URL (application/x-www-form-urlencoded), after
    /// login_options::set_form_post(). `keyfob_complete_login_form`.
    [[nodiscard]] result<completed> complete_login_form(std::string_view posted_to, std::string_view form) const {
        const detail::argument url("url", posted_to);
        const detail::argument body("body", form);
        return detail::give<completed, keyfob_completed>(
            [&](auto out, auto problem) {
                return keyfob_complete_login_form(raw(), url.c_str(), body.c_str(), out, problem);
            },
            url, body);
    }

    /// The whole login in one call, for an app of the desktop or the command line: listens on a loopback port (RFC 8252
    /// section 7.3), opens the browser, waits for the redirect, completes the login, and shows the user how it went.
    /// Touches the network, and blocks until the user has logged in or said no, the time limit is over, or somebody cancels.
    ///
    /// As begin_login() and complete_login(), and: status::configuration: the redirect URI is not a loopback address;
    /// invalid_state: "LoopbackUnavailable", "BrowserUnavailable"; timeout; cancelled. `keyfob_login_in_browser`.
    [[nodiscard]] result<completed> login_in_browser(std::string_view registration_id,
                                                     const browser_login& login = browser_login()) const {
        const detail::argument id("registration", registration_id);
        return detail::give<completed, keyfob_completed>(
            [&](auto out, auto problem) {
                return keyfob_login_in_browser(raw(), id.c_str(), detail::access::raw(login), out, problem);
            },
            id, login);
    }

    /// Begins a login that the user confirms on another device (RFC 8628 section 3.1). Touches the network. The login is in
    /// the store before this returns.
    ///
    /// status::invalid_argument: no such registration, a malformed scope, a redirect port; configuration:
    /// "DeviceGrantUnsupported" and others; network, timeout, tls, rate_limited: try later; oauth, bad_response; random.
    /// `keyfob_begin_device_login`.
    [[nodiscard]] result<device_login> begin_device_login(std::string_view registration_id,
                                                          const login_options& options = login_options()) const {
        const detail::argument id("registration", registration_id);
        return detail::give<device_login, keyfob_device_login>(
            [&](auto out, auto problem) {
                return keyfob_begin_device_login(raw(), id.c_str(), detail::access::raw(options), out, problem);
            },
            id, options);
    }
    /// What to show for a login on another device that waits, after a restart of the app for instance. Touches no network.
    /// status::invalid_argument: no such login, one with a redirect, or one that is over. `keyfob_find_device_login`.
    [[nodiscard]] result<device_login> find_device_login(std::string_view login_id) const {
        const detail::argument id("login_id", login_id);
        return detail::give<device_login, keyfob_device_login>(
            [&](auto out, auto problem) { return keyfob_find_device_login(raw(), id.c_str(), out, problem); }, id);
    }
    /// Asks the provider once whether the user has confirmed, if it is time to ask (RFC 8628 section 3.4). May touch the
    /// network. Being offline is no error: the login waits on.
    ///
    /// status::access_denied, oauth, configuration, login_required, cancelled: the login is over; token_rejected,
    /// bad_response; network, timeout, tls, rate_limited: the tokens are there and the profile is not, poll again.
    /// `keyfob_poll_device_login`.
    [[nodiscard]] result<device_login_poll> poll_device_login(std::string_view login_id) const {
        const detail::argument id("login_id", login_id);
        std::int64_t wait_ms = 0;
        return detail::give_optional<completed, keyfob_completed>(
                   [&](auto out, auto problem) {
                       return keyfob_poll_device_login(raw(), id.c_str(), &wait_ms, out, problem);
                   },
                   id)
            .transform([&](std::optional<completed> found) {
                return device_login_poll{std::move(found), milliseconds(wait_ms)};
            });
    }
    /// The whole login on another device in one call: begins it, has it shown, polls by the rules. Touches the network,
    /// again and again, and blocks until the user has decided, the code is over, or somebody cancels. As
    /// begin_device_login() and poll_device_login(); status::cancelled: by the control, or since `show` threw.
    /// `keyfob_login_on_another_device`.
    [[nodiscard]] result<completed> login_on_another_device(std::string_view registration_id,
                                                            const show_device_login_function& show,
                                                            const login_options& options = login_options(),
                                                            const login_control& control = login_control()) const {
        const detail::argument id("registration", registration_id);
        showing context{show, control};
        return detail::give<completed, keyfob_completed>(
            [&](auto out, auto problem) {
                return keyfob_login_on_another_device(raw(), id.c_str(), detail::access::raw(options),
                                                      show ? shows : nullptr, &context, detail::access::raw(control),
                                                      out, problem);
            },
            id, options, control);
    }

    /// The logins that wait, for a redirect or for the user on another device, oldest first. Touches no network.
    /// `keyfob_pending_logins`.
    [[nodiscard]] result<std::vector<pending_login>> pending_logins() const {
        return list<pending_login, keyfob_pending_login_list>(
            keyfob_pending_login_list_len, keyfob_pending_login_list_at,
            [&](auto out, auto problem) { return keyfob_pending_logins(raw(), out, problem); });
    }
    /// Ends a login that waits: from now on its redirect is refused. It is stored before this returns; cancelling one that
    /// is over is no error. Touches no network. status::invalid_argument: no such login. `keyfob_cancel_login`.
    [[nodiscard]] result<void> cancel_login(std::string_view login_id) const {
        const detail::argument id("login_id", login_id);
        return detail::run([&](auto problem) { return keyfob_cancel_login(raw(), id.c_str(), problem); }, id);
    }

    /// Gives an access token that is good for so much longer (RFC 6749 section 1.4); without `min_validity` for a minute. May
    /// touch the network, and does so only when a refresh is due (RFC 6749 section 6): a fresh token comes from memory. However
    /// many threads and processes ask, one request is made. Blocks for `wait_seconds` of the configuration at most while
    /// others refresh.
    ///
    /// status::login_required: the session has ended, error::reason() says why, and nothing else means that; network,
    /// timeout, tls, rate_limited, oauth, configuration, bad_response, token_rejected: no new token now, the session
    /// lives on; refresh_busy; invalid_argument: no such session; invalid_state. `keyfob_access_token`.
    [[nodiscard]] result<token> access_token(std::string_view session_id,
                                             std::optional<milliseconds> min_validity = std::nullopt) const {
        const detail::argument id("session_id", session_id);
        const detail::duration_argument validity("min_validity", min_validity, KEYFOB_MIN_VALIDITY_DEFAULT);
        return detail::give<token, keyfob_token>(
            [&](auto out, auto problem) {
                return keyfob_access_token(raw(), id.c_str(), validity.ms(), out, problem);
            },
            id, validity);
    }
    /// The same, with another limit for waiting than the configuration's; zero does not wait for others at all. After
    /// `wait` status::refresh_busy (another process) or timeout (another thread). `keyfob_access_token_within`.
    [[nodiscard]] result<token> access_token_within(std::string_view session_id,
                                                    std::optional<milliseconds> min_validity, milliseconds wait) const {
        const detail::argument id("session_id", session_id);
        const detail::duration_argument validity("min_validity", min_validity, KEYFOB_MIN_VALIDITY_DEFAULT);
        const detail::duration_argument limit("wait", wait);
        return detail::give<token, keyfob_token>(
            [&](auto out, auto problem) {
                return keyfob_access_token_within(raw(), id.c_str(), validity.ms(), limit.limit_ms(), out, problem);
            },
            id, validity, limit);
    }
    /// The token that access_token() would give from memory and at once; nothing where it would do anything more: read the store,
    /// refresh, wait, call the observer, or fail. Never blocks: for a thread that may not, such as one with an event loop, which
    /// asks this first. Once in each `coherence_seconds` of the configuration there is nothing for a good token too, because
    /// other processes' changes are looked for then. `keyfob_cached_access_token`.
    [[nodiscard]] result<std::optional<token>> cached_access_token(
        std::string_view session_id, std::optional<milliseconds> min_validity = std::nullopt) const {
        const detail::argument id("session_id", session_id);
        const detail::duration_argument validity("min_validity", min_validity, KEYFOB_MIN_VALIDITY_DEFAULT);
        return detail::give_optional<token, keyfob_token>(
            [&](auto out, auto problem) {
                return keyfob_cached_access_token(raw(), id.c_str(), validity.ms(), out, problem);
            },
            id, validity);
    }
    /// Refreshes now, due or not (RFC 6749 section 6). Touches the network; callers at the same time, in every process, share
    /// one request. The new tokens are in the store before this returns. As access_token(); status::invalid_state also if
    /// the provider gave no refresh token. `keyfob_refresh_session`.
    [[nodiscard]] result<session> refresh_session(std::string_view session_id) const {
        const detail::argument id("session_id", session_id);
        return detail::give<session, keyfob_session>(
            [&](auto out, auto problem) { return keyfob_refresh_session(raw(), id.c_str(), out, problem); }, id);
    }
    /// After a resource server refused an access token (HTTP 401, RFC 6750 section 3.1): gives one that is not the refused
    /// one. May touch the network, unless the token has been replaced since. As refresh_session().
    /// `keyfob_refresh_if_current`.
    [[nodiscard]] result<token> refresh_if_current(std::string_view session_id, std::string_view rejected_token) const {
        const detail::argument id("session_id", session_id);
        const detail::argument rejected("rejected_token", rejected_token);
        return detail::give<token, keyfob_token>(
            [&](auto out, auto problem) {
                return keyfob_refresh_if_current(raw(), id.c_str(), rejected.c_str(), out, problem);
            },
            id, rejected);
    }
    /// The user's profile, at most so old (OpenID Connect Core section 5.3). May touch the network: userinfo, and a refresh
    /// when one is due. As access_token(); status::invalid_state also if the provider has no userinfo endpoint.
    /// `keyfob_fetch_profile`.
    [[nodiscard]] result<profile> fetch_profile(std::string_view session_id, max_age age = max_age()) const {
        const detail::argument id("session_id", session_id);
        return detail::give<profile, keyfob_profile>(
            [&](auto out, auto problem) { return keyfob_fetch_profile(raw(), id.c_str(), age.ms_, out, problem); }, id,
            age);
    }

    /// The session of that id, ended ones with their reason included. Touches no network. status::invalid_argument: no
    /// such session. `keyfob_find_session`.
    [[nodiscard]] result<session> find_session(std::string_view session_id) const {
        const detail::argument id("session_id", session_id);
        return detail::give<session, keyfob_session>(
            [&](auto out, auto problem) { return keyfob_find_session(raw(), id.c_str(), out, problem); }, id);
    }
    /// The session of a user at the issuer that the registration names now, if there is one. Touches no network.
    /// status::invalid_argument: no such registration. `keyfob_find_session_by_user`.
    [[nodiscard]] result<std::optional<session>> find_session_by_user(std::string_view registration_id,
                                                                      std::string_view provider_uid) const {
        const detail::argument id("registration", registration_id);
        const detail::argument uid("provider_uid", provider_uid);
        return detail::give_optional<session, keyfob_session>(
            [&](auto out, auto problem) {
                return keyfob_find_session_by_user(raw(), id.c_str(), uid.c_str(), out, problem);
            },
            id, uid);
    }
    /// All sessions, oldest first, without those that the app logged out. Touches no network. Where there may be many,
    /// there is sessions_page(). `keyfob_sessions`.
    [[nodiscard]] result<std::vector<session>> sessions() const {
        return list<session, keyfob_session_list>(
            keyfob_session_list_len, keyfob_session_list_at,
            [&](auto out, auto problem) { return keyfob_sessions(raw(), out, problem); });
    }
    /// Some of them: 1 to 1000 that come after the session of that id; nothing for the first page. The last id of a page
    /// asks for the next one, and an empty page is the end. Touches no network. status::invalid_argument: another
    /// `limit`, no session with that id. `keyfob_sessions_page`.
    [[nodiscard]] result<std::vector<session>> sessions_page(std::optional<std::string_view> after_id,
                                                             std::size_t limit) const {
        const detail::argument after("after_id", after_id);
        return list<session, keyfob_session_list>(
            keyfob_session_list_len, keyfob_session_list_at,
            [&](auto out, auto problem) { return keyfob_sessions_page(raw(), after.c_str(), limit, out, problem); },
            after);
    }
    /// The session that the last login made, or that set_current_session() named, if there is one. Touches no network.
    /// `keyfob_current_session`.
    [[nodiscard]] result<std::optional<session>> current_session() const {
        return detail::give_optional<session, keyfob_session>(
            [&](auto out, auto problem) { return keyfob_current_session(raw(), out, problem); });
    }
    /// Makes a session the current one, for an app with several accounts. It is stored before this returns. Touches no
    /// network. status::invalid_argument: no such session, or the app logged it out. `keyfob_set_current_session`.
    [[nodiscard]] result<void> set_current_session(std::string_view session_id) const {
        const detail::argument id("session_id", session_id);
        return detail::run([&](auto problem) { return keyfob_set_current_session(raw(), id.c_str(), problem); }, id);
    }

    /// Logs out: the session ends here and now, in every process, whatever the network does. Then, unless the options say
    /// otherwise, the provider is asked once to revoke the token (RFC 7009): may touch the network, and a failure there is
    /// no failure of this call: ended::revocation() tells it. status::invalid_argument: no such session, or a post-logout
    /// redirect URI that is none. `keyfob_end_session`.
    [[nodiscard]] result<ended> end_session(std::string_view session_id,
                                            const end_session_options& options = end_session_options()) const {
        const detail::argument id("session_id", session_id);
        return detail::give<ended, keyfob_ended>(
            [&](auto out, auto problem) {
                return keyfob_end_session(raw(), id.c_str(), detail::access::raw(options), out, problem);
            },
            id, options);
    }
    /// Takes the redirect from the provider's logout page, where ended::logout_url() led (OpenID Connect RP-Initiated Logout
    /// section 3), and says which session's logout it belongs to: for a day after the logout, in every process, as often as it
    /// is asked. Touches no network, changes nothing. status::redirect_rejected: not a redirect of a logout of this store.
    /// `keyfob_complete_logout`.
    [[nodiscard]] result<logged_out> complete_logout(std::string_view redirect_url) const {
        const detail::argument url("redirect_url", redirect_url);
        return detail::give<logged_out, keyfob_logged_out>(
            [&](auto out, auto problem) { return keyfob_complete_logout(raw(), url.c_str(), out, problem); }, url);
    }
    /// Takes over a session from another library, without a new login. It is stored before this returns. Touches no
    /// network: whether the tokens are good shows at their first use. status::invalid_argument: no such registration, no
    /// user id, neither token. `keyfob_import_session`.
    [[nodiscard]] result<session> import_session(imported_tokens tokens) const {
        return detail::give<session, keyfob_session>(
            [&](auto out, auto problem) {
                return keyfob_import_session(raw(), detail::access::consume(tokens), out, problem);
            },
            tokens);
    }

    /// What to enter at the provider's developer console for one registration. Touches neither network nor store.
    /// status::invalid_argument: no such registration. `keyfob_registration_guide`.
    [[nodiscard]] result<guide> registration_guide(std::string_view registration_id) const {
        const detail::argument id("registration", registration_id);
        return detail::give<guide, keyfob_guide>(
            [&](auto out, auto problem) { return keyfob_registration_guide(raw(), id.c_str(), out, problem); }, id);
    }
    /// The newest lines of the journal, `limit` at most, newest first: why things happened. Touches no network.
    /// `keyfob_journal`.
    [[nodiscard]] result<std::vector<journal_entry>> journal(std::size_t limit) const {
        return list<journal_entry, keyfob_journal_list>(
            keyfob_journal_list_len, keyfob_journal_list_at,
            [&](auto out, auto problem) { return keyfob_journal(raw(), limit, out, problem); });
    }
    /// How the store is: sealing, sessions, refreshes that were cut off, what is owed. Touches no network.
    /// `keyfob_read_health`.
    [[nodiscard]] result<health> read_health() const {
        return detail::give<health, keyfob_health>(
            [&](auto out, auto problem) { return keyfob_read_health(raw(), out, problem); });
    }

    /// Does everything that is owed: saves, mends, revokes, refreshes, forgets. For a moment that the host picks. Touches the
    /// network if something is owed; begins nothing new after `limit`, and what was begun is seen through. What did not
    /// succeed is counted, and is no error. `keyfob_maintain`.
    [[nodiscard]] result<maintained> maintain(milliseconds limit) const {
        const detail::duration_argument within("limit", limit);
        return detail::give<maintained, keyfob_maintained>(
            [&](auto out, auto problem) { return keyfob_maintain(raw(), within.limit_ms(), out, problem); }, within);
    }
    /// Puts the store under another key and seals every secret in it anew. Touches no network; blocks in proportion to the
    /// number of sessions. Keep the new key in the keystore before, and the old one until this has returned.
    ///
    /// status::configuration: the store is kept in plaintext; store_unavailable, store_key: the old key is not
    /// available, or not the right one, and nothing was changed; random. `keyfob_rekey`.
    [[nodiscard]] result<void> rekey(const store_key& new_key) const {
        return detail::run(
            [&](auto problem) {
                return keyfob_rekey(raw(), new_key.bytes().data(), new_key.bytes().size(), problem);
            },
            new_key);
    }
    /// Before the system freezes this process (iOS): lets nothing new begin, waits for what is under way, for `deadline` at
    /// most, and closes every lock and file of the store. Until resume() calls that need the store give
    /// status::invalid_state ("Suspended"). Touches no network itself.
    ///
    /// status::store_not_writable: there are tokens that still could not be saved; it is suspended all the same.
    /// `keyfob_suspend`.
    [[nodiscard]] result<void> suspend(milliseconds deadline) const {
        const detail::duration_argument within("deadline", deadline);
        return detail::run([&](auto problem) { return keyfob_suspend(raw(), within.limit_ms(), problem); }, within);
    }
    /// Opens everything again after suspend(). Touches no network. An error leaves it suspended; the call may be repeated.
    /// `keyfob_resume`.
    [[nodiscard]] result<void> resume() const {
        return detail::run([&](auto problem) { return keyfob_resume(raw(), problem); });
    }

private:
    explicit handle(keyfob_handle* opened) noexcept : raw_(opened) {}

    [[nodiscard]] const keyfob_handle* raw() const noexcept { return raw_.get(); }

    template <class Part, class Whole, class Raw, class Call, class... Arguments>
    [[nodiscard]] static result<std::vector<Part>> list(std::size_t (*len)(const Whole*),
                                                        const Raw* (*at)(const Whole*, std::size_t), Call&& into_c,
                                                        const Arguments&... arguments) {
        return detail::give_as<std::vector<Part>, Whole>(
            [&](const std::shared_ptr<const Whole>& whole) { return detail::parts<Part>(whole, len, at); },
            std::forward<Call>(into_c), arguments...);
    }

    struct showing {
        const show_device_login_function& show;
        const login_control& control;
    };
    static void shows(void* context, const keyfob_device_login* given) noexcept {
        const auto& host = *static_cast<const showing*>(context);
        const bool shown = detail::guarded(false, [&] {
            // Borrowed: it is Keyfob's, and so there is nothing to free.
            const auto login = detail::access::make<device_login>(
                std::shared_ptr<const keyfob_device_login>(std::shared_ptr<const void>(), given));
            host.show(login);
            return true;
        });
        if (!shown) {
            host.control.cancel();
        }
    }

    detail::owned<keyfob_handle> raw_;
    friend result<handle> open(config configuration);
};

/// Opens the store, making it when it is missing. Touches no network. Asks for the store key where the configuration says
/// whom; a key that is not available now is no error here.
///
/// status::configuration: a registration names a provider that is not there, or lacks one of its variables; there is
/// neither a store key nor `plaintext`, or both; store_key: not the one that the store was sealed with, nothing was
/// changed; store_unsupported; store_unavailable, store_not_writable: it cannot be used now; store_damaged; random.
/// `keyfob_open`.
[[nodiscard]] inline result<handle> open(config configuration) {
    keyfob_handle* opened = nullptr;
    auto failed = detail::call(
        [&](auto problem) { return keyfob_open(detail::access::consume(configuration), &opened, problem); },
        configuration);
    return failed ? result<handle>(*std::move(failed)) : result<handle>(handle(opened));
}

/// The providers that are built in, by id: for a program that lists them. Touches neither network nor store.
/// `keyfob_providers`.
[[nodiscard]] inline result<std::vector<provider>> providers() {
    return detail::give_as<std::vector<provider>, keyfob_provider_list>(
        [](const std::shared_ptr<const keyfob_provider_list>& whole) {
            return detail::parts<provider>(whole, keyfob_provider_list_len, keyfob_provider_list_at);
        },
        [](auto out, auto problem) { return keyfob_providers(out, problem); });
}

}  // inline namespace
}  // namespace keyfob

#endif  // KEYFOB_HPP
