//! The kernel object that this binary carries.

use super::KernelError;

static OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/sekisho-xdp.o"));

/// The object, or an error if this binary was built without it.
pub(super) fn embedded() -> Result<&'static [u8], KernelError> {
    if OBJECT.is_empty() { Err(KernelError::NoObject) } else { Ok(OBJECT) }
}

/// The SHA-256 of the object, in lower-case hexadecimal digits.
pub fn object_digest() -> String {
    crate::digest::sha256(OBJECT)
}

/// Whether this binary was built with the kernel program.
pub fn has_object() -> bool {
    !OBJECT.is_empty()
}
