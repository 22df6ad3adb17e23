//! Default routes while the sensor runs. A task of its own reads them, and the loop only looks at the
//! result: a machine with a million routes must not keep the loop from renewing the lease.

use std::collections::BTreeMap;
use std::future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use super::DefaultRoutes;
use crate::daemon::interfaces::links::{Looked, View};
use crate::daemon::interfaces::netlink::Listener;
use crate::registry::event::What;
use crate::registry::wording::{CARRIES_NONE, carries};

/// A change is usually followed by others; the routes are read once, after all of them.
const SETTLE: Duration = Duration::from_millis(100);

/// How often the routes are read without news.
const INTERVAL: Duration = Duration::from_secs(60);

/// After a reading the task rests for so many times its length, so that routes that change all the time take
/// no more than a tenth of a CPU.
const REST: u32 = 9;

/// Why the routes could not be read. It is compared, so that the same reason is reported once.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the routes cannot be read: {0}")]
pub struct Unread(String);

/// The last reading, or why it failed.
type RouteReading = Result<Arc<DefaultRoutes>, Unread>;

/// Which interfaces of the configuration carry a default route, as last reported.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Carried {
    /// The routes, in words, by the interface's name in the configuration.
    pub interfaces: BTreeMap<String, String>,
    /// Why the routes could not be read, if they could not. Then `interfaces` stays as it was.
    pub unread: Option<Unread>,
}

impl Carried {
    /// The trouble, in one line.
    pub fn trouble(&self) -> Option<String> {
        let carried = self.interfaces.iter();
        let carried = carried.map(|(name, routes)| format!("{name}: {}", carries(routes)));
        let words: Vec<String> =
            carried.chain(self.unread.as_ref().map(Unread::to_string)).collect();
        Some(words.join("; ")).filter(|words| !words.is_empty())
    }

    /// Takes a reading, and reports what has changed.
    fn look(&mut self, found: &RouteReading, views: &[View]) -> Looked {
        let mut looked = Looked::default();
        let unread = found.as_ref().err();
        if unread != self.unread.as_ref() {
            looked.said.extend(unread.map(Unread::to_string));
        }
        self.unread = unread.cloned();
        let Ok(found) = found else { return looked };
        for view in views {
            let interface = view.interface.clone();
            let now = view.index.and_then(|index| found.of(index));
            match (now, self.interfaces.contains_key(&interface)) {
                (Some(routes), false) => {
                    looked.said.push(format!("{interface}: {}", carries(routes)));
                    let routes = routes.to_owned();
                    looked.events.push(What::DefaultRoute { interface, routes });
                }
                (None, true) => {
                    looked.said.push(format!("{interface}: {CARRIES_NONE}"));
                    looked.events.push(What::NoDefaultRoute { interface });
                }
                _ => {}
            }
        }
        let carried = views.iter().filter_map(|view| {
            let routes = found.of(view.index?)?;
            Some((view.interface.clone(), routes.to_owned()))
        });
        self.interfaces = carried.collect();
        looked
    }
}

/// The watch over default routes, for a sensor that drops every frame and whose operator did not say
/// `--yes-drop-all`.
#[derive(Debug)]
pub struct RouteWatch {
    found: watch::Receiver<RouteReading>,
    carried: Carried,
}

impl RouteWatch {
    /// A watch with a first reading, and the future that reads the routes from then on, to be spawned as a
    /// task. `news` must have listened since before that reading.
    pub fn new(
        news: Listener,
        first: DefaultRoutes,
    ) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let (sender, found) = watch::channel(Ok(Arc::new(first)));
        (Self { found, carried: Carried::default() }, keep_reading(news, sender))
    }

    /// Waits for a new result, and forever without a watch. Safe to cancel.
    pub async fn changed(watch: Option<&mut Self>) {
        let changed = match watch {
            Some(watch) => watch.found.changed().await.is_ok(),
            None => false,
        };
        // Without a sender nothing comes any more, because the daemon is ending.
        if !changed {
            future::pending::<()>().await;
        }
    }

    /// Looks at the result for these interfaces.
    pub fn look(&mut self, views: &[View]) -> Looked {
        self.carried.look(&self.found.borrow_and_update(), views)
    }

    /// The result of the last look.
    pub fn carried(&self) -> &Carried {
        &self.carried
    }
}

async fn keep_reading(mut news: Listener, sender: watch::Sender<RouteReading>) {
    loop {
        match timeout(INTERVAL, news.changed()).await {
            // A socket that failed brings no news; a change is found after the interval.
            Ok(Err(_)) => sleep(INTERVAL).await,
            Ok(Ok(())) => sleep(SETTLE).await,
            Err(_) => {}
        }
        let began = Instant::now();
        let reading = tokio::task::spawn_blocking(DefaultRoutes::read).await;
        let found = match reading {
            Ok(Ok(found)) => Ok(Arc::new(found)),
            Ok(Err(error)) => Err(Unread(error.to_string())),
            Err(error) => Err(Unread(error.to_string())),
        };
        // The loop is woken only if something has changed.
        sender.send_if_modified(|last| {
            let new = *last != found;
            *last = found;
            new
        });
        sleep(began.elapsed() * REST).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(routes: &[(u32, &str)]) -> Arc<DefaultRoutes> {
        let routes = routes.iter().map(|(index, words)| (*index, (*words).to_owned()));
        Arc::new(DefaultRoutes(routes.collect()))
    }

    fn views(indices: &[(&str, Option<u32>)]) -> Vec<View> {
        let view = |(name, index): &(&str, Option<u32>)| {
            let mut view = View::new((*name).to_owned());
            view.index = *index;
            view
        };
        indices.iter().map(view).collect()
    }

    #[test]
    fn a_default_route_is_told_once_and_taken_back() {
        let mut carried = Carried::default();
        let ports = views(&[("a", Some(2)), ("b", Some(3)), ("c", None)]);
        let (none, some) =
            (Ok(found(&[(9, "x")])), Ok(found(&[(3, "0.0.0.0/0 in table main"), (9, "x")])));
        let other = Ok(found(&[(3, "::/0 in table 100")]));
        let at = "b: carries a default route";
        let drops = "and what the machine receives by it is dropped";
        for (found, said) in [
            (&none, None),
            (&some, Some(format!("{at} (0.0.0.0/0 in table main), {drops}"))),
            (&some, None),
            // Reported once, but status shows the present routes.
            (&other, None),
            (&none, Some("b: carries no default route any more".to_owned())),
            (&none, None),
            (&some, Some(format!("{at} (0.0.0.0/0 in table main), {drops}"))),
        ] {
            let looked = carried.look(found, &ports);
            assert_eq!(looked.said, said.into_iter().collect::<Vec<_>>());
            assert_eq!(looked.said.len(), looked.events.len());
            if *found == other {
                let trouble = format!("{at} (::/0 in table 100), {drops}");
                assert_eq!(carried.trouble(), Some(trouble));
            }
        }
        // The route belongs to the interface, not to the name.
        let moved = views(&[("a", Some(2)), ("b", Some(7))]);
        let looked = carried.look(&some, &moved);
        assert_eq!(looked.events, [What::NoDefaultRoute { interface: "b".into() }]);
        assert_eq!(carried.trouble(), None);
    }

    #[test]
    fn routes_that_cannot_be_read_are_told_once_and_change_nothing_that_was_known() {
        let mut carried = Carried::default();
        let ports = views(&[("a", Some(2))]);
        carried.look(&Ok(found(&[(2, "r")])), &ports);
        let failed: RouteReading = Err(Unread("no".into()));
        let looked = carried.look(&failed, &ports);
        assert_eq!(looked.said, ["the routes cannot be read: no"]);
        assert_eq!(looked.events, []);
        assert_eq!(carried.look(&failed, &ports), Looked::default());
        assert!(carried.trouble().unwrap().starts_with("a: carries a default route (r)"));
        assert!(carried.trouble().unwrap().ends_with("; the routes cannot be read: no"));
        carried.look(&Ok(found(&[])), &ports);
        assert_eq!(carried, Carried::default());
    }
}
