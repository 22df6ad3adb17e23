//! The names in a state directory, each in one place.

/// The current state.
pub const STATE: &str = "state.json";
/// What becomes the current state.
pub(super) const NEW_STATE: &str = "state.json.new";
/// The audit file: one event to a line.
pub const EVENTS: &str = "events.ndjson";
/// Whether selection is halted, also where nothing else can be written.
pub const HALT: &str = "halt";
/// How the kernel's gate is reached without the daemon.
pub const GATE: &str = "gate.json";
/// The folders, for files that never change.
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

/// The class of every address, by its SHA-256.
pub(super) fn classes(digest: &str) -> String {
    format!("{CLASSES}/{digest}.classes")
}

/// A version of the trust file: as it was given at first, or in the envelope that made it follow
/// the one before.
pub(super) fn trust(version: u64, signed: bool) -> String {
    format!("trust/{version}.{}", if signed { "dsse" } else { "json" })
}
