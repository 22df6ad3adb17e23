//! Traces: the frame that the wrapper hands on, and the addresses that it writes into it one pair after the other.

use etherparse::PacketBuilder;
use sekisho_stack::{Outer, Piece};
use sensor_common::parse::ports::UDP;

use crate::internet::{Internet, Kind};
use crate::numbers::Random;
use crate::orders::SELECTORS_OF_A_BLOCK;

/// A frame, and pairs of addresses for its innermost packet.
pub(crate) struct Trace {
    pub(crate) pairs: Pairs,
    frame: Vec<u8>,
    /// Length of the packet that the addresses are written into, with which the frame ends.
    packet: usize,
    has_payload: bool,
}

/// Source and destination, as the header has them.
pub(crate) enum Pairs {
    V4(Vec<[u32; 2]>),
    V6(Vec<[u32; 8]>),
}

/// Bytes of an Ethernet header.
const ETHERNET: usize = 14;

/// Bytes of payload, where there is one to be looked at.
const PAYLOAD: usize = 64;

/// Bytes of payload in the shortest IPv4 frame on a wire.
const SHORTEST_PAYLOAD: usize = 18;

/// Hot addresses of Zipf traffic.
const HOT: usize = 65_536;

impl Trace {
    /// Random ends that no order names.
    pub(crate) fn v4(internet: &Internet, length: usize) -> Self {
        Self::of_v4(internet.v4_pairs().take(length).map(|ends| ends.map(header)).collect())
    }

    /// Random ends that no order names, and a payload to look at.
    pub(crate) fn v4_with_payload(internet: &Internet, length: usize) -> Self {
        let pairs = internet.v4_pairs().take(length).map(|ends| ends.map(header)).collect();
        Self { has_payload: true, ..Self::new(Pairs::V4(pairs), PAYLOAD) }
    }

    /// Whether the frames' payloads change: the first four bytes are different in every one.
    pub(crate) const fn has_payload(&self) -> bool {
        self.has_payload
    }

    /// This pair over and over.
    pub(crate) fn of(pair: [u32; 2]) -> Self {
        Self::of_v4(vec![pair.map(header)])
    }

    /// The same pair over and over: everything it touches stays in the nearest cache.
    pub(crate) fn hot(internet: &Internet) -> Self {
        Self::v4(internet, 1)
    }

    /// A random source that no order names, and always the same destination.
    pub(crate) fn one_end(internet: &Internet, length: usize) -> Self {
        let pairs = internet.v4_pairs().filter(|[source, _]| internet.is_foreign(*source));
        let destination = internet.v4(Kind::Traffic).next().unwrap_or_default();
        let pair = |[source, _]: [u32; 2]| [source, destination].map(header);
        Self::of_v4(pairs.take(length).map(pair).collect())
    }

    /// Ends out of [`HOT`] addresses that no order names, the n-th with a probability
    /// proportional to 1/n.
    pub(crate) fn zipf(internet: &Internet, length: usize) -> Self {
        let hot: Vec<u32> = internet.v4(Kind::Traffic).take(HOT).collect();
        let mut sum = 0.0;
        let mut sums = Vec::with_capacity(HOT);
        for rank in 1..=HOT {
            #[expect(clippy::cast_precision_loss, reason = "small numbers")]
            let weight = 1.0 / rank as f64;
            sum += weight;
            sums.push(sum);
        }
        let mut random = Random::new(2);
        let mut draw = || {
            let at = random.fraction() * sum;
            header(hot[sums.partition_point(|sum| *sum < at).min(HOT - 1)])
        };
        Self::of_v4((0..length).map(|_| [draw(), draw()]).collect())
    }

    /// In so many of a hundred pairs the source is one of the selectors; everything else is not.
    pub(crate) fn matched(
        internet: &Internet,
        selectors: usize,
        percent: usize,
        length: usize,
    ) -> Self {
        let known: Vec<u32> = internet.v4(Kind::Selector).take(selectors).collect();
        let mut random = Random::new(3);
        let mut others = internet.v4(Kind::Traffic).map(header);
        let pair = |_| {
            let destination = others.next()?;
            let hit = random.below(100) < percent;
            let known = header(known[random.below(known.len())]);
            Some([if hit { known } else { others.next()? }, destination])
        };
        Self::of_v4((0..length).map_while(pair).collect())
    }

    /// Random ends that no order names, all of which `passes`: what somebody would send who knows
    /// the filter.
    pub(crate) fn passing(
        internet: &Internet,
        length: usize,
        passes: impl Fn(u32) -> bool,
    ) -> Self {
        let mut ends = internet.v4_that(Kind::Traffic, passes).map(header);
        Self::of_v4((0..length).map_while(|_| Some([ends.next()?, ends.next()?])).collect())
    }

    /// Both ends between two selectors of dense blocks.
    pub(crate) fn between_dense(internet: &Internet, selectors: usize, length: usize) -> Self {
        let blocks: Vec<u32> =
            internet.v4_blocks().take(selectors / SELECTORS_OF_A_BLOCK).collect();
        let mut random = Random::new(4);
        let mut draw = || {
            let low = u32::try_from(random.below(SELECTORS_OF_A_BLOCK)).unwrap_or(0) << 1;
            // Not one of the first four of a /24, which are a selector.
            header(blocks[random.below(blocks.len())] | low | 4)
        };
        Self::of_v4((0..length).map(|_| [draw(), draw()]).collect())
    }

    /// Random IPv6 ends inside registry rows. A few are inside a selected prefix by chance.
    pub(crate) fn v6(internet: &Internet, length: usize) -> Self {
        let mut random = Random::new(5);
        let pair = |_| {
            let mut words = [0; 8];
            for end in words.chunks_exact_mut(4) {
                let bytes = internet.v6(&mut random).0.to_be_bytes();
                let (four, _) = bytes.as_chunks::<4>();
                for (word, bytes) in end.iter_mut().zip(four) {
                    *word = u32::from_ne_bytes(*bytes);
                }
            }
            words
        };
        Self::new(Pairs::V6((0..length).map(pair).collect()), SHORTEST_PAYLOAD)
    }

    fn of_v4(pairs: Vec<[u32; 2]>) -> Self {
        Self::new(Pairs::V4(pairs), SHORTEST_PAYLOAD)
    }

    /// A plain frame: UDP with so many bytes of payload.
    fn new(pairs: Pairs, payload: usize) -> Self {
        let ethernet = PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]);
        let payload = vec![0; payload];
        let mut frame = Vec::new();
        let written = match pairs {
            Pairs::V4(_) => {
                let builder = ethernet.ipv4([192, 0, 2, 1], [192, 0, 2, 2], 64);
                builder.udp(40_000, 443).write(&mut frame, &payload)
            }
            Pairs::V6(_) => {
                let builder = ethernet.ipv6([0; 16], [0; 16], 64);
                builder.udp(40_000, 443).write(&mut frame, &payload)
            }
        };
        written.expect("a frame of a few bytes");
        let packet = frame.len() - ETHERNET;
        Self { pairs, frame, packet, has_payload: false }.addressed()
    }

    /// With the first pair in the frame, for those who do without the wrapper.
    fn addressed(mut self) -> Self {
        let bytes = match &self.pairs {
            Pairs::V4(pairs) => pairs.first().map(|pair| pair.map(u32::to_ne_bytes).concat()),
            Pairs::V6(pairs) => pairs.first().map(|pair| pair.map(u32::to_ne_bytes).concat()),
        };
        let bytes = bytes.unwrap_or_default();
        let at = self.addresses_at();
        self.frame[at..at + bytes.len()].copy_from_slice(&bytes);
        self
    }

    /// The same IPv6 packet with as many extension headers as are stepped over.
    pub(crate) fn with_extension_headers(mut self) -> Self {
        let datagram = Piece::packet(self.frame.split_off(ETHERNET + 40));
        let packet = datagram.ip(Outer::V6Extended(8), UDP);
        self.packet = packet.bytes.len();
        self.frame = packet.on_the_wire().bytes;
        self.addressed()
    }

    /// The same packet inside of something, which leaves it as it is.
    pub(crate) fn inside(mut self, wrap: impl FnOnce(Piece) -> Piece) -> Self {
        self.frame = wrap(self.piece()).on_the_wire().bytes;
        self
    }

    /// The packet that the addresses are written into.
    pub(crate) fn piece(&self) -> Piece {
        Piece::packet(self.frame[self.frame.len() - self.packet..].to_vec())
    }

    /// Number of pairs: a power of two.
    pub(crate) const fn len(&self) -> usize {
        match &self.pairs {
            Pairs::V4(pairs) => pairs.len(),
            Pairs::V6(pairs) => pairs.len(),
        }
    }

    /// The frame for the addresses to be written into.
    pub(crate) fn frame(&self) -> &[u8] {
        &self.frame
    }

    /// Offset of the source address in the frame.
    pub(crate) const fn addresses_at(&self) -> usize {
        let in_header = match self.pairs {
            Pairs::V4(_) => 12,
            Pairs::V6(_) => 8,
        };
        self.frame.len() - self.packet + in_header
    }
}

/// An IPv4 address as a word of the header.
const fn header(address: u32) -> u32 {
    u32::from_ne_bytes(address.to_be_bytes())
}
