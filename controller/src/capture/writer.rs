//! Captures made in memory, for tests.

/// A byte order.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Order {
    /// Least significant byte first.
    Little,
    /// Most significant byte first.
    Big,
}

impl Order {
    pub(crate) const BOTH: [Self; 2] = [Self::Little, Self::Big];

    pub(crate) fn u16(self, value: u16) -> [u8; 2] {
        if self == Self::Big { value.to_be_bytes() } else { value.to_le_bytes() }
    }

    pub(crate) fn u32(self, value: u32) -> [u8; 4] {
        if self == Self::Big { value.to_be_bytes() } else { value.to_le_bytes() }
    }

    pub(crate) fn i64(self, value: i64) -> [u8; 8] {
        if self == Self::Big { value.to_be_bytes() } else { value.to_le_bytes() }
    }
}

/// The header of a pcap file.
pub(crate) fn pcap(order: Order, magic: u32, link_type: u32) -> Vec<u8> {
    let mut file = order.u32(magic).to_vec();
    file.extend(order.u16(2));
    file.extend(order.u16(4));
    for field in [0, 0, 262_144, link_type] {
        file.extend(order.u32(field));
    }
    file
}

/// Microseconds.
pub(crate) const MICRO: u32 = 0xa1b2_c3d4;
/// Nanoseconds.
pub(crate) const NANO: u32 = 0xa1b2_3c4d;
/// Kuznetzov's variant.
pub(crate) const VARIANT: u32 = 0xa1b2_cd34;

/// Appends a packet to a pcap file.
pub(crate) fn pcap_packet(
    file: &mut Vec<u8>,
    order: Order,
    (seconds, fraction): (u32, u32),
    data: &[u8],
    wire_length: u32,
) {
    for field in [seconds, fraction, u32::try_from(data.len()).unwrap(), wire_length] {
        file.extend(order.u32(field));
    }
    file.extend(data);
}

/// A pcapng file under construction.
pub(crate) struct Pcapng {
    order: Order,
    pub(crate) file: Vec<u8>,
    /// Where each block ends.
    pub(crate) ends: Vec<usize>,
}

impl Pcapng {
    /// Begins a file with a section.
    pub(crate) fn new(order: Order) -> Self {
        let mut file = Self { order, file: Vec::new(), ends: Vec::new() };
        file.section(order);
        file
    }

    /// Begins a section, perhaps in another byte order.
    pub(crate) fn section(&mut self, order: Order) {
        self.order = order;
        let mut body = order.u32(0x1a2b_3c4d).to_vec();
        body.extend(order.u16(1));
        body.extend(order.u16(0));
        body.extend(order.i64(-1));
        self.block(0x0a0d_0d0a, &body);
    }

    /// Appends any block.
    pub(crate) fn block(&mut self, block_type: u32, body: &[u8]) {
        let padding = body.len().next_multiple_of(4) - body.len();
        let length = self.order.u32(u32::try_from(12 + body.len() + padding).unwrap());
        self.file.extend(self.order.u32(block_type));
        self.file.extend(length);
        self.file.extend(body);
        self.file.extend(vec![0; padding]);
        self.file.extend(length);
        self.ends.push(self.file.len());
    }

    /// Describes an interface with options of a code and a value each.
    pub(crate) fn interface(&mut self, link_type: u16, snap: u32, options: &[(u16, &[u8])]) {
        let mut body = self.order.u16(link_type).to_vec();
        body.extend([0, 0]);
        body.extend(self.order.u32(snap));
        self.options(&mut body, options);
        self.block(1, &body);
    }

    fn options(&self, body: &mut Vec<u8>, options: &[(u16, &[u8])]) {
        for (code, value) in options {
            body.extend(self.order.u16(*code));
            body.extend(self.order.u16(u16::try_from(value.len()).unwrap()));
            body.extend(*value);
            body.resize(body.len().next_multiple_of(4), 0);
        }
        if !options.is_empty() {
            body.extend([0; 4]);
        }
    }

    /// Appends an Enhanced Packet Block.
    pub(crate) fn enhanced(&mut self, interface: u32, ticks: u64, data: &[u8], wire: u32) {
        let body = self.packet(&self.order.u32(interface), ticks, data, wire);
        self.block(6, &body);
    }

    /// The same with options.
    pub(crate) fn enhanced_with(
        &mut self,
        interface: u32,
        ticks: u64,
        data: &[u8],
        wire: u32,
        options: &[(u16, &[u8])],
    ) {
        let mut body = self.packet(&self.order.u32(interface), ticks, data, wire);
        body.resize(body.len().next_multiple_of(4), 0);
        self.options(&mut body, options);
        self.block(6, &body);
    }

    /// Appends an obsolete Packet Block.
    pub(crate) fn obsolete(&mut self, interface: u16, ticks: u64, data: &[u8], wire: u32) {
        let [a, b] = self.order.u16(interface);
        let body = self.packet(&[a, b, 0xff, 0xff], ticks, data, wire);
        self.block(2, &body);
    }

    /// Appends a Simple Packet Block.
    pub(crate) fn simple(&mut self, data: &[u8], wire: u32) {
        let mut body = self.order.u32(wire).to_vec();
        body.extend(data);
        self.block(3, &body);
    }

    fn packet(&self, first: &[u8], ticks: u64, data: &[u8], wire: u32) -> Vec<u8> {
        let mut body = first.to_vec();
        let [high, low] =
            [ticks >> 32, ticks & 0xffff_ffff].map(|half| u32::try_from(half).unwrap());
        for field in [high, low, u32::try_from(data.len()).unwrap(), wire] {
            body.extend(self.order.u32(field));
        }
        body.extend(data);
        body
    }
}
