//! What can be asked of a daemon over its control socket, and what it answers: one JSON object on one
//! line each. Documents follow their request's line as they are, as many bytes as it says.
//!
//! ```text
//! → {"command":"status"}
//! ← {"sensor":"tyo-gw-1a",…}
//! → {"command":"install","name":"order.dsse","length":1843}
//! → …1843 bytes…
//! ← {"done":["order 2027-17-0003, serial 1, installed …"]}
//! → {"command":"dance"}
//! ← {"error":"not a request: unknown variant `dance`, …"}
//! ```

use crate::files::LARGEST;
use crate::registry::act::Said;
use crate::text::Text;
use serde::{Deserialize, Serialize};

/// One request.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "command", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Request {
    /// What the sensor does: the answer is a [`Status`](super::status::Status).
    Status {},
    /// Where every order stands: the answer is a [`OrderList`](crate::registry::OrderList).
    List {},
    /// Install an order.
    Install(Upload),
    /// Accept a revocation.
    Revoke(Upload),
    /// Put a new trust file in force.
    Rotate(Upload),
    /// Halt all selection.
    Halt(HaltRequest),
    /// Resume it.
    Resume(Said),
    /// Read the configuration again.
    Reload {},
}

/// A halt: what a person says of it, and how long their command waits.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct HaltRequest {
    /// See [`Said::operator`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<Text>,
    /// See [`Said::why`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<Text>,
    /// Until when the command waits, in nanoseconds of the boot clock. By then it has halted the kernel
    /// itself, or said that it could not: a resumption after this moment is not undone by a daemon
    /// that reads the request late.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_until: Option<u64>,
}

impl HaltRequest {
    /// The request of a command that waits until this boot time.
    pub fn new(said: Said, waits_until: u64) -> Self {
        let Said { operator, why } = said;
        Self { operator, why, waits_until: Some(waits_until) }
    }

    /// What the person says.
    pub fn said(self) -> Said {
        Said { operator: self.operator, why: self.why }
    }
}

/// A document that follows the line.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Upload {
    /// What the client calls it, for messages.
    pub name: Text,
    /// Its length in bytes.
    pub length: u64,
}

impl Request {
    /// The document that follows the line, if one does.
    pub const fn upload(&self) -> Option<&Upload> {
        match self {
            Self::Install(upload) | Self::Revoke(upload) | Self::Rotate(upload) => Some(upload),
            _ => None,
        }
    }

    /// The most bytes that its document may have. Revocations and trust files are small, and verified
    /// between two ticks.
    pub const fn largest(&self) -> u64 {
        match self {
            Self::Install(_) => LARGEST,
            _ => 1 << 20,
        }
    }

    /// The line, with its line feed.
    pub fn line(&self) -> String {
        // Plain values: there is nothing in them that JSON could not say.
        serde_json::to_string(self).unwrap_or_default() + "\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::Reply;

    #[test]
    fn lines_read_back() {
        let upload = Upload { name: "a".parse().unwrap(), length: 3 };
        let said = Said { operator: "op".parse().ok(), why: None };
        let halt = HaltRequest::new(said, 7);
        for (request, line) in [
            (Request::Status {}, "{\"command\":\"status\"}\n"),
            (Request::Install(upload), "{\"command\":\"install\",\"name\":\"a\",\"length\":3}\n"),
            (Request::Halt(halt), "{\"command\":\"halt\",\"operator\":\"op\",\"waits_until\":7}\n"),
        ] {
            assert_eq!(request.line(), line);
            assert_eq!(serde_json::from_str::<Request>(line).unwrap(), request);
        }
        let done = Reply::Done(vec!["a".into()]);
        assert_eq!(serde_json::to_string(&done).unwrap(), "{\"done\":[\"a\"]}");
    }
}
