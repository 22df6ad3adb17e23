//! What the previous daemon left, and whether it can be believed.
//!
//! | file | job |
//! |---|---|
//! | [`predecessor`] | all of it, read together |
//! | [`believed`] | whether its names agree with the registry |

pub mod believed;
pub mod predecessor;
