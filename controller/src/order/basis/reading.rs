//! Approvals and agreements, field by field.

use super::{Basis, GROUNDS, Grounds, Handling, Party, TargetAct, criteria, facility, statute};
use crate::order::json::{self, Faults, Fields, JsonPath, quote};
use crate::order::measure::Measure;
use crate::order::name::{self, BasisKey, BasisKind};
use crate::order::{address, time};
use crate::rejection::{BasisFault, FormFault, Rejections};
use crate::text;

pub(super) fn basis(kind: BasisKind, file: &str, payload: &[u8]) -> Result<Basis, Rejections> {
    let mut faults = Faults::new(file);
    let basis = read(kind, payload, &mut faults);
    faults.or(basis)
}

fn read(kind: BasisKind, payload: &[u8], faults: &mut Faults) -> Option<Basis> {
    let mut fields = Fields::of_document(payload, faults)?;
    if !json::schema(&mut fields, kind.kind().schema(), faults) {
        return None;
    }
    let id = name::id(&mut fields, kind.field(), faults);
    let serial = name::count(&mut fields, "serial", faults);
    let grounds = match kind {
        BasisKind::Approval => approval(&mut fields, faults),
        BasisKind::Agreement => agreement(&mut fields, faults),
    };
    let given = match kind {
        BasisKind::Approval => "approved_at",
        BasisKind::Agreement => "concluded_at",
    };
    let given_at = time::take(&mut fields, given, faults);
    let not_before = time::take(&mut fields, "not_before", faults);
    let not_after = time::take(&mut fields, "not_after", faults);
    let extends = extends(kind, id.as_deref(), serial, &mut fields, faults);
    let place = fields.at("facility").field("max_share_percent");
    let facility =
        fields.object("facility", faults).and_then(|fields| facility::read(fields, faults));
    let criteria =
        fields.object("criteria", faults).and_then(|fields| criteria::read(fields, faults));
    let handling = fields.object("handling", faults).and_then(|fields| handling(fields, faults));
    fields.end(faults);
    let measure = grounds.as_ref().map(|grounds| match grounds {
        Grounds::Approval { measure, .. } => *measure,
        Grounds::Agreement { .. } => Measure::Agreement,
    });
    if let (Some(written), Some(measure)) = (&facility, measure)
        && let Err(fault) = facility::check(written, measure)
    {
        faults.add(&place, fault);
    }
    if let (Some(not_before), Some(not_after), Some(measure)) = (not_before, not_after, measure) {
        statute::term(not_before, not_after, measure, faults);
    }
    if let (Some(given_at), Some(not_before)) = (given_at, not_before) {
        statute::begin(kind, given_at, not_before, faults);
    }
    Some(Basis {
        key: BasisKey { kind, id: id?, serial: serial? },
        grounds: grounds?,
        given_at: given_at?,
        not_before: not_before?,
        not_after: not_after?,
        extends: extends?,
        facility: facility?.facility,
        criteria: criteria?,
        handling: handling?,
    })
}

fn approval(fields: &mut Fields<'_>, faults: &mut Faults) -> Option<Grounds> {
    let measure = fields.take::<String>("measure", faults).and_then(|text| {
        let approved = Measure::ALL.into_iter().filter(|measure| *measure != Measure::Agreement);
        let measure = approved.clone().find(|measure| measure.name() == text);
        if measure.is_none() {
            let known: Vec<&str> = approved.map(Measure::name).collect();
            let fault = BasisFault::Measure(quote(&text), known.join(", "));
            faults.add(&fields.at("measure"), fault);
        }
        measure
    });
    let act = fields.object("act", faults).and_then(|mut act| {
        let id = name::id(&mut act, "id", faults);
        let title = line(&mut act, "title", faults);
        act.end(faults);
        Some(TargetAct { id: id?, title: title? })
    });
    Some(Grounds::Approval { measure: measure?, act: act? })
}

fn agreement(fields: &mut Fields<'_>, faults: &mut Faults) -> Option<Grounds> {
    let article = fields.take::<u64>("article", faults).and_then(|article| {
        let known = u8::try_from(article).ok().filter(|article| matches!(article, 11 | 12));
        if known.is_none() {
            faults.add(&fields.at("article"), BasisFault::Article(article));
        }
        known
    });
    let party = fields.object("party", faults).and_then(|fields| party(fields, faults));
    let analysis = line(fields, "analysis", faults);
    let consents = fields.may::<Vec<String>>("consents", faults).map(Option::unwrap_or_default);
    let here = fields.at("consents");
    if let Some(consents) = &consents {
        listed(&here, consents, &["23(4)(i)", "38(3)"], faults, BasisFault::Consent);
    }
    Some(Grounds::Agreement {
        article: article?,
        party: party?,
        analysis: analysis?,
        consents: consents?,
    })
}

fn party(mut fields: Fields<'_>, faults: &mut Faults) -> Option<Party> {
    let id = name::id(&mut fields, "id", faults);
    let name = line(&mut fields, "name", faults);
    let here = fields.at("prefixes");
    let prefixes = address::take(&mut fields, "prefixes", faults);
    fields.end(faults);
    if let Some(prefixes) = &prefixes {
        statute::party(&here, prefixes, faults);
    }
    Some(Party { id: id?, name: name?, prefixes: prefixes? })
}

/// The basis that this one extends, if it extends one. The outer `None`: the field is wrong.
#[expect(clippy::option_option, reason = "wrong, absent and present are three outcomes")]
fn extends(
    kind: BasisKind,
    id: Option<&str>,
    serial: Option<u64>,
    fields: &mut Fields<'_>,
    faults: &mut Faults,
) -> Option<Option<BasisKey>> {
    let here = fields.at("extends");
    let Some(value) = fields.raw("extends").filter(|value| value.get() != "null") else {
        return Some(None);
    };
    let mut earlier = Fields::of_value(here.clone(), value, faults)?;
    let earlier_id = name::id(&mut earlier, kind.field(), faults);
    let earlier_serial = name::count(&mut earlier, "serial", faults);
    earlier.end(faults);
    let (earlier_id, earlier_serial) = (earlier_id?, earlier_serial?);
    if let Some(own) = serial.filter(|own| id == Some(&earlier_id) && earlier_serial >= *own) {
        let fault = BasisFault::NotEarlier { earlier: earlier_serial, own };
        faults.add(&here.field("serial"), fault);
    }
    Some(Some(BasisKey { kind, id: earlier_id, serial: earlier_serial }))
}

fn handling(mut fields: Fields<'_>, faults: &mut Faults) -> Option<Handling> {
    let years = fields.may::<u64>("retention_years", faults);
    if let Some(Some(years)) = years.filter(|years| !matches!(years, None | Some(1 | 2))) {
        faults.add(&fields.at("retention_years"), BasisFault::Retention(years));
    }
    let barred = fields.may::<Vec<String>>("barred_grounds", faults).map(Option::unwrap_or_default);
    let here = fields.at("barred_grounds");
    fields.end(faults);
    if let Some(barred) = &barred {
        let fault = |ground| BasisFault::Ground(ground, GROUNDS.join(", "));
        listed(&here, barred, &GROUNDS, faults, fault);
    }
    let retention_years = years?.and_then(|years| u8::try_from(years).ok());
    Some(Handling { retention_years, barred_grounds: barred? })
}

/// Checks that each member of a list is known, and that none stands there twice.
fn listed(
    here: &JsonPath,
    list: &[String],
    known: &[&str],
    faults: &mut Faults,
    unknown: impl Fn(String) -> BasisFault,
) {
    for (index, text) in list.iter().enumerate() {
        if !known.contains(&text.as_str()) {
            faults.add(&here.member(index), unknown(quote(text)));
        } else if list.iter().take(index).any(|before| before == text) {
            faults.add(&here.member(index), FormFault::Again(quote(text)));
        }
    }
}

/// Takes free text. It reaches terminals and reports, so it must be one line without misleading characters.
fn line(fields: &mut Fields<'_>, field: &'static str, faults: &mut Faults) -> Option<String> {
    let text: String = fields.take(field, faults)?;
    if let Err(reason) = text::check(&text) {
        faults.add(&fields.at(field), FormFault::Text(reason));
    }
    Some(text)
}
