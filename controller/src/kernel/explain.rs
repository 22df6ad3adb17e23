//! Kernel errors, worded for the person who runs a command.

use std::io;

use super::KernelError;

/// Error numbers of Linux that have a plain meaning here (asm-generic/errno*.h).
mod errno {
    pub(super) const EPERM: i32 = 1;
    pub(super) const ENOMEM: i32 = 12;
    pub(super) const EBUSY: i32 = 16;
    pub(super) const EEXIST: i32 = 17;
    pub(super) const EOPNOTSUPP: i32 = 95;
}

impl KernelError {
    /// What happened and what to do about it, in one line.
    pub fn explain(&self) -> String {
        let plain = match errno(self) {
            Some(errno::EPERM) => {
                "the kernel does not permit it: run as root, or with CAP_BPF, CAP_NET_ADMIN and \
                 CAP_PERFMON"
            }
            Some(errno::ENOMEM) => "the kernel has no memory for its tables or rings",
            Some(errno::EBUSY | errno::EEXIST) => {
                "another XDP program is attached; detach it first"
            }
            Some(errno::EOPNOTSUPP) => {
                "its driver has no native XDP (or not with this MTU or its settings); `xdp = \
                 \"generic\"` is slower and must be chosen explicitly"
            }
            _ => return one_line(&self.to_string()),
        };
        one_line(&format!("{plain} ({self})"))
    }

    /// Whether a privilege is missing.
    pub fn is_denied(&self) -> bool {
        errno(self) == Some(errno::EPERM)
    }
}

/// The system's error number, if there is one among the sources.
fn errno(error: &KernelError) -> Option<i32> {
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = source {
        if let Some(number) = error.downcast_ref::<io::Error>().and_then(io::Error::raw_os_error) {
            return Some(number);
        }
        source = error.source();
    }
    None
}

/// Joins the lines and cuts out the middle: the verifier's log is long, and its end says what is wrong.
fn one_line(text: &str) -> String {
    const LONGEST: usize = 1_000;
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let count = text.chars().count();
    if count <= LONGEST {
        return text;
    }
    let half = LONGEST / 2;
    let head: String = text.chars().take(half).collect();
    let tail: String = text.chars().skip(count - half).collect();
    format!("{head} … {tail}")
}
