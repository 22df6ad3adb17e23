//! Revocations and trust files in plain words, English and Japanese, for the person who is about to
//! sign or inspect one. `explain` does the same for orders and what they rest on. The text says only what the
//! document says and what was verified: nothing that depends on a clock or on other documents.

use super::explain::Language;
use super::name::{BasisKind, DocumentKey};
use super::revocation::Revocation;
use super::trust::{Trust, TrustedKey};
use super::verified::Signer;
use super::{role, time};

/// The same text in two languages, line by line.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Notice {
    /// In English.
    pub english: String,
    /// In Japanese.
    pub japanese: String,
}

impl Notice {
    /// The text in one of its languages.
    pub fn in_language(self, language: Language) -> String {
        match language {
            Language::English => self.english,
            Language::Japanese => self.japanese,
        }
    }

    fn line(&mut self, english: &str, japanese: &str) {
        self.english += english;
        self.english.push('\n');
        self.japanese += japanese;
        self.japanese.push('\n');
    }

    fn signers(&mut self, signers: Option<&[Signer]>) {
        let Some(signers) = signers else {
            return self.line(
                "NOT VERIFIED: no trust file was given, so nobody's signature was checked\n",
                "【未検証】信頼ファイルの指定がないため、署名は一つも検証していません\n",
            );
        };
        let count = signers.len();
        self.line(
            &format!("Verified: signed by {count} trusted keys"),
            &format!("検証済み：信頼された {count} 個の鍵による署名があります"),
        );
        for Signer { keyid, holder, role } in signers {
            self.line(
                &format!("  {holder} as {role} (key {keyid})"),
                &format!("  {holder}({}、鍵 {keyid})", role::japanese(role)),
            );
        }
        self.line("", "");
    }
}

/// A revocation in words. `signers`: those whose signatures were verified; `None`: no signature was checked.
pub fn revocation(revocation: &Revocation, signers: Option<&[Signer]>) -> Notice {
    let Revocation { ends, effective_at, reason } = revocation;
    let at = format!("{} ({effective_at})", time::tokyo(*effective_at));
    let (noun, id, serial) = (japanese(ends), ends.id(), ends.serial());
    let mut notice = Notice::default();
    notice.line(
        &format!("Revocation of {ends} and every lower one"),
        &format!("{noun} {id}、通番 {serial} 以下の取消し"),
    );
    notice.signers(signers);
    notice.line(&format!("Effective  {at}"), &format!("効力：{at} から"));
    let (english, what) = match ends {
        DocumentKey::Basis(_) => ("no order under it selects anything", "これに基づく全ての指示書"),
        DocumentKey::Order(_) => ("that order selects nothing", "この指示書"),
    };
    notice.line(
        &format!("           from this moment on, or at once if it has passed, {english}"),
        &format!("      この時刻以後(既に過ぎている場合は直ちに)、{what}による選別は行われません"),
    );
    notice.line(
        "           what extends it, and higher serials, are not affected",
        "      これを延長するもの及びこれより大きい通番のものには及びません",
    );
    notice.line(&format!("Reason     {reason}"), &format!("理由：{reason}"));
    notice
}

fn japanese(subject: &DocumentKey) -> &'static str {
    match subject {
        DocumentKey::Order(_) => "指示書",
        DocumentKey::Basis(basis) => match basis.kind {
            BasisKind::Approval => "承認",
            BasisKind::Agreement => "当事者協定",
        },
    }
}

/// A trust file in words. `signers`: as for [`revocation`].
pub fn trust(trust: &Trust, signers: Option<&[Signer]>) -> Notice {
    let version = trust.version();
    let mut notice = Notice::default();
    notice.line(&format!("Trust file, version {version}"), &format!("信頼ファイル、版 {version}"));
    notice.signers(signers);
    for (role, threshold) in trust.thresholds() {
        let keys: Vec<&TrustedKey> =
            trust.keys().iter().filter(|key| key.role() == Some(role)).collect();
        let usable = keys.iter().filter(|key| !key.is_revoked()).count();
        let name = role::japanese(role);
        notice.line(
            &format!("Role {role}: {threshold} of {usable} keys must sign"),
            &format!("役割 {name}：{usable} 個の鍵のうち {threshold} 個以上の署名が必要です"),
        );
        for key in keys {
            let (holder, keyid) = (key.holder(), key.keyid());
            let (english, japanese) = if key.is_revoked() {
                (": REVOKED, signs nothing any more", "：【失効】今後の署名はすべて無効です")
            } else {
                ("", "")
            };
            notice.line(
                &format!("  {holder} (key {keyid}){english}"),
                &format!("  {holder}(鍵 {keyid}){japanese}"),
            );
        }
    }
    let roleless = |keyid: &&String| trust.key(keyid).is_none_or(|key| key.role().is_none());
    let others: Vec<&String> = trust.revoked().iter().filter(roleless).collect();
    if !others.is_empty() {
        notice.line("Revoked before", "以前に失効した鍵");
        for keyid in others {
            notice.line(&format!("  key {keyid}"), &format!("  鍵 {keyid}"));
        }
    }
    notice
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::verified::verify_revocation;
    use super::super::{DocumentKind, samples};
    use super::*;

    #[test]
    fn a_revocation_in_both_languages() {
        let text = samples::revocation().to_string();
        let envelope = samples::sealed(DocumentKind::Revocation, text.as_bytes(), &[1, 2, 3]);
        let verified = verify_revocation("r", envelope.as_bytes(), &samples::trust()).unwrap();
        let [one, two, three] = [1, 2, 3].map(samples::kit::keyid);
        let notice = revocation(&verified, Some(verified.signers()));
        assert_eq!(
            notice.english,
            format!(
                "\
Revocation of approval 2027-17-0003, serial 1 and every lower one
Verified: signed by 3 trusted keys
  holder 1 as commission (key {one})
  holder 2 as commission (key {two})
  holder 3 as commission (key {three})

Effective  2027-12-01T09:00:00+09:00 (2027-12-01T00:00:00Z)
           from this moment on, or at once if it has passed, no order under it selects anything
           what extends it, and higher serials, are not affected
Reason     the commission withdrew its approval
"
            )
        );
        let who = "サイバー通信情報監理委員会";
        assert_eq!(
            notice.japanese,
            format!(
                "\
承認 2027-17-0003、通番 1 以下の取消し
検証済み：信頼された 3 個の鍵による署名があります
  holder 1({who}、鍵 {one})
  holder 2({who}、鍵 {two})
  holder 3({who}、鍵 {three})

効力：2027-12-01T09:00:00+09:00 (2027-12-01T00:00:00Z) から
      この時刻以後(既に過ぎている場合は直ちに)、これに基づく全ての指示書による選別は行われません
      これを延長するもの及びこれより大きい通番のものには及びません
理由：the commission withdrew its approval
"
            )
        );
    }

    #[test]
    fn a_trust_file_in_both_languages() {
        let gone = samples::kit::keyid(99);
        let mut file: serde_json::Value = serde_json::from_str(&samples::trust_file()).unwrap();
        file["revoked"] = json!([samples::kit::keyid(2), gone]);
        let file = Trust::parse("t", file.to_string().as_bytes()).unwrap();
        let notice = trust(&file, None);
        let key = samples::kit::keyid(2);
        for line in [
            "Trust file, version 1",
            "NOT VERIFIED: no trust file was given, so nobody's signature was checked",
            "Role commission: 3 of 4 keys must sign",
            "Role party:acme: 1 of 1 keys must sign",
            &format!("  holder 2 (key {key}): REVOKED, signs nothing any more"),
            "Revoked before",
            &format!("  key {gone}"),
        ] {
            assert!(notice.english.lines().any(|found| found == line), "{line}\n{notice:?}");
        }
        for line in [
            "信頼ファイル、版 1",
            "役割 内閣総理大臣：3 個の鍵のうち 2 個以上の署名が必要です",
            "役割 協定当事者 acme：1 個の鍵のうち 1 個以上の署名が必要です",
            &format!("  holder 2(鍵 {key})：【失効】今後の署名はすべて無効です"),
        ] {
            assert!(notice.japanese.lines().any(|found| found == line), "{line}\n{notice:?}");
        }
        assert_eq!(notice.english.lines().count(), notice.japanese.lines().count());
        assert_eq!(notice.english.matches("REVOKED").count(), 1);
    }
}
