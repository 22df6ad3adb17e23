//! Whole explanations, in both languages, under each measure.

use serde_json::{Value, json};

use super::*;
use crate::order::samples::{order, signed, trust, with};
use crate::order::{read_order, verify_order};

/// What an order would say that nobody verified. Only form matters here: what an order may not
/// ask for can be explained all the same.
fn unverified(order: &Value, language: Language) -> String {
    let order = read_order("o", order.to_string().as_bytes()).unwrap();
    Explanation::new(&order, None, language).to_string()
}

fn verified(order: &Value, language: Language) -> String {
    let order = verify_order("e", signed(order, &[1, 2, 3]).as_bytes(), &trust()).unwrap();
    Explanation::new(&order, Some(order.signers()), language).to_string()
}

/// An agreement with everything that an order can have.
fn agreement() -> Value {
    let many: Vec<String> = (1..=7).map(|n| format!("192.0.2.{n}")).collect();
    let beacon = json!({
        "length": 16, "key": "00".repeat(16),
        "siphash24": ["0123456789abcdef", "fedcba9876543210"],
    });
    with(&[
        ("/measure", json!("agreement")),
        ("/party", json!({"name": "電力", "prefixes": ["203.0.113.0/24"]})),
        ("/extends", json!({"order_id": "a", "serial": 1})),
        ("/address_sets/c2", json!(many)),
        ("/payload_prefixes/beacon", beacon),
        ("/facility/capacity_bps", json!(1_500_000_000)),
        ("/rules/0", json!({"id": "r", "source": "c2", "destination": "c2", "protocol": 132})),
    ])
}

/// Three months under art. 32 or 33, with one rule.
fn specific(measure: &str, rule: Value) -> Value {
    with(&[
        ("/measure", json!(measure)),
        ("/not_after", json!("2027-12-01T12:30:00+09:00")),
        ("/payload_prefixes", json!(null)),
        ("/rules/0", rule),
    ])
}

#[test]
fn foreign_to_foreign_in_english() {
    let expected = "\
Order 2027-17-0003, serial 2
NOT VERIFIED: no trust file was given, so nobody's signature was checked

Measure    foreign-to-foreign (外外通信目的送信措置), art. 17 of the Act
Direction  foreign-to-foreign: only packets from abroad to abroad
Approved   2027-10-20T15:00:00+09:00 (2027-10-20T06:00:00Z), by the commission (サイバー通信情報監理委員会), art. 18
From       2027-11-01T00:00:00+09:00 (2027-10-31T15:00:00Z)
Until      2028-05-01T00:00:00+09:00 (2028-04-30T15:00:00Z), this moment not included
Length     6 months, of 6 months at most
Facility   tyo-gw-1, 100 Gbit/s
Share      at most 30 % of it is inspected

Rules: a packet in that direction is recorded if one of these holds for it (art. 22(2))
  r1: its source or its destination is in c2, and it is tcp, and its destination port is 443 or 8000-8099

Address sets
  c2: 2 (198.51.100.7, 2001:db8:5::/48)

Payload prefix sets
  hello: beginnings of a payload, in hexadecimal: 1 (474554202f)

Warning: no rule uses payload_prefixes.hello
";
    assert_eq!(unverified(&order(), Language::English), expected);
}

#[test]
fn foreign_to_foreign_in_japanese() {
    let expected = "\
指示書 2027-17-0003、通番 2
【未検証】信頼ファイルの指定がないため、署名は一つも検証していません

措置：外外通信目的送信措置(法第十七条)
対象：外外通信(国外設備を送信元及び送信先とする通信)に限ります
承認：令和9年10月20日15時(2027-10-20T15:00:00+09:00)、サイバー通信情報監理委員会の承認(法第十八条)
始期：令和9年11月1日0時(2027-11-01T00:00:00+09:00)から
終期：令和10年5月1日0時(2028-05-01T00:00:00+09:00)まで(この時刻を含みません)
期間：6 か月(最長 6 か月)
設備：国外関係電気通信設備 tyo-gw-1、伝送容量 100 Gbit/s
上限：検査する通信は伝送容量の 30 % まで

選別の条件(法第二十二条第二項)：上記の通信のうち、次のいずれかに当たるものの機械的情報だけを記録します
  r1：送信元又は送信先のアドレスが集合 c2 に含まれ、かつ、プロトコルが tcp であり、かつ、送信先ポートが 443 又は 8000-8099 であること

アドレスの集合
  c2：2 件(198.51.100.7、2001:db8:5::/48)

ペイロード先頭部の集合(指令情報)
  hello：1 種類、十六進表記(474554202f)

注意：どの選別の条件にも使われていない集合があります：payload_prefixes.hello
";
    assert_eq!(unverified(&order(), Language::Japanese), expected);
}

/// The explanation without its signers, whose keys say nothing to a reader.
fn without_signers(text: &str) -> String {
    let lines: Vec<&str> =
        text.split_inclusive('\n').filter(|line| !line.starts_with("  holder")).collect();
    lines.concat()
}

#[test]
fn an_agreement_in_english() {
    let text = verified(&agreement(), Language::English);
    assert!(text.contains(&format!("  holder 1 (key {})\n", trust().keys()[0].keyid())), "{text}");
    let expected = "\
Order 2027-17-0003, serial 2
Verified: signed by 3 trusted keys

Measure    party agreement (当事者協定), art. 15 of the Act
Direction  foreign-to-domestic: only packets from abroad into Japan, and only to the party's own addresses
Party      電力: 1 (203.0.113.0/24)
Concluded  2027-10-20T15:00:00+09:00 (2027-10-20T06:00:00Z), by its parties (arts. 11 to 13), notified under art. 14
From       2027-11-01T00:00:00+09:00 (2027-10-31T15:00:00Z)
Until      2028-05-01T00:00:00+09:00 (2028-04-30T15:00:00Z), this moment not included
Length     6 months, of 6 months at most
Extends    order a, serial 1
Facility   tyo-gw-1, 1500 Mbit/s
Share      at most 30 % of it is inspected

Rules: a packet in that direction is recorded if one of these holds for it (art. 22(2))
  r: its source is in c2, and its destination is in c2, and it is IP protocol 132

Address sets
  c2: 7 (192.0.2.1, 192.0.2.2, 192.0.2.3, 192.0.2.4, 192.0.2.5, …)

Payload prefix sets
  beacon: beginnings of 16 bytes of a payload, known only by their SipHash-2-4: 2
  hello: beginnings of a payload, in hexadecimal: 1 (474554202f)

Warning: no rule uses payload_prefixes.beacon, payload_prefixes.hello
";
    assert_eq!(without_signers(&text), expected);
}

#[test]
fn an_agreement_in_japanese() {
    let text = verified(&agreement(), Language::Japanese);
    assert!(text.contains(&format!("  holder 1(鍵 {})\n", trust().keys()[0].keyid())), "{text}");
    let expected = "\
指示書 2027-17-0003、通番 2
検証済み：信頼された 3 個の鍵による署名があります

措置：当事者協定に基づく通信情報の取得(法第十五条)
対象：外内通信(国外設備から国内設備への通信)のうち、協定当事者のアドレスを送信先とするものに限ります
協定当事者：電力、1 件(203.0.113.0/24)
締結：令和9年10月20日15時(2027-10-20T15:00:00+09:00)、当事者協定(法第十一条から第十三条まで)、委員会への通知は法第十四条による
始期：令和9年11月1日0時(2027-11-01T00:00:00+09:00)から
終期：令和10年5月1日0時(2028-05-01T00:00:00+09:00)まで(この時刻を含みません)
期間：6 か月(最長 6 か月)
延長：指示書 a、通番 1 の期間の延長
設備：国外関係電気通信設備 tyo-gw-1、伝送容量 1500 Mbit/s
上限：検査する通信は伝送容量の 30 % まで

選別の条件(法第二十二条第二項)：上記の通信のうち、次のいずれかに当たるものの機械的情報だけを記録します
  r：送信元のアドレスが集合 c2 に含まれ、かつ、送信先のアドレスが集合 c2 に含まれ、かつ、プロトコル番号が 132 であること

アドレスの集合
  c2：7 件(192.0.2.1、192.0.2.2、192.0.2.3、192.0.2.4、192.0.2.5、ほか)

ペイロード先頭部の集合(指令情報)
  beacon：2 種類(先頭 16 バイトの SipHash-2-4 の値だけが示されています)
  hello：1 種類、十六進表記(474554202f)

注意：どの選別の条件にも使われていない集合があります：payload_prefixes.beacon、payload_prefixes.hello
";
    assert_eq!(without_signers(&text), expected);
}

#[test]
fn foreign_to_domestic_in_both_languages() {
    let order = specific("foreign-to-domestic", json!({"id": "a", "source": "c2"}));
    let english = "\
Order 2027-17-0003, serial 2
NOT VERIFIED: no trust file was given, so nobody's signature was checked

Measure    foreign-to-domestic (特定外内通信目的送信措置), art. 32 of the Act
Direction  foreign-to-domestic: only packets from abroad into Japan
Approved   2027-10-20T15:00:00+09:00 (2027-10-20T06:00:00Z), by the commission (サイバー通信情報監理委員会), arts. 32(2), 18
From       2027-11-01T00:00:00+09:00 (2027-10-31T15:00:00Z)
Until      2027-12-01T12:30:00+09:00 (2027-12-01T03:30:00Z), this moment not included
Length     1 month 12 hours 30 minutes, of 3 months at most
Facility   tyo-gw-1, 100 Gbit/s
Share      at most 30 % of it is inspected

Rules: a packet in that direction is recorded if one of these holds for it (art. 35(2))
  a: its source is in c2

Address sets
  c2: 2 (198.51.100.7, 2001:db8:5::/48)
";
    assert_eq!(unverified(&order, Language::English), english);
    let japanese = "\
指示書 2027-17-0003、通番 2
【未検証】信頼ファイルの指定がないため、署名は一つも検証していません

措置：特定外内通信目的送信措置(法第三十二条)
対象：外内通信(国外設備から国内設備への通信)に限ります
承認：令和9年10月20日15時(2027-10-20T15:00:00+09:00)、サイバー通信情報監理委員会の承認(法第三十二条第二項において準用する法第十八条)
始期：令和9年11月1日0時(2027-11-01T00:00:00+09:00)から
終期：令和9年12月1日12時30分(2027-12-01T12:30:00+09:00)まで(この時刻を含みません)
期間：1 か月 12 時間 30 分(最長 3 か月)
設備：国外関係電気通信設備 tyo-gw-1、伝送容量 100 Gbit/s
上限：検査する通信は伝送容量の 30 % まで

選別の条件(法第三十五条第二項)：上記の通信のうち、次のいずれかに当たるものの機械的情報だけを記録します
  a：送信元のアドレスが集合 c2 に含まれること

アドレスの集合
  c2：2 件(198.51.100.7、2001:db8:5::/48)
";
    assert_eq!(unverified(&order, Language::Japanese), japanese);
}

#[test]
fn domestic_to_foreign_in_both_languages() {
    let order = specific(
        "domestic-to-foreign",
        json!({"id": "a", "destination": "c2", "protocol": "udp", "source_ports": ["53"]}),
    );
    let english = "\
Order 2027-17-0003, serial 2
NOT VERIFIED: no trust file was given, so nobody's signature was checked

Measure    domestic-to-foreign (特定内外通信目的送信措置), art. 33 of the Act
Direction  domestic-to-foreign: only packets from Japan to abroad
Approved   2027-10-20T15:00:00+09:00 (2027-10-20T06:00:00Z), by the commission (サイバー通信情報監理委員会), arts. 33(2), 18
From       2027-11-01T00:00:00+09:00 (2027-10-31T15:00:00Z)
Until      2027-12-01T12:30:00+09:00 (2027-12-01T03:30:00Z), this moment not included
Length     1 month 12 hours 30 minutes, of 3 months at most
Facility   tyo-gw-1, 100 Gbit/s
Share      at most 30 % of it is inspected

Rules: a packet in that direction is recorded if one of these holds for it (art. 35(2))
  a: its destination is in c2, and it is udp, and its source port is 53

Address sets
  c2: 2 (198.51.100.7, 2001:db8:5::/48)
";
    assert_eq!(unverified(&order, Language::English), english);
    let japanese = "\
指示書 2027-17-0003、通番 2
【未検証】信頼ファイルの指定がないため、署名は一つも検証していません

措置：特定内外通信目的送信措置(法第三十三条)
対象：内外通信(国内設備から国外設備への通信)に限ります
承認：令和9年10月20日15時(2027-10-20T15:00:00+09:00)、サイバー通信情報監理委員会の承認(法第三十三条第二項において準用する法第十八条)
始期：令和9年11月1日0時(2027-11-01T00:00:00+09:00)から
終期：令和9年12月1日12時30分(2027-12-01T12:30:00+09:00)まで(この時刻を含みません)
期間：1 か月 12 時間 30 分(最長 3 か月)
設備：国外関係電気通信設備 tyo-gw-1、伝送容量 100 Gbit/s
上限：検査する通信は伝送容量の 30 % まで

選別の条件(法第三十五条第二項)：上記の通信のうち、次のいずれかに当たるものの機械的情報だけを記録します
  a：送信先のアドレスが集合 c2 に含まれ、かつ、プロトコルが udp であり、かつ、送信元ポートが 53 であること

アドレスの集合
  c2：2 件(198.51.100.7、2001:db8:5::/48)
";
    assert_eq!(unverified(&order, Language::Japanese), japanese);
}

/// A rule may name a payload set although this version refuses to carry it out.
#[test]
fn a_payload_condition_in_both_languages() {
    use super::facts::Fact;
    use crate::order::condition::Condition;
    let conditions = || vec![Condition::Payload("hello"), Condition::SourcePorts(&[])];
    let rule = |conditions| Fact::Rule { id: "r", conditions };
    let alone = vec![Condition::Payload("hello")];
    assert_eq!(english::line(&rule(alone.clone())), "  r: its payload begins with one of hello");
    assert_eq!(
        japanese::line(&rule(alone)),
        "  r：ペイロードの先頭部が集合 hello のいずれかと一致すること"
    );
    assert!(japanese::line(&rule(conditions())).starts_with(
        "  r：ペイロードの先頭部が集合 hello のいずれかと一致し、かつ、送信元ポートが"
    ));
}
