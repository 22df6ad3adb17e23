//! Traces: the addresses that the wrapper writes into one frame after the other.

use etherparse::PacketBuilder;

use crate::internet::{Internet, Kind};
use crate::numbers::Random;
use crate::orders::SELECTORS_OF_A_BLOCK;

/// Source and destination, as the header has them.
pub(crate) enum Trace {
    V4(Vec<[u32; 2]>),
    /// With [`PAYLOAD`] bytes of payload, the first four of which are different in every frame.
    V4WithPayload(Vec<[u32; 2]>),
    V6(Vec<[u32; 8]>),
}

/// Bytes of payload, where there is one to be looked at.
const PAYLOAD: usize = 64;

/// Hot addresses of Zipf traffic.
const HOT: usize = 65_536;

impl Trace {
    /// Random ends that no order names.
    pub(crate) fn v4(internet: &Internet, length: usize) -> Self {
        Self::V4(internet.v4_pairs().take(length).map(|ends| ends.map(header)).collect())
    }

    /// Random ends that no order names, and a payload to look at.
    pub(crate) fn v4_with_payload(internet: &Internet, length: usize) -> Self {
        Self::V4WithPayload(internet.v4_pairs().take(length).map(|ends| ends.map(header)).collect())
    }

    /// Whether the frames' payloads change.
    pub(crate) const fn has_payload(&self) -> bool {
        matches!(self, Self::V4WithPayload(_))
    }

    /// This pair over and over.
    pub(crate) fn of(pair: [u32; 2]) -> Self {
        Self::V4(vec![pair.map(header)])
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
        Self::V4(pairs.take(length).map(pair).collect())
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
        Self::V4((0..length).map(|_| [draw(), draw()]).collect())
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
        Self::V4((0..length).map_while(pair).collect())
    }

    /// Random ends that no order names, all of which `passes`: what somebody would send who knows
    /// the filter.
    pub(crate) fn passing(
        internet: &Internet,
        length: usize,
        passes: impl Fn(u32) -> bool,
    ) -> Self {
        let mut ends = internet.v4_that(Kind::Traffic, passes).map(header);
        Self::V4((0..length).map_while(|_| Some([ends.next()?, ends.next()?])).collect())
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
        Self::V4((0..length).map(|_| [draw(), draw()]).collect())
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
        Self::V6((0..length).map(pair).collect())
    }

    /// Number of pairs: a power of two.
    pub(crate) const fn len(&self) -> usize {
        match self {
            Self::V4(pairs) | Self::V4WithPayload(pairs) => pairs.len(),
            Self::V6(pairs) => pairs.len(),
        }
    }

    /// A frame for the trace's addresses to be written into: UDP, as long as the shortest frame
    /// on a wire, or with a payload to look at.
    pub(crate) fn frame(&self) -> Vec<u8> {
        let ethernet = PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]);
        let mut frame = Vec::new();
        let written = match self {
            Self::V4(_) | Self::V4WithPayload(_) => {
                let payload = [0; PAYLOAD];
                let length = if self.has_payload() { PAYLOAD } else { 18 };
                ethernet
                    .ipv4([192, 0, 2, 1], [192, 0, 2, 2], 64)
                    .udp(40_000, 443)
                    .write(&mut frame, &payload[..length])
            }
            Self::V6(_) => {
                ethernet.ipv6([0; 16], [0; 16], 64).udp(40_000, 443).write(&mut frame, &[0; 18])
            }
        };
        written.expect("a frame of a few bytes");
        frame
    }
}

/// An IPv4 address as a word of the header.
const fn header(address: u32) -> u32 {
    u32::from_ne_bytes(address.to_be_bytes())
}
