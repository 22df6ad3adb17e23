//! Capture files of frames, as tcpdump writes them: pcap, least significant byte first, microseconds.

/// The link type of Ethernet.
pub const ETHERNET: u32 = 1;

/// One frame of a capture.
#[derive(Clone, Copy, Debug)]
pub struct Captured<'a> {
    /// When: whole seconds since 1970, and microseconds.
    pub time: (u32, u32),
    /// As far as it was captured.
    pub bytes: &'a [u8],
    /// Its length on the wire.
    pub length: u32,
}

impl<'a> Captured<'a> {
    /// A frame that was captured whole.
    pub fn whole(time: (u32, u32), bytes: &'a [u8]) -> Self {
        Self { time, bytes, length: length(bytes) }
    }
}

/// A file of these frames.
pub fn pcap<'a>(link_type: u32, frames: impl IntoIterator<Item = Captured<'a>>) -> Vec<u8> {
    let mut file = Vec::new();
    // Magic, version 2.4, time zone, accuracy, snap length.
    write(&mut file, &[0xa1b2_c3d4, 2 | 4 << 16, 0, 0, 262_144, link_type]);
    for Captured { time: (seconds, microseconds), bytes, length: wire } in frames {
        write(&mut file, &[seconds, microseconds, length(bytes), wire]);
        file.extend(bytes);
    }
    file
}

fn write(file: &mut Vec<u8>, words: &[u32]) {
    file.extend(words.iter().flat_map(|word| word.to_le_bytes()));
}

/// # Panics
/// Frames are shorter than 4 GiB.
fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).expect("a frame is short")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_capture_holds_its_frames() {
        let frames = [
            Captured::whole((7, 1), &[1, 2, 3]),
            Captured { time: (7, 2), bytes: &[4], length: 60 },
        ];
        let file = pcap(ETHERNET, frames);
        assert_eq!(file.len(), 24 + 16 + 3 + 16 + 1);
        assert_eq!(file[..4], [0xd4, 0xc3, 0xb2, 0xa1]);
        assert_eq!(file[40..43], [1, 2, 3]);
        assert_eq!(file[51..55], [1, 0, 0, 0], "captured");
        assert_eq!(file[55..59], [60, 0, 0, 0], "on the wire");
    }
}
