//! What a direction table comes to: the class of every address, as disjoint ranges (L-DIR). Whoever can
//! change it decides what is selectable, so it is kept, and what changed is told in numbers.
//!
//! | file | job |
//! |---|---|
//! | `ranges` | the class of every address |
//! | `kept` | the same as a text, for the next start to compare with |
//! | `moved` | how many addresses have another class than before |

mod kept;
mod moved;
mod ranges;

pub use kept::LARGEST;
pub use moved::{Addresses, Move, Moved};
pub use ranges::ClassRanges;
