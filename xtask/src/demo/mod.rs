//! `cargo xtask demo`: shows the main job on a small internet made of network namespaces or, without root, on
//! generated frames.
//!
//! - `live`, `host`: the two stories, step by step
//! - `internet`, `traffic`: the namespaces and what is sent between them
//! - `orders`: keys, trust and the orders, by the `sekisho` command
//! - `sensor`: `sekisho run` and `sekisho status`
//! - `records`: reading the records that came out
//! - `frames`: frames and a capture for the story without root
//! - `story`: how it looks on a terminal

mod frames;
mod host;
mod internet;
mod live;
mod orders;
mod records;
mod sensor;
mod story;
mod traffic;

use std::path::PathBuf;

use anyhow::{Context as _, Result};

use crate::{guard, object, privilege, setup};

/// Builds what the demo needs, or takes `binary`, and tells the story that can be told here.
pub(crate) fn run(binary: Option<PathBuf>) -> Result<()> {
    let live = privilege::is_root();
    if live {
        setup::kernel_tools()?;
    }
    let sekisho = match binary {
        Some(path) => path.canonicalize().with_context(|| path.display().to_string())?,
        None if live => object::sekisho(Some(&object::kernel_program(&setup::toolchain()?)?))?,
        None => object::sekisho(None)?,
    };
    guard::catch_signals()?;
    // Values own everything that the story makes, so it is removed when the story returns.
    if live { live::tell(&sekisho) } else { host::tell(&sekisho) }
}
