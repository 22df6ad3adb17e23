//! What holds for every capture: format, byte order, compression, and how many bytes come at a time make no
//! difference to the frames.

use proptest::collection::vec;
use proptest::prelude::*;

use super::compressed::gzip;
use super::*;

/// Gives a few bytes at a time, and is interrupted in between.
pub(super) struct Drops {
    bytes: Cursor<Vec<u8>>,
    sizes: Vec<usize>,
    turn: usize,
}

impl Drops {
    pub(super) fn new(bytes: Vec<u8>, sizes: Vec<usize>) -> Self {
        Self { bytes: Cursor::new(bytes), sizes, turn: 0 }
    }
}

impl Read for Drops {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let size = self.sizes[self.turn % self.sizes.len()];
        self.turn += 1;
        if size == 0 && !self.turn.is_multiple_of(self.sizes.len()) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let size = buffer.len().min(size.max(1));
        self.bytes.read(&mut buffer[..size])
    }
}

/// A frame: seconds, microseconds, data, and how much longer it was on the wire.
type Made = (u32, u32, Vec<u8>, u32);

fn frames() -> impl Strategy<Value = Vec<Made>> {
    vec((any::<u32>(), 0..1_000_000_u32, vec(any::<u8>(), 0..80), 0..2_000_u32), 0..12)
}

fn wire(frame: &Made) -> u32 {
    u32::try_from(frame.2.len()).unwrap() + frame.3
}

/// How frames are written.
#[derive(Clone, Copy, Debug)]
enum Form {
    Pcap(u32),
    Pcapng,
}

/// A file, and where it may end: after its header and after each frame.
fn written(form: Form, order: Order, frames: &[Made]) -> (Vec<u8>, Vec<usize>) {
    match form {
        Form::Pcap(magic) => {
            let mut file = pcap(order, magic, 1);
            let mut ends = vec![file.len()];
            for frame in frames {
                let (seconds, micros, data, _) = frame;
                let fraction = if magic == NANO { micros * 1000 } else { *micros };
                for field in [*seconds, fraction, u32::try_from(data.len()).unwrap(), wire(frame)] {
                    file.extend(order.u32(field));
                }
                if magic == VARIANT {
                    file.extend([0xee; 8]);
                }
                file.extend(data);
                ends.push(file.len());
            }
            (file, ends)
        }
        Form::Pcapng => {
            let mut file = Pcapng::new(order);
            file.interface(1, 0, &[(2, b"eth0")]);
            let mut ends = vec![file.file.len()];
            for (number, frame) in frames.iter().enumerate() {
                let (seconds, micros, data, _) = frame;
                let ticks = u64::from(*seconds) * 1_000_000 + u64::from(*micros);
                if number % 3 == 0 {
                    file.block(0x0bad, b"a block that nobody knows");
                }
                if number % 5 == 4 {
                    let other = if order == Order::Big { Order::Little } else { Order::Big };
                    file.section(if number % 2 == 0 { other } else { order });
                    file.interface(1, 0, &[]);
                }
                file.enhanced(0, ticks, data, wire(frame));
                ends.push(file.file.len());
            }
            (file.file, ends)
        }
    }
}

fn expected(frames: &[Made]) -> Vec<Owned> {
    let frame = |(number, frame): (u64, &Made)| {
        let (seconds, micros, data, _) = frame;
        let time = (i128::from(*seconds) * 1_000_000 + i128::from(*micros)) * 1000;
        (number, Some(time), data.clone(), wire(frame))
    };
    (1..).zip(frames).map(frame).collect()
}

fn form() -> impl Strategy<Value = Form> {
    prop_oneof![
        Just(Form::Pcap(MICRO)),
        Just(Form::Pcap(NANO)),
        Just(Form::Pcap(VARIANT)),
        Just(Form::Pcapng),
    ]
}

fn order() -> impl Strategy<Value = Order> {
    prop_oneof![Just(Order::Little), Just(Order::Big)]
}

proptest! {
    #[test]
    fn the_frames_are_the_same_however_they_are_written_and_come(
        frames in frames(),
        form in form(),
        order in order(),
        compress in any::<bool>(),
        zeros in 0_usize..20,
        sizes in vec(0_usize..40, 2..9),
    ) {
        let (mut bytes, _) = written(form, order, &frames);
        if compress {
            let (a, b) = bytes.split_at(bytes.len() / 2);
            bytes = [gzip(a), vec![0; zeros], gzip(b), vec![0; zeros]].concat();
        }
        let Whole { frames: found, unreadable, end, .. } = whole(Drops::new(bytes, sizes));
        prop_assert!(end.is_ok() && unreadable.is_empty(), "{end:?} {unreadable:?}");
        prop_assert_eq!(found, expected(&frames));
    }

    #[test]
    fn a_cut_costs_what_is_behind_it(
        frames in frames(),
        form in form(),
        order in order(),
        cut in any::<prop::sample::Index>(),
    ) {
        let (bytes, ends) = written(form, order, &frames);
        let cut = cut.index(bytes.len());
        let before = ends.iter().filter(|end| **end <= cut).count().saturating_sub(1);
        let Whole { frames: found, unreadable, end, .. } =
            whole(Cursor::new(bytes[..cut].to_vec()));
        prop_assert_eq!(found, expected(&frames[..before]));
        prop_assert!(unreadable.is_empty());
        if ends.contains(&cut) {
            prop_assert!(end.is_ok(), "{:?}", end);
        }
        if let Err(error) = end {
            prop_assert_eq!(error.to_string().lines().count(), 1);
        }
    }
}
