//! Where the records and the summary of a replay go.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::super::CliError;
use crate::durable::output;

pub(super) fn is_standard(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Replaces a file in one step. Anything else (a pipe, `/dev/null`) is written to directly.
pub(super) fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if is_special(path) {
        File::create(path)?.write_all(bytes)
    } else {
        output::replace(path, bytes)
    }
}

fn is_special(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|metadata| !metadata.is_file())
}

/// Where records go.
pub(super) enum Output<'a> {
    Stream(BufWriter<Box<dyn Write + 'a>>),
    File { writer: BufWriter<File>, temporary: PathBuf, path: &'a Path },
}

impl<'a> Output<'a> {
    pub(super) fn open(path: &'a Path, stdout: &'a mut dyn Write) -> Result<Self, CliError> {
        if is_standard(path) {
            return Ok(Self::Stream(BufWriter::new(Box::new(stdout))));
        }
        let failed = |error: io::Error| CliError::output(path, &error);
        if is_special(path) {
            return Ok(Self::Stream(BufWriter::new(Box::new(File::create(path).map_err(failed)?))));
        }
        let mut temporary = path.as_os_str().to_owned();
        temporary.push(".partial");
        let temporary = PathBuf::from(temporary);
        let writer = BufWriter::new(File::create(&temporary).map_err(failed)?);
        Ok(Self::File { writer, temporary, path })
    }

    pub(super) fn writer(&mut self) -> &mut dyn Write {
        match self {
            Self::Stream(writer) => writer,
            Self::File { writer, .. } => writer,
        }
    }

    pub(super) fn finish(mut self) -> io::Result<()> {
        self.writer().flush()?;
        if let Self::File { temporary, path, .. } = &self {
            output::publish(temporary, path)?;
        }
        Ok(())
    }
}

impl Drop for Output<'_> {
    fn drop(&mut self) {
        if let Self::File { temporary, .. } = self {
            // It is gone already if the replay was completed.
            let _ = std::fs::remove_file(temporary);
        }
    }
}
