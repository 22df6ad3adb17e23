//! The memory of lines on their way to the output, used over and over. Pieces of megabytes, made anew for each batch,
//! would leave more and more of the heap in use, for as long as records come faster than they are written.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

/// Batches between drain and writer.
pub const BATCHES: usize = 16;

/// The most buffers whose memory is kept: of the batches that wait, of the one that is being written, and of those
/// that a pipe's reader has not read.
const MOST: usize = BATCHES + 4;

/// The lines of the last batches, the oldest first.
#[derive(Debug, Default)]
pub struct Buffers(VecDeque<Bytes>);

impl Buffers {
    /// An empty buffer.
    pub fn take(&mut self) -> BytesMut {
        // Batches are written in turn: if the oldest is not, none is.
        let is_free = self.0.front().is_some_and(Bytes::is_unique);
        let free = if is_free { self.0.pop_front() } else { None };
        let mut buffer = free.and_then(|lines| lines.try_into_mut().ok()).unwrap_or_default();
        buffer.clear();
        buffer
    }

    /// A buffer's lines, whose memory comes back when nobody else has them.
    pub fn give(&mut self, buffer: BytesMut) -> Bytes {
        let lines = buffer.freeze();
        // Without lines there need not be any memory, which would then never be free.
        if !lines.is_empty() {
            self.0.push_back(lines.clone());
        }
        if self.0.len() > MOST {
            self.0.pop_front();
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use bytes::BufMut as _;

    use super::*;

    fn filled(buffers: &mut Buffers, length: usize) -> Bytes {
        let mut buffer = buffers.take();
        buffer.put_bytes(b'a', length);
        buffers.give(buffer)
    }

    #[test]
    fn memory_serves_again_when_lines_are_written_and_not_before() {
        let mut buffers = Buffers::default();
        let first = filled(&mut buffers, 10_000);
        let place = first.as_ptr();
        let second = filled(&mut buffers, 1);
        assert_ne!(second.as_ptr(), place, "the first is not written");
        assert_eq!((first.len(), second.len()), (10_000, 1));
        drop(first);
        let third = buffers.take();
        assert_eq!((third.as_ptr(), third.len()), (place, 0));
        assert!(third.capacity() >= 10_000);
    }

    #[test]
    fn a_batch_without_lines_stands_in_nobodys_way() {
        let mut buffers = Buffers::default();
        drop(filled(&mut buffers, 0));
        let first = filled(&mut buffers, 10_000);
        let place = first.as_ptr();
        drop(first);
        assert_eq!(buffers.take().as_ptr(), place);
    }

    #[test]
    fn not_more_is_kept_than_can_be_on_its_way() {
        let mut buffers = Buffers::default();
        let waiting: Vec<Bytes> = (0..2 * MOST).map(|_| filled(&mut buffers, 1)).collect();
        assert_eq!((buffers.0.len(), waiting.len()), (MOST, 2 * MOST));
    }
}
