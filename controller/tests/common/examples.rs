//! The examples in `docs/formats.md`, by the word behind their language.

/// The examples of one kind; there is at least one.
pub(crate) fn examples(kind: &str) -> Vec<&'static str> {
    let text = include_str!("../../../docs/formats.md");
    let blocks = text.split("\n```").skip(1).step_by(2);
    let of_kind = blocks.filter_map(|block| {
        let (language, body) = block.split_once('\n')?;
        (language.split_once(' ')?.1 == kind).then_some(body)
    });
    let found: Vec<&str> = of_kind.collect();
    assert!(!found.is_empty(), "no example of {kind}");
    found
}
