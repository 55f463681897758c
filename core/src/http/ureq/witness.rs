//! Whether bytes of a request left: ureq's errors do not say, so a layer of the connection does.

use std::cell::Cell;

use ::ureq::Error;
use ::ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, Either, NextTimeout, Transport};

thread_local! {
    /// ureq runs a request, connecting included, on the thread that asks for it. So the flag is the request's own,
    /// while the connection that raises it is pooled and serves many.
    static BYTES_LEFT: Cell<bool> = const { Cell::new(false) };
}

/// Watches the request that this thread makes while this value lives.
pub(super) struct Witness {
    outer: bool,
}

impl Witness {
    pub(super) fn begin() -> Self {
        Self { outer: BYTES_LEFT.replace(false) }
    }

    /// Whether anything of the request was handed to a connection, be it one byte.
    pub(super) fn saw_bytes(&self) -> bool {
        BYTES_LEFT.get()
    }
}

/// A host's logger, called by ureq in the middle of a request, may make a request of its own: then this one goes on
/// where it was.
impl Drop for Witness {
    fn drop(&mut self) {
        BYTES_LEFT.set(self.outer);
    }
}

/// The last link of the chain of connectors: above TLS, whose handshake is complete by then. What is handed to it
/// is the request and nothing else.
#[derive(Debug)]
pub(super) struct WitnessConnector {
    /// Then a connection whose configuration names no proxy is the one to the proxy itself, on which everything else is built: TLS with the provider too,
    /// before the request.
    pub(super) through_proxy: bool,
}

impl<In: Transport> Connector<In> for WitnessConnector {
    type Out = Either<In, Witnessed<In>>;

    fn connect(&self, details: &ConnectionDetails<'_>, chained: Option<In>) -> Result<Option<Self::Out>, Error> {
        if self.through_proxy && details.config.proxy().is_none() {
            return Ok(chained.map(Either::A));
        }
        Ok(chained.map(|transport| Either::B(Witnessed(transport))))
    }
}

#[derive(Debug)]
pub(super) struct Witnessed<T>(T);

impl<T: Transport> Transport for Witnessed<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.0.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        // Before the attempt: one that fails may have written a part.
        if amount > 0 {
            BYTES_LEFT.set(true);
        }
        self.0.transmit_output(amount, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.0.await_input(timeout)
    }

    fn is_open(&mut self) -> bool {
        self.0.is_open()
    }

    fn is_tls(&self) -> bool {
        self.0.is_tls()
    }
}
