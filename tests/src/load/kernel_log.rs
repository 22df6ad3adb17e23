//! What the kernel says in its log while something is done. Nothing is excused: also what somebody else makes it
//! say is to be looked at by a person.

use std::fs::File;
use std::io::{ErrorKind, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::OpenOptionsExt as _;

use rustix::fs::OFlags;

/// Where it is.
const LOG: &str = "/dev/kmsg";

/// The kernel's own word for having warned: it stays also where a line is no longer there.
const TAINTED: &str = "/proc/sys/kernel/tainted";

/// The mildest level that is a warning.
const WARNING: u32 = 4;

/// What a kernel in trouble says, at whatever level.
const TROUBLE: [&str; 9] = [
    "WARNING:",
    "BUG:",
    "Oops",
    "rcu:",
    "stall",
    "lockup",
    "blocked for more than",
    "page allocation failure",
    "Call Trace:",
];

/// A position in the kernel's log.
pub(super) struct KernelLog {
    log: File,
    tainted: String,
}

impl KernelLog {
    /// From now on.
    ///
    /// # Panics
    /// Where the log cannot be read.
    pub(super) fn from_now() -> Self {
        let flags = OFlags::NONBLOCK.bits().cast_signed();
        let mut log = File::options().read(true).custom_flags(flags).open(LOG).expect("kernel log");
        log.seek(SeekFrom::End(0)).expect("the kernel's log has an end");
        Self { log, tainted: tainted() }
    }

    /// The warnings since then, or since the last call.
    ///
    /// # Panics
    /// Where the log cannot be read.
    pub(super) fn warnings(&mut self) -> Vec<String> {
        let mut warnings = Vec::new();
        let mut record = [0; 8_192];
        loop {
            match self.log.read(&mut record) {
                Ok(length) => {
                    let record = String::from_utf8_lossy(&record[..length]);
                    warnings.extend(warning(&record));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                // The kernel wrote more than its log holds.
                Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                    warnings
                        .push("lines of the kernel's log are gone before they were read".into());
                }
                Err(error) => panic!("{LOG}: {error}"),
            }
        }
        let tainted = tainted();
        if tainted != self.tainted {
            warnings.push(format!("tainted: {} became {tainted}", self.tainted));
            self.tainted = tainted;
        }
        warnings
    }
}

fn tainted() -> String {
    std::fs::read_to_string(TAINTED).expect("procfs is mounted").trim().to_owned()
}

/// A record is `priority,number,time,flags;text`, then lines of properties. Those of user space have another
/// facility than the kernel's, 0.
fn warning(record: &str) -> Option<String> {
    let (head, text) = record.split_once(';')?;
    let text = text.lines().next()?;
    let priority: u32 = head.split(',').next()?.parse().ok()?;
    let is_kernel = priority >> 3 == 0;
    let is_trouble =
        priority & 7 <= WARNING || TROUBLE.iter().any(|trouble| text.contains(trouble));
    (is_kernel && is_trouble).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_are_told_from_news_and_from_what_programs_write() {
        for (record, expected) in [
            ("4,1,2,-;something is wrong\n SUBSYSTEM=net\n", Some("something is wrong")),
            ("6,1,2,-;far: entered promiscuous mode\n", None),
            (
                "6,1,2,-;watchdog: BUG: soft lockup - CPU#1 stuck\n",
                Some("watchdog: BUG: soft lockup - CPU#1 stuck"),
            ),
            ("12,1,2,-;a program warns\n", None),
        ] {
            assert_eq!(warning(record).as_deref(), expected, "{record}");
        }
    }
}
