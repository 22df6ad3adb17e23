//! A stream of packets over a wire. Each has its number in its destination port, so that a record identifies
//! its packet, and a test knows when that was sent, whatever time the record has.

use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use jiff::Timestamp;

use crate::network::{RECEIVER, SENDER, Wire};

/// The destination port of packet 0.
pub const FIRST_PORT: u16 = 20_000;

/// The most packets of one stream.
pub const MOST: u16 = 40_000;

/// Between two packets. It only sets their rate: nothing waits for it.
const PAUSE: Duration = Duration::from_millis(1);

/// When a packet was sent, by the wall clock.
#[derive(Clone, Copy, Debug)]
pub struct Sent {
    /// Right before.
    pub from: Timestamp,
    /// Right after.
    pub until: Timestamp,
}

/// A thread that sends. Dropping it ends it.
#[derive(Debug)]
pub struct Stream {
    stop: Arc<AtomicBool>,
    sender: Option<JoinHandle<Vec<Sent>>>,
}

impl Stream {
    /// Starts to send, from [`SENDER`] to [`RECEIVER`].
    ///
    /// # Panics
    /// Where the socket cannot be opened.
    pub fn start(wire: &Wire) -> Self {
        let socket = wire.sender.inside(|| UdpSocket::bind((SENDER, 0)).expect("its own address"));
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let sender = std::thread::spawn(move || {
            let mut sent = Vec::new();
            while !stopped.load(Ordering::Relaxed) && sent.len() < usize::from(MOST) {
                sent.push(send(&socket, sent.len()));
                std::thread::sleep(PAUSE);
            }
            sent
        });
        Self { stop, sender: Some(sender) }
    }

    /// Ends the stream. Packets by number.
    ///
    /// # Panics
    /// Where it has ended before, or could not send.
    pub fn stop(mut self) -> Vec<Sent> {
        let sent = self.end().expect("it sends").expect("packets can be sent");
        assert!(sent.len() < usize::from(MOST), "the stream ended before the test did");
        sent
    }

    fn end(&mut self) -> Option<std::thread::Result<Vec<Sent>>> {
        self.stop.store(true, Ordering::Relaxed);
        self.sender.take().map(JoinHandle::join)
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        // Not a reason to panic within a panic.
        let _ = self.end();
    }
}

fn send(socket: &UdpSocket, number: usize) -> Sent {
    let port = FIRST_PORT + u16::try_from(number).expect("at most MOST");
    let from = Timestamp::now();
    socket.send_to(b"hello", (RECEIVER, port)).expect("the wire is up");
    Sent { from, until: Timestamp::now() }
}
