//! What the program needs of the kernel, each by itself, so that a kernel that refuses the program can be asked
//! what it lacks. Its version would not tell: distributors carry features back, and build without some.

use std::fmt;

use aya::maps::MapType;
use aya::programs::ProgramType;
use aya::sys::{BpfHelper, is_helper_supported, is_map_supported};

/// One thing that the program needs of the kernel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Need {
    /// A helper that XDP programs may call.
    Helper(BpfHelper),
    /// A type of maps.
    Map(MapType),
}

impl Need {
    /// All of them. A program for frames in several buffers (`BPF_F_XDP_HAS_FRAGS`) is none of its own: Linux 5.18
    /// brought it together with `bpf_xdp_get_buff_len`.
    pub const ALL: [Self; 13] = [
        Self::Map(MapType::Array),
        Self::Map(MapType::PerCpuArray),
        Self::Map(MapType::ArrayOfMaps),
        Self::Map(MapType::RingBuf),
        Self::Helper(BpfHelper::BPF_FUNC_map_lookup_elem),
        Self::Helper(BpfHelper::BPF_FUNC_get_smp_processor_id),
        Self::Helper(BpfHelper::BPF_FUNC_jiffies64),
        Self::Helper(BpfHelper::BPF_FUNC_ktime_get_boot_ns),
        Self::Helper(BpfHelper::BPF_FUNC_ringbuf_reserve),
        Self::Helper(BpfHelper::BPF_FUNC_ringbuf_submit),
        Self::Helper(BpfHelper::BPF_FUNC_ringbuf_discard),
        Self::Helper(BpfHelper::BPF_FUNC_loop),
        Self::Helper(BpfHelper::BPF_FUNC_xdp_get_buff_len),
    ];

    /// Whether the running kernel has it. `None` if the kernel does not say, for want of a privilege.
    pub fn met(self) -> Option<bool> {
        match self {
            Self::Helper(helper) => is_helper_supported(ProgramType::Xdp, helper).ok(),
            Self::Map(kind) => is_map_supported(kind).ok(),
        }
    }

    /// All that are not met, by their names; nothing where all are, or nobody knows.
    pub(super) fn unmet(met: impl Fn(Self) -> Option<bool>) -> Option<String> {
        let unmet = Self::ALL.into_iter().filter(|need| met(*need) == Some(false));
        let names: Vec<String> = unmet.map(|need| need.to_string()).collect();
        (!names.is_empty()).then(|| names.join(", "))
    }
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Helper(helper) => {
                let name = format!("{helper:?}");
                write!(f, "bpf_{}", name.strip_prefix("BPF_FUNC_").unwrap_or(&name))
            }
            Self::Map(kind) => write!(f, "maps of the type {kind:?}"),
        }
    }
}
