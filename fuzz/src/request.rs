//! The control socket: what a client says, in pieces of any size, to the conversation that a daemon has.
//!
//! The first byte is the size of the pieces, the rest what is said. The oracle reads the same bytes as
//! lines and documents, and holds what arrived and what was answered against that.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use controller::control::Reply;
use controller::control::request::{HaltRequest, Request, Upload};
use controller::daemon::api::control::{CloseError, Handler, bind};
use controller::registry::act::{Caller, Said};
use controller::text::Text;
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::runtime::{Builder, Runtime};

use crate::words::check_text;

/// The longest line, with its line feed, by the socket's documentation.
const LONGEST: usize = 65_536;
/// What the handler here answers.
const HEARD: &str = "{\"done\":[\"heard\"]}";

/// What reaches the handler.
#[derive(Debug, Eq, PartialEq)]
enum Event {
    /// The kernel is to be closed.
    Close,
    /// A request with its documents.
    Asked(Request, Vec<Vec<u8>>),
}

/// Writes down what it is asked.
struct Notes(Arc<Mutex<Vec<Event>>>);

impl Notes {
    fn take_down(&self, event: Event) {
        self.0.lock().expect("nobody panics here").push(event);
    }
}

impl Handler for Notes {
    async fn close(&self, _: &HaltRequest) -> Result<(), CloseError> {
        self.take_down(Event::Close);
        Ok(())
    }

    async fn answer(&self, request: Request, documents: Vec<Vec<u8>>, _: Caller) -> Vec<u8> {
        self.take_down(Event::Asked(request, documents));
        format!("{HEARD}\n").into_bytes()
    }
}

/// A socket that is served.
struct Office {
    runtime: Runtime,
    socket: PathBuf,
    events: Arc<Mutex<Vec<Event>>>,
    _folder: TempDir,
}

impl Office {
    fn open() -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let folder = tempfile::tempdir().expect("a folder");
        let socket = folder.path().join("control");
        let events = Arc::new(Mutex::new(Vec::new()));
        let handler = Notes(Arc::clone(&events));
        runtime.block_on(async {
            tokio::spawn(bind(&socket, None).expect("a socket").serve(handler));
        });
        Self { runtime, socket, events, _folder: folder }
    }

    /// What the handler heard, and what was answered.
    fn talk(&self, said: &[u8], piece: usize) -> (Vec<Event>, String) {
        let answers = self.runtime.block_on(async {
            let stream = UnixStream::connect(&self.socket).await.expect("a listener");
            let (mut reader, mut writer) = stream.into_split();
            let speak = async move {
                for piece in said.chunks(piece) {
                    // Whoever does not listen to the end has closed.
                    if writer.write_all(piece).await.is_err() {
                        return;
                    }
                    tokio::task::yield_now().await;
                }
                let _closed = writer.shutdown().await;
            };
            let mut answers = Vec::new();
            // A reset is an end too: it comes where something was said behind the end.
            let (_ended, ()) = tokio::join!(reader.read_to_end(&mut answers), speak);
            answers
        });
        let events = std::mem::take(&mut *self.events.lock().expect("nobody panics here"));
        (events, String::from_utf8(answers).expect("answers are text"))
    }
}

/// Judges an input.
///
/// # Panics
/// Where something does not hold.
pub fn run(input: &[u8]) {
    thread_local! {
        static OFFICE: Office = Office::open();
    }
    let Some((&piece, said)) = input.split_first() else { return };
    let expected = Expected::of(said);
    let (events, answers) = OFFICE.with(|office| office.talk(said, usize::from(piece) + 1));
    assert_eq!(events, expected.events);
    let lines: Vec<&str> = answers.split_terminator('\n').collect();
    assert_eq!(lines.len(), expected.answers.len(), "{answers}");
    assert!(answers.is_empty() || answers.ends_with('\n'));
    for (line, is_heard) in lines.into_iter().zip(expected.answers) {
        let reply: Reply = serde_json::from_str(line).expect("an answer is a reply");
        if is_heard {
            assert_eq!(line, HEARD);
        } else {
            assert!(matches!(reply, Reply::Error(_)), "{line}");
        }
    }
}

/// What must come of what a client says.
#[derive(Debug, Default)]
struct Expected {
    events: Vec<Event>,
    /// One for each line: whether the handler heard it.
    answers: Vec<bool>,
}

impl Expected {
    fn of(mut said: &[u8]) -> Self {
        let mut expected = Self::default();
        while !said.is_empty() {
            let first = &said[..said.len().min(LONGEST)];
            let end = first.iter().position(|byte| *byte == b'\n').map(|at| at + 1);
            let (line, rest) = said.split_at(end.unwrap_or(first.len()));
            said = rest;
            let request = understood(line).filter(|_| end.is_some() || line.len() < LONGEST);
            let Some(request) = request else {
                expected.answers.push(false);
                if end.is_none() {
                    break;
                }
                continue;
            };
            let Some((documents, rest)) = documents_of(&request, said) else { break };
            said = rest;
            if matches!(request, Request::Halt(_)) {
                expected.events.push(Event::Close);
            }
            expected.events.push(Event::Asked(request, documents));
            expected.answers.push(true);
            if end.is_none() {
                break;
            }
        }
        expected
    }
}

/// The documents that follow a request, and what follows them; `None` where not all of them are there.
fn documents_of<'a>(request: &Request, mut said: &'a [u8]) -> Option<(Vec<Vec<u8>>, &'a [u8])> {
    let mut documents = Vec::new();
    for upload in uploads(request) {
        let length = usize::try_from(upload.length).expect("as much as memory");
        let (document, rest) = said.split_at_checked(length)?;
        documents.push(document.to_vec());
        said = rest;
    }
    Some((documents, said))
}

fn uploads(request: &Request) -> Vec<&Upload> {
    match request {
        Request::Install { documents } => documents.iter().collect(),
        Request::Revoke(upload) | Request::Rotate(upload) => vec![upload],
        _ => Vec::new(),
    }
}

fn check_texts(texts: [&Option<Text>; 2]) {
    texts.into_iter().flatten().for_each(|text| check_text(text.as_str()));
}

/// The request on a line: as its type reads it, which is held against the plain JSON.
fn understood(line: &[u8]) -> Option<Request> {
    let request: Request = serde_json::from_slice(line).ok()?;
    let value: Value = serde_json::from_slice(line).expect("a request is JSON");
    let fields = value.as_object().expect("a request is an object");
    let known: &[&str] = match &request {
        Request::Status {} | Request::List {} => &["command"],
        Request::Reload { .. } => &["accept_change", "command"],
        Request::Install { .. } => &["command", "documents"],
        Request::Revoke(_) | Request::Rotate(_) => &["command", "length", "name"],
        Request::Halt(HaltRequest { operator, why, waits_until: _ }) => {
            check_texts([operator, why]);
            &["command", "operator", "waits_until", "why"]
        }
        Request::Resume(Said { operator, why }) => {
            check_texts([operator, why]);
            &["command", "operator", "why"]
        }
    };
    assert!(fields.keys().all(|field| known.contains(&field.as_str())), "{value}");
    let again: Request = serde_json::from_str(&request.line()).expect("our own line");
    assert_eq!(again, request);
    let most = match &request {
        Request::Install { documents } if documents.is_empty() => return None,
        Request::Install { .. } => 1 << 30,
        _ => 1 << 20,
    };
    let uploads = uploads(&request);
    for upload in &uploads {
        check_text(upload.name.as_str());
    }
    let length: u128 = uploads.iter().map(|upload| u128::from(upload.length)).sum();
    (length <= most).then_some(request)
}
