//! `keyfob_browser_login` and `keyfob_login_pages`: a login in the browser of this machine.

use std::ffi::{CString, c_char, c_void};
use std::mem::{MaybeUninit, take};
use std::sync::Arc;
use std::time::Duration;

use keyfob::{Browser, BrowserLogin, LoginPages};

use crate::boundary::{Context, Output, free, given, guard, make, optional_text, text};
use crate::callback::keyfob_release_fn;
use crate::control::keyfob_login_control;
use crate::error::{keyfob_error, keyfob_status};
use crate::handle::keyfob_handle;
use crate::login::{keyfob_completed, keyfob_login_options};

/// Opens a URL, or shows it to the user, and returns at once; false where neither can be done. The URL's query holds
/// the login's state: not for a log.
///
/// Called on the thread that called `keyfob_login_in_browser`, which waits for the redirect afterwards. It must return: no
/// exception, no longjmp.
///
/// @param context  what was given to `keyfob_browser_login_set_browser`
/// @param url      borrowed until the callback returns
pub type keyfob_open_url_fn = Option<unsafe extern "C" fn(context: *mut c_void, url: *const c_char) -> bool>;

/// The callback without its NULL.
type Open = unsafe extern "C" fn(context: *mut c_void, url: *const c_char) -> bool;

#[derive(Debug)]
struct HostBrowser {
    open: Open,
    context: Context,
}

impl Browser for HostBrowser {
    fn open(&self, url: &str) -> bool {
        // A URL has no NUL in it.
        let Ok(url) = CString::new(url) else { return false };
        // SAFETY: the host gave both for each other, and has not got the context back; the URL outlives the call.
        unsafe { (self.open)(self.context.pointer(), url.as_ptr()) }
    }
}

/// What the pages at the end of a login in the browser say; everything has an English default. Texts are plain text. Made
/// by `keyfob_login_pages_new`, freed by `keyfob_login_pages_free`.
///
/// Threads: one thread at a time.
#[derive(Debug)]
pub struct keyfob_login_pages {
    pages: LoginPages,
}

/// What a login in the browser is to be like. Made by `keyfob_browser_login_new`, freed by `keyfob_browser_login_free`.
///
/// Threads: one thread at a time.
#[derive(Debug)]
pub struct keyfob_browser_login {
    login: BrowserLogin,
}

impl keyfob_login_pages {
    fn change(&mut self, change: impl FnOnce(LoginPages) -> LoginPages) {
        self.pages = change(take(&mut self.pages));
    }
}

impl keyfob_browser_login {
    fn change(&mut self, change: impl FnOnce(BrowserLogin) -> BrowserLogin) {
        self.login = change(take(&mut self.login));
    }
}

/// Pages that call the app by this name.
///
/// Ownership: caller owns; free with keyfob_login_pages_free.
///
/// @param app  may be NULL: then they say "the app"; copied; caller may free after return
/// @return NULL if the name is not UTF-8
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_login_pages_new(app: *const c_char) -> Option<Box<keyfob_login_pages>> {
    make(|| {
        // SAFETY: the caller keeps the header's rule for strings.
        let app = unsafe { optional_text("app", app) }.ok()?;
        Some(keyfob_login_pages { pages: app.map_or_else(LoginPages::default, LoginPages::new) })
    })
}

/// The language of the texts (BCP 47, for instance "de" or "pt-BR"), for screen readers.
///
/// @param tag  copied; caller may free after return
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_login_pages_set_language(
    pages: Option<&mut keyfob_login_pages>,
    tag: *const c_char,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let pages = given("pages", pages)?;
        // SAFETY: the caller keeps the header's rule for strings.
        let tag = unsafe { text("tag", tag) }?;
        pages.change(|pages| pages.language(tag));
        Ok(())
    })
}

/// Whether the texts are written from right to left.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_login_pages_set_right_to_left(
    pages: Option<&mut keyfob_login_pages>,
    right_to_left: bool,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        given("pages", pages)?.change(|pages| pages.right_to_left(right_to_left));
        Ok(())
    })
}

/// Title and text after a login.
///
/// @param title  copied; caller may free after return
/// @param words  copied; caller may free after return
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_login_pages_set_success(
    pages: Option<&mut keyfob_login_pages>,
    title: *const c_char,
    words: *const c_char,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let pages = given("pages", pages)?;
        // SAFETY: the caller keeps the header's rule for strings.
        let title = unsafe { text("title", title) }?;
        // SAFETY: as above.
        let words = unsafe { text("words", words) }?;
        pages.change(|pages| pages.success(title, words));
        Ok(())
    })
}

/// Title and text after the user, or the provider's policy, said no.
///
/// @param title  copied; caller may free after return
/// @param words  copied; caller may free after return
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_login_pages_set_denied(
    pages: Option<&mut keyfob_login_pages>,
    title: *const c_char,
    words: *const c_char,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let pages = given("pages", pages)?;
        // SAFETY: the caller keeps the header's rule for strings.
        let title = unsafe { text("title", title) }?;
        // SAFETY: as above.
        let words = unsafe { text("words", words) }?;
        pages.change(|pages| pages.denied(title, words));
        Ok(())
    })
}

/// Title and text after any other failure: what to do now. The name of the reason stands below it.
///
/// @param title  copied; caller may free after return
/// @param words  copied; caller may free after return
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_login_pages_set_failure(
    pages: Option<&mut keyfob_login_pages>,
    title: *const c_char,
    words: *const c_char,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let pages = given("pages", pages)?;
        // SAFETY: the caller keeps the header's rule for strings.
        let title = unsafe { text("title", title) }?;
        // SAFETY: as above.
        let words = unsafe { text("words", words) }?;
        pages.change(|pages| pages.failure(title, words));
        Ok(())
    })
}

/// Frees pages; they may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_login_pages_free(pages: Option<Box<keyfob_login_pages>>) {
    free(pages);
}

/// Five minutes, the system's browser, the built-in pages, nothing asked for beyond the registration.
///
/// Ownership: caller owns; free with keyfob_browser_login_free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_browser_login_new() -> Option<Box<keyfob_browser_login>> {
    make(|| Some(keyfob_browser_login { login: BrowserLogin::new() }))
}

/// What the login asks for. Its success and failure links are where the browser is sent at the end (303), where they are
/// absolute; else it shows the built-in pages. Its redirect port is the port to listen on.
///
/// @param options  copied; caller may free after return
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_browser_login_set_options(
    login: Option<&mut keyfob_browser_login>,
    options: Option<&keyfob_login_options>,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let login = given("login", login)?;
        let options = given("options", options)?.options.clone();
        login.change(|login| login.options(options));
        Ok(())
    })
}

/// What the built-in pages say.
///
/// @param pages  copied; caller may free after return
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_browser_login_set_pages(
    login: Option<&mut keyfob_browser_login>,
    pages: Option<&keyfob_login_pages>,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let login = given("login", login)?;
        let pages = given("pages", pages)?.pages.clone();
        login.change(|login| login.pages(pages));
        Ok(())
    })
}

/// How long to wait for the redirect. The configuration's `login_seconds` holds too.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_browser_login_set_time_limit_ms(
    login: Option<&mut keyfob_browser_login>,
    limit_ms: u64,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        given("login", login)?.change(|login| login.time_limit(Duration::from_millis(limit_ms)));
        Ok(())
    })
}

/// Who opens the URL, instead of the system's browser.
///
/// @param open     opens or shows a URL
/// @param context  given to `open`; may be NULL; consumed, even on error
/// @param release  gives `context` back, at the latest when the keyfob_browser_login is freed; may be NULL
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_browser_login_set_browser(
    login: Option<&mut keyfob_browser_login>,
    open: keyfob_open_url_fn,
    context: *mut c_void,
    release: keyfob_release_fn,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        // From here on it is given back, whatever comes.
        let context = Context::new(context, release);
        let login = given("login", login)?;
        let open = given("open", open)?;
        login.change(|login| login.browser(Arc::new(HostBrowser { open, context })));
        Ok(())
    })
}

/// What another thread cancels the login with, or hands a pasted redirect over.
///
/// @param control  copied; caller may free after return
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_browser_login_set_control(
    login: Option<&mut keyfob_browser_login>,
    control: Option<&keyfob_login_control>,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let login = given("login", login)?;
        let control = given("control", control)?;
        login.change(|login| login.control(&control.control));
        Ok(())
    })
}

/// Frees what a login is to be like; it may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_browser_login_free(login: Option<Box<keyfob_browser_login>>) {
    free(login);
}

/// The whole login in one call, for an app of the desktop or the command line: listens on a loopback port (RFC 8252 section
/// 7.3), begins the login, opens the browser, waits for the redirect, completes the login, and shows the user how it
/// went.
///
/// Touches the network, and blocks until the user has logged in or said no, the time limit is over, or somebody cancels. The
/// registration's redirect URI is http://127.0.0.1/... or http://[::1]/...; without a port in it a free one is taken. The
/// port is open only while the login waits, and takes one redirect of this login.
///
/// @param registration   the id of a registration; copied; caller may free after return
/// @param login          may be NULL; copied; caller may free after return
/// @param completed_out  caller owns; free with keyfob_completed_free
/// @return as `keyfob_begin_login` and `keyfob_complete_login`, and:
///         `KEYFOB_CONFIGURATION`: the redirect URI is not a loopback address;
///         `KEYFOB_INVALID_STATE`: nothing can listen on its port (reason "LoopbackUnavailable"), or no browser could be
///         opened ("BrowserUnavailable");
///         `KEYFOB_TIMEOUT`: no redirect in time; `KEYFOB_CANCELLED`: by the control. The login is over.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_login_in_browser(
    handle: Option<&keyfob_handle>,
    registration: *const c_char,
    login: Option<&keyfob_browser_login>,
    completed_out: Option<&mut MaybeUninit<*mut keyfob_completed>>,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let completed_out = Output::new("completed_out", completed_out)?;
        let handle = given("handle", handle)?;
        // SAFETY: the caller keeps the header's rule for strings.
        let registration = unsafe { text("registration", registration) }?;
        let login = login.map_or_else(BrowserLogin::new, |login| login.login.clone());
        completed_out.give(handle.keyfob.login_in_browser(registration, login)?.into());
        Ok(())
    })
}

/// Opens a URL in the system's browser and returns at once; false where there is none to open, or no screen to show it
/// on (a terminal over SSH).
///
/// @param url  copied; caller may free after return
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_open_browser(url: *const c_char) -> bool {
    std::panic::catch_unwind(|| {
        // SAFETY: the caller keeps the header's rule for strings.
        unsafe { text("url", url) }.is_ok_and(keyfob::open_browser)
    })
    .unwrap_or(false)
}
