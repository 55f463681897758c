//! The listener and its connections, which a fault can cut anywhere.
//!
//! An HTTP library sends whole answers; a client must also stand half of one. So the cut is made one floor
//! below: every connection counts what is written to it and fails at the byte that the fault named. What was
//! written before still arrives.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

const END_OF_HEADERS: &[u8; 4] = b"\r\n\r\n";

/// One accepted connection, as a request handler sees it.
#[derive(Clone, Debug)]
pub(crate) struct Connection {
    /// Counts from 1.
    pub(crate) number: u64,
    cut: Arc<Mutex<Cut>>,
}

/// Where the answer that is written next stops.
#[derive(Clone, Copy, Debug)]
enum Cut {
    Never,
    /// Before the next byte.
    Now,
    /// That many bytes after the headers; `matched` counts how much of their end was seen.
    AfterHeaders {
        body_bytes: usize,
        matched: usize,
    },
}

impl Cut {
    /// How many of these bytes may be written, and where the cut is once they are.
    fn advance(self, bytes: &[u8]) -> (usize, Self) {
        match self {
            Self::Never => (bytes.len(), self),
            Self::Now => (0, self),
            Self::AfterHeaders { body_bytes, mut matched } => {
                let mut headers = 0;
                for byte in bytes {
                    if matched == END_OF_HEADERS.len() {
                        break;
                    }
                    headers += 1;
                    let expected = END_OF_HEADERS.get(matched) == Some(byte);
                    // After a mismatch only a CR can begin the end anew.
                    matched = if expected { matched + 1 } else { usize::from(*byte == b'\r') };
                }
                let body = (bytes.len() - headers).min(body_bytes);
                (headers + body, Self::AfterHeaders { body_bytes: body_bytes - body, matched })
            }
        }
    }
}

impl Connection {
    /// Lets nothing more through.
    pub(crate) fn cut_now(&self) {
        *self.lock() = Cut::Now;
    }

    /// Lets the headers of the next answer through, and so many bytes of its body.
    pub(crate) fn cut_after_headers(&self, body_bytes: usize) {
        *self.lock() = Cut::AfterHeaders { body_bytes, matched: 0 };
    }

    fn lock(&self) -> MutexGuard<'_, Cut> {
        self.cut.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connected<IncomingStream<'_, CuttableListener>> for Connection {
    fn connect_info(stream: IncomingStream<'_, CuttableListener>) -> Self {
        stream.io().connection.clone()
    }
}

/// A TCP listener whose connections can be cut.
#[derive(Debug)]
pub(crate) struct CuttableListener {
    listener: TcpListener,
    accepted: AtomicU64,
}

impl CuttableListener {
    pub(crate) fn new(listener: TcpListener) -> Self {
        Self { listener, accepted: AtomicU64::new(0) }
    }
}

impl Listener for CuttableListener {
    type Io = CuttableStream;
    type Addr = std::net::SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let (stream, address) = Listener::accept(&mut self.listener).await;
        // Without this an answer written in two parts waits for the client's delayed acknowledgement.
        let _ = stream.set_nodelay(true);
        let number = self.accepted.fetch_add(1, Ordering::Relaxed) + 1;
        (CuttableStream { stream, connection: Connection { number, cut: Arc::new(Mutex::new(Cut::Never)) } }, address)
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

/// A TCP stream whose writing side can be cut.
#[derive(Debug)]
pub(crate) struct CuttableStream {
    stream: TcpStream,
    connection: Connection,
}

impl AsyncRead for CuttableStream {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}

impl AsyncWrite for CuttableStream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let cut = *self.connection.lock();
        let allowed = bytes.get(..cut.advance(bytes).0).unwrap_or_default();
        if allowed.is_empty() && !bytes.is_empty() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        let written = Pin::new(&mut self.stream).poll_write(context, allowed);
        // The socket may have taken less than it was offered.
        if let Poll::Ready(Ok(count)) = written {
            *self.connection.lock() = cut.advance(allowed.get(..count).unwrap_or_default()).1;
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
