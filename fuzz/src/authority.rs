//! Documents of the tests' kit, judged as a carrier judges them.

use controller::order::together::{Given, judge};
use controller::order::{DocumentKind, Mandate, Trust};
use controller::rejection::Rejections;
use sekisho_kit::{Signed, signed, trust_file};
use serde_json::Value;

/// The trust file of the kit.
pub(crate) fn trust() -> Trust {
    Trust::parse("trust.json", trust_file().as_bytes()).expect("a sound trust file")
}

/// The envelope around a payload, signed by the keys with these numbers.
pub(crate) fn sealed(kind: DocumentKind, payload: &[u8], signers: &[u8]) -> Vec<u8> {
    sekisho_kit::sealed(kind, payload, signers).into_bytes()
}

/// The order of a plan, under what it rests on.
pub(crate) fn approved(plan: &Value) -> Result<Mandate, Rejections> {
    thread_local! {
        static TRUST: Trust = trust();
    }
    let Signed { basis, order } = signed(plan);
    let given = |text: String| Given { file: "order".to_owned(), bytes: text.into() };
    let judged = TRUST.with(|trust| judge(&[given(basis), given(order)], trust, &[]));
    judged.map(|together| {
        let (_, order) = together.orders.into_iter().next().expect("the order that was given");
        order
    })
}
