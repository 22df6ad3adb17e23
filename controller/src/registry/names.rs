//! The names of the files in a state directory.

/// The current state.
pub const STATE: &str = "state.json";
/// The next state, before it is renamed to [`STATE`].
pub(super) const NEW_STATE: &str = "state.json.new";
/// The audit file: one event to a line.
pub const EVENTS: &str = "events.ndjson";
/// The memory of a halt, which can be written when nothing else can.
pub const HALT: &str = "halt";
/// How to reach the kernel's gate without the daemon.
pub const GATE: &str = "gate.json";
/// The folders, whose files never change.
pub(super) const FOLDERS: [&str; 5] = ["bases", "orders", "revocations", "trust", CLASSES];
/// The folder of the classes of addresses that are in force.
pub(super) const CLASSES: &str = "direction";

/// The envelope of an approval or agreement, by its SHA-256.
pub(super) fn basis(digest: &str) -> String {
    format!("bases/{digest}.dsse")
}

/// The envelope of an order, by its SHA-256.
pub(super) fn order(digest: &str) -> String {
    format!("orders/{digest}.dsse")
}

/// The envelope of a revocation, by its SHA-256.
pub(super) fn revocation(digest: &str) -> String {
    format!("revocations/{digest}.dsse")
}

/// The file with the class of every address, by its SHA-256.
pub(super) fn classes(digest: &str) -> String {
    format!("{CLASSES}/{digest}.classes")
}

/// A version of the trust file. The first is kept as it was given, each later one in its envelope.
pub(super) fn trust(version: u64, signed: bool) -> String {
    format!("trust/{version}.{}", if signed { "dsse" } else { "json" })
}
