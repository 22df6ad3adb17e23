//! Metrics and health over HTTP.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus_client::encoding::text;
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;

use super::metrics;
use super::monitor::Monitor;

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[derive(Clone)]
struct Served {
    registry: Arc<Registry>,
    monitor: Arc<Monitor>,
}

/// Takes the address, before anything is attached.
///
/// # Errors
/// One line that names the address.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, String> {
    TcpListener::bind(address).await.map_err(|error| format!("http: {address}: {error}"))
}

/// Serves until it is aborted.
///
/// # Errors
/// Whatever the system says.
pub async fn serve(listener: TcpListener, monitor: Arc<Monitor>) -> std::io::Result<()> {
    let registry = Arc::new(metrics::registry(Arc::clone(&monitor)));
    let router = Router::new()
        .route("/metrics", get(scrape))
        .route("/healthz", get(healthz))
        .with_state(Served { registry, monitor });
    axum::serve(listener, router).await
}

async fn scrape(State(served): State<Served>) -> Response {
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
