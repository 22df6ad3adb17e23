//! The messages in the source of the checks: every string literal with a space in it, outside of
//! tests and comments. One that no case of the corpus shows must be named here, with the reason.

/// The files whose messages are refusals of documents.
const SOURCES: [(&str, &str); 19] = [
    ("address.rs", include_str!("../../src/order/address.rs")),
    ("consistency.rs", include_str!("../../src/order/consistency.rs")),
    ("document.rs", include_str!("../../src/order/document.rs")),
    ("envelope.rs", include_str!("../../src/order/envelope.rs")),
    ("json.rs", include_str!("../../src/order/json.rs")),
    ("json/shapes.rs", include_str!("../../src/order/json/shapes.rs")),
    ("kind.rs", include_str!("../../src/order/kind.rs")),
    ("measure.rs", include_str!("../../src/order/measure.rs")),
    ("payload.rs", include_str!("../../src/order/payload.rs")),
    ("revocation.rs", include_str!("../../src/order/revocation.rs")),
    ("statute.rs", include_str!("../../src/order/statute.rs")),
    ("statute/selection.rs", include_str!("../../src/order/statute/selection.rs")),
    ("succession.rs", include_str!("../../src/order/succession.rs")),
    ("text.rs", include_str!("../../src/text.rs")),
    ("time.rs", include_str!("../../src/order/time.rs")),
    ("traffic.rs", include_str!("../../src/order/traffic.rs")),
    ("trust.rs", include_str!("../../src/order/trust.rs")),
    ("verified/rotation.rs", include_str!("../../src/order/verified/rotation.rs")),
    ("verified/signatures.rs", include_str!("../../src/order/verified/signatures.rs")),
];

/// Literals that no case can show, and why.
const ELSEWHERE: &[(&str, &str)] = &[
    (
        "{} is not an address or prefix",
        "the length was checked before: the library has no complaint left",
    ),
    (
        "{addresses} addresses, but {MOST_ADDRESSES} is the limit",
        "ten million: shown by a test in consistency.rs",
    ),
    (
        "{prefixes} payload prefixes, but {MOST_PREFIXES} is the limit",
        "one million: shown by a test in consistency.rs",
    ),
    ("is larger than 1 GiB", "a file of 1 GiB: no test makes one"),
    ("{head} … {tail}", "serde's own messages when they are long: shown by a test in json.rs"),
    ("DSSEv1 {} {payload_type} {} ", "the message that is signed"),
    (" at line {} column {}", "serde's words, taken out"),
    ("missing field `", "serde's words, taken out"),
    ("duplicate field `", "serde's words, taken out"),
    ("invalid type: ", "serde's words, taken out"),
    ("invalid value: ", "serde's words, taken out"),
    ("a sequence", "serde's words, taken out"),
];

/// The messages that none of `refusals` shows, each with its file.
pub(crate) fn missing_from(refusals: &[String]) -> Vec<String> {
    let mut missing = Vec::new();
    for (text, _) in ELSEWHERE {
        if !SOURCES.iter().any(|(_, source)| literals(source).iter().any(|found| found == text)) {
            missing.push(format!("{text}: is named as shown elsewhere, but is no message"));
        }
    }
    for (file, source) in SOURCES {
        for literal in literals(source) {
            let shown = refusals.iter().any(|refusal| matches(&literal, refusal));
            let elsewhere = ELSEWHERE.iter().any(|(text, _)| *text == literal);
            match (shown, elsewhere) {
                (false, false) => missing.push(format!("{file}: {literal}")),
                (true, true) => missing.push(format!("{file}: {literal}: is shown after all")),
                _ => {}
            }
        }
    }
    missing
}

/// Whether a refusal can have come out of a format string: its fixed parts follow each other.
fn matches(literal: &str, refusal: &str) -> bool {
    let mut rest = refusal;
    for part in fixed_parts(literal) {
        let Some(position) = rest.find(&part) else { return false };
        rest = &rest[position + part.len()..];
    }
    true
}

/// `{a} of {b:?}` has the fixed part ` of `; `{{` is a brace.
fn fixed_parts(literal: &str) -> Vec<String> {
    let (mut parts, mut part, mut inside) = (Vec::new(), String::new(), false);
    let mut characters = literal.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '{' | '}' if characters.peek() == Some(&character) => {
                characters.next();
                part.push(character);
            }
            '{' => {
                inside = true;
                parts.push(std::mem::take(&mut part));
            }
            '}' => inside = false,
            _ if inside => {}
            _ => part.push(character),
        }
    }
    parts.push(part);
    parts.retain(|part| !part.is_empty());
    parts
}

/// The string literals with a space in a source file, up to its tests.
fn literals(source: &str) -> Vec<String> {
    let code = source.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    // The attributes of clippy have reasons that are no messages.
    let lines = code.lines().filter(|line| {
        let line = line.trim_start();
        !line.starts_with("//") && !line.starts_with("#[")
    });
    let code = lines.collect::<Vec<_>>().join("\n");
    let mut literals = Vec::new();
    let mut characters = code.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => literals.push(literal(&mut characters)),
            // A quotation mark as a character.
            '\'' if characters.as_str().starts_with("\"'") => {
                characters.next();
            }
            _ => {}
        }
    }
    literals.retain(|literal| literal.trim().contains(' '));
    literals
}

/// The literal whose first quotation mark has been read, unescaped.
fn literal(characters: &mut std::str::Chars<'_>) -> String {
    let mut text = String::new();
    while let Some(character) = characters.next() {
        match character {
            '"' => break,
            '\\' => match characters.next() {
                // A line that goes on: its indentation does not count.
                Some('\n') => {
                    let rest = characters.as_str();
                    *characters = rest[rest.len() - rest.trim_start().len()..].chars();
                }
                Some(escaped) => text.push(escaped),
                None => break,
            },
            _ => text.push(character),
        }
    }
    text
}

#[test]
fn literals_are_found_and_matched() {
    let source = "\
        //! \"not a message\"\n\
        fn f() {\n\
            #[expect(x, reason = \"no message either\")]\n\
            let a = '\"';\n\
            g(\"one {a} of \\\n        two {{}}\", \"word\", \"a \\\"b\\\" c\");\n\
        }\n\
        #[cfg(test)]\nmod tests { \"a test's\" }";
    assert_eq!(literals(source), ["one {a} of two {{}}", "a \"b\" c"]);
    assert!(matches("one {a} of two {{}}", "x: one 1 of two {} (line 1)"));
    assert!(!matches("one {a} of two {{}}", "two {} of one"));
}
