//! Limits what the daemon may do to the machine to what it needs at each stage (L-SAFE).
//!
//! | stage | threads | capabilities |
//! |---|---|---|
//! | from the first moment | all | [`OPENING`] at most |
//! | opening: sockets, loading, attaching | one, which then ends | [`OPENING`] |
//! | running | all others, from their start | [`RUNNING`] |
//!
//! Capabilities belong to threads, and a new thread inherits those of the thread that starts it. So the
//! threads of the runtime are started after the process has given up all but [`RUNNING`], and one thread that
//! was started before ([`Opener`]) does what needs more.
//!
//! Reading or writing the files of other users (`CAP_DAC_OVERRIDE`) is in neither set: a file that the daemon
//! could not read again at a reload, it does not read at its start either.

use std::io;
use std::thread::JoinHandle;

use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, clear_ambient_capability_set, no_new_privs,
    remove_capability_from_bounding_set, set_capabilities, set_no_new_privs,
};
use tokio::sync::oneshot;

use crate::control::status::Privileges;

/// Needed to start, where the process has them: the program is loaded (`CAP_BPF`, `CAP_PERFMON`)
/// and attached (`CAP_NET_ADMIN`), the control socket given to its group (`CAP_CHOWN`), and metrics
/// perhaps served on a port below 1024 (`CAP_NET_BIND_SERVICE`).
pub const OPENING: CapabilitySet = CapabilitySet::BPF
    .union(CapabilitySet::PERFMON)
    .union(CapabilitySet::NET_ADMIN)
    .union(CapabilitySet::CHOWN)
    .union(CapabilitySet::NET_BIND_SERVICE);

/// Needed to the end: tables are created and terms and lease set through `bpf(2)`, of which a
/// kernel with `kernel.unprivileged_bpf_disabled` set wants `CAP_BPF`. Detaching needs nothing.
pub const RUNNING: CapabilitySet = CapabilitySet::BPF;

/// A capability that could not be given up: exit status 1.
#[derive(Debug, thiserror::Error)]
#[error("giving up privileges: {what}: {source}")]
pub struct PrivilegeError {
    what: &'static str,
    source: io::Error,
}

fn failed(what: &'static str) -> impl FnOnce(rustix::io::Errno) -> PrivilegeError {
    move |error| PrivilegeError { what, source: error.into() }
}

/// Gives up everything that is not needed to start. To be called while there is only one thread.
///
/// # Errors
/// [`PrivilegeError`].
pub fn confine() -> Result<(), PrivilegeError> {
    set_no_new_privs(true).map_err(failed("no_new_privs"))?;
    // Nothing is ever executed, so the bounding set is emptied. Without CAP_SETPCAP it stays as it is, which
    // no_new_privs makes harmless.
    let held = capabilities(None).map_err(failed("capget"))?;
    if held.effective.contains(CapabilitySet::SETPCAP) {
        for bit in 0..u64::BITS {
            let capability = CapabilitySet::from_bits_retain(1 << bit);
            match remove_capability_from_bounding_set(capability) {
                // The kernel knows no capability of this number, nor of any higher one.
                Err(rustix::io::Errno::INVAL) => break,
                done => done.map_err(failed("the bounding set"))?,
            }
        }
    }
    keep(OPENING)
}

/// Keeps these capabilities at most, in this thread and those that it starts from now on.
fn keep(set: CapabilitySet) -> Result<(), PrivilegeError> {
    // Clearing the inheritable set clears the ambient set as well, but reports no error about it.
    clear_ambient_capability_set().map_err(failed("the ambient set"))?;
    let held = capabilities(None).map_err(failed("capget"))?;
    let kept = held.permitted & set;
    let sets =
        CapabilitySets { effective: kept, permitted: kept, inheritable: CapabilitySet::empty() };
    set_capabilities(None, sets).map_err(failed("capset"))
}

/// What this thread may do.
///
/// # Errors
/// An answer that the kernel did not give.
pub fn current() -> io::Result<Privileges> {
    let effective = capabilities(None)?.effective;
    let name = |bit: u32| {
        let one = CapabilitySet::from_bits_retain(1 << bit);
        effective.contains(one).then(|| match one.iter_names().next() {
            Some((name, _)) => name.to_ascii_lowercase(),
            None => bit.to_string(),
        })
    };
    Ok(Privileges {
        capabilities: (0..u64::BITS).filter_map(name).collect(),
        no_new_privs: no_new_privs()?,
    })
}

/// The one thread that keeps [`OPENING`] until everything is open.
pub struct Opener<T> {
    thread: JoinHandle<Option<T>>,
    go: oneshot::Sender<tokio::runtime::Handle>,
}

impl<T: Send + 'static> Opener<T> {
    /// Starts the thread, which waits, and leaves this one with [`RUNNING`].
    ///
    /// # Errors
    /// [`PrivilegeError`].
    pub fn start<F>(open: impl FnOnce() -> F + Send + 'static) -> Result<Self, PrivilegeError>
    where
        F: Future<Output = T>,
    {
        let (go, handle) = oneshot::channel::<tokio::runtime::Handle>();
        let work = move || Some(handle.blocking_recv().ok()?.block_on(open()));
        let thread = std::thread::Builder::new()
            .name("opener".to_owned())
            .spawn(work)
            .map_err(|source| PrivilegeError { what: "starting a thread", source })?;
        keep(RUNNING)?;
        Ok(Self { thread, go })
    }

    /// Opens everything, over a runtime that was built after [`Self::start`], and ends the thread.
    /// `None` if it panicked.
    pub fn open(self, runtime: &tokio::runtime::Runtime) -> Option<T> {
        // It waits for nothing else; if it is gone, it has panicked.
        let _ = self.go.send(runtime.handle().clone());
        self.thread.join().ok().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs `work` in a thread of its own, whose capabilities no other test sees.
    fn in_a_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
        std::thread::spawn(work).join().unwrap()
    }

    #[test]
    fn what_is_given_up_is_gone() {
        let before = capabilities(None).unwrap();
        in_a_thread(move || {
            confine().unwrap();
            let after = capabilities(None).unwrap();
            assert_eq!(after.permitted, before.permitted & OPENING);
            assert_eq!(after.effective, after.permitted);
            assert!(after.inheritable.is_empty());
            assert!(current().unwrap().no_new_privs);
            // A second time, also without any.
            keep(CapabilitySet::empty()).unwrap();
            confine().unwrap();
            assert_eq!(current().unwrap().capabilities, Vec::<String>::new());
        });
        assert_eq!(capabilities(None).unwrap(), before, "of that thread only");
    }

    #[test]
    fn only_the_opener_may_open() {
        in_a_thread(|| {
            confine().unwrap();
            let opening = capabilities(None).unwrap().permitted;
            let here = || capabilities(None).unwrap().permitted;
            let opener = Opener::start(move || async move { here() }).unwrap();
            let running = here();
            assert_eq!(running, opening & RUNNING);
            let runtime =
                tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
            assert_eq!(opener.open(&runtime), Some(opening));
            let task = runtime.spawn(async move { here() });
            assert_eq!(runtime.block_on(task).unwrap(), running, "the runtime's threads");
        });
    }

    #[test]
    fn an_opener_that_panics_is_noticed() {
        in_a_thread(|| {
            let opener: Opener<()> =
                Opener::start(|| async { panic!("a panic that is meant") }).unwrap();
            let runtime = tokio::runtime::Builder::new_multi_thread().build().unwrap();
            assert_eq!(opener.open(&runtime), None);
        });
    }
}
