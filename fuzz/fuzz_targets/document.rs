//! The fuzz target `document`; without a fuzzer, a command that replays inputs.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|input: &[u8]| sekisho_fuzz::document::run(input));

#[cfg(not(fuzzing))]
fn main() -> std::io::Result<()> {
    sekisho_fuzz::replay(sekisho_fuzz::document::run)
}
