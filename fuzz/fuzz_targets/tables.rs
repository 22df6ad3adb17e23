//! The fuzz target `tables`; without a fuzzer, a command that replays inputs.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|input: &[u8]| sekisho_fuzz::decide::run_tables(input));

#[cfg(not(fuzzing))]
fn main() -> std::io::Result<()> {
    sekisho_fuzz::replay(sekisho_fuzz::decide::run_tables)
}
