//! Bounds what a daemon may do to the machine, as a service manager does. The bounds are set on the thread
//! that starts it.

use rustix::thread::{
    CapabilitiesSecureBits, CapabilitySet, CapabilitySets, capabilities,
    configure_capability_in_ambient_set, remove_capability_from_bounding_set, set_capabilities,
    set_capabilities_secure_bits,
};

/// Lets this thread, and what it starts, have no other capabilities than these.
pub(super) fn draw_bounds(bounds: CapabilitySet) {
    for bit in 0..u64::BITS {
        let one = CapabilitySet::from_bits_retain(1 << bit);
        if !bounds.contains(one) && remove_capability_from_bounding_set(one).is_err() {
            // The kernel knows no capability of this number, nor of any higher one.
            return;
        }
    }
}

/// Gives programs that this thread starts these capabilities, whichever user they run as, and none for being
/// root.
pub(super) fn keep_over_a_change_of_user(kept: CapabilitySet) {
    let bits = CapabilitiesSecureBits::NO_SETUID_FIXUP;
    set_capabilities_secure_bits(bits).expect("root may say so");
    let held = capabilities(None).expect("what this thread may do");
    set_capabilities(None, CapabilitySets { inheritable: kept, ..held })
        .expect("no more than it has");
    for one in kept.iter() {
        configure_capability_in_ambient_set(one, true).expect("it is inheritable");
    }
}
