//! Whether this machine's kernel takes the program with the comparison of payloads.

/// The oldest release that does. The verifier of 6.1 gives up on it after a million instructions; it
/// tells apart more ways through the program than later ones do, and follows each of them.
const SINCE: (u32, u32) = (6, 6);

/// Whether payloads can be compared here. Where they cannot, the program is loaded without, and
/// orders with payload prefixes are refused: they would be applied only in part.
pub fn compares_payloads() -> bool {
    release(&rustix::system::uname().release().to_string_lossy()).is_some_and(|it| it >= SINCE)
}

/// The first two numbers of a kernel's release.
fn release(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split(|character: char| !character.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_as_kernels_name_themselves() {
        assert_eq!(release("6.1.0-56-cloud-amd64"), Some((6, 1)));
        assert_eq!(release("6.18.5+deb14-amd64"), Some((6, 18)));
        assert_eq!(release("7.0-rc1"), Some((7, 0)));
        assert!((6, 18) >= SINCE && (6, 1) < SINCE);
        assert_eq!((release(""), release("linux")), (None, None));
    }
}
