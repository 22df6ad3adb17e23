//! The control socket: who gets it, and what may be said over it.

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener as StdUnixListener;

use super::*;
use crate::daemon::config::ControlGroup;

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn requests() {
    assert_eq!(understand(br#"{"command":"status"}"#), Ok(Request::Status {}));
    for (line, reason) in [
        (&b"{\"command\":\"dance\"}\n"[..], "not a request: unknown variant `dance`"),
        (b"{\"command\":\"status\",\"x\":1}", "not a request: unknown field `x`"),
        (b"{}", "not a request: missing field `command`"),
        (b"", "not a request: "),
        (b"\xff\n", "not a request: "),
        (b"{\"command\":\"halt\",\"why\":\"a\\nb\"}", "not a request: holds control characters"),
        (
            b"{\"command\":\"install\",\"name\":\"a\",\"length\":1073741825}",
            "a document is at most 1 GiB",
        ),
    ] {
        let refusal = understand(line).unwrap_err();
        assert!(refusal.starts_with(reason), "{refusal}");
    }
}

struct Echo;

impl Clerk for Echo {
    async fn answer(&self, request: Request, document: Vec<u8>, _: Caller) -> Vec<u8> {
        let name = request.upload().map_or("", |upload| upload.name.as_str());
        format!("got {name} {}\n", String::from_utf8(document).unwrap()).into_bytes()
    }
}

#[test]
fn a_line_in_a_line_out() {
    runtime().block_on(async {
        let (client, server) = UnixStream::pair().unwrap();
        let uploads = Semaphore::new(1);
        let conversation = converse(server, &Echo, &uploads);
        let asking = async {
            let (reader, mut writer) = client.into_split();
            let upload = Upload { name: "a".parse().unwrap(), length: 10_003 };
            let document = format!("\n\n\n{}", "x".repeat(10_000));
            writer.write_all(b"{\"command\":\"status\"}\n").await.unwrap();
            writer.write_all(Request::Install(upload).line().as_bytes()).await.unwrap();
            writer.write_all(document.as_bytes()).await.unwrap();
            writer.write_all(&[b'x'; 5_000]).await.unwrap();
            let mut answer = String::new();
            BufReader::new(reader).read_to_string(&mut answer).await.unwrap();
            let expected = "{\"error\":\"the request is too long\"}\n";
            assert_eq!(answer, format!("got  \ngot a {document}\n{expected}"));
        };
        let (done, ()) = tokio::join!(conversation, asking);
        done.unwrap();
    });
}

#[test]
fn half_a_document_is_none() {
    runtime().block_on(async {
        let (client, server) = UnixStream::pair().unwrap();
        let uploads = Semaphore::new(1);
        let asking = async {
            let (reader, mut writer) = client.into_split();
            let upload = Upload { name: "a".parse().unwrap(), length: 10 };
            writer.write_all(Request::Revoke(upload).line().as_bytes()).await.unwrap();
            writer.write_all(b"12345").await.unwrap();
            drop(writer);
            let mut answer = String::new();
            BufReader::new(reader).read_to_string(&mut answer).await.unwrap();
            assert_eq!(answer, "");
        };
        let (done, ()) = tokio::join!(converse(server, &Echo, &uploads), asking);
        assert_eq!(done.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
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
    assert_eq!(bind(&path, Some(&missing)).unwrap_err(), refusal);
    assert!(!path.exists());
    assert_eq!(group_number(&ControlGroup::Name("root".into())), Ok(0));
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
    assert!(bind(&path, None).unwrap_err().ends_with("another sekisho answers there"));
    drop(first);
    assert!(!path.exists());

    drop(StdUnixListener::bind(&path).unwrap());
    bind(&path, None).unwrap();

    std::fs::write(&path, "data").unwrap();
    assert!(bind(&path, None).unwrap_err().ends_with("is there already and is no socket"));
    assert_eq!(std::fs::read(&path).unwrap(), b"data");
}
