//! The bytes of a connection, with TLS or without.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::SendFlags;
use std::cell::RefCell;
use std::io::{self, IoSlice, Write};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
const HUNG_UP: PollFlags = PollFlags::RDHUP;
/// Others do not tell before what lies unread has been read.
#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
const HUNG_UP: PollFlags = PollFlags::HUP;

/// A client's connection.
pub enum Stream {
    /// As it is.
    Plain(TcpStream),
    /// Inside TLS.
    Tls(Box<RefCell<TlsStream<TcpStream>>>),
}

/// Writes what the kernel takes now.
struct Now<'a>(&'a TcpStream);

impl Write for Now<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_write(bytes)
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.try_write_vectored(slices)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes the records that wait.
fn flush(tls: &mut TlsStream<TcpStream>) -> io::Result<()> {
    let (tcp, connection) = tls.get_mut();
    while connection.wants_write() {
        connection.write_tls(&mut Now(tcp))?;
    }
    Ok(())
}

impl Stream {
    /// Does something with the TCP connection itself.
    pub fn with_tcp<T>(&self, act: impl FnOnce(&TcpStream) -> T) -> T {
        match self {
            Self::Plain(tcp) => act(tcp),
            Self::Tls(tls) => act(tls.borrow().get_ref().0),
        }
    }

    /// Whether the peer sends nothing more, whatever of it lies unread.
    pub fn is_hung_up(&self) -> bool {
        self.with_tcp(|tcp| {
            let mut asked = [PollFd::new(tcp, HUNG_UP)];
            let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
            let has_something = poll(&mut asked, Some(&at_once)).is_ok_and(|count| count > 0);
            has_something && asked.iter().any(|fd| fd.revents().intersects(HUNG_UP | PollFlags::HUP | PollFlags::ERR))
        })
    }

    /// Closing it forgets what the kernel still holds for the peer.
    pub fn reset_when_closed(&self) {
        // A connection for which that cannot be said is closed all the same.
        let _ = self.with_tcp(|tcp| socket2::SockRef::from(tcp).set_linger(Some(std::time::Duration::ZERO)));
    }

    /// Writes what is taken at once, past the runtime, which would first look up what it believes of the stream: for a
    /// delivery to thousands.
    ///
    /// # Errors
    /// `WouldBlock` where nothing is taken now; anything else ends the stream.
    pub fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(tcp) => match rustix::net::send(tcp, bytes, SendFlags::DONTWAIT) {
                Err(Errno::INTR) => Err(io::ErrorKind::WouldBlock.into()),
                sent => Ok(sent?),
            },
            Self::Tls(_) => self.try_write(&[IoSlice::new(bytes)]),
        }
    }

    /// Writes what is taken at once.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Self::Plain(tcp) => tcp.try_write_vectored(slices),
            Self::Tls(tls) => {
                let tls = &mut *tls.borrow_mut();
                // Nothing is sealed while records wait, so that what waits stays what its bound says.
                flush(tls)?;
                let taken = tls.get_mut().1.writer().write_vectored(slices)?;
                match flush(tls) {
                    Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
                    _ => Ok(taken),
                }
            }
        }
    }

    /// Writes records that wait for the peer.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn try_flush(&self) -> io::Result<()> {
        match self {
            Self::Plain(_) => Ok(()),
            Self::Tls(tls) => flush(&mut tls.borrow_mut()),
        }
    }

    /// Whether records wait for the peer.
    pub fn has_unsent(&self) -> bool {
        match self {
            Self::Plain(_) => false,
            Self::Tls(tls) => tls.borrow().get_ref().1.wants_write(),
        }
    }

    /// Nothing more is written; the peer sees the end.
    pub fn finish(&self) {
        if let Self::Tls(tls) = self {
            let tls = &mut *tls.borrow_mut();
            tls.get_mut().1.send_close_notify();
            let _ = flush(tls);
        }
        let _ = self.with_tcp(|tcp| socket2::SockRef::from(tcp).shutdown(std::net::Shutdown::Write));
    }

    /// Reads what has come. `Ready(Ok(0))` is the end of the stream.
    pub fn poll_take(&self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        match self {
            Self::Plain(tcp) => loop {
                ready!(tcp.poll_read_ready(cx))?;
                match tcp.try_read(buffer) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    done => return Poll::Ready(done),
                }
            },
            Self::Tls(tls) => {
                let mut buffer = ReadBuf::new(buffer);
                ready!(Pin::new(&mut *tls.borrow_mut()).poll_read(cx, &mut buffer))?;
                Poll::Ready(Ok(buffer.filled().len()))
            }
        }
    }

    /// Ready when the kernel may take more.
    pub fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with_tcp(|tcp| tcp.poll_write_ready(cx))
    }
}

impl AsyncRead for Stream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Plain(tcp) => Pin::new(tcp).poll_read(cx, buffer),
            Self::Tls(tls) => Pin::new(tls.get_mut()).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &mut *self {
            Self::Plain(tcp) => Pin::new(tcp).poll_write(cx, bytes),
            Self::Tls(tls) => Pin::new(tls.get_mut()).poll_write(cx, bytes),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Plain(tcp) => Pin::new(tcp).poll_flush(cx),
            Self::Tls(tls) => Pin::new(tls.get_mut()).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Plain(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Self::Tls(tls) => Pin::new(tls.get_mut()).poll_shutdown(cx),
        }
    }
}
