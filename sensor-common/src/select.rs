//! Selection: which rules hold for a packet, and which of them is the first of each order.

use crate::direction::Direction;
use crate::layout::{
    AddressValue, MOST_RULES, NO_PORTS, RuleWord, RulesWord, header, high, low, traffic_row,
};
use crate::parse::ports::Ports;
use crate::payload::{Hits, MOST_GROUPS};
use crate::tables::{Line, MOST_ORDERS, Slot, Tables, word_of};

/// Words in the longest row.
const MOST_ROW_WORDS: u32 = MOST_RULES / 64;

/// The line of the header that selection reads.
pub const HEAD: u32 = header::SOURCE_ROWS >> 3;

/// A packet as selection sees it: a row number for every dimension but the payload. The rules that hold
/// are the AND of these rows.
#[derive(Clone, Copy, Default)]
pub struct Rows {
    source: u32,
    destination: u32,
    traffic: u32,
    source_ports: u32,
    destination_ports: u32,
}

/// Steps after which every [`Cursor`] is at the end: each step passes a word of the rows or an order.
pub const MOST_STEPS: u32 = MOST_ROW_WORDS + MOST_ORDERS;

/// A walk over the rules that hold. It stops at the first rule of each order.
pub struct Cursor {
    /// Number of rules.
    rules: u32,
    /// Words in a row.
    width: u32,
    /// The current word.
    word: u32,
    /// The rules of the current word that hold and are still to come.
    holding: u64,
    /// The rules of the next word that are still to come.
    ahead: u64,
}

/// A rule that holds and is the first one of its order.
pub struct Hit {
    /// The rule's number in the generation.
    pub rule: u32,
    /// Slot of its order in the table of terms.
    pub slot: Slot,
}

/// Knowledge of a packet's payload.
#[derive(Clone, Copy)]
pub enum Known<'a> {
    /// None yet.
    Nothing,
    /// The rows of the prefixes that it begins with.
    Hits(&'a Hits),
}

/// A rule depends on the payload, which is not known yet.
pub struct AsksForPayload;

impl Cursor {
    /// A cursor before the first word.
    #[inline(always)]
    pub const fn new(rules: RulesWord) -> Self {
        Self {
            rules: rules.count(),
            width: rules.width(),
            word: u32::MAX,
            holding: 0,
            ahead: u64::MAX,
        }
    }

    /// Whether no rule is left.
    #[inline(always)]
    pub const fn at_end(&self) -> bool {
        self.holding == 0 && self.word.wrapping_add(1) >= self.width
    }

    /// Whether no rule is left in the current word.
    #[inline(always)]
    pub const fn is_between_words(&self) -> bool {
        self.holding == 0
    }

    /// Enters the next word. Not to be called at the end.
    ///
    /// # Errors
    /// [`AsksForPayload`]: all other conditions of a rule hold. The cursor has not moved.
    #[inline(always)]
    pub fn enter_word<T: Tables>(
        &mut self,
        tables: &T,
        head: &Line,
        rows: &Rows,
        payload: Known<'_>,
    ) -> Result<(), AsksForPayload> {
        let word = self.word.wrapping_add(1);
        let mut holding = rows.word(tables, head, self.width, word).unwrap_or(0) & self.ahead;
        let payload_rows = low(word_of(head, header::PAYLOAD_ROWS));
        // Most generations have no rule with a payload.
        if payload_rows != 0 {
            let at = |row: u32| {
                let nth = row.wrapping_mul(self.width).wrapping_add(word);
                tables.word(payload_rows.wrapping_add(nth))
            };
            let mut met = at(0);
            if holding & !met != 0 {
                let Known::Hits(hits) = payload else { return Err(AsksForPayload) };
                for number in 0..MOST_GROUPS {
                    let Some(row) = hits.get(number) else { break };
                    met |= at(row);
                }
            }
            holding &= met;
        }
        self.word = word;
        self.holding = holding;
        self.ahead = u64::MAX;
        Ok(())
    }

    /// Takes the next rule, and passes the other rules of its order. Not to be called between words.
    #[inline(always)]
    pub fn step<T: Tables>(&mut self, tables: &T, head: &Line) -> Hit {
        let rule = (self.word << 6).wrapping_add(self.holding.trailing_zeros());
        let rule_words = low(word_of(head, header::RULE_WORDS));
        let rule_word = RuleWord(tables.word(rule_words.wrapping_add(rule)));
        let end = rule_word.order_end();
        let ahead = u64::MAX.wrapping_shl(end & 63);
        if end >= self.rules {
            // It was the last order.
            self.holding = 0;
            self.word = self.width;
        } else if end >> 6 == self.word {
            self.holding &= ahead;
        } else {
            self.holding = 0;
            self.word = (end >> 6).wrapping_sub(1);
            self.ahead = ahead;
        }
        Hit { rule, slot: rule_word.slot() }
    }
}

impl Rows {
    /// The rows of a packet that has no ports.
    #[inline(always)]
    pub const fn of(
        protocol: u8,
        direction: Direction,
        source: AddressValue,
        destination: AddressValue,
    ) -> Self {
        Self {
            source: source.row(),
            destination: destination.row(),
            traffic: traffic_row(direction, protocol),
            source_ports: NO_PORTS,
            destination_ports: NO_PORTS,
        }
    }

    /// Finds the rows of the packet's ports.
    #[inline(always)]
    pub fn find_ports<T: Tables>(&mut self, tables: &T, head: &Line, ports: Option<Ports>) {
        if let Some(ports) = ports {
            let classes = word_of(head, header::PORT_CLASSES);
            self.source_ports = port_class(tables, low(classes), ports.source);
            self.destination_ports = port_class(tables, high(classes), ports.destination);
        }
    }

    /// Word number `word` of the AND of all rows, each of which has `width` words. `None` where the tables
    /// are inconsistent.
    #[inline(always)]
    fn word<T: Tables>(&self, tables: &T, head: &Line, width: u32, word: u32) -> Option<u64> {
        let nth = |row: u32| row.wrapping_mul(width).wrapping_add(word);
        let single = |rows, row| low(word_of(head, rows)).wrapping_add(nth(row));
        // Two adjacent words at an even position: one look-up for both.
        let pair = |rows, row| {
            let first = low(word_of(head, rows)).wrapping_add(nth(row) << 1);
            let line = tables.line(first >> 3)?;
            Some((word_of(line, first), word_of(line, first | 1)))
        };
        let source = tables.word_within(single(header::SOURCE_ROWS, self.source))?;
        let (destination, allowed) = pair(header::DESTINATION_ROWS, self.destination)?;
        let (traffic, either) = pair(header::TRAFFIC_ROWS, self.traffic)?;
        let addresses = source & destination | (source | destination) & either;
        let mut holding = addresses & allowed & traffic;
        // Where no rule names such ports, there is only one row, and it has every rule.
        let classes = word_of(head, header::PORT_CLASSES);
        if low(classes) != 0 {
            let row = single(header::SOURCE_PORT_ROWS, self.source_ports);
            holding &= tables.word_within(row)?;
        }
        if high(classes) != 0 {
            let row = single(header::DESTINATION_PORT_ROWS, self.destination_ports);
            holding &= tables.word_within(row)?;
        }
        Some(holding)
    }
}

/// The class of a port in the class table that starts at `table`.
#[inline(always)]
fn port_class<T: Tables>(tables: &T, table: u32, port: u16) -> u32 {
    if table == 0 {
        // No rule names such ports, so the packet is treated as one without.
        return NO_PORTS;
    }
    let word = tables.word(table.wrapping_add(u32::from(port >> 2)));
    low(word.wrapping_shr(u32::from(port & 3) << 4)) & 0xffff
}
