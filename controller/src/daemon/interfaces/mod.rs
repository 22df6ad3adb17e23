//! The sensor's interfaces: whether they are there, are watched, and lead nowhere that `tap` would cut off.
//!
//! | file | job |
//! |---|---|
//! | [`link`] | one interface, as rtnetlink describes it |
//! | [`links`] | whether each brings its packets to the sensor, and putting it right |
//! | [`netlink`] | asking and listening |
//! | [`route`] | whether one carries a default route |

pub mod link;
pub mod links;
pub mod netlink;
pub mod route;
