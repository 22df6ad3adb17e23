//! The explanation of an order in Japanese, in the terms of the Act (重要電子計算機に対する不正な行為
//! による被害の防止に関する法律, Act No. 42 of 2025). Articles are written as the Act cites itself.

use jiff::Timestamp;
use jiff::civil::DateTime;

use super::facts::{Fact, Listing};
use crate::order::condition::Condition;
use crate::order::measure::Measure;
use crate::order::time::{self, Length};
use crate::order::traffic::PortRange;

/// The year before the first year of 令和, which began on 1 May 2019.
const BEFORE_REIWA: i16 = 2018;

/// One fact, one line.
pub(super) fn line(fact: &Fact<'_>) -> String {
    match fact {
        Fact::Gap => String::new(),
        Fact::Order { id, serial } => format!("指示書 {id}、通番 {serial}"),
        Fact::NotVerified => {
            "【未検証】信頼ファイルの指定がないため、署名は一つも検証していません".to_owned()
        }
        Fact::Verified(signers) => {
            format!("検証済み：信頼された {signers} 個の鍵による署名があります")
        }
        Fact::Signer(signer) => format!("  {}(鍵 {})", signer.holder, signer.keyid),
        Fact::Measure(measure) => {
            format!("措置：{}(法{})", title(*measure), article(measure.article()))
        }
        Fact::Direction(measure) => format!("対象：{}", direction(*measure)),
        Fact::Party { name, prefixes } => format!("協定当事者：{name}、{}", addresses(prefixes)),
        Fact::Approved { measure, at } => approved(*measure, *at),
        Fact::From(at) => format!("始期：{}から", moment(*at)),
        Fact::Until(at) => format!("終期：{}まで(この時刻を含みません)", moment(*at)),
        Fact::Length { length, most_months } => {
            format!("期間：{}(最長 {most_months} か月)", term(length))
        }
        Fact::Extends(earlier) => {
            format!("延長：指示書 {}、通番 {} の期間の延長", earlier.order_id, earlier.serial)
        }
        Fact::Facility { id, capacity } => {
            format!(
                "設備：国外関係電気通信設備 {id}、伝送容量 {} {}",
                capacity.number, capacity.unit
            )
        }
        Fact::Share(percent) => format!("上限：検査する通信は伝送容量の {percent} % まで"),
        Fact::Rules(measure) => format!(
            "選別の条件(法{}第二項)：上記の通信のうち、次のいずれかに当たるものの機械的情報だけを記録します",
            article(measure.conditions_article())
        ),
        Fact::Rule { id, conditions } => format!("  {id}：{}", all_of(conditions)),
        Fact::AddressSets => "アドレスの集合".to_owned(),
        Fact::AddressSet { name, listing } => format!("  {name}：{}", addresses(listing)),
        Fact::PayloadSets => "ペイロード先頭部の集合(指令情報)".to_owned(),
        Fact::RawPayloads { name, listing } => {
            format!("  {name}：{}", listed(listing, "種類", "、十六進表記"))
        }
        Fact::HashedPayloads { name, length, hashes } => format!(
            "  {name}：{hashes} 種類(先頭 {length} バイトの SipHash-2-4 の値だけが示されています)"
        ),
        Fact::Unused(sets) => {
            format!("注意：どの選別の条件にも使われていない集合があります：{}", sets.join("、"))
        }
    }
}

const fn title(measure: Measure) -> &'static str {
    match measure {
        Measure::Agreement => "当事者協定に基づく通信情報の取得",
        Measure::ForeignToForeign => "外外通信目的送信措置",
        Measure::ForeignToDomestic => "特定外内通信目的送信措置",
        Measure::DomesticToForeign => "特定内外通信目的送信措置",
    }
}

const fn direction(measure: Measure) -> &'static str {
    match measure {
        Measure::Agreement => {
            "外内通信(国外設備から国内設備への通信)のうち、協定当事者のアドレスを送信先とするものに限ります"
        }
        Measure::ForeignToForeign => "外外通信(国外設備を送信元及び送信先とする通信)に限ります",
        Measure::ForeignToDomestic => "外内通信(国外設備から国内設備への通信)に限ります",
        Measure::DomesticToForeign => "内外通信(国内設備から国外設備への通信)に限ります",
    }
}

fn approved(measure: Measure, at: Timestamp) -> String {
    let at = moment(at);
    let commission = "サイバー通信情報監理委員会の承認";
    match measure {
        Measure::Agreement => format!(
            "締結：{at}、当事者協定(法第十一条から第十三条まで)、委員会への通知は法第十四条による"
        ),
        Measure::ForeignToForeign => format!("承認：{at}、{commission}(法第十八条)"),
        Measure::ForeignToDomestic | Measure::DomesticToForeign => format!(
            "承認：{at}、{commission}(法{}第二項において準用する法第十八条)",
            article(measure.article())
        ),
    }
}

/// 第十七条. The Act has fewer than a hundred articles.
fn article(number: u8) -> String {
    const DIGITS: [&str; 10] = ["", "一", "二", "三", "四", "五", "六", "七", "八", "九"];
    let digit = |number: u8| DIGITS.get(usize::from(number % 10)).copied().unwrap_or_default();
    let tens = match number / 10 {
        0 => String::new(),
        1 => "十".to_owned(),
        tens => format!("{}十", digit(tens)),
    };
    format!("第{tens}{}条", digit(number))
}

/// 令和9年11月1日0時0分0秒, in Japan Standard Time, then RFC 3339 for those who compare.
fn moment(at: Timestamp) -> String {
    let civil = time::tokyo_civil(at);
    format!("{}{}({})", day(civil), time_of_day(civil), time::tokyo(at))
}

fn day(civil: DateTime) -> String {
    let (year, month, day) = (civil.year(), civil.month(), civil.day());
    let reiwa = civil.date() >= jiff::civil::date(2019, 5, 1);
    let year = match year - BEFORE_REIWA {
        1 if reiwa => "令和元年".to_owned(),
        era if reiwa => format!("令和{era}年"),
        _ => format!("西暦{year}年"),
    };
    format!("{year}{month}月{day}日")
}

fn time_of_day(civil: DateTime) -> String {
    let (hour, minute, second) = (civil.hour(), civil.minute(), civil.second());
    match (minute, second) {
        (0, 0) => format!("{hour}時"),
        (_, 0) => format!("{hour}時{minute}分"),
        _ => format!("{hour}時{minute}分{second}秒"),
    }
}

/// 6 か月, 1 か月 2 日 3 時間.
fn term(length: &Length) -> String {
    let parts = [
        (length.months, "か月"),
        (length.days, "日"),
        (length.hours, "時間"),
        (length.minutes, "分"),
        (length.seconds, "秒"),
    ];
    let words: Vec<String> = parts
        .iter()
        .filter(|(count, _)| *count != 0)
        .map(|(count, unit)| format!("{count} {unit}"))
        .collect();
    if words.is_empty() { "1 秒未満".to_owned() } else { words.join(" ") }
}

/// A condition without the end of its verb, which depends on what follows.
struct Clause {
    stem: String,
    /// Before another condition.
    then: &'static str,
    /// At the end of the sentence.
    last: &'static str,
}

/// All conditions of a rule, as one sentence that ends in こと.
fn all_of(conditions: &[Condition<'_>]) -> String {
    let clauses: Vec<Clause> = conditions.iter().map(clause).collect();
    let mut text = String::new();
    for (index, clause) in clauses.iter().enumerate() {
        text += &clause.stem;
        text += if index + 1 < clauses.len() { clause.then } else { clause.last };
    }
    text
}

fn clause(condition: &Condition<'_>) -> Clause {
    let within = |whose: &str, set: &str| Clause {
        stem: format!("{whose}のアドレスが集合 {set} に含ま"),
        then: "れ、かつ、",
        last: "れること",
    };
    let is = |stem: String| Clause { stem, then: "であり、かつ、", last: "であること" };
    match condition {
        Condition::Source(set) => within("送信元", set),
        Condition::Destination(set) => within("送信先", set),
        Condition::Either(set) => within("送信元又は送信先", set),
        Condition::Payload(set) => Clause {
            stem: format!("ペイロードの先頭部が集合 {set} のいずれかと一致"),
            then: "し、かつ、",
            last: "すること",
        },
        Condition::Protocol(protocol) => is(match protocol.to_string() {
            name if name.starts_with("protocol") => format!("プロトコル番号が {} ", protocol.0),
            name => format!("プロトコルが {name} "),
        }),
        Condition::SourcePorts(ranges) => is(format!("送信元ポートが {} ", ports(ranges))),
        Condition::DestinationPorts(ranges) => is(format!("送信先ポートが {} ", ports(ranges))),
    }
}

/// 「443、80 又は 8000-8099」: the last of several is joined by 又は.
fn ports(ranges: &[PortRange]) -> String {
    let words: Vec<String> = ranges.iter().map(ToString::to_string).collect();
    match words.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} 又は {last}", others.join("、")),
        None => String::new(),
    }
}

fn addresses(set: &Listing) -> String {
    listed(set, "件", "")
}

fn listed(set: &Listing, counter: &str, note: &str) -> String {
    let more = if set.is_cut() { "、ほか" } else { "" };
    match set.count {
        0 => format!("0 {counter}"),
        count => format!("{count} {counter}{note}({}{more})", set.first.join("、")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn articles_as_the_act_writes_them() {
        for (number, text) in
            [(9, "第九条"), (10, "第十条"), (17, "第十七条"), (20, "第二十条"), (35, "第三十五条")]
        {
            assert_eq!(article(number), text);
        }
    }

    #[test]
    fn moments_in_japan() {
        for (at, text) in [
            ("2027-10-31T15:00:00Z", "令和9年11月1日0時(2027-11-01T00:00:00+09:00)"),
            ("2027-10-31T15:05:00Z", "令和9年11月1日0時5分(2027-11-01T00:05:00+09:00)"),
            ("2019-04-30T15:00:01Z", "令和元年5月1日0時0分1秒(2019-05-01T00:00:01+09:00)"),
            ("2019-04-30T14:59:59Z", "西暦2019年4月30日23時59分59秒(2019-04-30T23:59:59+09:00)"),
        ] {
            assert_eq!(moment(at.parse().unwrap()), text);
        }
    }

    #[test]
    fn lengths_in_words() {
        let length = Length { months: 1, hours: 2, ..Length::default() };
        assert_eq!(term(&length), "1 か月 2 時間");
        assert_eq!(term(&Length::default()), "1 秒未満");
    }

    #[test]
    fn several_ports() {
        let ranges = ["443", "80", "8000-8099"].map(|text| PortRange::parse(text).unwrap());
        assert_eq!(ports(&ranges[..1]), "443");
        assert_eq!(ports(&ranges), "443、80 又は 8000-8099");
    }
}
