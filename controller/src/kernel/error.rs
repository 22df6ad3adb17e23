//! Errors of the kernel side. `explain` words them for the person who runs a command.

use aya::EbpfError;
use aya::maps::MapError;
use aya::programs::ProgramError;

use super::need::Need;

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
    /// The kernel lacks something that the program needs.
    #[error("this kernel lacks what the kernel program needs: {0}. Linux 5.18 and later have it")]
    Lacks(String),
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

impl KernelError {
    /// A failure to load the program, or what the kernel lacks where that explains it. The kernel itself only
    /// answers with the number of an error, or with the verifier's log.
    pub(super) fn or_lacks(self, met: impl Fn(Need) -> Option<bool>) -> Self {
        match self {
            Self::Load(_) | Self::Program(_) => Need::unmet(met).map_or(self, Self::Lacks),
            other => other,
        }
    }
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

#[cfg(test)]
mod tests {
    use aya::maps::MapType;
    use aya::sys::BpfHelper;

    use super::*;

    fn refused() -> KernelError {
        KernelError::from(Box::new(ProgramError::NotLoaded))
    }

    #[test]
    fn what_a_kernel_lacks_explains_its_refusal_in_one_line() {
        // Linux 5.15: what came with 5.17 and 5.18 is missing.
        let missing = [BpfHelper::BPF_FUNC_loop, BpfHelper::BPF_FUNC_xdp_get_buff_len];
        let old = |need| Some(!missing.map(Need::Helper).contains(&need));
        assert_eq!(
            refused().or_lacks(old).explain(),
            "this kernel lacks what the kernel program needs: bpf_loop, bpf_xdp_get_buff_len. \
             Linux 5.18 and later have it"
        );
        let without_rings = |need| Some(need != Need::Map(MapType::RingBuf));
        let shown = refused().or_lacks(without_rings).to_string();
        assert!(shown.contains("needs: maps of the type RingBuf."), "{shown}");
    }

    #[test]
    fn a_refusal_that_nothing_explains_stays_as_it_is() {
        for met in [Some(true), None] {
            assert_eq!(refused().or_lacks(|_| met).to_string(), refused().to_string());
        }
        let other = KernelError::FrameTooLong(70_000).or_lacks(|_| Some(false));
        assert!(matches!(other, KernelError::FrameTooLong(_)), "{other}");
    }
}
