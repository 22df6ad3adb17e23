//! What a person does without any signature, and who did it. What people say and what the system knows are in
//! separate fields, so that nobody can claim what only the system knows.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::text::Text;

/// What people say about what they do.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Said {
    /// Who they say they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<Text>,
    /// Why they do it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<Text>,
}

/// Who somebody is, as the system knows.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Caller {
    /// The user that their process runs as.
    pub uid: Option<u32>,
    /// The user that they logged in as (`/proc/PID/loginuid`), which `su` and `sudo` do not change.
    pub login_uid: Option<u32>,
}

impl Caller {
    /// Who runs this process.
    pub fn this_process() -> Self {
        Self { uid: Some(rustix::process::getuid().as_raw()), login_uid: login_uid("self") }
    }

    /// Who runs the process at the other end of a socket. The login is looked up by process id; it is absent if
    /// the process is gone or hidden.
    pub fn peer(uid: u32, pid: Option<i32>) -> Self {
        let login_uid = pid.and_then(|pid| login_uid(&pid.to_string()));
        Self { uid: Some(uid), login_uid }
    }
}

/// The login of a process; `None` if it has none.
fn login_uid(process: &str) -> Option<u32> {
    let text = std::fs::read_to_string(format!("/proc/{process}/loginuid")).ok()?;
    set(&text)
}

/// Reads a login. `u32::MAX` means that none is set (`AUDIT_UID_UNSET` in `linux/audit.h`).
fn set(text: &str) -> Option<u32> {
    text.trim().parse().ok().filter(|uid| *uid != u32::MAX)
}

/// What a person did without any signature.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Act {
    /// When, by the wall clock.
    pub since: Timestamp,
    /// Who, as they said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<Text>,
    /// Who, as the system knows: see [`Caller::uid`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    /// See [`Caller::login_uid`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login_uid: Option<u32>,
    /// Why, as they said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<Text>,
}

impl Act {
    /// An act at this time.
    pub fn new(said: Said, caller: Caller, since: Timestamp) -> Self {
        let (Said { operator, why }, Caller { uid, login_uid }) = (said, caller);
        Self { since, operator, uid, login_uid, why }
    }

    /// An act of this program itself, for this reason.
    pub fn of_sekisho(why: &str, since: Timestamp) -> Self {
        // A reason that is no valid text is left out: the act itself counts.
        let said = Said { operator: None, why: why.parse().ok() };
        Self::new(said, Caller::this_process(), since)
    }
}

/// Says who did it and why: first what the system knows, then in quotation marks what people say.
impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.uid {
            Some(uid) => write!(f, "by uid {uid}")?,
            None => f.write_str("by an unknown user")?,
        }
        if let Some(login) = self.login_uid {
            write!(f, ", login uid {login}")?;
        }
        if let Some(operator) = &self.operator {
            write!(f, ", operator \"{operator}\"")?;
        }
        match &self.why {
            Some(why) => write!(f, ": \"{why}\""),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_they_say_they_are_is_not_what_the_system_says() {
        let said =
            Said { operator: "root (uid 0)".parse().ok(), why: "complaint 2027-113".parse().ok() };
        let caller = Caller { uid: Some(1_000), login_uid: Some(1_001) };
        let act = Act::new(said, caller, Timestamp::UNIX_EPOCH);
        assert_eq!(
            act.to_string(),
            "by uid 1000, login uid 1001, operator \"root (uid 0)\": \"complaint 2027-113\""
        );
        let nobody = Act::new(Said::default(), Caller::default(), Timestamp::UNIX_EPOCH);
        assert_eq!(nobody.to_string(), "by an unknown user");
        let json = r#"{"since":"1970-01-01T00:00:00Z"}"#;
        assert_eq!(serde_json::to_string(&nobody).unwrap(), json);
        assert_eq!(serde_json::from_str::<Act>(json).unwrap(), nobody);
    }

    #[test]
    fn a_login_that_was_not_set_is_none() {
        assert_eq!(
            (set("1000"), set("0\n"), set("4294967295"), set("")),
            (Some(1_000), Some(0), None, None)
        );
        assert_eq!(Caller::peer(7, Some(-1)), Caller { uid: Some(7), login_uid: None });
    }
}
