//! Against servers that misbehave: each a thread with a listener of its own on the loopback address.

mod plain;
mod tls;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::thread::{self, JoinHandle};

use super::*;

/// As the configuration has it when it says nothing.
fn bare() -> UreqTransport {
    UreqTransport::new(&HttpSettings::default()).unwrap()
}

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// Runs `script` with a listener; what it returns is asked for when the client is done.
fn serve<T: Send + 'static>(script: impl FnOnce(TcpListener) -> T + Send + 'static) -> (SocketAddr, JoinHandle<T>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (address, thread::spawn(move || script(listener)))
}

/// Reads one request to the end of its body: head and body as they came. Empty when the client closed instead.
fn read_request(stream: &mut impl Read) -> String {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => bytes.push(byte[0]),
            _ => return String::new(),
        }
    }
    let head = String::from_utf8(bytes).unwrap();
    let length = head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).unwrap();
    head + std::str::from_utf8(&body).unwrap()
}

fn request(method: Method, url: String) -> HttpRequest {
    HttpRequest {
        method,
        url,
        headers: Vec::new(),
        body: if method == Method::Post { b"secret=CANARY".to_vec() } else { Vec::new() },
        connect_timeout: Duration::from_secs(5),
        timeout: Duration::from_secs(5),
        max_body_bytes: 1000,
    }
}

fn post(address: SocketAddr) -> HttpRequest {
    request(Method::Post, format!("http://{address}/token?secret=CANARY"))
}

/// The failure of a request, whose words say nothing of it.
fn fails(transport: &UreqTransport, request: &HttpRequest) -> (Sent, TransportFailure, String) {
    let error = transport.send(request).expect_err("no answer");
    let shown = format!("{error} {error:?} {request:?}");
    assert!(!shown.contains("CANARY") && !shown.contains("SERVER"), "{shown}");
    (error.sent, error.failure, error.detail)
}
