//! A proxy that connects (RFC 9110 section 9.3.6), or does not.
#![allow(unreachable_pub, reason = "what the test files see of it")]

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// What it does with those who ask.
#[derive(Clone, Copy, Debug)]
pub enum Manner {
    /// Answers in no protocol at all.
    Babble,
    /// Closes the connection.
    Close,
    /// Connects, and passes on what comes from either side.
    Connect,
    /// Says nothing.
    Hang,
    /// Answers with that status.
    Refuse(u16),
}

struct Shared {
    manner: Mutex<Manner>,
    heard: Mutex<Vec<String>>,
    /// Those that hang.
    kept: Mutex<Vec<TcpStream>>,
}

pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl Proxy {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared =
            Arc::new(Shared { manner: Mutex::new(Manner::Connect), heard: Mutex::default(), kept: Mutex::default() });
        let served = Arc::clone(&shared);
        // It ends with the process, as tests do.
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let shared = Arc::clone(&served);
                thread::spawn(move || serve(stream, &shared));
            }
        });
        Self { address, shared }
    }

    /// Its URL; `user` ends in `@` where there is one.
    pub fn url(&self, user: &str) -> String {
        format!("http://{user}{}", self.address)
    }

    pub fn set(&self, manner: Manner) {
        *self.shared.manner.lock().unwrap() = manner;
    }

    /// The heads of what it was asked.
    pub fn heard(&self) -> Vec<String> {
        self.shared.heard.lock().unwrap().clone()
    }
}

fn serve(mut stream: TcpStream, shared: &Shared) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ => return,
        }
    }
    let head = String::from_utf8(head).unwrap();
    let target = head.split(' ').nth(1).unwrap_or_default().to_owned();
    shared.heard.lock().unwrap().push(head);
    let manner = *shared.manner.lock().unwrap();
    match manner {
        Manner::Babble => drop(stream.write_all(b"SSH-2.0-nothing of the kind\r\n\r\n")),
        Manner::Close => {}
        Manner::Connect => connect(stream, &target),
        Manner::Hang => shared.kept.lock().unwrap().push(stream),
        Manner::Refuse(status) => {
            drop(write!(stream, "HTTP/1.1 {status} No\r\nContent-Length: 0\r\nProxy-Authenticate: Basic\r\n\r\n"));
        }
    }
}

fn connect(mut client: TcpStream, target: &str) {
    let Ok(mut server) = TcpStream::connect(target) else {
        return;
    };
    client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").unwrap();
    let (mut from_client, mut to_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    thread::spawn(move || {
        let _ = io::copy(&mut from_client, &mut to_server);
        let _ = to_server.shutdown(Shutdown::Write);
    });
    let _ = io::copy(&mut server, &mut client);
    let _ = client.shutdown(Shutdown::Both);
}
