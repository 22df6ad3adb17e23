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
