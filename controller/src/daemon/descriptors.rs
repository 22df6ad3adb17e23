//! Makes sure that there are enough descriptors for everything that the daemon may have open at once. The
//! number of connections is bounded ([`connection_limit`](crate::daemon::api::connection_limit)), so records,
//! state and control never lack one.

use std::io;

use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::api::{control, http};

/// The most that are ever asked for: the rings and maps of the largest machine need fewer.
pub const WANTED: u64 = 65_536;
/// Kept for what a running daemon opens for a moment: tables of the next generation, files of a reload,
/// documents of the state, directories to sync.
const RESERVE: u64 = 128;

/// Why there may not be enough descriptors.
#[derive(Debug, thiserror::Error)]
pub enum DescriptorError {
    /// The limit cannot be raised.
    #[error("raising the limit of open files: {0}")]
    Raise(#[source] Errno),
    /// The open descriptors cannot be counted.
    #[error("/proc/self/fd: {0}")]
    Count(#[source] io::Error),
    /// The limit is too low.
    #[error(
        "the limit of open files is {limit}, but {needed} may be needed: raise it (`ulimit -n`, or \
         LimitNOFILE= of the unit)"
    )]
    TooFew {
        /// The limit.
        limit: u64,
        /// The most descriptors that may be open at once.
        needed: u64,
    },
}

/// Raises the limit of this process to what may be needed, as far as it may.
///
/// # Errors
/// [`DescriptorError::Raise`].
pub fn raise() -> Result<(), DescriptorError> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = maximum.unwrap_or(u64::MAX).min(WANTED);
    if current.is_some_and(|current| current < wanted) {
        let limit = Rlimit { current: Some(wanted), maximum };
        setrlimit(Resource::Nofile, limit).map_err(DescriptorError::Raise)?;
    }
    Ok(())
}

/// Checks that the limit leaves room for all that is still to come, once rings, maps and outputs are open.
///
/// # Errors
/// [`DescriptorError::Count`] and [`DescriptorError::TooFew`].
pub fn suffice(serves_http: bool) -> Result<(), DescriptorError> {
    let open = open().map_err(DescriptorError::Count)?;
    fit(getrlimit(Resource::Nofile).current, open, serves_http)
}

fn open() -> io::Result<u64> {
    Ok(std::fs::read_dir("/proc/self/fd")?.count() as u64)
}

fn fit(limit: Option<u64>, open: u64, serves_http: bool) -> Result<(), DescriptorError> {
    let served = control::CONNECTIONS + if serves_http { http::CONNECTIONS } else { 0 };
    let needed = open + served as u64 + RESERVE;
    match limit {
        Some(limit) if limit < needed => Err(DescriptorError::TooFew { limit, needed }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_may_be_open_must_fit() {
        fit(None, 1_000, true).unwrap();
        fit(Some(1_320), 1_000, true).unwrap();
        let refusal = fit(Some(1_319), 1_000, true).unwrap_err().to_string();
        assert!(
            refusal.starts_with("the limit of open files is 1319, but 1320 may be"),
            "{refusal}"
        );
        fit(Some(1_256), 1_000, false).unwrap();
    }

    #[test]
    fn the_limit_is_raised_as_far_as_it_may() {
        raise().unwrap();
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        assert!(current.is_none_or(|current| current >= maximum.unwrap_or(WANTED).min(WANTED)));
        suffice(true).unwrap();
    }
}
