//! Questions to the kernel's rtnetlink, in the daemon's network namespace, and news from it. Neither asking
//! nor listening needs a capability.

use std::convert::Infallible;
use std::error::Error;
use std::io;

use netlink_packet_core::{
    NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_REQUEST, NetlinkDeserializable, NetlinkHeader,
    NetlinkMessage, NetlinkPayload, NetlinkSerializable,
};
use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{Socket, SocketAddr};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// How often a list is asked for if it changes while the kernel sends it.
const TRIES: u32 = 3;

/// `ENOBUFS` (asm-generic/errno.h).
const NO_BUFFERS: i32 = rustix::io::Errno::NOBUFS.raw_os_error();

/// Hears that something has changed, but not what: everything is read again then, so that no message has to
/// be believed, and a lost message does no harm.
#[derive(Debug)]
pub struct Listener(AsyncFd<Socket>);

impl Listener {
    /// Listens to these groups (`RTNLGRP_…`, linux/rtnetlink.h) from now on. To be called inside a tokio
    /// runtime.
    ///
    /// # Errors
    /// The system's error.
    pub fn open(groups: &[u32]) -> io::Result<Self> {
        let mut socket = Socket::new(NETLINK_ROUTE)?;
        socket.bind_auto()?;
        for group in groups {
            socket.add_membership(*group)?;
        }
        socket.set_non_blocking(true)?;
        Ok(Self(register(socket)?))
    }

    /// Waits until something has changed. Safe to cancel.
    ///
    /// # Errors
    /// The system's error.
    pub async fn changed(&mut self) -> io::Result<()> {
        let mut guard = self.0.readable_mut().await?;
        loop {
            match guard.get_inner().recv_from_full() {
                // A buffer that ran over (ENOBUFS) is news as well: everything is read again.
                Ok(_) => {}
                Err(error) if error.raw_os_error() == Some(NO_BUFFERS) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    guard.clear_ready();
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
    }
}

#[expect(
    deprecated,
    reason = "its successor is unsafe; a socket keeps one descriptor while it lives"
)]
fn register(socket: Socket) -> io::Result<AsyncFd<Socket>> {
    AsyncFd::with_interest(socket, Interest::READABLE)
}

/// An entry of a list: the type of the kernel's message (`RTM_…`, linux/rtnetlink.h), and the bytes after
/// its header, in the byte order of this machine.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ListEntry<'a> {
    /// The message's type.
    pub kind: u16,
    /// The message without its header.
    pub body: &'a [u8],
}

/// The whole list that a request asks for, put together by `add`.
///
/// # Errors
/// The error of the system or of `add`, or an answer that is not a list.
pub fn dump<T: Default>(
    request: impl NetlinkSerializable,
    add: impl Fn(&mut T, &ListEntry<'_>) -> io::Result<()>,
) -> io::Result<T> {
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST | NLM_F_DUMP;
    header.sequence_number = 1;
    let mut message = NetlinkMessage::new(header, NetlinkPayload::InnerMessage(request));
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    let mut list = T::default();
    for _ in 0..TRIES {
        list = T::default();
        if dump_once(&bytes, |entry| add(&mut list, entry))? {
            break;
        }
    }
    Ok(list)
}

/// Passes the entries of the list to `add`, and returns whether the list did not change meanwhile.
fn dump_once(
    request: &[u8],
    mut add: impl FnMut(&ListEntry<'_>) -> io::Result<()>,
) -> io::Result<bool> {
    let mut socket = Socket::new(NETLINK_ROUTE)?;
    socket.bind_auto()?;
    socket.connect(&SocketAddr::new(0, 0))?;
    socket.send(request, 0)?;
    let mut whole = true;
    loop {
        let (datagram, _) = socket.recv_from_full()?;
        if read(&datagram, &mut whole, &mut add)? {
            return Ok(whole);
        }
    }
}

/// Reads the messages of one datagram, and returns whether the list ends with it.
fn read(
    datagram: &[u8],
    whole: &mut bool,
    add: &mut impl FnMut(&ListEntry<'_>) -> io::Result<()>,
) -> io::Result<bool> {
    let mut rest = datagram;
    while !rest.is_empty() {
        let (one, after) = split(rest).ok_or_else(|| malformed("a message is cut short"))?;
        rest = after;
        // Its flags are in a fixed place (struct nlmsghdr).
        *whole &= u16::from_ne_bytes([one[6], one[7]]) & NLM_F_DUMP_INTR == 0;
        match NetlinkMessage::<MessageType>::deserialize(one).map_err(malformed)?.payload {
            NetlinkPayload::Done(done) if done.code < 0 => {
                return Err(io::Error::from_raw_os_error(done.code.saturating_neg()));
            }
            NetlinkPayload::Done(_) => return Ok(true),
            NetlinkPayload::Error(error) => return Err(error.to_io()),
            NetlinkPayload::InnerMessage(MessageType(kind)) => {
                add(&ListEntry { kind, body: &one[HEADER..] })?;
            }
            _ => {}
        }
    }
    Ok(false)
}

/// The length of a message's header (struct nlmsghdr), in bytes.
const HEADER: usize = 16;

/// The first message of a datagram, and what comes after it, aligned to four bytes.
fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let length = u32::from_ne_bytes(bytes.get(..4)?.try_into().ok()?);
    let length = usize::try_from(length).ok().filter(|length| *length >= HEADER)?;
    let one = bytes.get(..length)?;
    Some((one, bytes.get(length.next_multiple_of(4)..).unwrap_or_default()))
}

/// An answer that makes no sense.
pub fn malformed(what: impl Into<Box<dyn Error + Send + Sync>>) -> io::Error {
    let reason = format!("the kernel's answer makes no sense: {}", what.into());
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

/// The type of a message. The caller reads its contents.
#[derive(Debug)]
struct MessageType(u16);

impl NetlinkDeserializable for MessageType {
    type Error = Infallible;

    fn deserialize(header: &NetlinkHeader, _: &[u8]) -> Result<Self, Infallible> {
        Ok(Self(header.message_type))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A message of this type; 2 is `NLMSG_ERROR`, 3 `NLMSG_DONE` (linux/netlink.h).
    fn message(kind: u16, flags: u16, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(HEADER + body.len()).unwrap();
        let mut bytes = length.to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(flags.to_ne_bytes());
        bytes.extend([0; 8]);
        bytes.extend(body);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    type Entries = Vec<(u16, Vec<u8>)>;

    /// The entries of a datagram, whether it ends the list, and whether the list is whole.
    fn reading(datagram: &[u8]) -> (Entries, Result<bool, String>, bool) {
        let (mut entries, mut whole) = (Vec::new(), true);
        let ended = read(datagram, &mut whole, &mut |ListEntry { kind, body }| {
            entries.push((*kind, body.to_vec()));
            Ok(())
        });
        (entries, ended.map_err(|error| error.to_string()), whole)
    }

    #[test]
    fn a_datagram_is_split_at_its_messages_and_not_beyond_its_end() {
        let mut bytes = vec![0; 40];
        bytes[0] = 18;
        bytes[20] = 20;
        let (one, rest) = split(&bytes).unwrap();
        assert_eq!((one.len(), rest.len()), (18, 20));
        let (two, rest) = split(rest).unwrap();
        assert_eq!((two.len(), rest.len()), (20, 0));
        bytes[20] = 21;
        assert_eq!(split(&bytes[20..]), None, "longer than what is there");
        bytes[20] = 15;
        assert_eq!(split(&bytes[20..]), None, "shorter than a header");
    }

    #[test]
    fn entries_come_up_to_the_end_of_the_list() {
        let two = [message(24, 2, b"one"), message(25, 2, b"three")].concat();
        let entries = vec![(24, b"one".to_vec()), (25, b"three".to_vec())];
        assert_eq!(reading(&two), (entries.clone(), Ok(false), true));
        let all = [two, message(3, 2, &0_i32.to_ne_bytes()), message(24, 2, b"late")].concat();
        assert_eq!(reading(&all), (entries, Ok(true), true));
        let changed = message(24, NLM_F_DUMP_INTR, b"");
        assert_eq!(reading(&changed), (vec![(24, vec![])], Ok(false), false));
    }

    #[test]
    fn what_the_kernel_refuses_is_an_error_and_so_is_what_makes_no_sense() {
        // EOPNOTSUPP in either message.
        for refused in [
            message(2, 0, &[&(-95_i32).to_ne_bytes()[..], &[0; 16]].concat()),
            message(3, 0, &(-95_i32).to_ne_bytes()),
        ] {
            let reason = reading(&refused).1.unwrap_err();
            assert!(reason.contains("os error 95"), "{reason}");
        }
        let cut = &message(24, 0, b"four")[..19];
        let reason = reading(cut).1.unwrap_err();
        assert_eq!(reason, "the kernel's answer makes no sense: a message is cut short");
        let short = reading(&message(2, 0, &[1])).1.unwrap_err();
        assert!(short.contains("makes no sense"), "{short}");
    }

    proptest! {
        #[test]
        fn no_datagram_is_too_bad(
            bytes in proptest::collection::vec(any::<u8>(), 0..64),
            good in proptest::collection::vec((0_u16..30, any::<u16>(), proptest::collection::vec(any::<u8>(), 0..16)), 0..4),
            cut in 0_usize..200,
        ) {
            let _ = reading(&bytes);
            let mut datagram: Vec<u8> =
                good.iter().flat_map(|(kind, flags, body)| message(*kind, *flags, body)).collect();
            datagram.truncate(cut);
            let (entries, _, _) = reading(&datagram);
            prop_assert!(entries.len() <= good.len());
        }
    }
}
