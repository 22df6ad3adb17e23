//! The contents of the virtual machine: the first process, the test programs, the programs that they run, the
//! shared libraries of all of them, and the kernel's modules.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use sekisho_guest::{LIBRARIES, MODULES, PROGRAMS, TESTS};

use super::cpio::Archive;
use crate::process;

/// The programs of this host that the machine runs.
const TOOLS: [&str; 2] = ["ip", "bpftool"];

/// What goes into the machine.
pub(super) struct Contents<'a> {
    pub(super) init: &'a Path,
    /// By name, in the order in which the machine runs them.
    pub(super) tests: &'a BTreeMap<String, PathBuf>,
    pub(super) sekisho: &'a Path,
    pub(super) modules: &'a [PathBuf],
}

/// Writes the archive to `path`.
pub(super) fn write(path: &Path, contents: &Contents<'_>) -> Result<()> {
    let output = File::create(path).with_context(|| path.display().to_string())?;
    let mut archive = Archive::new(BufWriter::new(output));
    fill(&mut archive, contents)?;
    archive.finish().with_context(|| path.display().to_string())?;
    Ok(())
}

fn fill<W: Write>(archive: &mut Archive<W>, contents: &Contents<'_>) -> Result<()> {
    // The kernel opens it for the first process.
    archive.character_device("/dev/console", 5, 1)?;
    archive.file("/init", &stripped(contents.init)?)?;
    archive.directory(MODULES)?;
    for (number, module) in contents.modules.iter().enumerate() {
        // The machine loads them in the order of their names.
        let name = format!("{MODULES}/{number:02}-{}", file_name(module));
        archive.file(&name, &read(module)?)?;
    }
    let mut programs = Vec::new();
    for (name, program) in contents.tests {
        archive.file(&format!("{TESTS}/{name}"), &stripped(program)?)?;
        programs.push(program.clone());
    }
    archive.file(&format!("{PROGRAMS}/sekisho"), &stripped(contents.sekisho)?)?;
    programs.push(contents.sekisho.to_owned());
    for tool in TOOLS {
        let program = process::find(tool).with_context(|| format!("`{tool}` is not here"))?;
        archive.file(&format!("{PROGRAMS}/{tool}"), &read(&program)?)?;
        programs.push(program);
    }
    for (place, library) in libraries(&programs)? {
        archive.file(&place, &read(&library)?)?;
    }
    Ok(())
}

/// The shared libraries of all programs: by their place in the machine, their place here.
fn libraries(programs: &[PathBuf]) -> Result<BTreeMap<String, PathBuf>> {
    let mut libraries = BTreeMap::new();
    for program in programs {
        let listing = process::output(Command::new("ldd").arg(program))?;
        for library in needed(&listing).with_context(|| program.display().to_string())? {
            libraries.insert(library.place_in_machine(), library.path);
        }
    }
    Ok(libraries)
}

/// One line of what `ldd` prints.
#[derive(Debug, Eq, PartialEq)]
struct Library {
    /// `None`: programs name it by its full path, as they do the dynamic loader.
    name: Option<String>,
    path: PathBuf,
}

impl Library {
    fn place_in_machine(&self) -> String {
        match &self.name {
            Some(name) => format!("{LIBRARIES}/{name}"),
            None => self.path.to_string_lossy().into_owned(),
        }
    }
}

/// Reads what `ldd` prints: `name => path (address)` or `path (address)`.
fn needed(listing: &str) -> Result<Vec<Library>> {
    let mut libraries = Vec::new();
    for line in listing.lines().map(str::trim) {
        let (name, path) = match line.split_once(" => ") {
            Some((name, path)) => (Some(name.to_owned()), path),
            None => (None, line),
        };
        if path.starts_with("not found") {
            bail!("its library {} is not here", name.unwrap_or_default());
        }
        // A library without a path is part of the kernel: linux-vdso.
        if path.starts_with('/') {
            let path = path.rsplit_once(" (").map_or(path, |(path, _)| path);
            libraries.push(Library { name, path: path.into() });
        }
    }
    Ok(libraries)
}

/// A program without its debug information, which is its largest part.
fn stripped(program: &Path) -> Result<Vec<u8>> {
    let scratch = tempfile::NamedTempFile::new()?;
    process::output(
        Command::new("strip").arg("--strip-debug").arg("-o").args([scratch.path(), program]),
    )?;
    read(scratch.path())
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| path.display().to_string())
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_read_from_the_listing() {
        let listing = "\tlinux-vdso.so.1 (0x00007ffe)\n\
                       \tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f5e)\n\
                       \t/lib64/ld-linux-x86-64.so.2 (0x00007f5f)\n";
        let libraries = needed(listing).unwrap();
        let places: Vec<(String, &str)> = libraries
            .iter()
            .map(|library| (library.place_in_machine(), library.path.to_str().unwrap()))
            .collect();
        assert_eq!(
            places,
            [
                ("/lib/libc.so.6".to_owned(), "/lib/x86_64-linux-gnu/libc.so.6"),
                ("/lib64/ld-linux-x86-64.so.2".to_owned(), "/lib64/ld-linux-x86-64.so.2"),
            ]
        );
        assert_eq!(needed("\tstatically linked\n").unwrap(), []);
    }

    #[test]
    fn a_library_that_is_not_here_is_named() {
        let error = needed("\tlibelf.so.1 => not found\n").unwrap_err();
        assert_eq!(error.to_string(), "its library libelf.so.1 is not here");
    }
}
