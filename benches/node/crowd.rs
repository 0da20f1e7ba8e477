//! Many connections on one bare epoll: the cheapest client, the same for a node and for a floor.

use super::client::frame_length;
use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::fd::OwnedFd;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Instant;

const SCRATCH_BYTES: usize = 64 * 1024;

/// Connections in nonblocking mode, each named by its place.
pub struct Crowd {
    epoll: OwnedFd,
    members: Vec<TcpStream>,
    events: Vec<epoll::Event>,
    scratch: Vec<u8>,
}

impl Crowd {
    pub fn new(members: Vec<TcpStream>) -> Self {
        let epoll = epoll::create(CreateFlags::CLOEXEC).expect("an epoll");
        for (place, stream) in (0..).zip(&members) {
            stream.set_nonblocking(true).expect("it can be set");
            epoll::add(&epoll, stream, EventData::new_u64(place), EventFlags::IN).expect("it is watched");
        }
        Self { epoll, members, events: Vec::with_capacity(256), scratch: vec![0; SCRATCH_BYTES] }
    }

    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Sends a few bytes: they always fit into the system's buffer.
    pub fn send(&mut self, place: usize, bytes: &[u8]) {
        self.members[place].write_all(bytes).expect("it is sent");
    }

    /// Waits until something comes, or until then; `heard` gets each piece, and who got it.
    pub fn hear(&mut self, until: Option<Instant>, mut heard: impl FnMut(usize, &[u8])) {
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        let left = left.map(|left| Timespec { tv_sec: left.as_secs() as i64, tv_nsec: i64::from(left.subsec_nanos()) });
        match epoll::wait(&self.epoll, spare_capacity(&mut self.events), left.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => panic!("{error}"),
        }
        for event in self.events.drain(..) {
            let place = usize::try_from(event.data.u64()).expect("a place");
            match self.members[place].read(&mut self.scratch) {
                Ok(0) => panic!("connection {place} was closed"),
                Ok(count) => heard(place, &self.scratch[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => panic!("{error}"),
            }
        }
    }
}

/// Counts a connection's frames as they come in pieces.
#[derive(Default)]
pub struct Frames {
    cut: Vec<u8>,
}

impl Frames {
    /// How many frames this piece completes.
    pub fn count(&mut self, piece: &[u8]) -> usize {
        if self.cut.is_empty() {
            let (count, rest) = whole_frames(piece);
            self.cut.extend_from_slice(rest);
            return count;
        }
        self.cut.extend_from_slice(piece);
        let (count, rest) = whole_frames(&self.cut);
        let done = self.cut.len() - rest.len();
        self.cut.drain(..done);
        count
    }
}

fn whole_frames(mut bytes: &[u8]) -> (usize, &[u8]) {
    let mut count = 0;
    while let Some(length) = frame_length(bytes) {
        assert_eq!(bytes[0], 0x81, "{}", String::from_utf8_lossy(&bytes[..length]));
        bytes = &bytes[length..];
        count += 1;
    }
    (count, bytes)
}
