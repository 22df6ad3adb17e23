//! The part of Sekisho that kernel and host share: frame parsing, direction, selection, records
//! and the layout of the tables.
//!
//! It is `no_std`, pure and without `unsafe`. It sees the world through three ports: the bytes of
//! a frame ([`packet::Packet`]), the tables ([`tables::Tables`]), and the terms with the time to
//! hold against them ([`tables::Gate`]); it never reads a clock itself. What it decides leaves
//! through [`record::Sink`], long loops go through [`repeat::Repeat`], and what a small stack has no
//! room for lies in [`decide::Scratch`]. How all of it is kept fit for the kernel's verifier is said in
//! [`opaque`]. The XDP program and the host engine implement the same ports, so the code that is
//! unit-tested and property-tested on the host is the code that runs in the kernel.
//!
//! A packet passes through the files in this order:
//!
//! | file | question |
//! |---|---|
//! | [`parse`] | which addresses, protocol and ports does the frame carry? |
//! | [`lookup`] | where does an address lie, and of which address sets is it a member? |
//! | [`direction`] | which direction does the pair of addresses give the packet? |
//! | [`capacity`] | may 外外 traffic still be inspected? |
//! | [`payload`] | with which prefixes does its payload begin? |
//! | [`select`] | which rules hold, and which is the first of each order? |
//! | [`decide`] | the one outcome, and a record for each matching order in force |
//! | [`counters`] | where the outcome is counted |
//!
//! [`layout`] says how the tables that `lookup` and `select` read are laid out; the controller's
//! compiler writes them from the same constants.

#![no_std]
// See `opaque`.
#![cfg_attr(target_arch = "bpf", no_builtins)]
#![cfg_attr(
    test,
    expect(clippy::arithmetic_side_effects, reason = "a test that overflows fails, as it should")
)]

#[cfg(test)]
extern crate std;

pub mod boot_time;
pub mod capacity;
pub mod counters;
pub mod decide;
pub mod direction;
pub mod layout;
pub mod lookup;
pub mod opaque;
pub mod outcome;
pub mod packet;
pub mod parse;
pub mod payload;
pub mod record;
pub mod repeat;
pub mod select;
pub mod siphash;
pub mod tables;
