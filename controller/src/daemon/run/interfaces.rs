//! What the loop does about interfaces: it refuses to tap one that carries a default route, and looks after
//! each.

use std::io;

use super::{Daemon, RunError, Tell, failed};
use crate::daemon::config::Config;
use crate::daemon::interfaces::link;
use crate::daemon::interfaces::links::Looked;
use crate::daemon::interfaces::netlink::Listener;
use crate::daemon::interfaces::route::watch::RouteWatch;
use crate::daemon::interfaces::route::{self, DefaultRoutes};
use crate::daemon::lock::lock;
use crate::kernel::Mode;
use crate::registry::Reading;

/// Refuses an interface that carries a default route, unless its frames pass or the operator said
/// `--yes-drop-all`. Returns the watch over later routes, with the task that reads them. To be called inside
/// a tokio runtime.
pub(super) fn guard(
    config: &Config,
    yes_drop_all: bool,
) -> Result<Option<(RouteWatch, impl Future<Output = ()> + Send + 'static + use<>)>, RunError> {
    if config.mode != Mode::Tap || yes_drop_all {
        return Ok(None);
    }
    let read = || -> io::Result<_> {
        // First of all, so that no route is missed that appears from now on.
        let news = Listener::open(&route::GROUPS)?;
        Ok((news, DefaultRoutes::read()?, link::all()?))
    };
    let (news, routes, links) = read().map_err(failed("the routes"))?;
    for interface in &config.interfaces {
        let link = links.iter().find(|link| link.name == *interface);
        if let Some(routes) = link.and_then(|link| routes.of(link.index)) {
            let (interface, routes) = (interface.clone(), routes.to_owned());
            return Err(RunError::DropAll { interface, routes });
        }
    }
    Ok(Some(RouteWatch::new(news, routes)))
}

impl Daemon {
    /// Looks after the interfaces.
    pub(super) fn look(&mut self, voice: &impl Tell) {
        let reading = Reading::now();
        let Self { links, sensor, routes, orders, monitor, .. } = self;
        let Looked { mut said, mut events } =
            tokio::task::block_in_place(|| links.look(&mut lock(sensor), reading.boot));
        monitor.note_views(links.views());
        if let Some(routes) = routes {
            let looked = routes.look(links.views());
            monitor.note_routes(routes.carried());
            said.extend(looked.said);
            events.extend(looked.events);
        }
        voice.tell_all(&said);
        tokio::task::block_in_place(|| orders.happened(events, reading));
    }
}
