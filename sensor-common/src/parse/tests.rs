//! What holds for the walk as a whole; each protocol's own tests are beside it.

use super::samples::{parsed, tcp_v4, udp_v6};
use super::*;

#[test]
fn every_truncation_is_malformed() {
    for whole in [tcp_v4(), udp_v6()] {
        for length in 0..whole.len() {
            assert_eq!(parsed(&whole[..length]), Err(Unparsed::Malformed), "{length} bytes");
        }
    }
}

proptest::proptest! {
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
