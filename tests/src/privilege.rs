//! Tests over the real kernel need root and the kernel program. They never skip: without either,
//! they fail with one line that says what to do.

/// Fails the test unless it may load kernel programs.
///
/// # Panics
/// Without root, or where the binary under test was built without the kernel program.
pub fn require_kernel() {
    let status = std::fs::read_to_string("/proc/self/status").expect("procfs is mounted");
    let effective = status
        .lines()
        .find_map(|line| line.strip_prefix("CapEff:"))
        .and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok())
        .expect("a CapEff line");
    // CAP_SYS_ADMIN, capability 21, covers what CAP_BPF and CAP_NET_ADMIN do not.
    assert!(effective >> 21 & 1 == 1, "this test needs root: run `cargo xtask test` as root");
    assert!(
        controller::kernel::has_object(),
        "this test needs the kernel program: run `cargo xtask test`, which builds it"
    );
}
