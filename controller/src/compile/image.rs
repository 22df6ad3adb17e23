//! The image: compiled tables as lines of memory, laid out as `sensor_common::layout` says.

use sensor_common::layout::addresses::{
    BEHIND_CODES, V4_BUCKET, V4_COARSE, V4_FINE, V6_BUCKET, V6_LEAF_WORDS, V6_TOP,
};
use sensor_common::layout::{RuleWord, RulesWord, VERSION, halves, header};
use sensor_common::payload::{Group, GroupMasks};
use sensor_common::tables::{LINE_WORDS, Line, MOST_SEGMENTS, SEGMENT_LINES};

use super::CompileError;
use super::addresses::Addresses;
use super::bits::Bits;
use super::cuckoo::{Cuckoo, NoTable};
use super::filter;
use super::payload::GroupTable;
use super::ports::PortClasses;
use super::share;

/// Everything that goes into a generation.
pub(super) struct Tables {
    pub(super) number: u32,
    /// See [`super::Generation::share`].
    pub(super) share: Option<u64>,
    pub(super) addresses: Addresses,
    pub(super) source_rows: Vec<Bits>,
    /// With the rules whose order allows the address as a destination.
    pub(super) destination_rows: Vec<(Bits, Bits)>,
    pub(super) traffic_rows: Vec<Bits>,
    /// The rules for which one of the two addresses suffices.
    pub(super) either: Bits,
    pub(super) source_ports: PortClasses,
    pub(super) destination_ports: PortClasses,
    /// The first row is for rules without a payload condition.
    pub(super) payload_rows: Vec<Bits>,
    pub(super) payload: Vec<GroupTable>,
    /// The groups of the rules that name no address.
    pub(super) payload_only: GroupMasks,
    pub(super) payload_any: GroupMasks,
    pub(super) rules: Vec<RuleWord>,
}

/// Writes the tables into memory.
pub(super) fn write(tables: &Tables) -> Result<Vec<Line>, CompileError> {
    let mut image = Image(vec![0; BEHIND_CODES as usize]);
    image.v4(&tables.addresses)?;
    image.v6(&tables.addresses)?;

    for (position, rows) in [
        (header::SOURCE_ROWS, &tables.source_rows),
        (header::SOURCE_PORT_ROWS, &tables.source_ports.rows),
        (header::DESTINATION_PORT_ROWS, &tables.destination_ports.rows),
    ] {
        let at = image.append(rows.iter().flat_map(|row| row.0.iter().copied()))?;
        image.set(position, u64::from(at));
    }
    let pairs = tables.destination_rows.iter().map(|(row, allowed)| (row, allowed));
    image.append_pairs(header::DESTINATION_ROWS, pairs)?;
    let pairs = tables.traffic_rows.iter().map(|row| (row, &tables.either));
    image.append_pairs(header::TRAFFIC_ROWS, pairs)?;
    let source = image.append_classes(&tables.source_ports.classes)?;
    let destination = image.append_classes(&tables.destination_ports.classes)?;
    image.set(header::PORT_CLASSES, halves(source, destination));

    let at = image.append(tables.rules.iter().map(|rule| rule.0))?;
    image.set(header::RULE_WORDS, u64::from(at));
    let width = u8::try_from(tables.either.0.len()).unwrap_or(u8::MAX);
    let count = u32::try_from(tables.rules.len()).unwrap_or(u32::MAX);
    image.set(header::RULES, RulesWord::new(count, width, tables.payload_only.any()).0);
    if !tables.payload.is_empty() {
        image.payload(tables)?;
    }
    image.set(header::SHARE, share::word(tables.share));
    image.set(header::IDENTITY, halves(tables.number, VERSION));
    Ok(image.lines())
}

/// The words in the segments that the kernel has room for.
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
        // A block of a node must not cross a line.
        self.align();
        let at = self.append(front.nodes.iter().copied())?;
        self.set(header::V6_NODES, u64::from(at));
        // A leaf must not cross a line.
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

    /// Continues on a new line.
    fn align(&mut self) {
        self.0.resize(self.0.len().next_multiple_of(LINE_WORDS), 0);
    }

    /// Appends words and returns where they start.
    fn append(&mut self, words: impl Iterator<Item = u64>) -> Result<u32, CompileError> {
        let at = self.0.len();
        self.0.extend(words);
        if self.0.len() > MOST_WORDS {
            return Err(CompileError::TooLarge);
        }
        u32::try_from(at).map_err(|_| CompileError::TooLarge)
    }

    /// Appends rows, two words for 64 rules, at an even position, and returns where.
    fn append_pairs<'a>(
        &mut self,
        position: u32,
        rows: impl Iterator<Item = (&'a Bits, &'a Bits)>,
    ) -> Result<(), CompileError> {
        self.0.resize(self.0.len().next_multiple_of(2), 0);
        let words = rows.flat_map(|(one, other)| one.0.iter().zip(&other.0));
        let at = self.append(words.flat_map(|(one, other)| [*one, *other]))?;
        self.set(position, u64::from(at));
        Ok(())
    }

    /// Appends the payload tables.
    fn payload(&mut self, tables: &Tables) -> Result<(), CompileError> {
        let words = tables.payload_rows.iter().flat_map(|row| row.0.iter().copied());
        let at = self.append(words)?;
        self.set(header::PAYLOAD_ROWS, u64::from(at));
        let mut lines = Vec::new();
        let mut key_number = 0;
        let mut last = None;
        for group in &tables.payload {
            if last.replace(group.key) != Some(group.key) {
                key_number += 1;
            }
            let filter = group.filter();
            let filter_words = u32::try_from(filter.len()).map_err(|_| CompileError::TooLarge)?;
            let (index, shift) = group.index();
            let rows: Vec<u32> = group.entries.iter().map(|(_, row)| *row).collect();
            let rows = rows.chunks(2).map(|two| halves(two[0], two.get(1).copied().unwrap_or(0)));
            let line = Group {
                key: group.key,
                length: group.length,
                key_number,
                filter: self.append(filter.into_iter())?,
                filter_words,
                index: self.append(index.into_iter().map(|word| word.0))?,
                shift,
                hashes: self.append(group.entries.iter().map(|(hash, _)| *hash))?,
                rows: self.append(rows)?,
                prefixes: match group.prefixes.as_slice() {
                    [] => 0,
                    words => self.append(words.iter().copied())?,
                },
            };
            lines.push(line.line());
        }
        self.0.resize(self.0.len().next_multiple_of(LINE_WORDS), 0);
        let at = self.append(lines.into_iter().flatten())?;
        self.set(header::PAYLOAD_GROUPS, u64::from(at));
        self.set(header::PAYLOAD_ONLY, tables.payload_only.0);
        self.set(header::PAYLOAD_ANY, tables.payload_any.0);
        Ok(())
    }

    /// Appends port classes, four to a word; returns position 0 if there are none.
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
