//! What is wrong with an output at the moment: said once when it begins and once when it ends, and the
//! reason why no lease is given in between.

use crate::daemon::news::News;
use crate::daemon::records::health::Health;

/// What can be wrong, each by itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum TroubleKind {
    /// It does not take records, or cannot be opened.
    Writing,
    /// It was removed, and records with it.
    Removed,
    /// What it has taken cannot be brought to the disk.
    Syncing,
}

/// What is wrong.
#[derive(Debug, Default)]
pub(super) struct Trouble([Option<String>; 3]);

impl Trouble {
    /// Something is wrong.
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

    /// That is over.
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

    /// The first reason that there is.
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
