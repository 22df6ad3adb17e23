//! Statistics files made here, whole and broken.

use proptest::prelude::*;

use super::*;

/// A file with a version line and summary lines that fit its rows.
fn file(rows: &[&str]) -> String {
    let count = |kind: &str| rows.iter().filter(|row| row.contains(kind)).count();
    let (asn, v4, v6) = (count("|asn|"), count("|ipv4|"), count("|ipv6|"));
    format!(
        "#\n# conditions of use\n#\n2.3|apnic|20270101|{}||20261231|+1000\n\
         apnic|*|asn|*|{asn}|summary\napnic|*|ipv4|*|{v4}|summary\napnic|*|ipv6|*|{v6}|summary\n{}\n",
        rows.len(),
        rows.join("\n")
    )
}

fn read_jp(text: &str) -> Result<Vec<(String, AddressClass)>, String> {
    let source = Source::new("delegated", text.into());
    read(&source, Some("JP".parse().unwrap()))
        .map(|named| named.iter().map(|n| (n.network.to_string(), n.class)).collect())
        .map_err(|rejection| rejection.to_string())
}

#[test]
fn the_country_decides_the_class() {
    use AddressClass::{Domestic, Foreign, Unclassified};
    let text = file(&[
        "apnic|JP|asn|173|1|20020801|allocated|A91A7381",
        "apnic|JP|ipv4|1.0.16.0|4096|20110412|allocated|A92D9378",
        "apnic|AU|ipv4|1.0.0.0|256|20110811|assigned",
        "apnic|AP|ipv4|1.0.64.0|256|20110811|assigned|x|e-stats",
        "apnic||ipv4|14.192.48.0|2048||reserved|",
        "apnic|ZZ|ipv4|14.192.64.0|2048||available|",
        "apnic|ZZ|ipv4|14.192.80.0|2048|20110811|allocated|",
        "apnic||ipv4|14.192.96.0|2048|20110811|assigned|",
        "apnic|JP|ipv6|2001:200::|35|19990813|allocated|A91A7381",
        "apnic|KR|ipv6|2001:220::|32|19991006|ASSIGNED|A91A7381",
        "apnic||ipv6|2001:c00::|27||available|",
    ]);
    let expected = [
        ("1.0.16.0/20", Domestic),
        ("1.0.0.0/24", Foreign),
        ("1.0.64.0/24", Foreign),
        ("14.192.48.0/21", Unclassified),
        ("14.192.64.0/21", Unclassified),
        ("14.192.80.0/21", Unclassified),
        ("14.192.96.0/21", Unclassified),
        ("2001:200::/35", Domestic),
        ("2001:220::/32", Foreign),
        ("2001:c00::/27", Unclassified),
    ];
    assert_eq!(read_jp(&text), Ok(expected.map(|(text, class)| (text.into(), class)).to_vec()));
}

#[test]
fn the_combined_file_of_all_registries() {
    use AddressClass::{Domestic, Foreign, Unclassified};
    let text = "2|nro|20270101|12|19830101|20261231|+0000\n\
                nro|*|asn|*|1|summary\nnro|*|ipv4|*|6|summary\nnro|*|ipv6|*|5|summary\n\
                iana|ZZ|asn|0|1|20140311|reserved|ietf|iana\n\
                iana|ZZ|ipv4|0.0.0.0|16777216|19810901|reserved|ietf|iana\n\
                iana|ZZ|ipv4|10.0.0.0|16777216|19960201|ietf||iana\n\
                iana|ZZ|ipv4|240.0.0.0|268435456|19810901|assigned|ietf|iana\n\
                apnic|JP|ipv4|1.0.16.0|4096|20110412|allocated|A92D9378|e-stats\n\
                arin|US|ipv4|3.0.0.0|768|19880223|assigned|b|e-stats\n\
                afrinic|ZZ|ipv4|41.62.0.0|1024||available|afrinic|e-stats\n\
                iana|ZZ|ipv6|2d00::|8|19990701|available|ianapool|iana\n\
                iana|ZZ|ipv6|4000::|2|19960801|IANAPOOL|x|iana\n\
                iana|JP|ipv6|2e00::|8|19990701|allocated|ianapool|iana\n\
                apnic|JP|ipv6|2001:200::|35|19990813|allocated|A91A7381|e-stats\n\
                ripencc|DE|ipv6|2001:600::|32|19990826|allocated|c|e-stats\n";
    let expected = [
        ("0.0.0.0/8", Unclassified),
        ("10.0.0.0/8", Unclassified),
        ("240.0.0.0/4", Unclassified),
        ("1.0.16.0/20", Domestic),
        ("3.0.0.0/23", Foreign),
        ("3.0.2.0/24", Foreign),
        ("41.62.0.0/22", Unclassified),
        ("2d00::/8", Unclassified),
        ("4000::/2", Unclassified),
        ("2e00::/8", Unclassified),
        ("2001:200::/35", Domestic),
        ("2001:600::/32", Foreign),
    ];
    assert_eq!(read_jp(text), Ok(expected.map(|(text, class)| (text.into(), class)).to_vec()));
}

#[test]
fn the_first_format_and_crlf_are_read_too() {
    let text = "2|apnic|20270101|1|19830613|20261231|+1000\r\napnic|*|ipv4|*|1|summary\r\n\
                apnic|JP|ipv4|1.0.16.0|4096|20110412|allocated\r\n";
    assert_eq!(read_jp(text), Ok(vec![("1.0.16.0/20".into(), AddressClass::Domestic)]));
}

#[test]
fn a_count_of_addresses_is_cut_into_prefixes() {
    for (start, count, expected) in [
        ("1.0.1.0", "768", &["1.0.1.0/24", "1.0.2.0/23"][..]),
        ("1.0.0.0", "768", &["1.0.0.0/23", "1.0.2.0/24"]),
        ("1.0.0.3", "6", &["1.0.0.3/32", "1.0.0.4/30", "1.0.0.8/32"]),
        ("255.255.255.255", "1", &["255.255.255.255/32"]),
        ("0.0.0.0", "4294967296", &["0.0.0.0/0"]),
    ] {
        let text = file(&[&format!("apnic|JP|ipv4|{start}|{count}|20110412|allocated|A9")]);
        let read: Vec<_> =
            read_jp(&text).unwrap().into_iter().map(|(network, _)| network).collect();
        assert_eq!(read, expected);
    }
}

#[test]
fn a_file_without_a_country_says_what_to_add() {
    let text = file(&["apnic|JP|ipv4|1.0.16.0|4096|20110412|allocated|A9"]);
    let rejection = read(&Source::new("delegated", text.into()), None).unwrap_err().to_string();
    assert!(rejection.contains("--country JP"), "{rejection}");
}

#[test]
fn bad_rows_are_named() {
    for (row, reason) in [
        ("apnic|JP|ipv4|1.0.16.0|4096|20110412", "at least seven fields; this one has 6"),
        ("apnic|JP|ipv4|1.0.16.0|0|20110412|allocated", "no count of IPv4 addresses"),
        ("apnic|JP|ipv4|1.0.16.0|-1|20110412|allocated", "no count of IPv4 addresses"),
        ("apnic|JP|ipv4|1.0.16.0|/20|20110412|allocated", "no count of IPv4 addresses"),
        ("apnic|JP|ipv4|255.0.0.0|16777217|20110412|allocated", "no count of IPv4 addresses"),
        ("apnic|JP|ipv4|1.0.16|256|20110412|allocated", "`1.0.16` is no IPv4 address"),
        ("apnic|JP|ipv6|2001:200::|129|19990813|allocated", "no IPv6 prefix length"),
        ("apnic|JP|ipv6|2001:200::|4294967296|19990813|allocated", "no IPv6 prefix length"),
        ("apnic|JP|ipv6|2001:200::1|32|19990813|allocated", "has host bits set"),
        ("apnic|JP|ipv6|1.0.16.0|32|19990813|allocated", "`1.0.16.0` is no IPv6 address"),
        ("apnic|JP|ipv4|1.0.16.0|4096|20110412|borrowed", "unknown status `borrowed`"),
        ("apnic|JP|ipv5|1.0.16.0|4096|20110412|allocated", "unknown type `ipv5`"),
        ("apnic|jp|ipv4|1.0.16.0|4096|20110412|allocated", "`jp` is no country code"),
        ("apnic|*|ipv4|*|1|summary", "a second summary line for ipv4"),
        ("apnic|*|ipv4|*|one|summary", "summary count `one` is not a number"),
    ] {
        let rejection = read_jp(&file(&[row])).unwrap_err();
        assert!(rejection.starts_with("delegated: line 8: "), "{rejection}");
        assert!(rejection.contains(reason), "{rejection}");
    }
}

#[test]
fn the_version_line_comes_first() {
    for (text, reason) in [
        ("apnic|*|ipv4|*|1|summary\n", "begins with its version line"),
        ("2|apnic\n", "begins with its version line"),
        ("3|apnic|20270101|1|19830613|20261231|+1000\n", "version `3` of the format"),
    ] {
        let rejection = read_jp(text).unwrap_err();
        assert!(rejection.contains(reason), "{rejection}");
    }
}

#[test]
fn rows_without_a_summary_are_refused() {
    let text = "2|apnic|20270101|1|19830613|20261231|+1000\n\
                apnic|JP|ipv4|1.0.16.0|4096|20110412|allocated\n";
    let rejection = read_jp(text).unwrap_err();
    assert!(rejection.contains("no summary line for ipv4"), "{rejection}");
}

#[test]
fn a_file_cut_anywhere_before_its_last_field_is_refused() {
    let text = file(&[
        "apnic|AU|asn|173|1|20020801|allocated|A91A7381",
        "apnic|JP|ipv4|1.0.16.0|4096|20110412|allocated|A92D9378",
        "apnic|JP|ipv4|1.0.32.0|768|20110412|allocated|A92D9378",
        "apnic|JP|ipv6|2001:200::|35|19990813|allocated|A91A7381",
    ]);
    let whole = text.rfind("allocated").unwrap() + "allocated".len();
    assert!(read_jp(&text[..whole]).is_ok());
    for cut in 0..whole {
        assert!(read_jp(&text[..cut]).is_err(), "cut at {cut}");
    }
}

proptest! {
    #[test]
    fn the_prefixes_of_a_row_are_the_row(first in any::<u32>(), count in 1_u64..1 << 33) {
        let count = count.min((1 << 32) - u64::from(first));
        let mut next = u64::from(first);
        let mut pieces = 0;
        for network in prefixes(first, count) {
            let (IpAddr::V4(start), IpAddr::V4(end)) = (network.network(), network.broadcast())
            else {
                panic!("{network}");
            };
            prop_assert_eq!(u64::from(start.to_bits()), next);
            next = u64::from(end.to_bits()) + 1;
            pieces += 1;
        }
        prop_assert_eq!(next, u64::from(first) + count);
        prop_assert!(pieces <= 62);
    }

    #[test]
    fn no_rows_make_it_panic(rows in proptest::collection::vec("[a-z0-9*|:.JP]{0,50}", 0..8)) {
        let rows: Vec<_> = rows.iter().map(String::as_str).collect();
        let _ = read_jp(&file(&rows));
    }
}
