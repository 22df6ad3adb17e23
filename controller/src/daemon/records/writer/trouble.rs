//! The trouble that an output has at the moment. It is reported once when it begins and once when it ends;
//! in between it is the reason why no lease is given.

use crate::daemon::news::News;
use crate::daemon::records::health::Health;

/// The kinds of trouble, which are independent of each other.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum TroubleKind {
    /// The output does not take records, or cannot be opened.
    Writing,
    /// It was removed, and records with it.
    Removed,
    /// It cannot be synced.
    Syncing,
}

/// The trouble of an output, by kind.
#[derive(Debug, Default)]
pub(super) struct Trouble([Option<String>; 3]);

impl Trouble {
    /// A trouble begins.
    pub(super) fn begin(
        &mut self,
        kind: TroubleKind,
        reason: String,
        health: &Health,
        news: &News,
    ) {
        if self.reason().is_none() {
            news.say(format!("{reason}; until that is over, records wait and no lease is given"));
        }
        if let Some(place) = self.0.get_mut(kind as usize) {
            *place = Some(reason);
        }
        health.output(self.reason());
    }

    /// A trouble ends.
    pub(super) fn end(&mut self, kind: TroubleKind, health: &Health, news: &News) {
        let before = self.reason().is_some();
        if let Some(place) = self.0.get_mut(kind as usize) {
            *place = None;
        }
        if before && self.reason().is_none() {
            news.say("the output takes records again");
        }
        health.output(self.reason());
    }

    /// The first reason.
    fn reason(&self) -> Option<String> {
        self.0.iter().flatten().next().cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trouble_is_said_when_it_begins_and_when_the_last_one_ends() {
        let (mut trouble, health, news) = (Trouble::default(), Health::default(), News::default());
        trouble.begin(TroubleKind::Writing, "a: full".into(), &health, &news);
        trouble.begin(TroubleKind::Writing, "a: still full".into(), &health, &news);
        trouble.begin(TroubleKind::Syncing, "a: broken".into(), &health, &news);
        let begins = "a: full; until that is over, records wait and no lease is given";
        assert_eq!(news.take(), [begins]);
        trouble.end(TroubleKind::Writing, &health, &news);
        assert_eq!((news.take().len(), health.output_trouble()), (0, Some("a: broken".into())));
        trouble.end(TroubleKind::Syncing, &health, &news);
        trouble.end(TroubleKind::Removed, &health, &news);
        assert_eq!(news.take(), ["the output takes records again"]);
        assert_eq!(health.output_trouble(), None);
    }
}
