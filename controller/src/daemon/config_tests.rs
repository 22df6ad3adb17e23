//! Configurations as they should be, and each way in which they should not.

use proptest::prelude::*;

use super::*;
use crate::kernel::LifeLog;

const GOOD: &str = r#"
sensor = "tyo-gw-1a"
facility = "tyo-gw-1"
mode = "tap"
interfaces = ["eth1", "eth2"]
trust = "trust.json"
state = "/var/lib/sekisho"
orders = ["orders/a.json", "/srv/b.json"]
output = "records.ndjson"
[direction]
domestic = ["jp.txt"]
"#;

fn parse(text: &str) -> Result<Config, Rejection> {
    Config::parse(Path::new("/etc/sekisho/sekisho.toml"), text.as_bytes())
}

#[test]
fn defaults_and_relative_paths() {
    let config = parse(GOOD).unwrap();
    let expected = Config {
        sensor: "tyo-gw-1a".into(),
        facility: "tyo-gw-1".into(),
        mode: Mode::Tap,
        entered: Entered::ALL,
        interfaces: vec!["eth1".into(), "eth2".into()],
        xdp: XdpAttach::Native,
        trust: "/etc/sekisho/trust.json".into(),
        state: StatePaths {
            directory: "/var/lib/sekisho".into(),
            anchor: "/var/lib/sekisho.anchor".into(),
        },
        orders: vec!["/etc/sekisho/orders/a.json".into(), "/srv/b.json".into()],
        output: Output::File("/etc/sekisho/records.ndjson".into()),
        lease: Duration::from_secs(10),
        idle_after: SignedDuration::from_hours(30 * 24),
        http: None,
        control_socket: "/run/sekisho/control.sock".into(),
        control_group: None,
        pin: None,
        ring_bytes: 8_388_608,
        life_log: LifeLog::Off,
        direction: DirectionInputs {
            domestic: vec!["/etc/sekisho/jp.txt".into()],
            ..DirectionInputs::default()
        },
    };
    assert_eq!(config, expected);
}

#[test]
fn everything_can_be_said() {
    let text = GOOD.replace("\"tap\"", "\"inline\"").replace("\"records.ndjson\"", "\"-\"")
        + "foreign = [\"delegated\"]\ncountry = \"JP\"\ndefault = \"foreign\"\n\
           without_domestic = [\"ipv6\"]\n";
    let text = format!(
        "xdp = \"generic\"\nlease_seconds = 2\nhttp = \"[::1]:9100\"\n\
         control_socket = \"s\"\npin = \"/sys/fs/bpf/s\"\ncontrol_group = \"operators\"\nring_bytes = 4096\n{text}"
    );
    let config = parse(&text).unwrap();
    assert_eq!((config.mode, config.xdp), (Mode::Inline, XdpAttach::Generic));
    assert_eq!(config.output, Output::Stdout);
    assert_eq!(config.pin.as_deref(), Some(Path::new("/sys/fs/bpf/s")));
    assert_eq!(config.http, Some("[::1]:9100".parse().unwrap()));
    assert_eq!(config.control_socket, Path::new("/etc/sekisho/s"));
    assert_eq!(config.control_group, Some(ControlGroup::Name("operators".into())));
    let numbered = parse(&format!("control_group = 0\n{GOOD}")).unwrap();
    assert_eq!(numbered.control_group, Some(ControlGroup::Number(0)));
    assert_eq!(config.direction.default, Unnamed::Foreign);
    assert_eq!(config.direction.without_domestic, [Family::Ipv6]);
    assert_eq!(parse(GOOD).unwrap().direction.default, Unnamed::Unclassified);
    assert_eq!(config.direction.country.map(|country| country.to_string()), Some("JP".into()));
}

#[test]
fn refusals() {
    const FILE: &str = "/etc/sekisho/sekisho.toml: ";
    for (from, to, message) in [
        ("sensor = \"tyo-gw-1a\"\n", "", "missing field `sensor`"),
        ("mode = \"tap\"\n", "", "missing field `mode`"),
        ("trust = \"trust.json\"\n", "", "missing field `trust`"),
        ("output = \"records.ndjson\"\n", "", "missing field `output`"),
        ("state = \"/var/lib/sekisho\"\n", "", "missing field `state`"),
        ("\"/var/lib/sekisho\"", "\"\"", "state: is empty"),
        (
            "trust =",
            "anchor = \"/var/lib/sekisho/anchor\"\ntrust =",
            "anchor: is inside of the state directory that it is to guard",
        ),
        ("sensor =", "colour = 1\nsensor =", "colour, line 2: unknown field `colour`"),
        ("domestic =", "colour = 1\ndomestic =", "direction.colour, line 11: unknown field"),
        ("sensor =", "mode = \"tap\"\nsensor =", "line 5: duplicate key"),
        ("\"tap\"", "\"Tap\"", "mode, line 4: unknown variant `Tap`"),
        ("\"tap\"", "1", "mode, line 4: "),
        ("\"tyo-gw-1a\"", "\"a b\"", "sensor: is not a name of 1 to 64 characters"),
        ("\"tyo-gw-1a\"", "\"\"", "sensor: is not a name of 1 to 64 characters"),
        ("facility = \"tyo-gw-1\"", "facility = \"\"", "facility: is empty"),
        ("[\"eth1\", \"eth2\"]", "[]", "interfaces: names no interface"),
        ("\"eth2\"]", "\"eth1\"]", "interfaces[1]: is named twice"),
        ("\"eth2\"]", "\"..\"]", "interfaces[1]: is not the name of a network interface"),
        ("\"eth2\"]", "\"a\\u0000\"]", "interfaces[1]: is not the name of a network interface"),
        ("\"eth2\"]", "\"0123456789abcdef\"]", "interfaces[1]: is not the name"),
        ("sensor =", "lease_seconds = 1\nsensor =", "lease_seconds: is not between 2 and 60"),
        ("sensor =", "idle_days = 0\nsensor =", "idle_days: is not between 1 and 366"),
        ("sensor =", "idle_days = 367\nsensor =", "idle_days: is not between 1 and 366"),
        ("sensor =", "lease_seconds = 61\nsensor =", "lease_seconds: is not between 2 and 60"),
        ("sensor =", "lease_seconds = -1\nsensor =", "lease_seconds, line 2: "),
        ("sensor =", "pin = \"\"\nsensor =", "pin: is empty"),
        ("sensor =", "ring_bytes = 2048\nsensor =", "ring_bytes: is not a power of two"),
        ("sensor =", "ring_bytes = 12288\nsensor =", "ring_bytes: is not a power of two"),
        ("sensor =", "http = \"localhost\"\nsensor =", "http, line 2: "),
        ("sensor =", "xdp = \"auto\"\nsensor =", "xdp, line 2: unknown variant `auto`"),
        ("sensor =", "control_group = -1\nsensor =", "control_group, line 2: "),
        ("sensor =", "control_group = []\nsensor =", "control_group, line 2: "),
        ("\"trust.json\"", "\"\"", "trust: is empty"),
        ("\"/srv/b.json\"", "\"\"", "orders[1]: is empty"),
        ("[\"jp.txt\"]", "[]", "direction: name at least one file under domestic or foreign"),
        ("[\"jp.txt\"]", "[\"jp.txt\"]\ncountry = \"jp\"", "direction.country: `jp` is no country"),
        ("[\"jp.txt\"]", "[\"jp.txt\"]\ndefault = \"x\"", "direction.default, line 12: unknown"),
        (
            "[\"jp.txt\"]",
            "[\"jp.txt\"]\nwithout_domestic = [\"v6\"]",
            "direction.without_domestic[0], line 12: unknown variant `v6`",
        ),
        ("[direction]", "[direction", "line 10: "),
    ] {
        assert!(GOOD.contains(from), "{from}");
        let rejection = parse(&GOOD.replacen(from, to, 1)).expect_err(message).to_string();
        let rest = rejection.strip_prefix(FILE).expect(&rejection);
        assert!(rest.contains(message), "{rejection}");
        assert!(!rejection.contains('\n'), "{rejection}");
    }
    let latin = Config::parse(Path::new("c.toml"), b"sensor = \"\xe9\"").unwrap_err();
    assert!(latin.to_string().starts_with("c.toml: is not UTF-8"), "{latin}");
}

proptest! {
    #[test]
    fn never_panics(text in "\\PC{0,200}") {
        let _ = parse(&text);
    }

    #[test]
    fn near_misses_never_panic(position in 0..GOOD.len(), byte in any::<u8>()) {
        let mut bytes = GOOD.as_bytes().to_vec();
        bytes[position] = byte;
        let _ = Config::parse(Path::new("c.toml"), &bytes);
    }
}
