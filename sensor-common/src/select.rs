//! Selection: which rules hold for a packet, and which of them is the first of each order.

use crate::direction::Direction;
use crate::layout::{AddressValue, MOST_RULES, NO_PORTS, RuleWord, header, high, low};
use crate::parse::transport::Ports;
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
    /// Position of the first rule's word.
    rule_words: u32,
    /// The word that the cursor is in.
    word: u32,
    /// The rules of that word that hold and that the cursor has not passed.
    holding: u64,
    /// The rules of the next word that the cursor has not passed.
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
    /// A cursor that has nothing to walk over before [`Self::begin`].
    pub const START: Self =
        Self { rules: 0, width: 0, rule_words: 0, word: 0, holding: 0, ahead: u64::MAX };

    /// Enters the first word.
    #[inline(always)]
    pub fn begin<T: Tables>(&mut self, tables: &T, rows: &Rows) {
        let rules = tables.word(header::RULES);
        self.rules = low(rules);
        self.width = high(rules);
        self.rule_words = low(tables.word(header::RULE_WORDS));
        self.holding = rows.word(tables, self.width, 0);
    }

    /// Whether no rule is left.
    #[inline(always)]
    pub const fn at_end(&self) -> bool {
        self.holding == 0 && self.word.wrapping_add(1) >= self.width
    }

    /// Whether no rule is left in this word.
    #[inline(always)]
    pub const fn is_between_words(&self) -> bool {
        self.holding == 0
    }

    /// Enters the next word. Not to be called at the end.
    #[inline(always)]
    pub fn enter_word<T: Tables>(&mut self, tables: &T, rows: &Rows) {
        self.word = self.word.wrapping_add(1);
        self.holding = rows.word(tables, self.width, self.word) & self.ahead;
        self.ahead = u64::MAX;
    }

    /// Goes on to the end of the order whose rule is next. Not to be called between words.
    #[inline(always)]
    pub fn step<T: Tables>(&mut self, tables: &T) -> Hit {
        let rule = (self.word << 6).wrapping_add(self.holding.trailing_zeros());
        let rule_word = RuleWord(tables.word(self.rule_words.wrapping_add(rule)));
        let end = rule_word.order_end();
        let ahead = u64::MAX.wrapping_shl(end & 63);
        if end >= self.rules {
            // Behind the last order there is no word worth looking at.
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
            direction: direction as u32,
            protocol: protocol as u32,
            source_ports: NO_PORTS,
            destination_ports: NO_PORTS,
        }
    }

    /// Finds the rows of the packet's ports.
    #[inline(always)]
    pub fn find_ports<T: Tables>(&mut self, tables: &T, ports: Option<Ports>) {
        if let Some(ports) = ports {
            let classes = tables.word(header::PORT_CLASSES);
            self.source_ports = port_class(tables, low(classes), ports.source);
            self.destination_ports = port_class(tables, high(classes), ports.destination);
        }
    }

    /// Word number `word` of the AND of all rows, each of which has `width` words.
    #[inline(always)]
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
