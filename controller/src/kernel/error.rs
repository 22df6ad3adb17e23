//! Errors of the kernel side. `explain` words them for the person who runs a command.

use aya::EbpfError;
use aya::maps::MapError;
use aya::programs::ProgramError;

/// Why the kernel side failed.
#[derive(Debug, thiserror::Error)]
pub enum KernelError {
    /// This binary was built without the kernel program.
    #[error("this sekisho was built without its kernel program; build it with `cargo xtask build`")]
    NoObject,
    /// The tables have more segments than the kernel's map of them; the compiler refuses them first.
    #[error("the tables are larger than 1 GiB")]
    TooLarge,
    /// The object does not fit this binary.
    #[error("the kernel object has no {0}")]
    Missing(&'static str),
    /// Loading failed. With the verifier's log, if it was the verifier.
    #[error("loading the kernel program: {}", with_sources(.0))]
    Load(#[from] Box<EbpfError>),
    /// The verifier, an attachment or a test run failed.
    #[error("{}", with_sources(.0))]
    Program(#[from] Box<ProgramError>),
    /// A map operation failed.
    #[error("{}", with_sources(.0))]
    Map(#[from] MapError),
    /// The pins of a sensor.
    #[error("{path}: {reason}")]
    Pin {
        /// Which pin or folder.
        path: String,
        /// The reason.
        reason: String,
    },
    /// The kernel only attaches over netlink. Such an attachment would outlive a controller that is killed.
    #[error(
        "the kernel gives no link for the attachment; that takes Linux 5.9 and a driver with it"
    )]
    NoLink,
    /// The number of CPUs that may run the program is unknown.
    #[error("the number of CPUs: {0}")]
    Cpus(#[source] std::io::Error),
    /// A frame is too long for a test run.
    #[error("a frame of {0} bytes is longer than BPF_PROG_TEST_RUN takes")]
    FrameTooLong(usize),
}

/// An error with all its sources in one line.
fn with_sources(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}
