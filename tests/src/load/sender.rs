//! Sends frames as fast as the kernel takes them, as they are, and knows how many it took.

use std::io::IoSlice;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::time::Instant;

use nix::ifaddrs::getifaddrs;
use nix::sys::socket::{LinkAddr, bind};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, MMsgHdr, SendAncillaryBuffer, SendFlags, SocketFlags, SocketType, sendmmsg,
    socket_with,
};
use rustix::thread::{CpuSet, sched_setaffinity};

use super::script::Script;

/// Frames of one system call.
const BATCH: usize = 256;

/// The most frames of one stretch, whatever the time.
const MOST: u64 = 1 << 28;

/// Sends a script over and over through an interface, from one processor.
pub(super) struct Sender<'a> {
    socket: OwnedFd,
    cpu: usize,
    script: Script<'a>,
    /// Frames that the interface took, from the script's first on.
    pub(super) sent: u64,
    /// How often it refused one, which was then sent again.
    pub(super) refused: u64,
}

impl<'a> Sender<'a> {
    /// Binds to an interface of this thread's namespace.
    ///
    /// # Panics
    /// Where there is none of that name.
    pub(super) fn new(interface: &str, cpu: usize, script: Script<'a>) -> Self {
        let flags = SocketFlags::CLOEXEC;
        // Without a protocol: it receives nothing.
        let socket = socket_with(AddressFamily::PACKET, SocketType::RAW, flags, None)
            .expect("root may open a packet socket");
        bind(socket.as_raw_fd(), &link(interface)).expect("the interface is up");
        Self { socket, cpu, script, sent: 0, refused: 0 }
    }

    /// The script.
    pub(super) const fn script(&self) -> &Script<'a> {
        &self.script
    }

    /// Sends until then.
    ///
    /// # Panics
    /// Where the kernel does not take a frame at all.
    pub(super) fn send_until(&mut self, end: Instant) {
        let mut cpus = CpuSet::new();
        cpus.set(self.cpu);
        sched_setaffinity(None, &cpus).expect("the processor is there");
        let frames = self.script.frames();
        let slices: Vec<_> = frames.iter().map(|frame| [IoSlice::new(&frame.bytes)]).collect();
        let mut nothing: Vec<_> = frames.iter().map(|_| SendAncillaryBuffer::default()).collect();
        let messages = slices.iter().zip(&mut nothing);
        let mut messages: Vec<_> =
            messages.map(|(slice, nothing)| MMsgHdr::new(slice, nothing)).collect();
        let most = self.sent + MOST;
        while self.sent < most && Instant::now() < end {
            let length = messages.len();
            let from = usize::try_from(self.sent % length as u64).expect("below the length");
            let batch = &mut messages[from..length.min(from + BATCH)];
            match sendmmsg(&self.socket, batch, SendFlags::empty()) {
                Ok(taken) => {
                    self.sent += taken as u64;
                    // The call ends at the first frame that is refused.
                    self.refused += u64::from(taken < batch.len());
                }
                Err(Errno::NOBUFS) => {
                    self.refused += 1;
                    // Whoever takes frames off the wire may need this processor.
                    std::thread::yield_now();
                }
                Err(error) => {
                    let frame = frames[from];
                    panic!("frame {from} of {:?}, {} bytes: {error}", frame.kind, frame.bytes.len())
                }
            }
        }
    }
}

/// The address of an interface of this thread's namespace.
fn link(interface: &str) -> LinkAddr {
    let mut all = getifaddrs().expect("interfaces can be listed");
    all.find_map(|one| (one.interface_name == interface).then_some(*one.address?.as_link_addr()?))
        .expect("an interface of that name")
}
