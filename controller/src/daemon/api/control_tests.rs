//! The control socket: who gets it, and what may be said over it.

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener as StdUnixListener;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::daemon::control_group::ControlGroup;

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn requests() {
    assert_eq!(understand(br#"{"command":"status"}"#).unwrap(), Request::Status {});
    for (line, reason) in [
        (&b"{\"command\":\"dance\"}\n"[..], "not a request: unknown variant `dance`"),
        (b"{\"command\":\"status\",\"x\":1}", "not a request: unknown field `x`"),
        (b"{}", "not a request: missing field `command`"),
        (b"", "not a request: "),
        (b"\xff\n", "not a request: "),
        (b"{\"command\":\"halt\",\"why\":\"a\\nb\"}", "not a request: holds control characters"),
        (
            b"{\"command\":\"install\",\"documents\":[{\"name\":\"a\",\"length\":1073741824},\
              {\"name\":\"b\",\"length\":1}]}",
            "what follows it is at most 1024 MiB",
        ),
        (
            b"{\"command\":\"revoke\",\"name\":\"a\",\"length\":1048577}",
            "what follows it is at most 1 MiB",
        ),
        (b"{\"command\":\"install\",\"documents\":[]}", "names no document"),
    ] {
        let refusal = understand(line).unwrap_err().to_string();
        assert!(refusal.starts_with(reason), "{refusal}");
    }
}

/// Answers with what it was asked; a list takes forever.
#[derive(Default)]
struct Echo {
    /// How often the kernel was closed.
    closed: AtomicUsize,
    /// How many lists were begun.
    lists: AtomicUsize,
}

impl Handler for Echo {
    async fn close(&self, _: &HaltRequest) -> Result<(), CloseError> {
        self.closed.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    async fn answer(&self, request: Request, documents: Vec<Vec<u8>>, _: Caller) -> Vec<u8> {
        if request == (Request::List {}) {
            self.lists.fetch_add(1, Ordering::Relaxed);
            std::future::pending::<()>().await;
        }
        let documents = documents.into_iter().map(|document| String::from_utf8(document).unwrap());
        let named = request.uploads().iter().zip(documents);
        let words = named.map(|(upload, text)| format!(" {} {text}", upload.name));
        format!("got{}\n", words.collect::<String>()).into_bytes()
    }
}

/// A conversation with a client who does this.
fn conversation<T>(client: impl AsyncFnOnce(UnixStream) -> T) -> (io::Result<()>, T) {
    runtime().block_on(async {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let permit = ConnectionLimit::new(1).admit(None).await.unwrap();
        let quota = Quotas::default().of(None);
        let talk = converse(theirs, Arc::new(Echo::default()), quota, &permit);
        tokio::join!(talk, client(ours))
    })
}

#[test]
fn a_line_in_a_line_out() {
    let (done, ()) = conversation(async |client| {
        let (reader, mut writer) = client.into_split();
        let upload = |name: &str, length| Upload { name: name.parse().unwrap(), length };
        let documents = vec![upload("a", 10_003), upload("b", 2)];
        let document = format!("\n\n\n{}", "x".repeat(10_000));
        writer.write_all(b"{\"command\":\"status\"}\n").await.unwrap();
        writer.write_all(Request::Install { documents }.line().as_bytes()).await.unwrap();
        writer.write_all(document.as_bytes()).await.unwrap();
        writer.write_all(b"bb").await.unwrap();
        writer.write_all("x".repeat(70_000).as_bytes()).await.unwrap();
        let mut answer = String::new();
        BufReader::new(reader).read_to_string(&mut answer).await.unwrap();
        let expected = "{\"error\":\"the request is too long\"}\n";
        assert_eq!(answer, format!("got\ngot a {document} b bb\n{expected}"));
    });
    done.unwrap();
}

#[test]
fn half_a_document_is_none() {
    let (done, ()) = conversation(async |client| {
        let (reader, mut writer) = client.into_split();
        let upload = Upload { name: "a".parse().unwrap(), length: 10 };
        writer.write_all(Request::Revoke(upload).line().as_bytes()).await.unwrap();
        writer.write_all(b"12345").await.unwrap();
        drop(writer);
        let mut answer = String::new();
        BufReader::new(reader).read_to_string(&mut answer).await.unwrap();
        assert_eq!(answer, "");
    });
    assert_eq!(done.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
}

/// Nothing keeps another client of the same user from halting: no idle connections, no long requests, no
/// uploads, no clients that have gone.
#[test]
fn a_halt_waits_for_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("control.sock");
    runtime().block_on(async {
        let control = bind(&path, None).unwrap();
        let handler = Arc::new(Echo::default());
        let served = Arc::clone(&handler);
        tokio::spawn(async move { attend(&control.listener, served).await });
        let upload = Upload { name: "a".parse().unwrap(), length: 10 };
        let beginnings = ["", "{\"comm", &Request::List {}.line(), &Request::Revoke(upload).line()];
        let mut others = Vec::new();
        for begun in beginnings.iter().cycle().take(3 * CONNECTIONS) {
            let mut stream = UnixStream::connect(&path).await.unwrap();
            // It may have been sent away already.
            let _ = stream.write_all(begun.as_bytes()).await;
            others.push(stream);
        }
        for halts in 1..=20 {
            let mut stream = BufReader::new(UnixStream::connect(&path).await.unwrap());
            let asked = Request::Halt(HaltRequest::default()).line();
            stream.write_all(asked.as_bytes()).await.unwrap();
            let mut answer = String::new();
            let read = stream.read_line(&mut answer);
            timeout(Duration::from_secs(1), read).await.expect("within a second").unwrap();
            assert_eq!(answer, "got\n");
            assert_eq!(handler.closed.load(Ordering::Relaxed), halts);
        }
        assert_eq!(handler.lists.load(Ordering::Relaxed), 4, "as many as one user's quota allows");
    });
}

#[test]
fn a_socket_for_a_group() {
    use std::os::unix::fs::MetadataExt as _;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run").join("control.sock");
    let runtime = runtime();
    let _guard = runtime.enter();
    // One's own group is the only one that can be given away without privilege.
    let own = std::fs::metadata(folder.path()).unwrap().gid();
    let group = if nix::unistd::geteuid().is_root() { 4_711 } else { own };
    let control = bind(&path, Some(&ControlGroup::Number(group))).unwrap();
    for (path, mode) in [(path.as_path(), 0o660), (path.parent().unwrap(), 0o750)] {
        let metadata = std::fs::metadata(path).unwrap();
        assert_eq!((metadata.gid(), metadata.mode() & 0o777), (group, mode), "{path:?}");
    }
    drop(control);
    let missing = ControlGroup::Name("no-such-group\n".into());
    let refusal = "there is no group `no-such-group\\n`";
    assert_eq!(bind(&path, Some(&missing)).unwrap_err().to_string(), refusal);
    assert!(!path.exists());
    assert_eq!(ControlGroup::Name("root".into()).number(), Ok(0));
}

#[test]
fn a_stale_socket_is_replaced_and_a_live_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run").join("control.sock");
    let runtime = runtime();
    let _guard = runtime.enter();
    let first = bind(&path, None).unwrap();
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o660);
    let refusal = |path| bind(path, None).unwrap_err().to_string();
    assert!(refusal(&path).ends_with("another sekisho answers there"));
    drop(first);
    assert!(!path.exists());

    drop(StdUnixListener::bind(&path).unwrap());
    bind(&path, None).unwrap();

    std::fs::write(&path, "data").unwrap();
    assert!(refusal(&path).ends_with("is there already and is no socket"));
    assert_eq!(std::fs::read(&path).unwrap(), b"data");
}
