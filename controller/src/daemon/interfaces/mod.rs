//! The sensor's interfaces: whether they are there and watched, and whether `tap` would cut the machine off.
//!
//! | file | job |
//! |---|---|
//! | [`link`] | one interface, as rtnetlink describes it |
//! | [`links`] | whether the sensor sees the packets of each, and attaching its program again |
//! | [`netlink`] | questions to rtnetlink, and news from it |
//! | [`route`] | whether one carries a default route |

pub mod link;
pub mod links;
pub mod netlink;
pub mod route;
