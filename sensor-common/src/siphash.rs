//! SipHash-2-4 with 64 bits of output (Aumasson and Bernstein: "SipHash: a fast short-input PRF",
//! INDOCRYPT 2012), block by block.
//!
//! A library takes its input as a slice. A program in the kernel reads a packet in pieces of fixed size, and
//! groups of prefixes under one key share blocks. So this module offers the state.

/// Bytes in a block.
pub const BLOCK: u32 = 8;

/// The state after a number of whole blocks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct State {
    v0: u64,
    v1: u64,
    v2: u64,
    v3: u64,
}

/// The two halves of a key of sixteen bytes.
#[inline(always)]
pub const fn key(bytes: [u8; 16]) -> [u64; 2] {
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = bytes;
    [u64::from_le_bytes([a, b, c, d, e, f, g, h]), u64::from_le_bytes([i, j, k, l, m, n, o, p])]
}

impl State {
    /// The state before the first block.
    #[inline(always)]
    pub const fn new([k0, k1]: [u64; 2]) -> Self {
        Self {
            v0: k0 ^ 0x736f_6d65_7073_6575,
            v1: k1 ^ 0x646f_7261_6e64_6f6d,
            v2: k0 ^ 0x6c79_6765_6e65_7261,
            v3: k1 ^ 0x7465_6462_7974_6573,
        }
    }

    /// Hashes a whole block: eight bytes, the first of them the least significant.
    #[inline(always)]
    pub const fn absorb(&mut self, block: u64) {
        self.v3 ^= block;
        self.round();
        self.round();
        self.v0 ^= block;
    }

    /// The hash of an input of `length` bytes. `rest` has the bytes behind the last whole block in its lower
    /// bytes, and zeros above.
    #[inline(always)]
    pub const fn finish(mut self, rest: u64, length: u32) -> u64 {
        self.absorb(rest | (length as u64) << 56);
        self.v2 ^= 0xff;
        self.round();
        self.round();
        self.round();
        self.round();
        self.v0 ^ self.v1 ^ self.v2 ^ self.v3
    }

    #[inline(always)]
    const fn round(&mut self) {
        self.v0 = self.v0.wrapping_add(self.v1);
        self.v2 = self.v2.wrapping_add(self.v3);
        self.v1 = self.v1.rotate_left(13) ^ self.v0;
        self.v3 = self.v3.rotate_left(16) ^ self.v2;
        self.v0 = self.v0.rotate_left(32).wrapping_add(self.v3);
        self.v2 = self.v2.wrapping_add(self.v1);
        self.v1 = self.v1.rotate_left(17) ^ self.v2;
        self.v3 = self.v3.rotate_left(21) ^ self.v0;
        self.v2 = self.v2.rotate_left(32);
    }
}

/// The hash of a slice.
pub fn hash(key: [u64; 2], bytes: &[u8]) -> u64 {
    let mut state = State::new(key);
    let (blocks, rest) = bytes.as_chunks::<8>();
    for block in blocks {
        state.absorb(u64::from_le_bytes(*block));
    }
    let rest = rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
    state.finish(rest, u32::try_from(bytes.len() & 0xff).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    /// The reference outputs; the tests over the kernel read the same file.
    const VECTORS: &str = include_str!("../vectors/siphash24.txt");

    #[test]
    fn the_reference_vectors() {
        let bytes: [u8; 64] = core::array::from_fn(|at| u8::try_from(at).unwrap());
        let (key_bytes, _) = bytes.split_first_chunk::<16>().unwrap();
        let expected: Vec<u64> = VECTORS
            .lines()
            .filter(|line| !line.starts_with('#'))
            .map(|line| u64::from_str_radix(line, 16).unwrap().swap_bytes())
            .collect();
        assert_eq!(expected.len(), 64);
        for (length, expected) in expected.into_iter().enumerate() {
            assert_eq!(hash(key(*key_bytes), &bytes[..length]), expected, "{length} bytes");
        }
    }

    #[test]
    fn the_state_goes_on_from_whole_blocks() {
        let key = key([7; 16]);
        let mut state = State::new(key);
        state.absorb(u64::from_le_bytes(*b"GET /ind"));
        let rest = u64::from_le_bytes(*b"ex\0\0\0\0\0\0");
        assert_eq!(state.finish(rest, 10), hash(key, b"GET /index"));
    }
}
