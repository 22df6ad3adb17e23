//! The names of encapsulations, in the configuration and on the command line.

use sensor_common::parse::tunnel::{Entered, Tunnel};

/// A name that no encapsulation has.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{}` is none of {}", .0.escape_debug(), names(Entered::ALL).join(", "))]
pub struct UnknownTunnel(String);

/// The encapsulation of this name.
///
/// # Errors
/// [`UnknownTunnel`].
pub fn named(name: &str) -> Result<Tunnel, UnknownTunnel> {
    let known = Tunnel::ALL.iter().find(|tunnel| tunnel.name() == name);
    known.copied().ok_or_else(|| UnknownTunnel(name.to_owned()))
}

/// The names of the encapsulations that are entered.
pub fn names(entered: Entered) -> Vec<&'static str> {
    Tunnel::ALL.iter().filter(|tunnel| entered.has(**tunnel)).map(|tunnel| tunnel.name()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_is_its_own() {
        let all: Entered = names(Entered::ALL).iter().map(|name| named(name).unwrap()).collect();
        assert_eq!(all, Entered::ALL);
        let error = named("l2tp\n").unwrap_err().to_string();
        assert!(error.starts_with(r"`l2tp\n` is none of vlan, mpls, "), "{error}");
        assert!(error.ends_with(", gtp-u, teredo"), "{error}");
        assert_eq!(names(Entered::NONE), [""; 0]);
    }

    #[test]
    fn each_is_documented() {
        let page = include_str!("../../docs/packets.md");
        for name in names(Entered::ALL) {
            assert!(page.contains(&format!("\n| `{name}` | ")), "{name}");
        }
    }
}
