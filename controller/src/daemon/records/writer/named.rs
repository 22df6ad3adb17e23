//! The output and its name: sees what happened to it, opens it again, and counts what is lost.

use std::io;

use super::trouble::TroubleKind;
use super::{Batch, Writer, unread_pipe};
use crate::daemon::config::Output;
use crate::daemon::records::output::{Look, OpenOutput};
use crate::daemon::records::progress::Presence;
use crate::shown::shown;

impl Writer {
    /// Sees whether the name still stands for the output, and opens it again if not.
    pub(super) async fn look(&mut self) {
        let Some(open_output) = &mut self.places.open_output else {
            self.open();
            return;
        };
        match open_output.look() {
            Ok(Look::Same) => {
                let unread = open_output.unread();
                self.shared.books.confirm_but(unread);
                self.is_well(TroubleKind::Removed);
                if self.stuck.is_none() {
                    self.is_well(TroubleKind::Writing);
                }
            }
            Ok(Look::Moved) => {
                self.bring_to_disk().await;
                self.shared.books.confirm_but(0);
                self.shared.news.say(format!("{}: was moved; it is opened anew", self.name()));
                self.open();
            }
            Ok(Look::Removed) => {
                self.lose_removed();
                self.open();
            }
            Ok(Look::Cut(length)) => self.shared.news.say(format!(
                "{}: somebody has cut it back to {length} bytes; what was behind them is lost, if it \
                 was not copied",
                self.name()
            )),
            Ok(Look::Unread) => self.lose_unread(),
            Err(error) => self.is_wrong(TroubleKind::Writing, &error),
        }
    }

    /// Opens the output by its name.
    fn open(&mut self) {
        // This also releases its lock.
        self.places.open_output = None;
        let opened = OpenOutput::open(&self.places.output, self.torn, !self.pipe).and_then(
            |(mut open_output, found)| {
                if let Presence::CutBackTo(length) = found {
                    open_output.cut_back(length)?;
                }
                Ok(open_output)
            },
        );
        match opened {
            Ok(open_output) => {
                self.pipe = open_output.is_pipe();
                self.places.open_output = Some(open_output);
                if self.stuck.is_none() {
                    self.is_well(TroubleKind::Writing);
                }
            }
            Err(error) => self.is_wrong(TroubleKind::Writing, &error),
        }
    }

    /// Handles a batch that could not be written. Returns whether that is for good.
    pub(super) fn failed(&mut self, batch: Batch, error: &io::Error) -> bool {
        use io::ErrorKind::{BrokenPipe, FileTooLarge, QuotaExceeded, StorageFull};
        if self.places.output == Output::Stdout && error.kind() == BrokenPipe {
            return true;
        }
        self.stuck = Some(batch);
        match error.kind() {
            BrokenPipe => self.lose_unread(),
            // Opening it again would not make room.
            StorageFull | QuotaExceeded | FileTooLarge => {}
            _ if self.places.output == Output::Stdout => {}
            _ => self.places.open_output = None,
        }
        self.is_wrong(TroubleKind::Writing, error);
        false
    }

    /// The output was removed, with everything that was written since the last look.
    pub(super) fn lose_removed(&mut self) {
        let (name, lost) = (self.name(), self.shared.books.lose_output());
        self.shared.news.say(format!(
            "{name}: was removed, and with it {lost} records that were written since it was last seen"
        ));
        self.is_wrong(TroubleKind::Removed, &io::Error::other("was removed"));
    }

    /// The pipe has lost its reader, and with it everything that is in the pipe.
    pub(super) fn lose_unread(&mut self) {
        let Some(open_output) = self.places.open_output.take() else { return };
        self.shared.books.confirm_but(open_output.unread());
        let lost = self.shared.books.lose_output();
        if lost > 0 {
            let name = self.name();
            self.shared.news.say(format!(
                "{name}: its reader has ended without reading {lost} records, which are lost"
            ));
        }
        self.is_wrong(TroubleKind::Writing, &unread_pipe());
    }

    pub(super) fn is_wrong(&mut self, kind: TroubleKind, error: &io::Error) {
        let (name, error) = (self.name(), error.to_string());
        let reason = if error.starts_with(&name) { error } else { format!("{name}: {error}") };
        let (health, news) = (&self.shared.health, &self.shared.news);
        self.trouble.begin(kind, reason, health, news);
    }

    pub(super) fn is_well(&mut self, kind: TroubleKind) {
        self.trouble.end(kind, &self.shared.health, &self.shared.news);
    }

    fn name(&self) -> String {
        match &self.places.output {
            Output::Stdout => "standard output".to_owned(),
            Output::File(path) => shown(path),
        }
    }
}
