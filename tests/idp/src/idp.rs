//! The handle of a running provider.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use tokio::runtime;
use tokio::sync::oneshot;

use crate::connection::CuttableListener;
use crate::keys;
use crate::log::LoggedRequest;
use crate::masked::{MaskedRequest, masked};
use crate::script::{Script, ScriptError};
use crate::server;
use crate::state::Shared;
use crate::tls::Authority;

/// A running provider on a thread of its own. It stops when this is dropped, and closes what it has open.
///
/// Threads: may be shared.
pub struct Idp {
    issuer: String,
    shared: Arc<Shared>,
    authority: Option<&'static Authority>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Idp {
    /// Starts on a free loopback port.
    pub fn start(script: Script) -> io::Result<Self> {
        Self::start_on(0, script)
    }

    /// The same over TLS: `https://127.0.0.1:PORT`, with a certificate of its own making that is good for a client
    /// which trusts [`Idp::ca_certificate`]. [`Script::tls`] makes it a wrong one.
    pub fn start_tls(script: Script) -> io::Result<Self> {
        Self::start_tls_on(0, script)
    }

    /// Starts with TLS on that loopback port, 0 for a free one.
    pub fn start_tls_on(port: u16, script: Script) -> io::Result<Self> {
        Self::listen(port, script, Some(Authority::get_or_make().map_err(io::Error::other)?))
    }

    /// Starts on that loopback port, 0 for a free one. A port lets a provider come back where it was.
    pub fn start_on(port: u16, script: Script) -> io::Result<Self> {
        Self::listen(port, script, None)
    }

    fn listen(port: u16, script: Script, authority: Option<&'static Authority>) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        listener.set_nonblocking(true)?;
        let scheme = if authority.is_some() { "https" } else { "http" };
        let issuer = format!("{scheme}://{}", listener.local_addr()?);
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let (algorithms, generation) = (script.algorithms.clone(), script.keys.generation);
        let shared = Shared::new(issuer.clone(), script);
        let shared = Arc::new(shared.map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?);
        let (stop, stopped) = oneshot::channel();
        let served = Arc::clone(&shared);
        let listener = {
            let _inside = runtime.enter();
            let secure = authority.map(|authority| (authority, Arc::clone(&shared)));
            CuttableListener::new(tokio::net::TcpListener::from_std(listener)?, secure)
        };
        // Making an RSA key takes longer than all the rest; it is begun now so that the first login need not wait for it.
        thread::spawn(move || keys::prepare(&algorithms, generation));
        let thread = thread::Builder::new()
            .name("keyfob-idp".to_owned())
            .spawn(move || runtime.block_on(server::serve(listener, served, stopped)))?;
        Ok(Self { issuer, shared, authority, stop: Some(stop), thread: Some(thread) })
    }

    /// Its address and issuer: `http://127.0.0.1:PORT`, or `https://…` if it speaks TLS.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// What a client has to trust, as PEM; nothing for plain HTTP. It is the same for all providers of a process, and
    /// another one for each process.
    pub fn ca_certificate(&self) -> Option<&str> {
        self.authority.map(|authority| authority.pem.as_str())
    }

    /// The request log, oldest first: the last 10 000 requests.
    pub fn requests(&self) -> Vec<LoggedRequest> {
        self.shared.lock().log.entries()
    }

    /// The same without what differs from one run to the next, and without what a browser sends by itself.
    pub fn masked_requests(&self) -> Vec<MaskedRequest> {
        masked(&self.shared.lock().log.entries())
    }

    /// Those of them with a higher number, for a test that goes on for so long that it reads piece by piece.
    pub fn requests_after(&self, number: u64) -> Vec<LoggedRequest> {
        self.shared.lock().log.entries_after(number)
    }

    /// Seconds since its start: what `at_seconds` of a request that came now would be.
    pub fn seconds(&self) -> f64 {
        self.shared.lock().seconds()
    }

    /// Empties the request log.
    pub fn clear_requests(&self) {
        self.shared.lock().log.clear();
    }

    /// The script being played.
    pub fn script(&self) -> Script {
        self.shared.lock().script.clone()
    }

    /// Replaces the script, from the next request on. Codes and tokens that are out stay good, and the faults
    /// count anew.
    pub fn set_script(&self, script: Script) -> Result<(), ScriptError> {
        self.shared.lock().set_script(script)
    }
}

impl Drop for Idp {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic over there was printed over there.
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for Idp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Idp").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}
