//! The floor of fan-out: one thread, `epoll`, and a `write` of the same bytes to each socket. No protocol, no actors, no order to
//! keep, nothing stored.

use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send};
use std::io::Write;
use std::net::{TcpListener, TcpStream};

/// `floor epoll <sockets> <bytes of a frame>`: takes the trigger's connection first, then the sockets. Each byte on the
/// trigger says how many frames go to every socket, in one write.
pub fn run(arguments: &[String]) {
    let number = |at: usize| -> usize { arguments[at].parse().expect("a number") };
    let (sockets, frame_bytes) = (number(0), number(1));
    let frame = frame(frame_bytes);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    println!("ready {}", listener.local_addr().expect("it is bound"));
    std::io::stdout().flush().expect("somebody reads");
    let poll = epoll::create(CreateFlags::CLOEXEC).expect("epoll");
    let connections: Vec<TcpStream> = (0..=sockets)
        .map(|number| {
            let (stream, _) = listener.accept().expect("a connection");
            stream.set_nonblocking(true).expect("it can be set");
            stream.set_nodelay(true).expect("it can be set");
            epoll::add(&poll, &stream, EventData::new_u64(number as u64), EventFlags::IN | EventFlags::ET)
                .expect("added");
            stream
        })
        .collect();
    let (trigger, sockets) = connections.split_first().expect("the trigger came first");
    let mut events = Vec::with_capacity(64);
    loop {
        events.clear();
        match epoll::wait(&poll, rustix::buffer::spare_capacity(&mut events), None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => panic!("{error}"),
        }
        for event in &events {
            if event.data.u64() == 0 && !serve(trigger, sockets, &frame) {
                return;
            }
        }
    }
}

fn serve(trigger: &TcpStream, sockets: &[TcpStream], frame: &[u8]) -> bool {
    let mut counts = [0u8; 64];
    while let Ok((_, count)) = recv(trigger, &mut counts[..], RecvFlags::empty()) {
        if count == 0 {
            return false;
        }
        for count in &counts[..count] {
            let bytes = frame.repeat(usize::from(*count));
            for socket in sockets {
                let written = send(socket, &bytes, SendFlags::NOSIGNAL).expect("the reader keeps up");
                assert_eq!(written, bytes.len(), "the reader keeps up");
            }
        }
    }
    true
}

/// A text frame of so many bytes, header included.
fn frame(bytes: usize) -> Vec<u8> {
    let mut frame = match bytes {
        ..128 => vec![0x81, u8::try_from(bytes - 2).expect("short")],
        _ => {
            let length = u16::try_from(bytes - 4).expect("not that long").to_be_bytes();
            vec![0x81, 126, length[0], length[1]]
        }
    };
    frame.resize(bytes, b'x');
    frame
}
