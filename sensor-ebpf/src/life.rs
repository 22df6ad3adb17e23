//! The log of the program's life, for operators: which generation judges, whether the lease holds. Off
//! unless the controller turns it on. It never says anything about a packet (L-AUTO).

use aya_ebpf::btf_maps::PerCpuArray;
use aya_ebpf::macros::btf_map;
use aya_ebpf::programs::XdpContext;
use aya_log_ebpf::macro_support::{Level, level_enabled};
use aya_log_ebpf::{info, warn};
use sensor_common::counters::Verdict;
use sensor_common::layout::{header, low};
use sensor_common::outcome::Outcome;
use sensor_common::tables::{Tables as _, word_of};

use crate::maps::Generation;

/// What this CPU logged last: the generation, and whether a match found the gate closed.
#[btf_map]
static SAID: PerCpuArray<[u64; 2], 1> = PerCpuArray::new();

/// Logs what has changed since this CPU last saw a packet. Whether the log is on is known when the program
/// is loaded; if it is off, the verifier removes all of this.
#[inline(always)]
pub fn observe(context: &XdpContext, generation: &Generation, verdict: &Verdict) {
    if level_enabled(Level::Warn) {
        say(context, generation, verdict.outcome);
    }
}

#[inline(never)]
fn say(context: &XdpContext, generation: &Generation, outcome: Outcome) {
    let Some(said) = SAID.get_ptr_mut(0) else { return };
    let number = generation.line(0).map_or(0, |head| low(word_of(head, header::IDENTITY)));
    #[expect(unsafe_code, reason = "per-CPU memory is reached through a pointer")]
    // SAFETY: a valid pointer into this CPU's slot, which nobody else writes while we run.
    let [said_number, said_lapsed] = unsafe { &mut *said };
    if *said_number != u64::from(number) {
        *said_number = u64::from(number);
        info!(context, "generation {} judges", number);
    }
    let lapsed = match outcome {
        Outcome::Lapsed => 1,
        Outcome::Recorded => 0,
        _ => return,
    };
    if *said_lapsed != lapsed {
        *said_lapsed = lapsed;
        if lapsed == 1 {
            warn!(
                context,
                "outside of a term, or the lease has passed: rules hold, nothing is recorded"
            );
        } else {
            info!(context, "records are submitted again");
        }
    }
}
