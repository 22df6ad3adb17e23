//! What Sekisho's integration tests share.
//!
//! | file | job |
//! |---|---|
//! | `authority` | five keys, a trust file, and orders signed by three of them |
//! | `frames` | named frames with the outcome each must have |
//! | `network` | network namespaces that are gone after the test |
//! | `privilege` | the one clear line of a test that cannot run here |

pub mod authority;
pub mod frames;
pub mod network;
pub mod privilege;
