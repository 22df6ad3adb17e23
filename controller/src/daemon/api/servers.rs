//! The servers of a daemon: their sockets are taken before anything is attached; they answer once there is
//! something to ask, and end before the daemon does.

use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::daemon::api::control::{self, Control, ControlSocketError, DaemonHandler};
use crate::daemon::api::http::{self, HttpError};
use crate::daemon::api::monitor::Monitor;
use crate::daemon::config::Config;
use crate::daemon::orders::ask::Ask;
use crate::daemon::orders::shared_sensor::SharedSensor;
use crate::daemon::sensor::Sensor;

/// A socket that the configuration names could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// The control socket.
    #[error(transparent)]
    Control(#[from] ControlSocketError),
    /// The socket for HTTP.
    #[error(transparent)]
    Http(#[from] HttpError),
}

/// Sockets that are taken, and on which nothing is answered yet.
pub struct Sockets {
    control: Control,
    http: Option<TcpListener>,
}

/// Servers at work.
#[derive(Debug)]
pub struct Servers {
    asks: mpsc::UnboundedReceiver<Ask>,
    tasks: Vec<JoinHandle<()>>,
}

impl Sockets {
    /// Takes the sockets that the configuration names.
    ///
    /// # Errors
    /// [`SocketError`].
    pub async fn take(config: &Config) -> Result<Self, SocketError> {
        let control = control::bind(&config.control_socket, config.control_group.as_ref())?;
        let http = match config.http {
            Some(address) => Some(http::bind(address).await?),
            None => None,
        };
        Ok(Self { control, http })
    }

    /// Whether metrics and health are served.
    pub const fn has_http(&self) -> bool {
        self.http.is_some()
    }

    /// Answers from now on.
    pub fn serve(self, monitor: &Arc<Monitor>, gate: Arc<SharedSensor<Sensor>>) -> Servers {
        let (sender, asks) = mpsc::unbounded_channel();
        let handler = DaemonHandler { monitor: Arc::clone(monitor), gate, asks: sender };
        let mut tasks = vec![tokio::spawn(self.control.serve(handler))];
        if let Some(listener) = self.http {
            tasks.push(tokio::spawn(http::serve(listener, Arc::clone(monitor))));
        }
        Servers { asks, tasks }
    }
}

impl Servers {
    /// Waits for a request to the loop.
    pub async fn asked(&mut self) -> Option<Ask> {
        self.asks.recv().await
    }

    /// Ends them; the sockets are gone once this returns.
    pub async fn close(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
        for task in self.tasks.drain(..) {
            // It was aborted.
            let _ = task.await;
        }
    }
}
