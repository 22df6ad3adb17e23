//! The image: compiled tables as lines of memory, laid out as `sensor_common::layout` says.

use sensor_common::layout::addresses::{
    BEHIND_CODES, V4_BUCKET, V4_COARSE, V4_FINE, V6_BUCKET, V6_LEAF_WORDS, V6_TOP,
};
use sensor_common::layout::{RuleWord, VERSION, halves, header};
use sensor_common::tables::{LINE_WORDS, Line, MOST_SEGMENTS, SEGMENT_LINES};

use super::CompileError;
use super::addresses::Addresses;
use super::bits::Bits;
use super::cuckoo::{Cuckoo, NoTable};
use super::filter;
use super::ports::PortClasses;

/// Everything that goes into a generation.
pub(super) struct Tables {
    pub(super) number: u32,
    pub(super) addresses: Addresses,
    pub(super) source_rows: Vec<Bits>,
    pub(super) destination_rows: Vec<Bits>,
    pub(super) either_rows: Vec<Bits>,
    pub(super) direction_rows: Vec<Bits>,
    pub(super) protocol_rows: Vec<Bits>,
    pub(super) source_ports: PortClasses,
    pub(super) destination_ports: PortClasses,
    pub(super) rules: Vec<RuleWord>,
}

/// Writes the tables into memory.
pub(super) fn write(tables: &Tables) -> Result<Vec<Line>, CompileError> {
    let mut image = Image(vec![0; BEHIND_CODES as usize]);
    image.v4(&tables.addresses)?;
    image.v6(&tables.addresses)?;

    for (position, rows) in [
        (header::SOURCE_ROWS, &tables.source_rows),
        (header::DESTINATION_ROWS, &tables.destination_rows),
        (header::EITHER_ROWS, &tables.either_rows),
        (header::DIRECTION_ROWS, &tables.direction_rows),
        (header::PROTOCOL_ROWS, &tables.protocol_rows),
        (header::SOURCE_PORT_ROWS, &tables.source_ports.rows),
        (header::DESTINATION_PORT_ROWS, &tables.destination_ports.rows),
    ] {
        let at = image.append(rows.iter().flat_map(|row| row.0.iter().copied()))?;
        image.set(position, u64::from(at));
    }
    let source = image.append_classes(&tables.source_ports.classes)?;
    let destination = image.append_classes(&tables.destination_ports.classes)?;
    image.set(header::PORT_CLASSES, halves(source, destination));

    let at = image.append(tables.rules.iter().map(|rule| rule.0))?;
    image.set(header::RULE_WORDS, u64::from(at));
    let width = tables.direction_rows.first().map_or(0, |row| row.0.len());
    let count = tables.rules.len();
    let [count, width] = [count, width].map(|number| u32::try_from(number).unwrap_or(u32::MAX));
    image.set(header::RULES, halves(count, width));
    image.set(header::IDENTITY, halves(tables.number, VERSION));
    Ok(image.lines())
}

/// Words in as many segments as the kernel has room for.
const MOST_WORDS: usize = MOST_SEGMENTS as usize * SEGMENT_LINES as usize * LINE_WORDS;

impl From<NoTable> for CompileError {
    fn from(_: NoTable) -> Self {
        Self::TooLarge
    }
}

/// The number of the line whose first word is at this position.
const fn line_at(position: u32) -> u32 {
    position >> LINE_WORDS.ilog2()
}

struct Image(Vec<u64>);

impl Image {
    fn set(&mut self, position: u32, word: u64) {
        self.0[position as usize] = word;
    }

    fn set_all(&mut self, position: u32, words: &[u64]) {
        let position = position as usize;
        self.0[position..position + words.len()].copy_from_slice(words);
    }

    fn v4(&mut self, addresses: &Addresses) -> Result<(), CompileError> {
        let Addresses { v4_front: front, v4_index, .. } = addresses;
        self.set_all(V4_COARSE, &front.coarse);
        self.set_all(V4_FINE, &front.fine);
        let key = |number: usize| u64::from(front.singles[number].0);
        self.filter(header::V4_FILTER, (0..front.singles.len()).map(key))?;
        let table = Cuckoo::build(front.singles.len(), V4_BUCKET, key)?;
        self.table(header::V4_SINGLES, &table, |bucket, line| {
            for (word, number) in line.iter_mut().zip(bucket) {
                let (address, value) = front.singles[*number];
                *word = halves(value.0, address);
            }
        })?;
        let at = self.append(v4_index.words.iter().map(|word| word.0))?;
        self.set(header::V4_INDEX, halves(at, v4_index.shift));
        let at = self.append(front.ranges.iter().map(|(first, value)| {
            // The first address of an IPv4 range fits into 32 bits.
            halves(value.0, u32::try_from(*first).unwrap_or(u32::MAX))
        }))?;
        self.set(header::V4_RANGES, u64::from(at));
        Ok(())
    }

    fn v6(&mut self, addresses: &Addresses) -> Result<(), CompileError> {
        let Addresses { v6_front: front, v6_ranges: ranges, v6_index, .. } = addresses;
        self.set_all(V6_TOP, &front.top);
        let at = self.append(front.nodes.iter().copied())?;
        self.set(header::V6_NODES, u64::from(at));
        // No leaf may lie in two lines.
        const { assert!(LINE_WORDS.is_multiple_of(V6_LEAF_WORDS)) };
        self.align();
        let at = self.append(front.leaves.iter().flat_map(|leaf| leaf.0))?;
        self.set(header::V6_LEAVES, u64::from(line_at(at)));
        self.set(header::V6_CHUNK_SHIFT, u64::from(front.chunk_shift));
        let key = |number: usize| front.chunks[number].0;
        self.filter(header::V6_FILTER, (0..front.chunks.len()).map(key))?;
        let table = Cuckoo::build(front.chunks.len(), V6_BUCKET, key)?;
        self.table(header::V6_CHUNKS, &table, |bucket, line| {
            for (slot, number) in bucket.iter().enumerate() {
                let (chunk, word) = front.chunks[*number];
                line[slot] = chunk;
                line[V6_BUCKET + slot] = word.0;
            }
        })?;
        let at = self.append(v6_index.words.iter().map(|word| word.0))?;
        self.set(header::V6_INDEX, halves(at, v6_index.shift));
        let highs = self.append(ranges.iter().map(|(first, _)| (first >> 64) as u64))?;
        #[expect(clippy::cast_possible_truncation, reason = "the last 64 bits are meant")]
        let lows = self.append(ranges.iter().map(|(first, _)| *first as u64))?;
        self.set(header::V6_RANGES, halves(highs, lows));
        let at = self.append(ranges.iter().map(|(_, value)| u64::from(value.0)))?;
        self.set(header::V6_VALUES, u64::from(at));
        Ok(())
    }

    fn filter(
        &mut self,
        position: u32,
        keys: impl ExactSizeIterator<Item = u64>,
    ) -> Result<(), CompileError> {
        let filter = filter::build(keys);
        let length = u32::try_from(filter.len()).map_err(|_| CompileError::TooLarge)?;
        let at = self.append(filter.into_iter())?;
        self.set(position, halves(at, length));
        Ok(())
    }

    /// Appends a cuckoo table; `fill` writes the entries with these numbers into their line.
    fn table(
        &mut self,
        position: u32,
        table: &Cuckoo,
        fill: impl Fn(&[usize], &mut Line),
    ) -> Result<(), CompileError> {
        self.align();
        let mut entries = Vec::new();
        let at = self.append(table.buckets().flat_map(|bucket| {
            entries.clear();
            entries.extend(bucket.flatten());
            let mut line = [0; LINE_WORDS];
            fill(&entries, &mut line);
            line
        }))?;
        self.set(position, halves(line_at(at), table.buckets));
        Ok(())
    }

    /// Goes on with a new line.
    fn align(&mut self) {
        self.0.resize(self.0.len().next_multiple_of(LINE_WORDS), 0);
    }

    /// Appends words and says where they start.
    fn append(&mut self, words: impl Iterator<Item = u64>) -> Result<u32, CompileError> {
        let at = self.0.len();
        self.0.extend(words);
        if self.0.len() > MOST_WORDS {
            return Err(CompileError::TooLarge);
        }
        u32::try_from(at).map_err(|_| CompileError::TooLarge)
    }

    /// Appends port classes, four to a word; position 0 where there are none.
    fn append_classes(&mut self, classes: &[u16]) -> Result<u32, CompileError> {
        if classes.is_empty() {
            return Ok(0);
        }
        self.append(
            classes.chunks(4).map(|four| {
                four.iter().rev().fold(0, |word, class| word << 16 | u64::from(*class))
            }),
        )
    }

    fn lines(mut self) -> Vec<Line> {
        self.align();
        let (lines, _) = self.0.as_chunks::<LINE_WORDS>();
        lines.to_vec()
    }
}
