//! Where records go: one file, one pipe, or standard output. This file opens it, sees whether its name still
//! stands for it, and writes lines. What happens when writing fails is in `writer`.

use std::collections::VecDeque;
use std::fs::{File, Metadata, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use tokio::net::unix::pipe;

use crate::daemon::config::Output;
use crate::daemon::records::aside::ends_in_a_line;
use crate::daemon::records::progress::{FileSpan, Presence};
use crate::shown::shown;

/// The kinds of output.
#[derive(Debug)]
enum Target {
    /// A regular file: it can be inspected, cut back and synced.
    Regular(Arc<File>),
    /// A named pipe, whose reader may pause, end, and come back.
    Pipe(Pipe),
    /// Standard output or a device: it can only be written to.
    Other(Arc<File>),
}

#[derive(Debug)]
struct Pipe {
    sender: pipe::Sender,
    /// The last batches, back to the first that may still have a byte in the pipe.
    recent: VecDeque<Bytes>,
    /// How many bytes are in the pipe already of a batch that is being written, or that failed.
    partial: usize,
}

/// An open output, locked if it is a file.
#[derive(Debug)]
pub struct OpenOutput {
    target: Target,
    /// Its name; none for standard output.
    path: Option<PathBuf>,
    /// Length of the file up to its last whole batch.
    whole: u64,
    /// It ends in the middle of a line.
    ragged: bool,
    /// It was cut back to this length, and that has not been reported yet.
    cut: Option<u64>,
    /// After `whole` there is a part of a batch that failed.
    torn: bool,
}

/// What happened to an output since it was last looked at.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Look {
    /// Nothing, as far as can be seen.
    Same,
    /// It has another name now; its old name stands for something else, or for nothing.
    Moved,
    /// It was deleted, and what was written to it is gone.
    Removed,
    /// It was cut back to this length.
    Cut(u64),
    /// Nobody reads the pipe any more.
    Unread,
}

impl OpenOutput {
    /// Opens the output, without waiting for a reader. A missing file is created if `create` says so,
    /// readable by its owner only (L-SAFE). A file is locked: two daemons never write to one file.
    ///
    /// Also returns how much of the previous daemon's last batch, `last`, is in it.
    ///
    /// # Errors
    /// One line that names the output. A pipe that nobody reads is [`io::ErrorKind::NotConnected`].
    pub fn open(
        output: &Output,
        last: Option<FileSpan>,
        create: bool,
    ) -> io::Result<(Self, Presence)> {
        match output {
            Output::Stdout => {
                let file = File::from(io::stdout().as_fd().try_clone_to_owned()?);
                let regular = file.metadata()?.is_file();
                let whole = if regular { file.metadata()?.len() } else { 0 };
                let file = Arc::new(file);
                let target = if regular { Target::Regular(file) } else { Target::Other(file) };
                let opened =
                    Self { target, path: None, whole, ragged: false, cut: None, torn: false };
                Ok((opened, Presence::Unknown))
            }
            Output::File(path) => {
                let named = |error: io::Error| {
                    io::Error::new(error.kind(), format!("{}: {error}", shown(path)))
                };
                Self::open_path(path, last, create).map_err(named)
            }
        }
    }

    fn open_path(
        path: &Path,
        last: Option<FileSpan>,
        create: bool,
    ) -> io::Result<(Self, Presence)> {
        let opened = |target, whole, ragged| Self {
            target,
            path: Some(path.to_owned()),
            whole,
            ragged,
            cut: None,
            torn: false,
        };
        if path.metadata().is_ok_and(|metadata| metadata.file_type().is_fifo()) {
            let pipe = Pipe::open(path)?;
            return Ok((opened(Target::Pipe(pipe), 0, false), Presence::Unknown));
        }
        let file = open_file(path, create)?;
        if !file.metadata()?.is_file() {
            return Ok((opened(Target::Other(Arc::new(file)), 0, false), Presence::Unknown));
        }
        let metadata = lock_closed(&file)?;
        let length = metadata.len();
        let found = last.map_or(Presence::Unknown, |last| last.presence(&metadata));
        let ragged = !ends_in_a_line(&file, length)?;
        Ok((opened(Target::Regular(Arc::new(file)), length, ragged), found))
    }

    /// Removes everything after `length`, because it will come again.
    ///
    /// # Errors
    /// The system's error.
    pub fn cut_back(&mut self, length: u64) -> io::Result<()> {
        if let Target::Regular(file) = &self.target {
            file.set_len(length)?;
            self.ragged = !ends_in_a_line(file, length)?;
            self.whole = length;
        }
        Ok(())
    }

    /// The file, if it can be synced.
    pub const fn durable(&self) -> Option<&Arc<File>> {
        match &self.target {
            Target::Regular(file) => Some(file),
            Target::Pipe(_) | Target::Other(_) => None,
        }
    }

    /// Whether there is no way to learn what became of what was written.
    pub const fn is_opaque(&self) -> bool {
        matches!(self.target, Target::Other(_))
    }

    /// Whether it is a named pipe.
    pub const fn is_pipe(&self) -> bool {
        matches!(self.target, Target::Pipe(_))
    }

    /// How many records are in the pipe and not yet fully read. Records of a batch that was not written to
    /// its end do not count.
    pub fn unread(&self) -> u64 {
        let Target::Pipe(Pipe { sender, recent, partial }) = &self.target else { return 0 };
        let Ok(bytes) = rustix::io::ioctl_fionread(sender) else { return 0 };
        let mut bytes = usize::try_from(bytes).unwrap_or(usize::MAX).saturating_sub(*partial);
        let mut lines = 0_u64;
        for batch in recent.iter().rev() {
            let unread = batch.len().min(bytes);
            let tail = batch.get(batch.len().saturating_sub(unread)..).unwrap_or_default();
            lines = lines.saturating_add(count_lines(tail));
            bytes = bytes.saturating_sub(unread);
        }
        lines
    }

    /// What happened to it since the last look.
    ///
    /// # Errors
    /// The system's error about the file itself.
    pub fn look(&mut self) -> io::Result<Look> {
        let file = match &self.target {
            Target::Regular(file) => file,
            Target::Pipe(Pipe { sender, .. }) => {
                let mut asked = [PollFd::new(sender, PollFlags::empty())];
                poll(&mut asked, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }))?;
                let unread = asked.iter().any(|one| one.revents().contains(PollFlags::ERR));
                return Ok(if unread { Look::Unread } else { Look::Same });
            }
            Target::Other(_) => return Ok(Look::Same),
        };
        let metadata = file.metadata()?;
        if let Some(path) = &self.path {
            if metadata.nlink() == 0 {
                return Ok(Look::Removed);
            }
            let id = |metadata: &Metadata| (metadata.dev(), metadata.ino());
            if !path.metadata().is_ok_and(|named| id(&named) == id(&metadata)) {
                return Ok(Look::Moved);
            }
        }
        self.notice_cut(metadata.len())?;
        Ok(self.cut.take().map_or(Look::Same, Look::Cut))
    }

    /// Notices that a file is shorter than it was, and continues at its end.
    fn notice_cut(&mut self, length: u64) -> io::Result<()> {
        if let (Target::Regular(file), true) = (&self.target, length < self.whole) {
            self.ragged = !ends_in_a_line(file, length)?;
            (self.whole, self.cut) = (length, Some(length));
        }
        Ok(())
    }

    /// Gets ready for a batch: removes what is left of one that failed, and ends a line that was cut off in
    /// the middle because the machine stopped while it was being written.
    ///
    /// # Errors
    /// The system's error.
    pub async fn prepare(&mut self) -> io::Result<()> {
        let Target::Regular(file) = &self.target else { return Ok(()) };
        let file = Arc::clone(file);
        self.notice_cut(file.metadata()?.len())?;
        if self.torn {
            file.set_len(self.whole)?;
            self.torn = false;
        }
        if self.ragged {
            write_aside(Arc::clone(&file), Bytes::from_static(b"\n")).await?;
            self.ragged = false;
        }
        self.whole = file.metadata()?.len();
        Ok(())
    }

    /// Where a batch of this length will go, if the output is a file.
    ///
    /// # Errors
    /// The system's error.
    pub fn span(&self, length: usize) -> io::Result<Option<FileSpan>> {
        let Target::Regular(file) = &self.target else { return Ok(None) };
        let metadata = file.metadata()?;
        let (start, end) = (self.whole, self.whole.saturating_add(length as u64));
        Ok(Some(FileSpan { device: metadata.dev(), inode: metadata.ino(), start, end }))
    }

    /// Writes a batch: all of it or, as far as that can be undone, nothing.
    ///
    /// # Errors
    /// The system's error.
    pub async fn write(&mut self, lines: &Bytes) -> io::Result<()> {
        match &mut self.target {
            Target::Regular(file) => {
                let done = write_aside(Arc::clone(file), lines.clone()).await;
                if done.is_ok() {
                    self.whole = self.whole.saturating_add(lines.len() as u64);
                } else {
                    self.torn = file.set_len(self.whole).is_err();
                }
                done
            }
            Target::Pipe(pipe) => pipe.write(lines).await,
            Target::Other(file) => write_aside(Arc::clone(file), lines.clone()).await,
        }
    }
}

/// Opens a file or a device, for additions to its end.
fn open_file(path: &Path, create: bool) -> io::Result<File> {
    let flags = (OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC).bits().cast_signed();
    let mut options = OpenOptions::new();
    options.read(true).append(true).mode(0o600).custom_flags(flags);
    let file = match options.open(path) {
        // A new file, not one that a link was made to in the meantime.
        Err(error) if create && error.kind() == io::ErrorKind::NotFound => {
            options.create_new(true).open(path)?
        }
        opened => opened?,
    };
    if file.metadata()?.file_type().is_fifo() {
        return Err(io::Error::other("has become a pipe while it was opened"));
    }
    // Writing to a device waits: nothing else can be done about one that takes nothing.
    rustix::fs::fcntl_setfl(&file, rustix::fs::fcntl_getfl(&file)? - OFlags::NONBLOCK)?;
    Ok(file)
}

/// Locks a regular file, and checks that it is closed to others (L-SAFE).
fn lock_closed(file: &File) -> io::Result<Metadata> {
    file.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => io::Error::other("another sekisho writes to it"),
        TryLockError::Error(error) => error,
    })?;
    let metadata = file.metadata()?;
    let mode = metadata.mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(io::Error::other(format!(
            "mode {mode:04o} opens the records to others than their owner (chmod 0600)"
        )));
    }
    Ok(metadata)
}

impl Pipe {
    /// Opens a pipe that somebody reads.
    fn open(path: &Path) -> io::Result<Self> {
        let sender = pipe::OpenOptions::new().open_sender(path).map_err(|error| {
            if error.raw_os_error() == Some(rustix::io::Errno::NXIO.raw_os_error()) {
                io::Error::new(io::ErrorKind::NotConnected, "nobody reads this pipe")
            } else {
                error
            }
        })?;
        Ok(Self { sender, recent: VecDeque::new(), partial: 0 })
    }

    async fn write(&mut self, lines: &Bytes) -> io::Result<()> {
        self.partial = 0;
        while let Some(rest) = lines.get(self.partial..).filter(|rest| !rest.is_empty()) {
            self.sender.writable().await?;
            match self.sender.try_write(rest) {
                Ok(taken) => self.partial = self.partial.saturating_add(taken),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        self.partial = 0;
        self.recent.push_back(lines.clone());
        // Batches that have left the pipe are not needed any more.
        let in_pipe = rustix::io::ioctl_fionread(&self.sender).unwrap_or(u64::MAX);
        let mut held: u64 = self.recent.iter().map(|batch| batch.len() as u64).sum();
        while let Some(first) = self.recent.front().map(|batch| batch.len() as u64) {
            held = held.saturating_sub(first);
            if held < in_pipe {
                break;
            }
            self.recent.pop_front();
        }
        Ok(())
    }
}

/// Writes on a thread of its own, so that other tasks need not wait for a disk.
async fn write_aside(file: Arc<File>, bytes: Bytes) -> io::Result<()> {
    let write = move || (&*file).write_all(&bytes);
    tokio::task::spawn_blocking(write).await.map_err(io::Error::other)?
}

fn count_lines(bytes: &[u8]) -> u64 {
    bytes.iter().map(|byte| u64::from(*byte == b'\n')).sum()
}

#[cfg(test)]
#[path = "output_tests.rs"]
mod tests;
