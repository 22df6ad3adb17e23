//! Metrics and health over HTTP. Everyone who reaches the port may ask, so what they can take is bounded:
//! connections, time, and the size of a request ([`connection_limit`](crate::daemon::api::connection_limit)).

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use prometheus_client::encoding::text;
use prometheus_client::registry::Registry;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::daemon::api::connection_limit::{ConnectionLimit, ConnectionPermit, PAUSE};
use crate::daemon::api::metrics;
use crate::daemon::api::monitor::Monitor;

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Connections at once.
pub const CONNECTIONS: usize = 64;
/// How long a client may take for its request.
const REQUEST: Duration = Duration::from_secs(5);
/// How long a connection may last: one request and its answer.
const CONNECTION: Duration = Duration::from_secs(10);
/// Longest request, in bytes, and most of its header fields.
const LONGEST: usize = 16 << 10;
const FIELDS: usize = 64;

#[derive(Clone)]
struct Served {
    registry: Arc<Registry>,
    monitor: Arc<Monitor>,
    /// One answer is made at a time, so that the loop gets at the sensor in between.
    turn: Arc<Mutex<()>>,
}

/// The address could not be taken.
#[derive(Debug, thiserror::Error)]
#[error("http: {address}: {source}")]
pub struct HttpError {
    /// The address.
    pub address: SocketAddr,
    /// What the system says.
    pub source: io::Error,
}

/// Takes the address, before anything is attached.
///
/// # Errors
/// [`HttpError`].
pub async fn bind(address: SocketAddr) -> Result<TcpListener, HttpError> {
    TcpListener::bind(address).await.map_err(|source| HttpError { address, source })
}

/// Serves until it is aborted.
pub async fn serve(listener: TcpListener, monitor: Arc<Monitor>) {
    let registry = Arc::new(metrics::registry(Arc::clone(&monitor)));
    let router = Router::new()
        .route("/metrics", get(scrape))
        .route("/healthz", get(healthz))
        .with_state(Served { registry, monitor, turn: Arc::default() });
    receive(listener, router).await;
}

/// The program's own loop instead of `axum::serve`, which bounds neither time nor connections.
async fn receive(listener: TcpListener, router: Router) {
    let limit = ConnectionLimit::new(CONNECTIONS);
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        if let Some(permit) = limit.admit(None).await {
            tokio::spawn(converse(stream, router.clone(), permit));
        }
    }
}

/// One request, one answer.
async fn converse(stream: TcpStream, router: Router, permit: ConnectionPermit) {
    let router = TowerToHyperService::new(router);
    let answer = |request: Request<Incoming>| {
        permit.is_served(true);
        let answer = router.call(request.map(Body::new));
        async move {
            let response: Result<Response, Infallible> = answer.await;
            response
        }
    };
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(REQUEST)
        .keep_alive(false)
        .max_buf_size(LONGEST)
        .max_headers(FIELDS)
        .serve_connection(TokioIo::new(stream), service_fn(answer));
    tokio::select! {
        // A client that made an error, has gone, or takes too long gets no answer.
        _ = timeout(CONNECTION, connection) => {}
        () = permit.revoked() => {}
    }
}

async fn scrape(State(served): State<Served>) -> Response {
    let _turn = served.turn.lock().await;
    let mut body = String::new();
    match text::encode(&mut body, &served.registry) {
        Ok(()) => ([(header::CONTENT_TYPE, OPEN_METRICS)], body).into_response(),
        Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, "the kernel's counters cannot be read\n")
            .into_response(),
    }
}

async fn healthz(State(served): State<Served>) -> Response {
    match served.monitor.trouble() {
        None => "ok\n".into_response(),
        Some(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    const WHOLE: &[u8] = b"GET / HTTP/1.1\r\nHost: sensor\r\n\r\n";

    async fn server() -> SocketAddr {
        let listener = bind(([127, 0, 0, 1], 0).into()).await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(receive(listener, Router::new().route("/", get(async || "ok\n"))));
        address
    }

    /// What comes back, to the end of the connection.
    async fn asked(address: SocketAddr, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let mut answer = String::new();
        let exchange = async {
            // A server that refuses a request does not take all of it.
            let _ = stream.write_all(request).await;
            let _ = stream.read_to_string(&mut answer).await;
        };
        timeout(Duration::from_secs(60), exchange).await.expect("an end");
        answer
    }

    #[tokio::test]
    async fn half_requests_keep_nobody_out() {
        let address = server().await;
        let mut halves = Vec::new();
        for _ in 0..3 * CONNECTIONS {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(b"GET / HT").await.unwrap();
            halves.push(stream);
        }
        let answer = asked(address, WHOLE).await;
        assert!(
            answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\nok\n"),
            "{answer}"
        );
        // Each is closed, and in the end no connection is left.
        for mut half in halves {
            let mut rest = Vec::new();
            let end = timeout(Duration::from_secs(60), half.read_to_end(&mut rest)).await;
            let _ = end.expect("the server does not wait forever for half a request");
        }
    }

    #[tokio::test]
    async fn requests_are_bounded() {
        let address = server().await;
        let long =
            [b"GET / HTTP/1.1\r\nHost: sensor\r\nX: ", &b"x".repeat(2 * LONGEST)[..], b"\r\n\r\n"]
                .concat();
        let many = [&WHOLE[..WHOLE.len() - 2], &b"X: x\r\n".repeat(FIELDS)[..], b"\r\n"].concat();
        for request in [long, many] {
            let answer = asked(address, &request).await;
            assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431 "), "{answer}");
        }
        let two = asked(address, &[WHOLE, WHOLE].concat()).await;
        assert_eq!(two.matches("HTTP/1.1 200 OK").count(), 1, "one request each");
    }
}
