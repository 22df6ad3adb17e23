//! The explanation in Japanese, in the terms of the Act (重要電子計算機に対する不正な行為
//! による被害の防止に関する法律, Act No. 42 of 2025). Articles are written as the Act cites itself.

use jiff::Timestamp;
use jiff::civil::DateTime;

use super::facts::{CriteriaFact, Fact, FutureFact, GroundsFact, SetFact};
use super::listing::Listing;
use crate::order::condition::{Condition, ConditionKind};
use crate::order::measure::Measure;
use crate::order::name::{BasisKey, BasisKind};
use crate::order::role;
use crate::order::time::{self, Length};
use crate::order::traffic::{PortRange, Protocol};
use crate::order::verified::Signer;

/// The year before the first year of 令和, which began on 1 May 2019.
const BEFORE_REIWA: i16 = 2018;

/// The line of a fact.
pub(super) fn line(fact: &Fact<'_>) -> String {
    match fact {
        Fact::Gap => String::new(),
        Fact::Order { id, serial } => format!("指示書 {id}、通番 {serial}"),
        Fact::Basis(key) => basis(key),
        Fact::NotVerified => {
            "【未検証】信頼ファイルの指定がないため、署名は一つも検証していません".to_owned()
        }
        Fact::Verified(signers) => {
            format!("検証済み：信頼された {signers} 個の鍵による署名があります")
        }
        Fact::Signer(Signer { keyid, holder, role }) => {
            format!("  {holder}({}、鍵 {keyid})", role::japanese(role))
        }
        Fact::Under(reference) => {
            format!("根拠：{}(SHA-256 {})", basis(&reference.key), reference.sha256)
        }
        Fact::UnderUnknown => {
            "      手元にないため、措置及び選別条件設定基準並びに基準への適合は示せません"
                .to_owned()
        }
        Fact::UnderVerified(signers) => {
            format!("      信頼された {signers} 個の鍵による署名があります")
        }
        Fact::Grounds(fact) => grounds(fact),
        Fact::BasisTerm { from, until } => {
            format!("根拠の期間：{}から{}まで", moment(*from), moment(*until))
        }
        Fact::From(at) => format!("始期：{}から", moment(*at)),
        Fact::Until(at) => format!("終期：{}まで(この時刻を含みません)", moment(*at)),
        Fact::Length { length, most_months: Some(months) } => {
            format!("期間：{}(最長 {months} か月)", term(length))
        }
        Fact::Length { length, most_months: None } => format!("期間：{}", term(length)),
        Fact::Extends(earlier) => format!("延長：{}の期間の延長", basis(earlier)),
        Fact::Facility { id, capacity } => {
            format!(
                "設備：国外関係電気通信設備 {id}、伝送容量 {} {}",
                capacity.number, capacity.unit
            )
        }
        Fact::Share(percent) => format!("上限：検査する通信は伝送容量の {percent} % まで"),
        Fact::Sensor { name, share } => format!("      うち、センサー {name} は {share} % まで"),
        Fact::Retention(years) => format!("保存：最長 {years} 年(法第二十五条)"),
        Fact::Barred(grounds) => {
            format!("提供の制限：次による提供はしません：{}", grounds.join("、"))
        }
        Fact::Criteria(limit) => criteria(limit),
        Fact::Future(event) => future(event),
        Fact::Rules(measure) => {
            let article = measure
                .map(|measure| format!("(法{}第二項)", article(measure.conditions_article())));
            format!(
                "選別の条件{}：上記の通信のうち、次のいずれかに当たるものの機械的情報だけを記録します",
                article.unwrap_or_default()
            )
        }
        Fact::Rule { id, conditions } => format!("  {id}：{}", all_of(conditions)),
        Fact::Sets(fact) => sets(fact),
    }
}

/// A line of what a measure is, and why it is lawful.
fn grounds(fact: &GroundsFact<'_>) -> String {
    match fact {
        GroundsFact::Measure(measure) => {
            format!("措置：{}(法{})", title(*measure), article(measure.article()))
        }
        GroundsFact::Act(act) => format!("対象不正行為：{}、{}", act.id, act.title),
        GroundsFact::Article(number) => format!("協定：法{}の協定", article(*number)),
        GroundsFact::Direction(measure) => format!("対象：{}", direction(*measure)),
        GroundsFact::Party { id, name, prefixes } => {
            format!("協定当事者：{id}、{name}、{}", addresses(prefixes))
        }
        GroundsFact::Analysis(analysis) => format!("分析：{analysis}"),
        GroundsFact::Consents(consents) => format!("同意：{}", or_none(consents)),
        GroundsFact::Given { measure, at } => given(*measure, *at),
    }
}

/// A line of the sets of an order.
fn sets(fact: &SetFact<'_>) -> String {
    match fact {
        SetFact::AddressSets => "アドレスの集合".to_owned(),
        SetFact::AddressSet { name, ground, listing } => {
            format!("  {name}：{}、理由：{ground}", addresses(listing))
        }
        SetFact::PayloadSets => "ペイロード先頭部の集合(指令情報)".to_owned(),
        SetFact::RawPayloads { name, ground, listing } => {
            format!("  {name}：{}、理由：{ground}", listed(listing, "種類", "、十六進表記"))
        }
        SetFact::HashedPayloads { name, ground, length, hashes } => format!(
            "  {name}：{hashes} 種類(先頭 {length} バイトの SipHash-2-4 の値だけが示されています)、理由：{ground}"
        ),
        SetFact::Unused(sets) => {
            format!("注意：どの選別の条件にも使われていない集合があります：{}", sets.join("、"))
        }
    }
}

/// A line of the criteria, and what an order uses of them.
fn criteria(fact: &CriteriaFact<'_>) -> String {
    let used = |text: Option<String>| {
        text.map_or_else(String::new, |text| format!("(この指示書：{text})"))
    };
    match fact {
        CriteriaFact::Conditions { allowed, used: here } => format!(
            "  条件の種類：{}{}",
            kinds(allowed),
            used(here.as_ref().map(|here| kinds(here)))
        ),
        CriteriaFact::Selectors { most, used: here } => format!(
            "  アドレス及びペイロード先頭部：{most} 件以下{}",
            used(here.map(|here| format!("{here} 件")))
        ),
        CriteriaFact::RuleCount { most, used: here } => {
            format!("  条件の数：{most} 以下{}", used(here.map(|here| here.to_string())))
        }
        CriteriaFact::Prefixes { ipv4, ipv6, used: here } => {
            let here = here.map(|lengths| {
                let words: Vec<String> =
                    lengths.iter().flatten().map(|length| format!("/{length}")).collect();
                if words.is_empty() { "なし".to_owned() } else { words.join("、") }
            });
            format!("  アドレスの範囲：/{ipv4} 及び /{ipv6} より広くないこと{}", used(here))
        }
        CriteriaFact::PayloadLength { least, used: here } => {
            let here = here.map(|length| {
                length.map_or_else(|| "なし".to_owned(), |length| format!("{length} バイト以上"))
            });
            format!("  ペイロード先頭部：{least} バイト以上{}", used(here))
        }
        CriteriaFact::Protocols { allowed, used: here } => {
            let names = |list: &[Protocol]| {
                let names: Vec<String> = list.iter().map(ToString::to_string).collect();
                if names.is_empty() { "指定なし".to_owned() } else { names.join("、") }
            };
            let allowed = allowed
                .map_or_else(|| "制限なし".to_owned(), |list| format!("{} に限る", names(list)));
            format!("  プロトコル：{allowed}{}", used(here.as_ref().map(|here| names(here))))
        }
        CriteriaFact::Heading => {
            "選別条件設定基準：これに基づく指示書は次の範囲で選別の条件を定めます".to_owned()
        }
    }
}

/// A line of what will happen, and when.
fn future(fact: &FutureFact) -> String {
    match fact {
        FutureFact::Begins(at) => format!("  {}：期間が始まります", moment(*at)),
        FutureFact::Ends(at) => {
            format!("  {}：期間が終わり、選別は自動的に止まります", moment(*at))
        }
        FutureFact::Replaced => "  より大きい通番の期間が始まると、それに代わります".to_owned(),
        FutureFact::EndsWithBasis => {
            "  根拠が終了し、又は取り消されると、直ちに終了します".to_owned()
        }
        FutureFact::Revocable(roles) => {
            let names: Vec<String> = roles.iter().map(role::japanese).collect();
            format!("  {} の署名による取消しにより、期間の途中で終了します", names.join("又は"))
        }
        FutureFact::Heading => "今後".to_owned(),
    }
}

fn basis(key: &BasisKey) -> String {
    let noun = match key.kind {
        BasisKind::Approval => "承認",
        BasisKind::Agreement => "当事者協定",
    };
    format!("{noun} {}、通番 {}", key.id, key.serial)
}

fn kinds(kinds: &[ConditionKind]) -> String {
    let name = |kind: &ConditionKind| match kind {
        ConditionKind::Address => "アドレス",
        ConditionKind::Payload => "指令情報",
        ConditionKind::Traffic => "プロトコル及びポート",
    };
    kinds.iter().map(name).collect::<Vec<_>>().join("、")
}

fn or_none(list: &[String]) -> String {
    if list.is_empty() { "なし".to_owned() } else { list.join("、") }
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

fn given(measure: Measure, at: Timestamp) -> String {
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
mod tests;
