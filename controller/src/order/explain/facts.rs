//! What an explanation says, in the order in which it says it, without a word of any language.

use jiff::Timestamp;

use super::listing::{Capacity, Listing, network};
use super::{Explained, Signed};
use crate::order::basis::{Basis, Grounds, TargetAct};
use crate::order::condition::{Condition, ConditionKind};
use crate::order::document::{BasisReference, Order};
use crate::order::measure::Measure;
use crate::order::name::BasisKey;
use crate::order::payload::PayloadPrefixes;
use crate::order::role::Role;
use crate::order::selection::PayloadSet;
use crate::order::time::Length;
use crate::order::traffic::Protocol;
use crate::order::verified::Signer;

/// One line of an explanation.
#[derive(Debug)]
pub(super) enum Fact<'a> {
    Gap,
    Order {
        id: &'a str,
        serial: u64,
    },
    Basis(&'a BasisKey),
    /// Nobody's signature was checked.
    NotVerified,
    /// So many distinct trusted keys signed; the signers follow.
    Verified(usize),
    Signer(&'a Signer),
    /// What an order rests on.
    Under(&'a BasisReference),
    /// It is not at hand: measure, criteria and whether the order is within them cannot be said.
    UnderUnknown,
    /// So many signed that; the signers follow.
    UnderVerified(usize),
    Grounds(GroundsFact<'a>),
    /// The term of what an order rests on.
    BasisTerm {
        from: Timestamp,
        until: Timestamp,
    },
    From(Timestamp),
    /// Exclusive.
    Until(Timestamp),
    /// The length of the term, and the most months that it may have (L-TERM).
    Length {
        length: Length,
        most_months: Option<u8>,
    },
    Extends(&'a BasisKey),
    Facility {
        id: &'a str,
        capacity: Capacity,
    },
    /// In percent (L-CAP).
    Share(u8),
    /// A sensor's part of it.
    Sensor {
        name: &'a str,
        share: u8,
    },
    Criteria(CriteriaFact<'a>),
    Retention(u8),
    Barred(&'a [String]),
    Future(FutureFact),
    /// The rules follow; the measure names the article on conditions (L-SELECT).
    Rules(Option<Measure>),
    Rule {
        id: &'a str,
        conditions: Vec<Condition<'a>>,
    },
    Sets(SetFact<'a>),
}

/// What a measure is, and why it is lawful.
#[derive(Debug)]
pub(super) enum GroundsFact<'a> {
    Measure(Measure),
    Act(&'a TargetAct),
    /// The one direction of the measure (L-MEASURE).
    Direction(Measure),
    /// An agreement's article.
    Article(u8),
    Party {
        id: &'a str,
        name: &'a str,
        prefixes: Listing,
    },
    Analysis(&'a str),
    Consents(&'a [String]),
    /// When, and on what authority (L-APPROVE).
    Given {
        measure: Measure,
        at: Timestamp,
    },
}

/// A limit of the criteria, and what an order uses of it, if there is an order.
#[derive(Debug)]
pub(super) enum CriteriaFact<'a> {
    /// The criteria follow.
    Heading,
    Conditions {
        allowed: &'a [ConditionKind],
        used: Option<Vec<ConditionKind>>,
    },
    Selectors {
        most: u64,
        used: Option<usize>,
    },
    RuleCount {
        most: u64,
        used: Option<usize>,
    },
    Prefixes {
        ipv4: u8,
        ipv6: u8,
        used: Option<[Option<u8>; 2]>,
    },
    PayloadLength {
        least: u8,
        #[expect(
            clippy::option_option,
            reason = "no order, an order without payloads, the shortest"
        )]
        used: Option<Option<usize>>,
    },
    Protocols {
        allowed: Option<&'a [Protocol]>,
        used: Option<Vec<Protocol>>,
    },
}

/// What will happen, and when.
#[derive(Debug)]
pub(super) enum FutureFact {
    /// What will happen follows.
    Heading,
    Begins(Timestamp),
    Ends(Timestamp),
    /// A higher serial takes its place.
    Replaced,
    /// It ends with what it rests on.
    EndsWithBasis,
    /// Who may end it before.
    Revocable(Vec<Role>),
}

/// The sets of an order.
#[derive(Debug)]
pub(super) enum SetFact<'a> {
    AddressSets,
    AddressSet {
        name: &'a str,
        ground: &'a str,
        listing: Listing,
    },
    PayloadSets,
    /// Prefixes spelled out in hexadecimal digits.
    RawPayloads {
        name: &'a str,
        ground: &'a str,
        listing: Listing,
    },
    /// Prefixes known by their hash only: how many bytes are hashed, how many hashes there are.
    HashedPayloads {
        name: &'a str,
        ground: &'a str,
        length: u8,
        hashes: usize,
    },
    /// Sets that no rule names, as JSON paths.
    Unused(Vec<String>),
}

/// Every fact of an explanation, in order.
pub(super) fn of<'a>(subject: &Explained<'a>) -> Vec<Fact<'a>> {
    match subject {
        Explained::Basis(basis) => alone(*basis),
        Explained::Order(order, basis) => order_facts(*order, *basis),
    }
}

fn signers<'a>(facts: &mut Vec<Fact<'a>>, signers: Option<&'a [Signer]>) {
    match signers {
        None => facts.push(Fact::NotVerified),
        Some(signers) => {
            facts.push(Fact::Verified(signers.len()));
            facts.extend(signers.iter().map(Fact::Signer));
        }
    }
}

fn alone(signed: Signed<'_, Basis>) -> Vec<Fact<'_>> {
    let basis = signed.document;
    let mut facts = vec![Fact::Basis(&basis.key)];
    signers(&mut facts, signed.signers);
    facts.push(Fact::Gap);
    grounds(&mut facts, basis);
    facts.extend([
        Fact::From(basis.not_before),
        Fact::Until(basis.not_after),
        length(basis.not_before, basis.not_after, Some(basis.measure())),
    ]);
    facts.extend(basis.extends.as_ref().map(Fact::Extends));
    facility(&mut facts, basis);
    criteria(&mut facts, basis, None);
    facts.push(Fact::Gap);
    let future = [
        FutureFact::Heading,
        FutureFact::Begins(basis.not_before),
        FutureFact::Ends(basis.not_after),
        FutureFact::Replaced,
        FutureFact::Revocable(basis.roles()),
    ];
    facts.extend(future.map(Fact::Future));
    facts
}

fn order_facts<'a>(signed: Signed<'a, Order>, basis: Option<Signed<'a, Basis>>) -> Vec<Fact<'a>> {
    let order = signed.document;
    let mut facts = vec![Fact::Order { id: &order.order_id, serial: order.serial }];
    signers(&mut facts, signed.signers);
    facts.extend([Fact::Gap, Fact::Under(&order.basis)]);
    match basis {
        None => facts.push(Fact::UnderUnknown),
        Some(Signed { document, signers }) => {
            if let Some(signers) = signers {
                facts.push(Fact::UnderVerified(signers.len()));
                facts.extend(signers.iter().map(Fact::Signer));
            }
            grounds(&mut facts, document);
            let (from, until) = (document.not_before, document.not_after);
            facts.push(Fact::BasisTerm { from, until });
            facts.extend(document.extends.as_ref().map(Fact::Extends));
            facility(&mut facts, document);
            criteria(&mut facts, document, Some(order));
        }
    }
    facts.extend([
        Fact::Gap,
        Fact::From(order.not_before),
        Fact::Until(order.not_after),
        length(order.not_before, order.not_after, None),
        Fact::Gap,
    ]);
    let future = [
        FutureFact::Heading,
        FutureFact::Begins(order.not_before),
        FutureFact::Ends(order.not_after),
        FutureFact::Replaced,
        FutureFact::EndsWithBasis,
        FutureFact::Revocable(vec![Role::CabinetOffice]),
    ];
    facts.extend(future.map(Fact::Future));
    facts.extend([Fact::Gap, Fact::Rules(basis.map(|basis| basis.document.measure()))]);
    facts.extend(
        order
            .rules
            .iter()
            .map(|rule| Fact::Rule { id: &rule.id, conditions: rule.conditions().collect() }),
    );
    sets(&mut facts, order);
    facts
}

fn grounds<'a>(facts: &mut Vec<Fact<'a>>, basis: &'a Basis) {
    let measure = basis.measure();
    let mut grounds = vec![GroundsFact::Measure(measure)];
    match &basis.grounds {
        Grounds::Approval { act, .. } => {
            grounds.extend([GroundsFact::Act(act), GroundsFact::Direction(measure)]);
        }
        Grounds::Agreement { article, party, analysis, consents } => {
            grounds.extend([
                GroundsFact::Article(*article),
                GroundsFact::Direction(measure),
                GroundsFact::Party {
                    id: &party.id,
                    name: &party.name,
                    prefixes: Listing::of(&party.prefixes, network),
                },
                GroundsFact::Analysis(analysis),
                GroundsFact::Consents(consents),
            ]);
        }
    }
    grounds.push(GroundsFact::Given { measure, at: basis.given_at });
    facts.extend(grounds.into_iter().map(Fact::Grounds));
}

fn length<'a>(from: Timestamp, until: Timestamp, measure: Option<Measure>) -> Fact<'a> {
    Fact::Length {
        length: Length::between(from, until),
        most_months: measure.map(Measure::longest_term_months),
    }
}

fn facility<'a>(facts: &mut Vec<Fact<'a>>, basis: &'a Basis) {
    let facility = &basis.facility;
    facts.extend([
        Fact::Facility { id: &facility.id, capacity: Capacity::of(facility.capacity_bps) },
        Fact::Share(facility.max_share_percent),
    ]);
    let sensors = facility.sensors.iter();
    facts.extend(sensors.map(|(name, share)| Fact::Sensor { name, share: *share }));
}

/// What may be selected by, and what an order uses of it.
fn criteria<'a>(facts: &mut Vec<Fact<'a>>, basis: &'a Basis, order: Option<&'a Order>) {
    let criteria = &basis.criteria;
    let kinds = |order: &Order| {
        let used = |kind: &ConditionKind| order.conditions().any(|one| one.kind() == *kind);
        ConditionKind::ALL.into_iter().filter(used).collect()
    };
    let shortest = |order: &Order, v4: bool| {
        let prefixes = order.address_sets.values().flat_map(|set| &set.addresses);
        prefixes.filter(|prefix| prefix.is_ipv4() == v4).map(ipnetwork::IpNetwork::prefix).min()
    };
    let payload =
        |order: &Order| order.payload_prefixes.values().map(|set| set.prefixes.shortest()).min();
    let limits = [
        CriteriaFact::Heading,
        CriteriaFact::Conditions { allowed: &criteria.conditions, used: order.map(kinds) },
        CriteriaFact::Selectors {
            most: criteria.max_selectors,
            used: order.map(|order| order.address_count() + order.payload_count()),
        },
        CriteriaFact::RuleCount {
            most: criteria.max_rules,
            used: order.map(|order| order.rules.len()),
        },
        CriteriaFact::Prefixes {
            ipv4: criteria.min_prefix_length.ipv4,
            ipv6: criteria.min_prefix_length.ipv6,
            used: order.map(|order| [shortest(order, true), shortest(order, false)]),
        },
        CriteriaFact::PayloadLength {
            least: criteria.min_payload_length,
            used: order.map(payload),
        },
        CriteriaFact::Protocols {
            allowed: criteria.protocols.as_deref(),
            used: order.map(|order| {
                let mut used: Vec<Protocol> =
                    order.rules.iter().filter_map(|rule| rule.protocol).collect();
                used.sort_unstable();
                used.dedup();
                used
            }),
        },
    ];
    facts.push(Fact::Gap);
    facts.extend(limits.map(Fact::Criteria));
    facts.extend(basis.handling.retention_years.map(Fact::Retention));
    if !basis.handling.barred_grounds.is_empty() {
        facts.push(Fact::Barred(&basis.handling.barred_grounds));
    }
}

fn sets<'a>(facts: &mut Vec<Fact<'a>>, order: &'a Order) {
    if !order.address_sets.is_empty() {
        facts.extend([Fact::Gap, Fact::Sets(SetFact::AddressSets)]);
        facts.extend(order.address_sets.iter().map(|(name, set)| {
            let listing = Listing::of(&set.addresses, network);
            Fact::Sets(SetFact::AddressSet { name, ground: &set.ground, listing })
        }));
    }
    if !order.payload_prefixes.is_empty() {
        facts.extend([Fact::Gap, Fact::Sets(SetFact::PayloadSets)]);
        let sets = order.payload_prefixes.iter();
        facts.extend(sets.map(|(name, set)| Fact::Sets(payloads(name, set))));
    }
    let unused = order.unused_sets();
    if !unused.is_empty() {
        facts.extend([Fact::Gap, Fact::Sets(SetFact::Unused(unused))]);
    }
}

fn payloads<'a>(name: &'a str, set: &'a PayloadSet) -> SetFact<'a> {
    let ground = set.ground.as_str();
    match &set.prefixes {
        PayloadPrefixes::Raw(prefixes) => {
            let listing = Listing::of(prefixes, |bytes| hex::encode(bytes));
            SetFact::RawPayloads { name, ground, listing }
        }
        PayloadPrefixes::Hashed { length, hashes, .. } => {
            SetFact::HashedPayloads { name, ground, length: *length, hashes: hashes.len() }
        }
    }
}
