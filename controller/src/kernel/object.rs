//! The kernel object that this binary carries.

use super::KernelError;

static OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/sekisho-xdp.o"));

/// Which object is loaded.
#[derive(Clone, Debug, Default)]
pub enum Object {
    /// The one that this binary carries.
    #[default]
    Embedded,
    /// The bytes of another build, which may know less: to be compared with it, never to judge traffic.
    Other(Vec<u8>),
}

impl Object {
    /// Its bytes: an ELF object.
    ///
    /// # Errors
    /// [`KernelError::NoObject`] if this binary was built without it.
    pub fn bytes(&self) -> Result<&[u8], KernelError> {
        match self {
            Self::Embedded if OBJECT.is_empty() => Err(KernelError::NoObject),
            Self::Embedded => Ok(OBJECT),
            Self::Other(bytes) => Ok(bytes),
        }
    }

    /// Whether it knows all that this binary sets before loading.
    pub(super) const fn is_embedded(&self) -> bool {
        matches!(self, Self::Embedded)
    }
}

/// The SHA-256 of the object, in lower-case hexadecimal digits.
pub fn object_digest() -> String {
    crate::digest::sha256(OBJECT)
}

/// Whether this binary was built with the kernel program.
pub fn has_object() -> bool {
    !OBJECT.is_empty()
}
