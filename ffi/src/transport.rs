//! The host's own transport: `keyfob_http_request` and `keyfob_http_response`.

use std::ffi::{c_char, c_void};
use std::fmt;
use std::mem::{MaybeUninit, take};

use keyfob::{HttpRequest, HttpResponse, Sent, Transport, TransportError, TransportFailure};
use zeroize::Zeroizing;

use crate::boundary::{Context, Text, bytes, given, guard, optional_text, read, text, to_ms};
use crate::error::{Failure, keyfob_error, keyfob_status};

/// What a transport tells about the request it was given.
pub type keyfob_transport_outcome = i32;

/// The provider answered, whatever the status, and the response holds the whole answer.
pub const KEYFOB_TRANSPORT_ANSWERED: keyfob_transport_outcome = 0;
/// No answer, and no byte of the request left this machine: it may be repeated.
pub const KEYFOB_TRANSPORT_NOT_SENT: keyfob_transport_outcome = 1;
/// No answer, and nobody knows whether the provider acted on the request. Say this when in doubt; any other
/// number is read as this one.
pub const KEYFOB_TRANSPORT_UNKNOWN: keyfob_transport_outcome = 2;

/// What kept a request from being answered.
pub type keyfob_transport_failure = i32;

/// The name was not found, no connection came about, or it broke. So it is taken to be when nothing else
/// was said.
pub const KEYFOB_TRANSPORT_FAILURE_NETWORK: keyfob_transport_failure = 1;
/// A time limit passed.
pub const KEYFOB_TRANSPORT_FAILURE_TIMEOUT: keyfob_transport_failure = 2;
/// TLS refused the certificate, for a reason that has no name below.
pub const KEYFOB_TRANSPORT_FAILURE_CERTIFICATE: keyfob_transport_failure = 3;
/// TLS failed for another reason.
pub const KEYFOB_TRANSPORT_FAILURE_TLS: keyfob_transport_failure = 4;
/// The answer was longer than asked for, or not HTTP.
pub const KEYFOB_TRANSPORT_FAILURE_ANSWER: keyfob_transport_failure = 5;
/// The proxy could not be reached, or did not let the connection through.
pub const KEYFOB_TRANSPORT_FAILURE_PROXY: keyfob_transport_failure = 6;
/// The certificate is expired.
pub const KEYFOB_TRANSPORT_FAILURE_CERTIFICATE_EXPIRED: keyfob_transport_failure = 7;
/// The certificate is not yet valid.
pub const KEYFOB_TRANSPORT_FAILURE_CERTIFICATE_NOT_YET_VALID: keyfob_transport_failure = 8;
/// Nobody who is trusted has signed the certificate.
pub const KEYFOB_TRANSPORT_FAILURE_CERTIFICATE_UNKNOWN_ISSUER: keyfob_transport_failure = 9;
/// The certificate is for another host.
pub const KEYFOB_TRANSPORT_FAILURE_CERTIFICATE_WRONG_HOST: keyfob_transport_failure = 10;
/// The certificate was revoked.
pub const KEYFOB_TRANSPORT_FAILURE_CERTIFICATE_REVOKED: keyfob_transport_failure = 11;

/// Sends one HTTP request and waits for the whole answer, which it puts into `response`.
///
/// It sends once and never repeats by itself; follows no redirect; does not decompress; keeps no cookies
/// and no cache; obeys the request's limits; and says honestly whether bytes may have left. It runs on the
/// thread that called Keyfob, on several at once, and must not call Keyfob with the handle that it serves.
/// It must return: no exception, no longjmp.
///
/// @param context   what was given to `keyfob_config_set_transport`
/// @param request   borrowed until the callback returns
/// @param response  borrowed until the callback returns
/// @return one of `KEYFOB_TRANSPORT_ANSWERED`, `_NOT_SENT`, `_UNKNOWN`.
pub type keyfob_transport_fn = Option<
    unsafe extern "C" fn(
        context: *mut c_void,
        request: *const keyfob_http_request<'_>,
        response: *mut keyfob_http_response,
    ) -> keyfob_transport_outcome,
>;

/// The callback without its NULL.
type Send = unsafe extern "C" fn(
    *mut c_void,
    *const keyfob_http_request<'_>,
    *mut keyfob_http_response,
) -> keyfob_transport_outcome;

/// A request for a transport to send. URL, headers and body may hold secrets: do not log them. It lives as
/// long as the callback runs.
///
/// Threads: may be shared.
#[derive(Debug)]
pub struct keyfob_http_request<'a> {
    request: &'a HttpRequest,
    method: Text,
    url: Text,
    headers: Vec<(Text, Text)>,
}

/// Where a transport puts the answer. It lives as long as the callback runs.
///
/// Threads: one thread at a time.
#[derive(Default)]
pub struct keyfob_http_response {
    status: Option<u16>,
    headers: Vec<(String, String)>,
    body: Zeroizing<Vec<u8>>,
    failure: Option<TransportFailure>,
    detail: String,
}

impl fmt::Debug for keyfob_http_response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("keyfob_http_response").field("status", &self.status).finish_non_exhaustive()
    }
}

impl keyfob_http_response {
    fn append(&mut self, more: &[u8]) {
        let length = self.body.len() + more.len();
        if length > self.body.capacity() {
            // Grown by hand: the vector would free the old place with what it holds.
            let mut larger = Zeroizing::new(Vec::with_capacity(length.max(2 * self.body.capacity())));
            larger.extend_from_slice(&self.body);
            self.body = larger;
        }
        self.body.extend_from_slice(more);
    }

    fn failed(self, sent: Sent) -> TransportError {
        TransportError::new(sent, self.failure.unwrap_or(TransportFailure::Network), self.detail)
    }
}

#[derive(Debug)]
pub(crate) struct HostTransport {
    send: Send,
    context: Context,
}

impl HostTransport {
    pub(crate) fn new(send: Send, context: Context) -> Self {
        Self { send, context }
    }
}

impl Transport for HostTransport {
    fn send(&self, request: &HttpRequest) -> Result<HttpResponse, TransportError> {
        let handed = keyfob_http_request {
            request,
            method: Text::default(),
            url: Text::default(),
            headers: request.headers().iter().map(|_| (Text::default(), Text::default())).collect(),
        };
        let mut response = keyfob_http_response { detail: "the host's transport".to_owned(), ..Default::default() };
        // SAFETY: the host gave both for each other, and has not got the context back; the others live until it returns.
        match unsafe { (self.send)(self.context.pointer(), &raw const handed, &raw mut response) } {
            KEYFOB_TRANSPORT_ANSWERED => match response.status {
                Some(status) => Ok(HttpResponse::new(status, response.headers, take(&mut *response.body))),
                None => Err(TransportError::new(
                    Sent::Unknown,
                    TransportFailure::Answer,
                    "the host's transport gave an answer without a status",
                )),
            },
            KEYFOB_TRANSPORT_NOT_SENT => Err(response.failed(Sent::NotSent)),
            _ => Err(response.failed(Sent::Unknown)),
        }
    }
}

/// The method, such as "GET" or "POST".
///
/// Ownership: borrowed until the callback returns.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_http_request_method(request: Option<&keyfob_http_request<'_>>) -> *const c_char {
    read(request, |request| request.method.of(request.request.method().as_str()))
}

/// The absolute URL: https, or http on a loopback address only.
///
/// Ownership: borrowed until the callback returns.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_http_request_url(request: Option<&keyfob_http_request<'_>>) -> *const c_char {
    read(request, |request| request.url.of(request.request.url()))
}

/// How many headers there are.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_http_request_headers_len(request: Option<&keyfob_http_request<'_>>) -> usize {
    read(request, |request| request.headers.len())
}

/// The name of a header; NULL for an index that is too large.
///
/// Ownership: borrowed until the callback returns.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_http_request_header_name_at(
    request: Option<&keyfob_http_request<'_>>,
    index: usize,
) -> *const c_char {
    read(request, |request| match (request.headers.get(index), request.request.headers().get(index)) {
        (Some((text, _)), Some((name, _))) => text.of(name),
        _ => std::ptr::null(),
    })
}

/// The value of a header; NULL for an index that is too large.
///
/// Ownership: borrowed until the callback returns.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_http_request_header_value_at(
    request: Option<&keyfob_http_request<'_>>,
    index: usize,
) -> *const c_char {
    read(request, |request| match (request.headers.get(index), request.request.headers().get(index)) {
        (Some((_, text)), Some((_, value))) => text.of(value),
        _ => std::ptr::null(),
    })
}

/// The bytes of the body, as many as `keyfob_http_request_body_len` says, without a NUL at the end; NULL if
/// there are none.
///
/// Ownership: borrowed until the callback returns.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_http_request_body(request: Option<&keyfob_http_request<'_>>) -> *const u8 {
    read(request, |request| match request.request.body() {
        [] => std::ptr::null(),
        body => body.as_ptr(),
    })
}

/// How many bytes the body has; 0 for a GET.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_http_request_body_len(request: Option<&keyfob_http_request<'_>>) -> usize {
    read(request, |request| request.request.body().len())
}

/// How many milliseconds connecting (DNS, TCP, TLS) may take.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_http_request_connect_timeout_ms(request: Option<&keyfob_http_request<'_>>) -> i64 {
    read(request, |request| to_ms(request.request.connect_timeout()))
}

/// How many milliseconds the whole request may take.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_http_request_timeout_ms(request: Option<&keyfob_http_request<'_>>) -> i64 {
    read(request, |request| to_ms(request.request.timeout()))
}

/// How many bytes of the answer's body are wanted at most; a longer one is
/// `KEYFOB_TRANSPORT_FAILURE_ANSWER`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_http_request_max_body_bytes(request: Option<&keyfob_http_request<'_>>) -> usize {
    read(request, |request| request.request.max_body_bytes())
}

/// Sets the HTTP status of the answer. Without one there is no answer.
///
/// @param status  100 to 599
/// @return `KEYFOB_INVALID_ARGUMENT`: not an HTTP status.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_http_response_set_status(
    response: Option<&mut keyfob_http_response>,
    status: i32,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let response = given("response", response)?;
        let status = u16::try_from(status).ok().filter(|status| (100..600).contains(status));
        response.status = Some(status.ok_or(Failure::Argument { name: "status", problem: "is not 100 to 599" })?);
        Ok(())
    })
}

/// Adds a header of the answer (RFC 9110 section 6.3).
///
/// @param name   copied; caller may free after return
/// @param value  copied; caller may free after return
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_http_response_add_header(
    response: Option<&mut keyfob_http_response>,
    name: *const c_char,
    value: *const c_char,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let response = given("response", response)?;
        // SAFETY: the caller keeps the header's rule for strings.
        let name = unsafe { text("name", name) }?;
        // SAFETY: the caller keeps the header's rule for strings.
        let value = unsafe { text("value", value) }?;
        response.headers.push((name.to_owned(), value.to_owned()));
        Ok(())
    })
}

/// Adds bytes to the body of the answer.
///
/// @param bytes  copied; caller may free after return; may be NULL if `len` is 0
/// @param len    how many
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_http_response_append_body(
    response: Option<&mut keyfob_http_response>,
    bytes: *const u8,
    len: usize,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let response = given("response", response)?;
        // SAFETY: the caller vouches for `len` readable bytes.
        response.append(unsafe { self::bytes("bytes", bytes, len) }?);
        Ok(())
    })
}

/// Says more about why there is no answer. It counts only when the callback does not return
/// `KEYFOB_TRANSPORT_ANSWERED`.
///
/// @param failure  one of `KEYFOB_TRANSPORT_FAILURE_...`
/// @param detail   for logs: it must hold no URL query, header or body; may be NULL; copied; caller may
///                 free after return
/// @return `KEYFOB_INVALID_ARGUMENT`: no such failure.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_http_response_set_failure(
    response: Option<&mut keyfob_http_response>,
    failure: keyfob_transport_failure,
    detail: *const c_char,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let response = given("response", response)?;
        let failure = match failure {
            KEYFOB_TRANSPORT_FAILURE_NETWORK => TransportFailure::Network,
            KEYFOB_TRANSPORT_FAILURE_TIMEOUT => TransportFailure::Timeout,
            KEYFOB_TRANSPORT_FAILURE_CERTIFICATE => TransportFailure::Certificate,
            KEYFOB_TRANSPORT_FAILURE_TLS => TransportFailure::Tls,
            KEYFOB_TRANSPORT_FAILURE_ANSWER => TransportFailure::Answer,
            KEYFOB_TRANSPORT_FAILURE_PROXY => TransportFailure::Proxy,
            KEYFOB_TRANSPORT_FAILURE_CERTIFICATE_EXPIRED => TransportFailure::CertificateExpired,
            KEYFOB_TRANSPORT_FAILURE_CERTIFICATE_NOT_YET_VALID => TransportFailure::CertificateNotYetValid,
            KEYFOB_TRANSPORT_FAILURE_CERTIFICATE_UNKNOWN_ISSUER => TransportFailure::CertificateUnknownIssuer,
            KEYFOB_TRANSPORT_FAILURE_CERTIFICATE_WRONG_HOST => TransportFailure::CertificateWrongHost,
            KEYFOB_TRANSPORT_FAILURE_CERTIFICATE_REVOKED => TransportFailure::CertificateRevoked,
            _ => return Err(Failure::Argument { name: "failure", problem: "is not a KEYFOB_TRANSPORT_FAILURE" }),
        };
        // SAFETY: the caller keeps the header's rule for strings.
        let detail = unsafe { optional_text("detail", detail) }?;
        response.failure = Some(failure);
        if let Some(detail) = detail {
            response.detail = detail.to_owned();
        }
        Ok(())
    })
}
