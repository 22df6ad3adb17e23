//! The result of a direction table: the class of every address, as disjoint ranges (L-DIR). Whoever changes
//! it decides what can be selected. So it is kept, and changes are reported in numbers.
//!
//! | file | job |
//! |---|---|
//! | `ranges` | the class of every address |
//! | `kept` | the same as a text, for the next start to compare with |
//! | `moved` | how many addresses have another class than before |

mod kept;
mod moved;
mod ranges;

pub use kept::{KeptFault, LARGEST};
pub use moved::{Addresses, Move, Moved};
pub use ranges::ClassRanges;
