//! The port for loops that are too long for the verifier to follow step by step.

/// Repeats a step a bounded number of times.
///
/// The verifier walks through every iteration of an ordinary loop, on every path. The kernel's
/// implementation calls `bpf_loop` (kernel 5.17, commit e6f2dd0f8067), whose body is verified once.
pub trait Repeat {
    /// Calls `step` until it returns `false`, at most `most` times.
    fn repeat<F: FnMut() -> bool>(&self, most: u32, step: &mut F);
}

/// An ordinary loop: the host engine's implementation of the port.
pub struct Loop;

impl Repeat for Loop {
    fn repeat<F: FnMut() -> bool>(&self, most: u32, step: &mut F) {
        for _ in 0..most {
            if !step() {
                break;
            }
        }
    }
}
