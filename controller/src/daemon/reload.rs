//! Reads the configuration again while the sensor runs. All of it is checked before any of it takes effect,
//! and a changed key that takes a restart is refused by name.

use std::path::Path;

use crate::classes::ClassRanges;
use crate::daemon::config::Config;
use crate::daemon::prepare::Inputs;
use crate::registry::{Change, Reading, Registry};
use crate::rejection::Failure;
use crate::rejection::Rejection;
use crate::shown::shown;

/// The result of a reload: the new configuration, and the change that installs its orders. `classes` are
/// those in force; `accept_change`: they may change by any amount.
///
/// # Errors
/// [`Failure`]; then nothing changes.
pub fn prepare(
    path: &Path,
    old: &Config,
    registry: &Registry,
    classes: &ClassRanges,
    accept_change: bool,
    reading: Reading,
) -> Result<(Inputs, Change), Failure> {
    let mut inputs = Inputs::read(path)?;
    let fixed = old.fixed().into_iter().zip(inputs.config.fixed());
    let rejections: Vec<Rejection> = fixed
        .filter(|((_, old), (_, new))| old != new)
        .map(|((key, _), _)| {
            Rejection::new(shown(path), "has changed, which takes a restart").at(key)
        })
        .collect();
    if !rejections.is_empty() {
        return Err(Failure::Rejected(rejections));
    }
    inputs.compare(Ok(Some(classes)), accept_change)?;
    let change = inputs.install(registry, reading)?;
    Ok((inputs, change))
}
