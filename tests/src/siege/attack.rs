//! The attacks on a sensor, which follow one after the other.

use proptest::prelude::*;

/// One attack, or its end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Attack {
    /// The daemon is killed, and started again.
    Kill,
    /// The daemon hands over to the next.
    HandOver,
    /// The daemon is stopped.
    Freeze,
    /// It goes on.
    Thaw,
    /// The disk of the state is full.
    FillState,
    /// The disk of the output is full.
    FillOutput,
    /// Both disks have room again.
    Free,
    /// Connections to the HTTP port that never ask.
    PressOnHttp,
    /// Connections to the control socket that never ask.
    PressOnControl,
    /// They are gone.
    Disperse,
    /// The output is moved away, as log rotation does, and the daemon told.
    Rotate,
    /// A pin of the running sensor is removed.
    Unpin,
    /// The program is detached by force.
    Detach,
    /// The interface goes down, and up again.
    Flap,
    /// The configuration is read again.
    Reload,
    /// A file that is not an order is installed.
    InstallNonsense,
    /// All selection is halted: whatever was done before, within a second.
    Halt,
    /// Selection is resumed.
    Resume,
}

/// Any attack; halts come most often, because they matter most.
pub fn any() -> impl Strategy<Value = Attack> {
    prop_oneof![
        6 => Just(Attack::Halt),
        4 => Just(Attack::Resume),
        2 => Just(Attack::Kill),
        1 => Just(Attack::HandOver),
        2 => Just(Attack::Freeze),
        2 => Just(Attack::Thaw),
        1 => Just(Attack::FillState),
        1 => Just(Attack::FillOutput),
        2 => Just(Attack::Free),
        1 => Just(Attack::PressOnHttp),
        1 => Just(Attack::PressOnControl),
        1 => Just(Attack::Disperse),
        1 => Just(Attack::Rotate),
        1 => Just(Attack::Unpin),
        1 => Just(Attack::Detach),
        1 => Just(Attack::Flap),
        1 => Just(Attack::Reload),
        1 => Just(Attack::InstallNonsense),
    ]
}
