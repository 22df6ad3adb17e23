//! What holds for the walk as a whole; each protocol's own tests are beside it.

use std::vec::Vec;

use sekisho_stack::{Outer, Piece, wrapped};

use super::samples::{
    assert_inside, assert_malformed, packet_v4, packet_v6, parsed, parsed_in, tcp_v4, udp_v6,
};
use super::tunnel::{Entered, MOST_TUNNELS, Tunnel};
use super::*;

#[test]
fn every_truncation_is_malformed() {
    for whole in [tcp_v4(), udp_v6()] {
        for length in 0..whole.len() {
            assert_eq!(parsed(&whole[..length]), Err(Unparsed::Malformed), "{length} bytes");
        }
    }
}

/// A stack out of these choices, with at most so many encapsulations.
fn stack(choices: &[u8], most: usize, innermost: Piece) -> Piece {
    let mut choices = choices.iter();
    let mut piece = innermost;
    while let Some(next) = choices.next() {
        let mut choose = |below| u32::from(choices.next().unwrap_or(next).wrapping_mul(31)) % below;
        let outer = wrapped(piece.clone(), &mut choose);
        if outer.tunnels.len() > most || outer.bytes.len() > 1_200 {
            break;
        }
        piece = outer;
    }
    piece
}

#[test]
fn eight_encapsulations_are_gone_through_and_nine_are_too_many() {
    let stacks = |count: usize| {
        let nested =
            |wrap: fn(Piece) -> Piece| (0..count).fold(packet_v4(), |piece, _| wrap(piece));
        [
            nested(|piece| piece.ip_in_ip(Outer::V6Extended(1))),
            nested(|piece| piece.gre(Outer::V4, 0xb000)),
            nested(|piece| piece.gtp(Outer::V4, &[2])),
            nested(|piece| piece.frame(&[]).vxlan(Outer::V4, 4_789)),
        ]
    };
    for piece in stacks(8) {
        assert_eq!(piece.tunnels.len(), MOST_TUNNELS as usize);
        assert_inside(piece, &packet_v4());
    }
    for piece in stacks(9) {
        assert_malformed(piece);
    }
    // A tag counts as well.
    for piece in stacks(7) {
        assert_inside(piece.clone().frame(&[0x8100]), &packet_v4());
        assert_malformed(piece.frame(&[0x8100, 0x8100]));
    }
}

/// Wherever they are: in one header or in many, in IP or in GTP-U.
#[test]
fn eight_extension_headers_are_stepped_over_and_nine_are_too_many() {
    assert_eq!(sekisho_stack::MOST_EXTENSIONS, MOST_EXTENSIONS as usize);
    let chained = |count| packet_v6().ip_in_ip(Outer::V6Extended(count));
    let spread =
        |count| (0..count).fold(packet_v4(), |piece, _| piece.ip_in_ip(Outer::V6Extended(1)));
    let mixed = |count| {
        let authenticated = packet_v4().ip_in_ip(Outer::V4Authenticated);
        authenticated.gtp(Outer::V6Extended(3), &[1; 3]).gtp(Outer::V4, &[1].repeat(count))
    };
    assert_inside(chained(8), &packet_v6());
    assert_malformed(chained(9));
    assert_inside(spread(8), &packet_v4());
    assert_malformed(spread(7).gtp(Outer::V4, &[1; 2]));
    assert_inside(mixed(1), &packet_v4());
    assert_malformed(mixed(2));
    // The innermost packet's own count as well.
    let extended = Piece::packet([0, 7, 0, 9, 0, 8, 0, 0].into()).ip(Outer::V6Extended(4), 17);
    assert!(parsed(&extended.clone().ip_in_ip(Outer::V6Extended(4)).on_the_wire().bytes).is_ok());
    assert_malformed(extended.ip_in_ip(Outer::V6Extended(5)));
}

#[test]
fn what_is_too_deep_to_be_a_tunnel_may_still_be_none() {
    let other = |header: &[u8]| {
        let datagram = Piece::packet(header.to_vec()).udp(Outer::V4, 9, 4_789);
        (0..8).fold(datagram, |piece, _| piece.ip_in_ip(Outer::V4)).on_the_wire()
    };
    assert!(parsed(&other(&[0; 60]).bytes).unwrap().ports().is_some());
    assert_malformed(other(&[8, 0, 0, 0, 0, 0, 0, 0]));
}

/// Destination options that reach behind the furthest byte that is read.
#[test]
fn what_is_behind_a_header_that_is_too_long_has_no_ports() {
    let long = |next: u8, rest: &[u8]| {
        let header = [[next, 255].as_slice(), &[0; 2_046]].concat();
        let piece = Piece::packet([header.as_slice(), rest].concat()).ip(Outer::V6, 60);
        parsed(&piece.on_the_wire().bytes)
    };
    let udp = [0, 7, 0, 9, 0, 8, 0, 0];
    for (next, rest) in
        [(17, udp), (44, [17, 0, 0, 0, 0, 0, 0, 1]), (60, [17, 0, 1, 4, 0, 0, 0, 0])]
    {
        let flow = long(next, &[rest.as_slice(), &udp].concat()).unwrap();
        assert_eq!((flow.protocol, flow.ports(), flow.is_fragment()), (next, None, false));
    }
    // What the packet has no room for is still a contradiction.
    assert_eq!(long(17, &udp[..7]), Err(Unparsed::Malformed));
    assert_eq!(long(60, &[17, 1, 1, 4, 0, 0, 0, 0]).map(|flow| flow.ports()), Ok(None));
    // A tunnel's inside that is not read cannot be judged.
    assert_eq!(long(4, &packet_v4().bytes), Err(Unparsed::Malformed));
}

proptest::proptest! {
    #[test]
    fn every_stack_is_gone_through(choices in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
        assert_inside(stack(&choices, 8, packet_v4()), &packet_v4());
        assert_inside(stack(&choices, 8, packet_v6()), &packet_v6());
    }

    #[test]
    fn no_stack_is_judged_by_less_than_all_of_it(
        choices in proptest::collection::vec(proptest::num::u8::ANY, 0..120),
        at in proptest::num::usize::ANY,
    ) {
        let frame = stack(&choices, 8, packet_v4()).on_the_wire().bytes;
        let length = at % frame.len();
        let cut = parsed(&frame[..length]);
        // MPLS and pseudowires say nothing of how long they are.
        assert!(cut.is_err(), "{cut:?} of {length} bytes of {frame:02x?}");
    }

    #[test]
    fn every_damaged_stack_has_an_answer(
        choices in proptest::collection::vec(proptest::num::u8::ANY, 0..200),
        damage in proptest::collection::vec((proptest::num::usize::ANY, proptest::num::u8::ANY), 1..4),
        entered in proptest::num::u32::ANY,
    ) {
        let mut frame = stack(&choices, 9, packet_v6()).on_the_wire().bytes;
        for (at, value) in damage {
            let at = at % frame.len();
            frame[at] = value;
        }
        for entered in [Entered::ALL, Entered::from_bits(entered)] {
            if let Ok(flow) = parsed_in(&frame, entered) {
                assert!(flow.upper <= flow.end && flow.end as usize <= frame.len(), "{frame:02x?}");
                let around: Vec<Tunnel> = flow.encapsulation.layers().collect();
                assert!(around.len() <= MOST_TUNNELS as usize);
                assert!(around.iter().all(|tunnel| entered.has(*tunnel)), "{frame:02x?}");
            }
        }
    }

    #[test]
    fn any_bytes_have_an_answer(frame in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
        let _ = parsed(&frame);
    }

    #[test]
    fn any_mutation_has_an_answer(at in 0_usize..60, value in proptest::num::u8::ANY) {
        for mut frame in [tcp_v4(), udp_v6()] {
            let at = at % frame.len();
            frame[at] = value;
            let flow = parsed(&frame);
            let inside = |flow: Flow| flow.upper <= flow.end && flow.end as usize <= frame.len();
            assert!(flow.is_err() || flow.is_ok_and(inside));
        }
    }
}
