//! Selection: which rules hold for a packet, and which of them is the first of each order.

use crate::direction::Direction;
use crate::layout::{AddressValue, MOST_RULES, NO_PORTS, RuleWord, header, high, low};
use crate::parse::Flow;
use crate::tables::{MOST_ORDERS, Tables, word_of};

/// Words in the longest row.
const MOST_ROW_WORDS: u32 = MOST_RULES / 64;

/// One packet, as selection sees it: a row number for every dimension. The rules that hold are the
/// AND of these rows.
#[derive(Clone, Copy)]
pub struct Rows {
    source: u32,
    destination: u32,
    direction: u32,
    protocol: u32,
    source_ports: u32,
    destination_ports: u32,
}

/// Steps after which every [`Cursor`] is at the end: each step leaves a word of the rows or an
/// order behind.
pub const MOST_STEPS: u32 = MOST_ROW_WORDS + MOST_ORDERS;

/// A walk over the rules that hold, which stops at the first one of each order.
pub struct Cursor {
    /// Number of rules.
    rules: u32,
    /// Words in a row.
    width: u32,
    /// The word that the cursor is in.
    word: u32,
    /// The rules of that word that the cursor has not passed.
    ahead: u64,
}

/// A rule that holds and is the first one of its order.
pub struct Hit {
    /// The rule's number in the generation.
    pub rule: u32,
    /// Slot of its order in the deadline table.
    pub slot: u32,
}

impl Cursor {
    /// A cursor before the first rule.
    #[inline(always)]
    pub fn new<T: Tables>(tables: &T) -> Self {
        let rules = tables.word(header::RULES);
        Self { rules: low(rules), width: high(rules), word: 0, ahead: u64::MAX }
    }

    /// Whether no rule is left.
    #[inline(always)]
    pub const fn at_end(&self) -> bool {
        self.word >= self.width
    }

    /// Goes on by one word, if nothing holds in it, or to the end of the order whose rule it finds.
    /// Not to be called at the end.
    #[inline(always)]
    pub fn step<T: Tables>(&mut self, tables: &T, rows: &Rows) -> Option<Hit> {
        let holding = rows.word(tables, self.width, self.word) & self.ahead;
        if holding == 0 {
            self.word = self.word.wrapping_add(1);
            self.ahead = u64::MAX;
            return None;
        }
        let rule = (self.word << 6).wrapping_add(holding.trailing_zeros());
        let rule_words = low(tables.word(header::RULE_WORDS));
        let rule_word = RuleWord(tables.word(rule_words.wrapping_add(rule)));
        // Behind the last order there is no word worth looking at.
        let last = rule_word.order_end() >= self.rules;
        self.word = if last { self.width } else { rule_word.order_end() >> 6 };
        self.ahead = u64::MAX.wrapping_shl(rule_word.order_end() & 63);
        Some(Hit { rule, slot: rule_word.slot() })
    }
}

impl Rows {
    /// Finds the packet's row in every dimension.
    #[inline(always)]
    pub fn find<T: Tables>(
        tables: &T,
        flow: &Flow,
        direction: Direction,
        source: AddressValue,
        destination: AddressValue,
    ) -> Self {
        let (mut source_ports, mut destination_ports) = (NO_PORTS, NO_PORTS);
        if let Some(ports) = flow.ports {
            let classes = tables.word(header::PORT_CLASSES);
            source_ports = port_class(tables, low(classes), ports.source);
            destination_ports = port_class(tables, high(classes), ports.destination);
        }
        Self {
            source: source.row(),
            destination: destination.row(),
            direction: direction as u32,
            protocol: u32::from(flow.protocol),
            source_ports,
            destination_ports,
        }
    }

    /// Word number `word` of the AND of all rows, each of which has `width` words.
    ///
    /// A function of its own in the kernel too, so that it has a stack frame of its own.
    #[inline(never)]
    fn word<T: Tables>(&self, tables: &T, width: u32, word: u32) -> u64 {
        let Some(head) = tables.line(header::SOURCE_ROWS >> 3) else { return 0 };
        let at = |rows: u32, number: u32| {
            let first = low(word_of(head, rows)).wrapping_add(number.wrapping_mul(width));
            tables.word(first.wrapping_add(word))
        };
        let mut holding = at(header::SOURCE_ROWS, self.source);
        holding &= at(header::DESTINATION_ROWS, self.destination);
        holding &= at(header::EITHER_ROWS, self.source) | at(header::EITHER_ROWS, self.destination);
        holding &= at(header::DIRECTION_ROWS, self.direction);
        holding &= at(header::PROTOCOL_ROWS, self.protocol);
        holding &= at(header::SOURCE_PORT_ROWS, self.source_ports);
        holding & at(header::DESTINATION_PORT_ROWS, self.destination_ports)
    }
}

/// The class of a port in the class table that starts at `table`.
#[inline(always)]
fn port_class<T: Tables>(tables: &T, table: u32, port: u16) -> u32 {
    if table == 0 {
        // No rule names such ports, so a packet with ports is as good as one without.
        return NO_PORTS;
    }
    let word = tables.word(table.wrapping_add(u32::from(port >> 2)));
    low(word.wrapping_shr(u32::from(port & 3) << 4)) & 0xffff
}
