//! The attachment of a program to an interface: made here, or taken over from the previous controller.
//!
//! Only BPF links are accepted: an attachment over netlink, to which aya falls back, would outlive a
//! controller that is killed.

use std::fs;

use aya::programs::links::{FdLink, PinnedLink};
use aya::programs::xdp::XdpLink;
use aya::programs::{Xdp, XdpMode};
use rustix::net::{AddressFamily, SocketType, netdevice, socket};

use super::pins::{Pins, refusal};
use super::{KernelError, XdpAttach};

/// Attaches `xdp` to `interface`. If one of `before` has a link to it, the program is replaced in one step, so
/// that no packet passes without one.
///
/// # Errors
/// [`KernelError`]: no such interface, no native XDP in its driver, or another program is attached.
pub(super) fn attach(
    xdp: &mut Xdp,
    interface: &str,
    how: XdpAttach,
    before: &[Pins],
) -> Result<FdLink, KernelError> {
    for pins in before {
        if let Some(link) = adoptable(pins, interface, how)? {
            let link = XdpLink::try_from(link).map_err(|error| not_ours(pins, &error))?;
            let id = xdp.attach_to_link(link).map_err(Box::new)?;
            let link = xdp.take_link(id).map_err(Box::new)?;
            return FdLink::try_from(link).map_err(|_| KernelError::NoLink);
        }
    }
    let mode = match how {
        XdpAttach::Native => XdpMode::Driver,
        XdpAttach::Generic => XdpMode::Skb,
    };
    let id = xdp.attach(interface, mode).map_err(Box::new)?;
    let link = xdp.take_link(id).map_err(Box::new)?;
    if let Ok(link) = FdLink::try_from(link) {
        return Ok(link);
    }
    // Attached again in the same way, only to get a handle by which it can be detached.
    let id = xdp.attach(interface, mode).map_err(Box::new)?;
    xdp.detach(id).map_err(Box::new)?;
    Err(KernelError::NoLink)
}

/// The link of these pins, if it attaches to this very interface in this way. Any other link is ended.
fn adoptable(pins: &Pins, interface: &str, how: XdpAttach) -> Result<Option<FdLink>, KernelError> {
    let path = pins.link(how);
    if path.exists() {
        let link = PinnedLink::from_pin(&path).map_err(|error| refusal(&path, &error))?;
        let link = FdLink::from(link);
        // If an interface was removed and made again, its index differs.
        if device(&link).is_some_and(|device| index(interface) == Some(device)) {
            return Ok(Some(link));
        }
    }
    pins.remove_links()?;
    Ok(None)
}

fn not_ours(pins: &Pins, error: &dyn std::error::Error) -> KernelError {
    refusal(&pins.link(XdpAttach::Native), error)
}

/// The index of the interface that a link attaches to. The kernel shows it in the descriptor's
/// information (`bpf_xdp_link_show_fdinfo`); 0 if the interface is gone.
fn device(link: &FdLink) -> Option<u32> {
    let id = link.info().ok()?.id();
    let descriptors = fs::read_dir("/proc/self/fdinfo").ok()?;
    let texts = descriptors.filter_map(|entry| fs::read_to_string(entry.ok()?.path()).ok());
    texts
        .filter(|text| field(text, "link_id:") == Some(id))
        .find_map(|text| field(&text, "ifindex:"))
}

fn field(text: &str, name: &str) -> Option<u32> {
    text.lines().find_map(|line| line.strip_prefix(name))?.trim().parse().ok()
}

/// The index of an interface of this network namespace.
fn index(interface: &str) -> Option<u32> {
    let socket = socket(AddressFamily::INET, SocketType::DGRAM, None).ok()?;
    netdevice::name_to_index(&socket, interface).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_a_descriptor() {
        let text = "pos:\t0\nlink_type:\txdp\nlink_id:\t12\nprog_id:\t7\nifindex:\t3\n";
        assert_eq!((field(text, "link_id:"), field(text, "ifindex:")), (Some(12), Some(3)));
        assert_eq!(field("pos:\t0\n", "link_id:"), None);
    }

    #[test]
    fn every_namespace_has_a_loopback_interface() {
        assert_eq!((index("lo"), index("no-such-one")), (Some(1), None));
    }
}
