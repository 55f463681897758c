//! The listener and its connections, which a fault can cut anywhere.
//!
//! An HTTP library sends whole answers; a client must also stand half of one. So the cut is made one floor
//! below: every connection counts what is written to it and fails at the byte that the fault named. What was
//! written before still arrives. With TLS the bytes are counted before they are encrypted, and a cut connection
//! ends without the alert that would say that this is the end.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::Accept;
use tokio_rustls::server::TlsStream;

use crate::state::Shared;
use crate::tls::Authority;

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
    /// Who makes the certificates, and who knows which one the script wants; nothing for plain HTTP.
    secure: Option<(&'static Authority, Arc<Shared>)>,
    accepted: AtomicU64,
}

impl CuttableListener {
    pub(crate) fn new(listener: TcpListener, secure: Option<(&'static Authority, Arc<Shared>)>) -> Self {
        Self { listener, secure, accepted: AtomicU64::new(0) }
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
        let wire = match &self.secure {
            None => Wire::Plain(stream),
            Some((authority, shared)) => {
                let certificate = shared.lock().script.tls.certificate;
                // Only begun here: a client that is slow to greet must not keep others from being accepted.
                Wire::Greeting(Box::new(authority.acceptor(certificate).accept(stream)))
            }
        };
        (CuttableStream { wire, connection: Connection { number, cut: Arc::new(Mutex::new(Cut::Never)) } }, address)
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

/// What the bytes go through.
enum Wire {
    Plain(TcpStream),
    /// The TLS handshake, which the first read or write carries on.
    Greeting(Box<Accept<TcpStream>>),
    Secure(Box<TlsStream<TcpStream>>),
    /// After a handshake that failed, most often because the client did not like the certificate.
    Refused,
}

/// A stream that bytes can be read from and written to.
trait Stream: AsyncRead + AsyncWrite + Unpin {}

impl<T: AsyncRead + AsyncWrite + Unpin> Stream for T {}

impl Wire {
    /// The stream, once there is one.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Pin<&mut dyn Stream>>> {
        if let Self::Greeting(greeting) = self {
            match ready!(Pin::new(greeting).poll(context)) {
                Ok(stream) => *self = Self::Secure(Box::new(stream)),
                Err(error) => {
                    *self = Self::Refused;
                    return Poll::Ready(Err(error));
                }
            }
        }
        Poll::Ready(match self {
            Self::Plain(stream) => Ok(Pin::new(stream)),
            Self::Secure(stream) => Ok(Pin::new(stream)),
            Self::Greeting(_) | Self::Refused => Err(io::ErrorKind::NotConnected.into()),
        })
    }
}

/// A stream whose writing side can be cut.
pub(crate) struct CuttableStream {
    wire: Wire,
    connection: Connection,
}

impl AsyncRead for CuttableStream {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        ready!(self.wire.poll(context))?.poll_read(context, into)
    }
}

impl AsyncWrite for CuttableStream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let cut = *self.connection.lock();
        let stream = ready!(self.wire.poll(context))?;
        let allowed = bytes.get(..cut.advance(bytes).0).unwrap_or_default();
        if allowed.is_empty() && !bytes.is_empty() {
            // TLS may still hold some of what was written before.
            ready!(stream.poll_flush(context))?;
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        let written = stream.poll_write(context, allowed);
        // The stream may have taken less than it was offered.
        if let Poll::Ready(Ok(count)) = written {
            *self.connection.lock() = cut.advance(allowed.get(..count).unwrap_or_default()).1;
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.wire.poll(context))?.poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.wire.poll(context))?.poll_shutdown(context)
    }
}
