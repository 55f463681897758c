//! The C ABI, called as a program with bugs calls it: in any order, with NULL, with texts that are none or a megabyte long, with
//! every number. What the header allows to be passed gives an error and no crash, and never `KEYFOB_INTERNAL`.
//!
//! The bytes are read as a list of calls. What a call gives is kept, one of each type, for the calls after it. The only store is a folder of this
//! process's own, and the only network is the transport below, which answers with more of the bytes. Left out are the calls that wait for a
//! person: `keyfob_login_in_browser`, `keyfob_login_on_another_device`, `keyfob_open_browser`.
#![no_main]

use std::cell::RefCell;
use std::ffi::{CStr, CString, c_char, c_void};
use std::fs;
use std::mem::MaybeUninit;
use std::path::PathBuf;
use std::ptr;

use keyfob_ffi::config::*;
use keyfob_ffi::config_builder::*;
use keyfob_ffi::device::*;
use keyfob_ffi::end::*;
use keyfob_ffi::error::*;
use keyfob_ffi::guide::*;
use keyfob_ffi::handle::*;
use keyfob_ffi::health::*;
use keyfob_ffi::import::*;
use keyfob_ffi::journal::*;
use keyfob_ffi::listing::*;
use keyfob_ffi::log::*;
use keyfob_ffi::logged_out::*;
use keyfob_ffi::login::*;
use keyfob_ffi::maintain::*;
use keyfob_ffi::pending::*;
use keyfob_ffi::profile::*;
use keyfob_ffi::provider_builder::*;
use keyfob_ffi::registration_builder::*;
use keyfob_ffi::session::*;
use keyfob_ffi::store_key::*;
use keyfob_ffi::suspend::*;
use keyfob_ffi::token::*;
use keyfob_ffi::transport::*;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    ANSWERS.with_borrow_mut(|answers| *answers = data.iter().rev().copied().collect());
    let mut bytes = Bytes(data);
    let mut program = Program::default();
    while !bytes.0.is_empty() {
        program.call(&mut bytes);
    }
    program.end();
    let _ = fs::remove_dir_all(folder());
});

/// Where arguments come from.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    fn seldom(&mut self) -> bool {
        self.byte() % 16 == 15
    }

    fn number(&mut self) -> i64 {
        match self.byte() % 8 {
            0 => i64::MIN,
            1 => -1,
            2 => 0,
            3 => 1000,
            4 => i64::MAX,
            _ => i64::from(self.byte()) << (self.byte() % 56),
        }
    }

    /// NULL, a word that means something, or anything up to a megabyte.
    fn text(&mut self) -> Text {
        const WORDS: &[&CStr] = &[
            c"",
            c"acme",
            c"notes",
            c"oidc",
            c"openid",
            c"issuer",
            c"/id",
            c"u-1",
            c"https://acme.example/token",
            c"https://acme.example/me",
            c"com.example.notes:/acme",
            c"com.example.notes:/acme?code=c&state=s",
            c"http://127.0.0.1/callback",
            c"-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n",
            c"\xc3\x28",
            c"\xff\xfe\xfd",
        ];
        match self.byte() {
            0 => Text(None),
            kind @ 1..128 => Text(WORDS.get(usize::from(kind) % WORDS.len()).map(|word| (*word).to_owned())),
            kind => {
                let length = usize::from(self.byte()).min(self.0.len());
                let (mine, rest) = self.0.split_at(length);
                self.0 = rest;
                let mut text: Vec<u8> = mine.iter().copied().filter(|byte| *byte != 0).collect();
                if kind == 255 {
                    text = text.repeat(4096);
                }
                Text(CString::new(text).ok())
            }
        }
    }
}

struct Text(Option<CString>);

impl Text {
    fn get(&self) -> *const c_char {
        self.0.as_ref().map_or(ptr::null(), |text| text.as_ptr())
    }
}

type Slot<'a, T> = Option<&'a mut MaybeUninit<*mut T>>;

/// A call that gives nothing but its status.
fn told(bytes: &mut Bytes<'_>, call: impl FnOnce(Slot<'_, keyfob_error>) -> keyfob_status) -> keyfob_status {
    let mut error = MaybeUninit::new(ptr::dangling_mut());
    let listens = !bytes.seldom();
    let status = call(listens.then_some(&mut error));
    assert_ne!(status, KEYFOB_INTERNAL, "a panic");
    if listens {
        // SAFETY: it was written, by us if nobody else.
        let error = unsafe { error.assume_init() };
        assert_eq!(error.is_null(), status == KEYFOB_OK, "an error comes with a failure, and only then");
        if !error.is_null() {
            // SAFETY: a handle that the call made and that is ours.
            let error = unsafe { Box::from_raw(error) };
            // SAFETY: it lives.
            let said = unsafe { (keyfob_error_status(Some(&error)), keyfob_error_message(Some(&error))) };
            assert_eq!(said.0, status);
            read(said.1);
            // SAFETY: as above; read and given back.
            unsafe { keyfob_error_free(Some(error)) };
        }
    }
    status
}

/// A call that gives a handle.
fn made<T>(
    bytes: &mut Bytes<'_>,
    call: impl FnOnce(Slot<'_, T>, Slot<'_, keyfob_error>) -> keyfob_status,
) -> Option<Box<T>> {
    let mut made = MaybeUninit::new(ptr::dangling_mut());
    if bytes.seldom() {
        told(bytes, |error| call(None, error));
        return None;
    }
    let status = told(bytes, |error| call(Some(&mut made), error));
    // SAFETY: it was written, by us if nobody else.
    let made = unsafe { made.assume_init() };
    assert_eq!(made.is_null(), status != KEYFOB_OK, "an output comes with success, and only then");
    // SAFETY: a handle that the call made and that is ours.
    (!made.is_null()).then(|| unsafe { Box::from_raw(made) })
}

/// Reads a text to its end, as C would.
fn read(text: *const c_char) {
    if !text.is_null() {
        // SAFETY: texts that getters lend end with a NUL, and what lends this one lives.
        assert!(unsafe { CStr::from_ptr(text) }.to_str().is_ok(), "what comes out is UTF-8");
    }
}

thread_local! {
    /// What the transport answers with, from its end on.
    static ANSWERS: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

unsafe extern "C" fn answer(
    _: *mut c_void,
    request: *const keyfob_http_request<'_>,
    response: *mut keyfob_http_response,
) -> keyfob_transport_outcome {
    const TOKENS: &[u8] = br#"{"access_token":"at","refresh_token":"rt","token_type":"Bearer","expires_in":100}"#;
    // SAFETY: the callback's own, while it runs.
    let (request, response) = unsafe { (request.as_ref(), response.as_mut()) };
    let next = || ANSWERS.with_borrow_mut(|answers| answers.pop().unwrap_or(0));
    // SAFETY: the request lives while the callback runs.
    read(unsafe { keyfob_http_request_url(request) });
    let kind = next();
    let body = if kind % 4 < 2 { TOKENS } else { br#"{"id":"u-1","name":"Ada"}"# };
    let Some(response) = response else { return KEYFOB_TRANSPORT_UNKNOWN };
    // Whatever these say: a transport may be wrong in everything.
    // SAFETY: the response is this callback's, the bytes are as many as are said.
    let _ = unsafe {
        let said =
            keyfob_http_response_set_status(Some(response), if kind < 200 { 200 } else { i32::from(kind) * 3 }, None);
        let added = keyfob_http_response_add_header(
            Some(response),
            c"content-type".as_ptr(),
            c"application/json".as_ptr(),
            None,
        );
        let body = keyfob_http_response_append_body(Some(response), body.as_ptr(), body.len(), None);
        (said, added, body, keyfob_http_response_set_failure(Some(response), i32::from(next()), ptr::null(), None))
    };
    if kind < 230 { KEYFOB_TRANSPORT_ANSWERED } else { i32::from(next()) }
}

unsafe extern "C" fn line(_: *mut c_void, _: keyfob_log_level, target: *const c_char, message: *const c_char) {
    read(target);
    read(message);
    let mut config = MaybeUninit::uninit();
    // SAFETY: a static text; what it gives is NULL.
    let status = unsafe { keyfob_config_from_json(c"{}".as_ptr(), Some(&mut config), None) };
    assert_eq!(status, KEYFOB_INVALID_STATE, "called from within the log");
}

/// Of one run: the next begins with an empty one, so that an input does the same again.
fn folder() -> PathBuf {
    std::env::temp_dir().join(format!("keyfob-fuzz-c-abi-{}", std::process::id()))
}

/// What a program has of everything: one, or none.
#[derive(Default)]
struct Program {
    config: Option<Box<keyfob_config>>,
    builder: Option<Box<keyfob_config_builder>>,
    registration: Option<Box<keyfob_registration_builder>>,
    provider: Option<Box<keyfob_provider_builder>>,
    handle: Option<Box<keyfob_handle>>,
    options: Option<Box<keyfob_login_options>>,
    end: Option<Box<keyfob_end_session_options>>,
    tokens: Option<Box<keyfob_imported_tokens>>,
    session: Option<Box<keyfob_session>>,
    sessions: Option<Box<keyfob_session_list>>,
    /// The redirect of the login that was begun last.
    redirect: Option<CString>,
}

/// `setter(handle, text, error)` and its like with two texts.
macro_rules! say {
    ($bytes:ident, $setter:ident, $handle:expr) => {{
        let text = $bytes.text();
        // SAFETY: the text ends with a NUL and lives, or is NULL.
        told($bytes, |error| unsafe { $setter($handle, text.get(), error) });
    }};
    ($bytes:ident, $setter:ident, $handle:expr, 2) => {{
        let (one, two) = ($bytes.text(), $bytes.text());
        // SAFETY: as above.
        told($bytes, |error| unsafe { $setter($handle, one.get(), two.get(), error) });
    }};
}

/// `setter(handle, value, error)`.
macro_rules! set {
    ($bytes:ident, $setter:ident, $handle:expr, $($value:expr),*) => {
        // SAFETY: handles and numbers.
        told($bytes, |error| unsafe { $setter($handle, $($value,)* error) })
    };
}

impl Program {
    #[expect(clippy::cast_possible_truncation, reason = "any number will do")]
    fn call(&mut self, bytes: &mut Bytes<'_>) {
        let (call, number, more) = (bytes.byte(), bytes.number(), bytes.number());
        let text = bytes.text();
        let flag = number % 2 == 0;
        let session = self.session_id(&text);
        // SAFETY: in every call: texts end with a NUL and live, or are NULL; handles live, or are NULL; what is consumed is taken.
        match call % 72 {
            0 => self.config = made(bytes, |out, error| unsafe { keyfob_config_from_json(text.get(), out, error) }),
            1 => self.builder = made(bytes, |out, error| unsafe { keyfob_config_builder_new(text.get(), out, error) }),
            2 => self.config = self.build(bytes),
            3 => _ = set!(bytes, keyfob_config_builder_set_plaintext, self.builder.as_deref_mut(), flag),
            4 => {
                let registration = self.registration.take();
                set!(bytes, keyfob_config_builder_add_registration, self.builder.as_deref_mut(), registration);
            }
            5 => {
                let provider = self.provider.take();
                set!(bytes, keyfob_config_builder_add_provider, self.builder.as_deref_mut(), provider);
            }
            6 => _ = set!(bytes, keyfob_config_builder_set_http_timeouts_ms, self.builder.as_deref_mut(), number, more),
            7 => say!(bytes, keyfob_config_builder_set_ca_certificates, self.builder.as_deref_mut()),
            8 => say!(bytes, keyfob_config_builder_set_proxy, self.builder.as_deref_mut()),
            9 => say!(bytes, keyfob_config_builder_set_user_agent, self.builder.as_deref_mut()),
            10 => _ = set!(bytes, keyfob_config_builder_set_login_lifetime_ms, self.builder.as_deref_mut(), number),
            11 => _ = set!(bytes, keyfob_config_builder_set_coherence_ms, self.builder.as_deref_mut(), number),
            12 => _ = set!(bytes, keyfob_config_builder_set_leeway_ms, self.builder.as_deref_mut(), number),
            13 => _ = set!(bytes, keyfob_config_builder_set_wait_ms, self.builder.as_deref_mut(), number),
            14 => _ = set!(bytes, keyfob_config_builder_set_refresh_policy, self.builder.as_deref_mut(), number as i32),
            15 => {
                let (two, three, four) = (bytes.text(), bytes.text(), bytes.text());
                self.registration = made(bytes, |out, error| unsafe {
                    keyfob_registration_builder_new(text.get(), two.get(), three.get(), four.get(), out, error)
                });
            }
            16 => say!(bytes, keyfob_registration_builder_set_client_secret, self.registration.as_deref_mut()),
            17 => {
                _ = set!(bytes, keyfob_registration_builder_set_client_secret_post, self.registration.as_deref_mut(),)
            }
            18 => say!(bytes, keyfob_registration_builder_set_private_key, self.registration.as_deref_mut()),
            19 => say!(bytes, keyfob_registration_builder_set_key_id, self.registration.as_deref_mut()),
            20 => {
                _ = set!(
                    bytes,
                    keyfob_registration_builder_set_key_algorithm,
                    self.registration.as_deref_mut(),
                    number as i32
                )
            }
            21 => say!(bytes, keyfob_registration_builder_add_scope, self.registration.as_deref_mut()),
            22 => say!(bytes, keyfob_registration_builder_add_resource, self.registration.as_deref_mut()),
            23 => say!(bytes, keyfob_registration_builder_set_variable, self.registration.as_deref_mut(), 2),
            24 => _ = set!(bytes, keyfob_registration_builder_set_enabled, self.registration.as_deref_mut(), flag),
            25 => {
                _ = set!(
                    bytes,
                    keyfob_registration_builder_set_refresh_budget,
                    self.registration.as_deref_mut(),
                    number as u32,
                    more
                )
            }
            26 => {
                self.provider =
                    made(bytes, |out, error| unsafe { keyfob_provider_builder_from_json(text.get(), out, error) })
            }
            27 => {
                let (two, three, four, five) = (bytes.text(), bytes.text(), bytes.text(), bytes.text());
                self.provider = made(bytes, |out, error| unsafe {
                    keyfob_provider_builder_new_oauth2(
                        text.get(),
                        two.get(),
                        three.get(),
                        four.get(),
                        five.get(),
                        out,
                        error,
                    )
                });
            }
            28 => say!(bytes, keyfob_provider_builder_set_name, self.provider.as_deref_mut()),
            29 => say!(bytes, keyfob_provider_builder_add_name_at, self.provider.as_deref_mut()),
            30 => say!(bytes, keyfob_provider_builder_set_email_at, self.provider.as_deref_mut()),
            31 => say!(bytes, keyfob_provider_builder_add_avatar_url_at, self.provider.as_deref_mut()),
            32 => say!(bytes, keyfob_provider_builder_add_scope, self.provider.as_deref_mut()),
            33 => say!(bytes, keyfob_provider_builder_set_revocation_endpoint, self.provider.as_deref_mut()),
            34 => say!(bytes, keyfob_provider_builder_set_device_authorization_endpoint, self.provider.as_deref_mut()),
            35 => {
                let key = text.0.as_ref().map_or(&[][..], |key| key.as_bytes());
                let key = if key.is_empty() { ptr::null() } else { key.as_ptr() };
                let len = text.0.as_ref().map_or(flag.into(), |key| key.as_bytes().len());
                set!(bytes, keyfob_config_set_store_key, self.config.as_deref_mut(), key, len);
                set!(bytes, keyfob_config_set_device_binding, self.config.as_deref_mut(), key, len);
                if len != KEYFOB_STORE_KEY_LEN {
                    set!(bytes, keyfob_rekey, self.handle.as_deref(), key, len);
                }
            }
            36 => self.open(bytes),
            37 => self.options = unsafe { keyfob_login_options_new() },
            38 => say!(bytes, keyfob_login_options_add_scope, self.options.as_deref_mut()),
            39 => say!(bytes, keyfob_login_options_add_parameter, self.options.as_deref_mut(), 2),
            40 => say!(bytes, keyfob_login_options_set_app_data, self.options.as_deref_mut()),
            41 => say!(bytes, keyfob_login_options_set_success, self.options.as_deref_mut()),
            42 => say!(bytes, keyfob_login_options_set_failure, self.options.as_deref_mut()),
            43 => _ = set!(bytes, keyfob_login_options_set_for_session, self.options.as_deref_mut(), session),
            44 => _ = set!(bytes, keyfob_login_options_set_redirect_port, self.options.as_deref_mut(), number as u16),
            45 => self.begin(bytes, &text),
            46 | 47 => self.complete(bytes, &text),
            48 => {
                self.session = made(bytes, |out, error| unsafe {
                    keyfob_find_session(self.handle.as_deref(), session, out, error)
                })
            }
            49 => {
                let token = made(bytes, |out, error| unsafe {
                    keyfob_access_token_within(self.handle.as_deref(), session, number, 50, out, error)
                });
                read(unsafe { keyfob_token_secret(token.as_deref()) });
                unsafe { keyfob_token_free(token) };
            }
            50 => {
                _ = told(bytes, |error| unsafe { keyfob_refresh_session(self.handle.as_deref(), session, None, error) })
            }
            51 => {
                let rejected = bytes.text();
                let token = made(bytes, |out, error| unsafe {
                    keyfob_refresh_if_current(self.handle.as_deref(), session, rejected.get(), out, error)
                });
                unsafe { keyfob_token_free(token) };
            }
            52 => {
                let profile = made(bytes, |out, error| unsafe {
                    keyfob_fetch_profile(self.handle.as_deref(), session, number, out, error)
                });
                read(unsafe { keyfob_profile_raw_json(profile.as_deref()) });
                unsafe { keyfob_profile_free(profile) };
            }
            53 => {
                self.sessions = made(bytes, |out, error| unsafe { keyfob_sessions(self.handle.as_deref(), out, error) })
            }
            54 => {
                self.sessions = made(bytes, |out, error| unsafe {
                    keyfob_sessions_page(self.handle.as_deref(), session, number as usize, out, error)
                });
            }
            55 => self.look(number as usize),
            56 => {
                _ = told(bytes, |error| unsafe { keyfob_set_current_session(self.handle.as_deref(), session, error) })
            }
            57 => self.end = unsafe { keyfob_end_session_options_new() },
            58 => say!(bytes, keyfob_end_session_options_set_post_logout_redirect_uri, self.end.as_deref_mut()),
            59 => {
                _ = told(bytes, |error| unsafe {
                    keyfob_end_session(self.handle.as_deref(), session, self.end.as_deref(), None, error)
                })
            }
            60 => {
                let uid = bytes.text();
                self.tokens =
                    made(bytes, |out, error| unsafe { keyfob_imported_tokens_new(text.get(), uid.get(), out, error) });
            }
            61 => {
                _ = set!(bytes, keyfob_imported_tokens_set_access_token, self.tokens.as_deref_mut(), text.get(), number)
            }
            62 => say!(bytes, keyfob_imported_tokens_set_refresh_token, self.tokens.as_deref_mut()),
            63 => {
                let tokens = self.tokens.take();
                self.session = made(bytes, |out, error| unsafe {
                    keyfob_import_session(self.handle.as_deref(), tokens, out, error)
                });
            }
            64 => {
                let list = made(bytes, |out, error| unsafe {
                    keyfob_journal(self.handle.as_deref(), number as usize, out, error)
                });
                let entry = unsafe { keyfob_journal_list_at(list.as_deref(), more as usize).as_ref() };
                read(unsafe { keyfob_journal_entry_message(entry) });
                unsafe { keyfob_journal_list_free(list) };
            }
            65 => {
                let health =
                    made(bytes, |out, error| unsafe { keyfob_read_health(self.handle.as_deref(), out, error) });
                read(unsafe { keyfob_health_sqlite_version(health.as_deref()) });
                unsafe { keyfob_health_free(health) };
            }
            66 => {
                let done =
                    made(bytes, |out, error| unsafe { keyfob_maintain(self.handle.as_deref(), 100, out, error) });
                unsafe { keyfob_maintained_free(done) };
            }
            67 => {
                told(bytes, |error| unsafe { keyfob_suspend(self.handle.as_deref(), 10, error) });
                told(bytes, |error| unsafe { keyfob_resume(self.handle.as_deref(), error) });
            }
            68 => {
                let list =
                    made(bytes, |out, error| unsafe { keyfob_pending_logins(self.handle.as_deref(), out, error) });
                let login = unsafe { keyfob_pending_login_list_at(list.as_deref(), 0).as_ref() };
                let id = unsafe { keyfob_pending_login_id(login) };
                told(bytes, |error| unsafe { keyfob_cancel_login(self.handle.as_deref(), id, error) });
                unsafe { keyfob_pending_login_list_free(list) };
            }
            69 => {
                let guide = made(bytes, |out, error| unsafe {
                    keyfob_registration_guide(self.handle.as_deref(), text.get(), out, error)
                });
                read(unsafe { keyfob_guide_redirect_uri(guide.as_deref()) });
                unsafe { keyfob_guide_free(guide) };
            }
            70 => {
                let device = made(bytes, |out, error| unsafe {
                    keyfob_begin_device_login(self.handle.as_deref(), text.get(), self.options.as_deref(), out, error)
                });
                read(unsafe { keyfob_device_login_user_code(device.as_deref()) });
                unsafe { keyfob_device_login_free(device) };
            }
            _ => {
                let take: keyfob_log_fn = if flag { Some(line) } else { None };
                told(bytes, |error| unsafe { keyfob_set_log(number as i32, take, ptr::null_mut(), None, error) });
            }
        }
    }

    /// The session's id more often than any text.
    fn session_id(&self, text: &Text) -> *const c_char {
        match &self.session {
            // SAFETY: it lives, and stays until the call is over.
            Some(session) if text.0.as_ref().is_some_and(|text| text.as_bytes().len() < 32) => unsafe {
                keyfob_session_id(Some(session))
            },
            _ => text.get(),
        }
    }

    fn build(&mut self, bytes: &mut Bytes<'_>) -> Option<Box<keyfob_config>> {
        let builder = self.builder.take();
        // SAFETY: it is taken.
        made(bytes, |out, error| unsafe { keyfob_config_builder_build(builder, out, error) })
    }

    /// A configuration is opened only where its store and its network are ours.
    fn open(&mut self, bytes: &mut Bytes<'_>) {
        let folder = folder();
        let json = format!(
            r#"{{"store":{{"path":"{}","plaintext":true}},"coherence_seconds":0,"wait_seconds":0,"registrations":[{{"id":"notes",
               "provider":"acme","client_id":"c","redirect_uri":"com.example.notes:/acme"}}],"providers":[{{"id":"acme",
               "kind":"oauth2","endpoints":{{"authorization":"https://acme.example/authorize","token":"https://acme.example/token",
               "userinfo":"https://acme.example/me","device_authorization":"https://acme.example/device"}},
               "profile":{{"uid":"/id"}}}}]}}"#,
            folder.display()
        );
        let Ok(json) = CString::new(json) else { return };
        let mut config = made(bytes, |out, error| unsafe {
            // SAFETY: the text ends with a NUL and lives.
            keyfob_config_from_json(json.as_ptr(), out, error)
        });
        told(bytes, |error| unsafe {
            // SAFETY: the callback needs no context.
            keyfob_config_set_transport(config.as_deref_mut(), Some(answer), ptr::null_mut(), None, error)
        });
        // SAFETY: both are given away.
        let handle = made(bytes, |out, error| unsafe { keyfob_open(config, out, error) });
        // SAFETY: as above.
        unsafe { keyfob_free(std::mem::replace(&mut self.handle, handle)) };
    }

    fn begin(&mut self, bytes: &mut Bytes<'_>, text: &Text) {
        let name =
            if text.0.as_ref().is_some_and(|text| text.as_bytes().len() < 32) { c"notes".as_ptr() } else { text.get() };
        let login = made(bytes, |out, error| unsafe {
            // SAFETY: the handles live, or are NULL; the text ends with a NUL, or is NULL.
            keyfob_begin_login(self.handle.as_deref(), name, self.options.as_deref(), out, error)
        });
        // SAFETY: it lives, or is NULL.
        let url = unsafe { keyfob_login_authorization_url(login.as_deref()) };
        if !url.is_null() {
            // SAFETY: a text that the login lends, and the login lives.
            let url = unsafe { CStr::from_ptr(url) }.to_string_lossy();
            let state = url.split(['?', '&']).find(|pair| pair.starts_with("state=")).unwrap_or_default();
            self.redirect = CString::new(format!("com.example.notes:/acme?code=c&{state}")).ok();
        }
        // SAFETY: it is given back.
        unsafe { keyfob_login_free(login) };
    }

    fn complete(&mut self, bytes: &mut Bytes<'_>, text: &Text) {
        let redirect = self.redirect.take();
        let redirect = redirect.as_ref().map_or(text.get(), |redirect| redirect.as_ptr());
        let completed = made(bytes, |out, error| unsafe {
            // SAFETY: as in `begin`.
            keyfob_complete_login(self.handle.as_deref(), redirect, out, error)
        });
        // SAFETY: what lends the session lives; the copy is ours.
        unsafe {
            read(keyfob_completed_return_to(completed.as_deref()));
            let copy = keyfob_session_copy(keyfob_completed_session(completed.as_deref()).as_ref());
            keyfob_session_free(std::mem::replace(&mut self.session, copy));
            keyfob_completed_free(completed);
        }
        let logged_out = made(bytes, |out, error| unsafe {
            // SAFETY: as in `begin`.
            keyfob_complete_logout(self.handle.as_deref(), redirect, out, error)
        });
        // SAFETY: what lends the text lives until it is given back.
        unsafe {
            read(keyfob_logged_out_session_id(logged_out.as_deref()));
            read(keyfob_logged_out_registration(logged_out.as_deref()));
            keyfob_logged_out_free(logged_out);
        }
    }

    /// What a session says, whether or not there is one.
    fn look(&self, index: usize) {
        // SAFETY: handles that live, or NULL; what they lend is read before they go.
        unsafe {
            for session in [self.session.as_deref(), keyfob_session_list_at(self.sessions.as_deref(), index).as_ref()] {
                read(keyfob_session_provider_access_token(session));
                read(keyfob_session_scopes_at(session, index));
                read(keyfob_session_token_answer_json(session));
                read(keyfob_profile_name(keyfob_session_profile(session).as_ref()));
                keyfob_session_created_at_ms(session);
            }
        }
    }

    /// In an order in which nobody would.
    fn end(self) {
        // SAFETY: each is given back once.
        unsafe {
            keyfob_free(self.handle);
            keyfob_session_free(self.session);
            keyfob_session_list_free(self.sessions);
            keyfob_login_options_free(self.options);
            keyfob_end_session_options_free(self.end);
            keyfob_imported_tokens_free(self.tokens);
            keyfob_config_free(self.config);
            keyfob_config_builder_free(self.builder);
            keyfob_registration_builder_free(self.registration);
            keyfob_provider_builder_free(self.provider);
        }
    }
}
