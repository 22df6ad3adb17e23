//! The port for loops that are too long for the verifier to follow step by step.

/// Repeats a step a bounded number of times.
///
/// The verifier walks through every iteration of an ordinary loop, on every path. The kernel's
/// implementation calls `bpf_loop` (kernel 5.17, commit e6f2dd0f8067), whose body is verified once.
pub trait Repeat {
    /// Calls `step` until it returns `false`, at most `most` times.
    fn repeat<S: Step>(&self, most: u32, step: &mut S);
}

/// What is repeated: a closure, or, where the body is so long that the compiler would put that of a closure into a
/// function of its own, a type whose method is always inlined.
pub trait Step {
    /// `false`: enough.
    fn step(&mut self) -> bool;
}

impl<F: FnMut() -> bool> Step for F {
    #[inline(always)]
    fn step(&mut self) -> bool {
        self()
    }
}

/// An ordinary loop: the host engine's implementation of the port.
pub struct Loop;

impl Repeat for Loop {
    fn repeat<S: Step>(&self, most: u32, step: &mut S) {
        for _ in 0..most {
            if !step.step() {
                break;
            }
        }
    }
}
