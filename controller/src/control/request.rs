//! What can be asked of a daemon over its control socket, and what it answers. Each request and each answer
//! is one JSON object on one line. The documents of a request follow its line one after the other, each as
//! many bytes long as the line says.
//!
//! ```text
//! → {"command":"status"}
//! ← {"sensor":"tyo-gw-1a",…}
//! → {"command":"install","documents":[{"name":"order.dsse","length":1843}]}
//! → …1843 bytes…
//! ← {"done":["order 2027-17-0003, serial 1, installed …"]}
//! → {"command":"dance"}
//! ← {"error":"not a request: unknown variant `dance`, …"}
//! ```

use std::slice;

use bytes::Bytes;
use sensor_common::boot_time::BootTime;
use serde::{Deserialize, Serialize};

use crate::files::LARGEST;
use crate::registry::act::{Act, Said};
use crate::registry::command::{Command, RawDocument};
use crate::text::Text;

/// The longest line of a request, in bytes, with its line feed: room for the names of about a hundred
/// documents.
pub const LONGEST: u64 = 65_536;

/// One request.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "command", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Request {
    /// What the sensor does: the answer is a [`Status`](super::status::Status).
    Status {},
    /// The state of every order: the answer is a [`OrderList`](crate::registry::OrderList).
    List {},
    /// Install orders: all of them, or none.
    Install {
        /// The documents that follow, at least one.
        documents: Vec<Upload>,
    },
    /// Accept a revocation.
    Revoke(Upload),
    /// Put a new trust file in force.
    Rotate(Upload),
    /// Halt all selection.
    Halt(HaltRequest),
    /// Resume it.
    Resume(Said),
    /// Read the configuration again.
    Reload {
        /// Direction may change by any amount.
        #[serde(default)]
        accept_change: bool,
    },
}

/// A halt: what the person says about it, and how long the command waits.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct HaltRequest {
    /// See [`Said::operator`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<Text>,
    /// See [`Said::why`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<Text>,
    /// Until when the command waits. By then it has halted the kernel itself, or reported that it could not. A
    /// daemon that reads the request late does not undo a resumption after this moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_until: Option<BootTime>,
}

impl HaltRequest {
    /// The request of a command that waits until this boot time.
    pub fn new(said: Said, waits_until: BootTime) -> Self {
        let Said { operator, why } = said;
        Self { operator, why, waits_until: Some(waits_until) }
    }
}

/// Why the documents of a request are not read.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum RequestError {
    /// It installs nothing.
    #[error("names no document")]
    NoDocument,
    /// Together they are too long.
    #[error("what follows it is at most {} MiB", .largest >> 20)]
    TooLong {
        /// The most bytes that may follow.
        largest: u64,
    },
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
    /// The request to a daemon for a command, and the documents that follow. The daemon itself sees who asks and
    /// when.
    pub fn of(command: Command) -> (Self, Vec<Bytes>) {
        let upload =
            |RawDocument { name, bytes }| (Upload { name, length: bytes.len() as u64 }, bytes);
        let one = |document, request: fn(Upload) -> Self| {
            let (named, bytes) = upload(document);
            (request(named), vec![bytes])
        };
        match command {
            Command::Install(documents) => {
                let (documents, bytes) = documents.into_iter().map(upload).unzip();
                (Self::Install { documents }, bytes)
            }
            Command::Revoke(document) => one(document, Self::Revoke),
            Command::Rotate(document) => one(document, Self::Rotate),
            Command::Halt(Act { operator, why, .. }) => {
                (Self::Halt(HaltRequest { operator, why, waits_until: None }), Vec::new())
            }
            Command::Resume(Act { operator, why, .. }) => {
                (Self::Resume(Said { operator, why }), Vec::new())
            }
        }
    }

    /// The documents that follow the line.
    pub const fn uploads(&self) -> &[Upload] {
        match self {
            Self::Install { documents } => documents.as_slice(),
            Self::Revoke(upload) | Self::Rotate(upload) => slice::from_ref(upload),
            _ => &[],
        }
    }

    /// Checks that the documents that it names may follow.
    ///
    /// # Errors
    /// [`RequestError`].
    pub fn check(&self) -> Result<(), RequestError> {
        // Revocations and trust files are small, and verified between two ticks.
        let largest = match self {
            Self::Install { .. } => LARGEST,
            _ => 1 << 20,
        };
        if matches!(self, Self::Install { documents } if documents.is_empty()) {
            return Err(RequestError::NoDocument);
        }
        if self.length() > largest {
            return Err(RequestError::TooLong { largest });
        }
        Ok(())
    }

    /// How many bytes follow the line.
    pub fn length(&self) -> u64 {
        self.uploads().iter().fold(0, |sum, upload| sum.saturating_add(upload.length))
    }

    /// The line, with its line feed.
    pub fn line(&self) -> String {
        // JSON can express all of these values.
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
        let halt = HaltRequest::new(said, BootTime::from_nanos(7));
        for (request, line) in [
            (Request::Status {}, "{\"command\":\"status\"}\n"),
            (
                Request::Reload { accept_change: true },
                "{\"command\":\"reload\",\"accept_change\":true}\n",
            ),
            (
                Request::Install { documents: vec![upload.clone()] },
                "{\"command\":\"install\",\"documents\":[{\"name\":\"a\",\"length\":3}]}\n",
            ),
            (Request::Revoke(upload), "{\"command\":\"revoke\",\"name\":\"a\",\"length\":3}\n"),
            (Request::Halt(halt), "{\"command\":\"halt\",\"operator\":\"op\",\"waits_until\":7}\n"),
        ] {
            assert_eq!(request.line(), line);
            assert_eq!(serde_json::from_str::<Request>(line).unwrap(), request);
        }
        let plain = serde_json::from_str::<Request>("{\"command\":\"reload\"}").unwrap();
        assert_eq!(plain, Request::Reload { accept_change: false });
        let done = Reply::Done(vec!["a".into()]);
        assert_eq!(serde_json::to_string(&done).unwrap(), "{\"done\":[\"a\"]}");
    }
}
