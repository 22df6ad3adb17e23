//! Why a layer is the last one.

/// Why a layer does not lead to a packet inside of it.
///
/// As wide as an offset: where a result holds either this or a layer, the compiler would otherwise write offsets byte
/// by byte.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u32)]
pub(super) enum Stop {
    /// It carries something that is not IP.
    NonIp,
    /// It is cut short, contradicts itself or what carries it, or is too deep.
    Malformed,
    /// It is not what its place announced, or is not to be entered: what carries it is judged by itself.
    Unopened,
}
