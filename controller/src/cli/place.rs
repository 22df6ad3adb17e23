//! Where a command goes: to a daemon over its control socket, or to a state directory that no daemon holds.

use std::path::PathBuf;

use clap::Args;

use crate::control::DEFAULT_SOCKET;
use crate::registry::StatePaths;

/// The options for that.
#[derive(Args, Clone, Debug)]
pub struct Where {
    /// The daemon's control socket
    #[arg(long, value_name = "PATH", default_value = DEFAULT_SOCKET, conflicts_with = "state")]
    pub socket: PathBuf,
    /// Without a daemon: the state directory, as the configuration names it
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    #[arg(long, value_name = "FILE", requires = "state")]
    #[arg(help = "The state directory's anchor [default: <DIR>.anchor]")]
    anchor: Option<PathBuf>,
}

impl Where {
    /// The state directory, if it is to be used without a daemon.
    pub fn state(&self) -> Option<StatePaths> {
        let directory = self.state.as_ref()?;
        Some(StatePaths::new(directory, self.anchor.as_deref()))
    }
}
