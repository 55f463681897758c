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
use crate::script::{Script, ScriptError};
use crate::server;
use crate::state::Shared;

/// A running provider on a thread of its own. It stops when this is dropped, and closes what it has open.
///
/// Threads: may be shared.
pub struct Idp {
    issuer: String,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Idp {
    /// Starts on a free loopback port.
    pub fn start(script: Script) -> io::Result<Self> {
        Self::start_on(0, script)
    }

    /// Starts on that loopback port, 0 for a free one. A port lets a provider come back where it was.
    pub fn start_on(port: u16, script: Script) -> io::Result<Self> {
        script.check().map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        listener.set_nonblocking(true)?;
        let issuer = format!("http://{}", listener.local_addr()?);
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let (algorithms, generation) = (script.algorithms.clone(), script.keys.generation);
        let shared = Arc::new(Shared::new(issuer.clone(), script));
        let (stop, stopped) = oneshot::channel();
        let served = Arc::clone(&shared);
        let listener = {
            let _inside = runtime.enter();
            CuttableListener::new(tokio::net::TcpListener::from_std(listener)?)
        };
        // Making an RSA key takes longer than all the rest; it is begun now so that the first login need not wait for it.
        thread::spawn(move || keys::prepare(&algorithms, generation));
        let thread = thread::Builder::new()
            .name("keyfob-idp".to_owned())
            .spawn(move || runtime.block_on(server::serve(listener, served, stopped)))?;
        Ok(Self { issuer, shared, stop: Some(stop), thread: Some(thread) })
    }

    /// Its address and issuer, `http://127.0.0.1:PORT`.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The request log, oldest first: the last 10 000 requests.
    pub fn requests(&self) -> Vec<LoggedRequest> {
        self.shared.lock().log.entries()
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
        script.check()?;
        self.shared.lock().set_script(script);
        Ok(())
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
