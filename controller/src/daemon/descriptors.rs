//! Descriptors: that there are enough of them for everything that the daemon may have open at once. What it
//! serves to others is bounded ([`guests`](crate::daemon::api::guests)), so records, state and control never lack one.

use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::api::{control, http};

/// As many as are ever asked for: rings and maps of the largest machine need fewer.
pub const WANTED: u64 = 65_536;
/// Kept for what a running daemon opens for a moment: tables of the next generation, files of a reload,
/// documents of the state, directories to sync.
const RESERVE: u64 = 128;

/// Raises the limit of this process to what may be needed, as far as it may.
///
/// # Errors
/// One line.
pub fn raise() -> Result<(), String> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = maximum.unwrap_or(u64::MAX).min(WANTED);
    if current.is_some_and(|current| current < wanted) {
        let limit = Rlimit { current: Some(wanted), maximum };
        setrlimit(Resource::Nofile, limit)
            .map_err(|error| format!("raising the limit of open files: {error}"))?;
    }
    Ok(())
}

/// Whether the limit leaves room for all that is still to come, once rings, maps and outputs are open.
///
/// # Errors
/// One line that says what is missing.
pub fn suffice(serves_http: bool) -> Result<(), String> {
    let open = open().map_err(|error| format!("/proc/self/fd: {error}"))?;
    fit(getrlimit(Resource::Nofile).current, open, serves_http)
}

fn open() -> io::Result<u64> {
    Ok(std::fs::read_dir("/proc/self/fd")?.count() as u64)
}

fn fit(limit: Option<u64>, open: u64, serves_http: bool) -> Result<(), String> {
    let served = control::CONNECTIONS + if serves_http { http::CONNECTIONS } else { 0 };
    let needed = open + served as u64 + RESERVE;
    match limit {
        Some(limit) if limit < needed => Err(format!(
            "the limit of open files is {limit}, but {needed} may be needed: raise it (`ulimit -n`, or \
             LimitNOFILE= of the unit)"
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_may_be_open_must_fit() {
        assert_eq!(fit(None, 1_000, true), Ok(()));
        assert_eq!(fit(Some(1_320), 1_000, true), Ok(()));
        let refusal = fit(Some(1_319), 1_000, true).unwrap_err();
        assert!(
            refusal.starts_with("the limit of open files is 1319, but 1320 may be"),
            "{refusal}"
        );
        assert_eq!(fit(Some(1_256), 1_000, false), Ok(()));
    }

    #[test]
    fn the_limit_is_raised_as_far_as_it_may() {
        raise().unwrap();
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        assert!(current.is_none_or(|current| current >= maximum.unwrap_or(WANTED).min(WANTED)));
        suffice(true).unwrap();
    }
}
