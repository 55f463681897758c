//! The loopback receiver (RFC 8252 section 7.3): listens while a login waits, takes its one redirect, and closes.
//!
//! It runs on the caller's thread and waits for all its sockets at once, so a client that sends a byte a minute holds up nobody. Anybody on this machine
//! can connect: what is no redirect of this login costs a bounded piece of memory for a bounded time.

use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use url::{Host, Url};

use super::pages::{self, Page};
use super::request::{Came, Expected, Verdict, judge};
use crate::clock::Clock;

/// How many clients are listened to at a time. The one that has taken longest goes when another one comes.
const MAX_CLIENTS: usize = 64;
/// What all of them together may have sent.
const MAX_BYTES: usize = 4 * 1024 * 1024;
/// How long a client may take for its request.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often somebody is asked whether to go on.
const LOOK: Duration = Duration::from_millis(100);
/// How many clients are let in before the others are looked at again.
const BATCH: usize = 32;
/// How long the browser may take to read its page.
const READING: Duration = Duration::from_secs(5);
/// How many free ports are tried until one is free in both families.
const TRIES: usize = 16;
/// Up to this length every piece is looked at, so that what is no HTTP goes at once; past it only what may be whole.
const SHORT: usize = 4096;

/// The listening sockets.
pub(crate) struct Receiver {
    listeners: Vec<TcpListener>,
    port: u16,
}

/// How the wait ended.
pub(crate) enum Received {
    /// With the redirect; its sender waits for a page.
    Redirect(Came, Sender),
    /// Somebody said to stop.
    Stopped,
}

/// The browser, which is still to be shown something.
pub(crate) struct Sender(TcpStream);

struct Client {
    stream: TcpStream,
    since: Duration,
    bytes: Vec<u8>,
    /// How long the bytes have to be for another look.
    needed: usize,
}

impl Receiver {
    /// Listens on the address of a redirect URI and on the other family's loopback address, where the system has it. Without a port on a free one.
    pub(crate) fn bind(redirect_uri: &Url, port: Option<u16>) -> io::Result<Self> {
        let own = match redirect_uri.host() {
            Some(Host::Ipv4(address)) => IpAddr::V4(address),
            Some(Host::Ipv6(address)) => IpAddr::V6(address),
            Some(Host::Domain(_)) | None => return Err(io::ErrorKind::InvalidInput.into()),
        };
        let other = if own.is_ipv4() { IpAddr::V6(Ipv6Addr::LOCALHOST) } else { IpAddr::V4(Ipv4Addr::LOCALHOST) };
        for _ in 0..TRIES {
            let first = listen(own, port.unwrap_or(0))?;
            let bound = first.local_addr()?.port();
            match listen(other, bound) {
                Ok(second) => return Ok(Self { listeners: vec![first, second], port: bound }),
                // Somebody has that port in the other family; whoever names it has to live with that.
                Err(error) if error.kind() == io::ErrorKind::AddrInUse && port.is_none() => {}
                Err(_) => return Ok(Self { listeners: vec![first], port: bound }),
            }
        }
        Err(io::ErrorKind::AddrInUse.into())
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Waits for the one good redirect, and closes. `goes_on` is asked all the time.
    pub(crate) fn wait(
        self,
        expected: &Expected,
        clock: &dyn Clock,
        goes_on: &dyn Fn() -> bool,
    ) -> io::Result<Received> {
        let mut clients: Vec<Client> = Vec::new();
        while goes_on() {
            let ready = self.ready(&clients)?;
            let now = clock.boot();
            let (listeners, readable) = ready.split_at(self.listeners.len());
            let mut index = 0;
            let mut came = None;
            clients.retain_mut(|client| {
                let is_readable = readable.get(index).copied().unwrap_or(false);
                index += 1;
                if came.is_some() || !is_readable {
                    return came.is_none() && now.saturating_sub(client.since) < PATIENCE;
                }
                match client.read(expected) {
                    Read::On => true,
                    Read::Refused(status) => {
                        client.refuse(status);
                        false
                    }
                    Read::Gone => false,
                    Read::Redirect(redirect) => {
                        came = Some(redirect);
                        true
                    }
                }
            });
            // Nobody after it was kept.
            if let Some(redirect) = came
                && let Some(client) = clients.pop()
            {
                return Ok(Received::Redirect(redirect, Sender(client.stream)));
            }
            for (listener, is_ready) in self.listeners.iter().zip(listeners) {
                if *is_ready {
                    accept(listener, &mut clients, now);
                }
            }
            bound(&mut clients);
        }
        Ok(Received::Stopped)
    }

    /// Which sockets have something: the listeners first.
    fn ready(&self, clients: &[Client]) -> io::Result<Vec<bool>> {
        let sockets = self.listeners.iter().map(|socket| PollFd::new(socket, PollFlags::IN));
        let mut sockets: Vec<PollFd<'_>> =
            sockets.chain(clients.iter().map(|client| PollFd::new(&client.stream, PollFlags::IN))).collect();
        let limit = Timespec::try_from(LOOK).map_err(io::Error::other)?;
        match poll(&mut sockets, Some(&limit)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(sockets.iter().map(|socket| !socket.revents().is_empty()).collect())
    }
}

fn listen(address: IpAddr, port: u16) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(SocketAddr::new(address, port))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

fn accept(listener: &TcpListener, clients: &mut Vec<Client>, now: Duration) {
    for _ in 0..BATCH {
        // One that is gone again, or no descriptor left for it: the next look is soon.
        let Ok((stream, _)) = listener.accept() else { return };
        if stream.set_nonblocking(true).is_ok() {
            clients.push(Client { stream, since: now, bytes: Vec::new(), needed: 1 });
        }
    }
}

/// Keeps number and size down: who has taken longest goes first, and who has sent most.
fn bound(clients: &mut Vec<Client>) {
    let surplus = clients.len().saturating_sub(MAX_CLIENTS);
    // They stand in the order in which they came.
    clients.drain(..surplus);
    while clients.iter().map(|client| client.bytes.capacity()).sum::<usize>() > MAX_BYTES {
        let longest = clients.iter().enumerate().max_by_key(|(_, client)| client.bytes.capacity());
        let Some((index, _)) = longest else { return };
        clients.remove(index);
    }
}

enum Read {
    On,
    Gone,
    Refused(u16),
    Redirect(Came),
}

impl Client {
    fn read(&mut self, expected: &Expected) -> Read {
        let mut piece = [0_u8; 16 * 1024];
        let length = match self.stream.read(&mut piece) {
            Ok(0) => return Read::Gone,
            Ok(length) => length,
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
                return Read::On;
            }
            Err(_) => return Read::Gone,
        };
        let before = self.bytes.len();
        self.bytes.extend_from_slice(piece.get(..length).unwrap_or_default());
        // One that sends a byte at a time would have all of it looked at each time.
        let fresh = self.bytes.get(before.saturating_sub(3)..).unwrap_or_default();
        let may_be_whole = self.bytes.len() <= SHORT
            || self.needed > 1
            || self.bytes.len() > super::request::MAX_HEAD
            || fresh.windows(4).any(|end| end == b"\r\n\r\n");
        if self.bytes.len() < self.needed || !may_be_whole {
            return Read::On;
        }
        match judge(&self.bytes, expected) {
            Verdict::Incomplete(needed) => {
                self.needed = needed;
                Read::On
            }
            Verdict::Redirect(came) => Read::Redirect(came),
            Verdict::Refused(status) => Read::Refused(status),
        }
    }

    /// Says no. A few hundred bytes fit into what the system buffers; who does not read them need not.
    fn refuse(&mut self, status: u16) {
        let _ = self.stream.write(&pages::refusal(status));
        let _ = self.stream.shutdown(Shutdown::Write);
    }
}

impl Sender {
    /// Shows the browser a page, or sends it on. A browser that is gone loses nothing but that.
    pub(crate) fn answer(mut self, page: &Page) {
        let sent = self.send(page);
        if let Err(error) = sent {
            log::debug!("the browser did not take its page: {:?}", error.kind());
        }
    }

    fn send(&mut self, page: &Page) -> io::Result<()> {
        self.0.set_nonblocking(false)?;
        self.0.set_write_timeout(Some(READING))?;
        self.0.write_all(&page.to_bytes())?;
        self.0.shutdown(Shutdown::Write)?;
        // Closed with something unread in it, the connection would be reset and the page with it.
        self.0.set_read_timeout(Some(Duration::from_millis(200)))?;
        let mut rest = [0_u8; 4096];
        for _ in 0..4 {
            if self.0.read(&mut rest)? == 0 {
                break;
            }
        }
        Ok(())
    }
}
