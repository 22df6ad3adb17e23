//! Connections that want nothing but to be in the way.

use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use crate::network::Namespace;

/// For how long a connection is tried: a full backlog is an answer too.
const PATIENCE: Duration = Duration::from_millis(200);

/// Connections that are held open.
#[derive(Debug, Default)]
pub struct Crowd {
    http: Vec<TcpStream>,
    control: Vec<UnixStream>,
}

impl Crowd {
    /// Opens connections with half a request to a port in a namespace, up to the first that is not taken.
    pub fn press_on_http(&mut self, namespace: &Namespace, port: SocketAddr, count: usize) {
        let opened = namespace.inside(|| {
            let one = || {
                let mut stream = TcpStream::connect_timeout(&port, PATIENCE).ok()?;
                stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nX-Slow: ").ok()?;
                Some(stream)
            };
            (0..count).map_while(|_| one()).collect::<Vec<_>>()
        });
        self.http.extend(opened);
    }

    /// Opens connections to a control socket, every other one with half a request.
    pub fn press_on_control(&mut self, socket: &Path, count: usize) {
        for number in 0..count {
            let Ok(mut stream) = UnixStream::connect(socket) else { return };
            if stream.set_nonblocking(true).is_err() {
                return;
            }
            if number % 2 == 0 {
                // A connection that is turned away counts as well.
                let _ = stream.write_all(b"{\"command\":");
            }
            self.control.push(stream);
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.http.len() + self.control.len()
    }

    /// Whether there are no connections.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Lets all of them go.
    pub fn disperse(&mut self) {
        self.http.clear();
        self.control.clear();
    }
}
