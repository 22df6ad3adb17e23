//! Questions to the kernel's rtnetlink, in the daemon's network namespace. No capability is needed to
//! ask, nor to listen.

use std::io;

use netlink_packet_core::{
    NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{Socket, SocketAddr};

/// How often a list is asked for that changes while the kernel gives it.
const TRIES: u32 = 3;

/// A socket that hears of one group (`RTNLGRP_…`, linux/rtnetlink.h), and is never waited for.
///
/// # Errors
/// Whatever the system says.
pub fn listen(group: u32) -> io::Result<Socket> {
    let mut socket = Socket::new(NETLINK_ROUTE)?;
    socket.bind_auto()?;
    socket.add_membership(group)?;
    socket.set_non_blocking(true)?;
    Ok(socket)
}

/// The whole list that a request asks for. Entries that cannot be read are left out.
///
/// # Errors
/// Whatever the system says.
pub fn dump(request: &RouteNetlinkMessage) -> io::Result<Vec<RouteNetlinkMessage>> {
    let mut list = Vec::new();
    for _ in 0..TRIES {
        let whole;
        (list, whole) = dump_once(request.clone())?;
        if whole {
            break;
        }
    }
    Ok(list)
}

/// The list, and whether nothing changed while it was given.
fn dump_once(request: RouteNetlinkMessage) -> io::Result<(Vec<RouteNetlinkMessage>, bool)> {
    let mut socket = Socket::new(NETLINK_ROUTE)?;
    socket.bind_auto()?;
    socket.connect(&SocketAddr::new(0, 0))?;
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST | NLM_F_DUMP;
    header.sequence_number = 1;
    let mut message = NetlinkMessage::new(header, NetlinkPayload::InnerMessage(request));
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    socket.send(&bytes, 0)?;
    let (mut list, mut whole) = (Vec::new(), true);
    loop {
        let (datagram, _) = socket.recv_from_full()?;
        let mut rest = datagram.as_slice();
        while let Some((one, after)) = split(rest) {
            rest = after;
            // Its flags are in a fixed place (struct nlmsghdr).
            whole &= u16::from_ne_bytes([one[6], one[7]]) & NLM_F_DUMP_INTR == 0;
            match NetlinkMessage::<RouteNetlinkMessage>::deserialize(one).map(|m| m.payload) {
                Ok(NetlinkPayload::Done(_)) => return Ok((list, whole)),
                Ok(NetlinkPayload::Error(error)) => return Err(error.to_io()),
                Ok(NetlinkPayload::InnerMessage(entry)) => list.push(entry),
                _ => {}
            }
        }
    }
}

/// The first message of a datagram, and what comes after it, aligned to four bytes.
fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let length = u32::from_ne_bytes(bytes.get(..4)?.try_into().ok()?);
    let length = usize::try_from(length).ok().filter(|length| *length >= 16)?;
    let one = bytes.get(..length)?;
    Some((one, bytes.get(length.next_multiple_of(4)..).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
