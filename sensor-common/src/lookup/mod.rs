//! Address look-up: from an address to its [`AddressValue`]. [`crate::layout::addresses`] has the
//! structures.
//!
//! | file | job |
//! |---|---|
//! | `v4`, `v6` | the look-up of each IP version, whose front answers for most addresses |
//! | `bucket` | the cuckoo tables, for addresses that pass the filter |
//! | `search` | the search among ranges |

mod bucket;
mod search;
mod v4;
mod v6;

use crate::layout::{AddressValue, high, low};
use crate::parse::{Address, Version};
use crate::repeat::Repeat;
use crate::tables::{Line, Tables};

pub(crate) use search::Search;
pub use v4::MOST_V4_RANGES;

/// Looks up both addresses of a packet. `head` is the first line of the tables. `None` where the tables
/// are inconsistent, so that the packet cannot be judged.
#[inline(always)]
pub fn pair<T: Tables, R: Repeat>(
    tables: &T,
    repeat: &R,
    head: &Line,
    version: Version,
    source: Address,
    destination: Address,
) -> Option<(AddressValue, AddressValue)> {
    match version {
        Version::V4 => Some((
            v4::look_up(tables, head, source.v4())?,
            v4::look_up(tables, head, destination.v4())?,
        )),
        Version::V6 => {
            let ends = [source, destination];
            let answers = v6::front(tables, &ends);
            let [source, destination] = &ends;
            Some((
                v6::value(tables, repeat, low(answers), source)?,
                v6::value(tables, repeat, high(answers), destination)?,
            ))
        }
    }
}
