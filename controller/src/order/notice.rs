//! Revocations and trust files in plain words, English and Japanese, for the person who is about to
//! sign or to inspect one. Orders are in `explain`. It says only what the document says and what was
//! verified, nothing that depends on a clock or on other documents.

use std::fmt::Write as _;

use super::explain::Language;
use super::revocation::Revocation;
use super::time;
use super::trust::Trust;
use super::verified::Signer;

/// The same text in two languages, lines and all.
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
        for Signer { keyid, holder } in signers {
            self.line(&format!("  {holder} (key {keyid})"), &format!("  {holder}(鍵 {keyid})"));
        }
        self.line("", "");
    }
}

/// A revocation in words. `signers` are those whose signatures were verified; `None` says that none
/// was.
pub fn revocation(revocation: &Revocation, signers: Option<&[Signer]>) -> Notice {
    let Revocation { order_id, serial, effective_at, reason, .. } = revocation;
    let at = format!("{} ({effective_at})", time::tokyo(*effective_at));
    let mut notice = Notice::default();
    notice.line(
        &format!("Revocation of order {order_id}, serial {serial} and every lower one"),
        &format!("指示書 {order_id}、通番 {serial} 以下の取消し"),
    );
    notice.signers(signers);
    notice.line(&format!("Effective  {at}"), &format!("効力：{at} から"));
    notice.line(
        "           from this moment on, or at once if it has passed, that order selects nothing",
        "      この時刻以後(既に過ぎている場合は直ちに)、この指示書による選別は行われません",
    );
    notice.line(
        "           orders of other names that extend it, and higher serials, are not affected",
        "      これを延長する別の指示書及びこれより大きい通番の指示書には及びません",
    );
    notice.line(&format!("Reason     {reason}"), &format!("理由：{reason}"));
    notice
}

/// A trust file in words.
pub fn trust(trust: &Trust, signers: Option<&[Signer]>) -> Notice {
    let (version, threshold) = (trust.version(), trust.threshold());
    let usable = trust.keys().iter().filter(|key| !key.is_revoked()).count();
    let mut notice = Notice::default();
    notice.line(&format!("Trust file, version {version}"), &format!("信頼ファイル、版 {version}"));
    notice.signers(signers);
    notice.line(
        &format!("Threshold  {threshold} of {usable} keys must sign orders, revocations and the next version"),
        &format!("署名数：指示書、取消し及び次の版には、{usable} 個の鍵のうち {threshold} 個以上の署名が必要です"),
    );
    notice.line("\nKeys", "\n鍵");
    for key in trust.keys() {
        let (mut english, mut japanese) = (String::new(), String::new());
        let (holder, keyid) = (key.holder(), key.keyid());
        // Writing to a string does not fail.
        let _ = write!(english, "  {holder} (key {keyid})");
        let _ = write!(japanese, "  {holder}(鍵 {keyid})");
        if key.is_revoked() {
            english += ": REVOKED, signs nothing any more";
            japanese += "：【失効】今後の署名はすべて無効です";
        }
        notice.line(&english, &japanese);
    }
    notice
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::samples;
    use super::super::verified::verify_revocation;
    use super::super::{Kind, keys};
    use super::*;

    #[test]
    fn a_revocation_in_both_languages() {
        let text = samples::revocation().to_string();
        let envelope = samples::signed_as(Kind::Revocation, &text, &[1, 2, 3]);
        let verified = verify_revocation("r", envelope.as_bytes(), &samples::trust()).unwrap();
        let [one, two, three] =
            [1, 2, 3].map(|number| keys::keyid(&samples::key(number).verifying_key()));
        let notice = revocation(&verified, Some(verified.signers()));
        assert_eq!(
            notice.english,
            format!(
                "\
Revocation of order 2027-17-0003, serial 2 and every lower one
Verified: signed by 3 trusted keys
  holder 1 (key {one})
  holder 2 (key {two})
  holder 3 (key {three})

Effective  2027-12-01T09:00:00+09:00 (2027-12-01T00:00:00Z)
           from this moment on, or at once if it has passed, that order selects nothing
           orders of other names that extend it, and higher serials, are not affected
Reason     the commission withdrew its approval
"
            )
        );
        assert_eq!(
            notice.japanese,
            format!(
                "\
指示書 2027-17-0003、通番 2 以下の取消し
検証済み：信頼された 3 個の鍵による署名があります
  holder 1(鍵 {one})
  holder 2(鍵 {two})
  holder 3(鍵 {three})

効力：2027-12-01T09:00:00+09:00 (2027-12-01T00:00:00Z) から
      この時刻以後(既に過ぎている場合は直ちに)、この指示書による選別は行われません
      これを延長する別の指示書及びこれより大きい通番の指示書には及びません
理由：the commission withdrew its approval
"
            )
        );
    }

    #[test]
    fn a_trust_file_in_both_languages() {
        let mut file: Value = serde_json::from_str(&samples::trust_file()).unwrap();
        file["keys"] = json!([file["keys"][0], file["keys"][1], file["keys"][2], file["keys"][3]]);
        file["keys"][1]["revoked"] = json!(true);
        let file = Trust::parse("t", file.to_string().as_bytes()).unwrap();
        let notice = trust(&file, None);
        let key = file.keys()[1].keyid();
        for line in [
            "Trust file, version 1",
            "NOT VERIFIED: no trust file was given, so nobody's signature was checked",
            "Threshold  3 of 3 keys must sign orders, revocations and the next version",
            &format!("  holder 2 (key {key}): REVOKED, signs nothing any more"),
        ] {
            assert!(notice.english.lines().any(|found| found == line), "{line}\n{notice:?}");
        }
        for line in [
            "信頼ファイル、版 1",
            "【未検証】信頼ファイルの指定がないため、署名は一つも検証していません",
            "署名数：指示書、取消し及び次の版には、3 個の鍵のうち 3 個以上の署名が必要です",
            &format!("  holder 2(鍵 {key})：【失効】今後の署名はすべて無効です"),
        ] {
            assert!(notice.japanese.lines().any(|found| found == line), "{line}\n{notice:?}");
        }
        assert_eq!(notice.english.lines().count(), notice.japanese.lines().count());
        assert_eq!(notice.english.matches("REVOKED").count(), 1);
    }
}
