//! What the daemon before left, and whether it can be believed.
//!
//! | file | job |
//! |---|---|
//! | [`predecessor`] | all of it, read together |
//! | [`believed`] | whether verified orders stand behind its names |

pub mod believed;
pub mod predecessor;
