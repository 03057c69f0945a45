//! Conditions on dates and on addresses.

use super::context::{QUEUE, applies};

fn holds(operator: &str, policy: &str, request: &str) -> bool {
    let clauses =
        format!(r#""Action": "*", "Resource": "*", "Condition": {{"{operator}": {{"aws:k": "{policy}"}}}}"#);
    applies(&clauses, "sqs:SendMessage", QUEUE, &[("aws:k", request)])
}

#[test]
fn the_same_moment_can_be_written_in_many_ways() {
    for same in [
        "2020-04-01T00:00:00Z",
        "2020-04-01T00:00:00.000Z",
        "2020-04-01T00:00Z",
        "2020-04-01T00:00:00",
        "2020-04-01t00:00:00z",
        "2020-04-01",
        "2020-04",
        "2020-04-01T02:00:00+02:00",
        "2020-03-31T19:00:00-05:00",
        "2020-03-31T18:30:00-0530",
        "1585699200",
        "1585699200.000",
    ] {
        for other in ["2020-04-01T00:00:00Z", "1585699200"] {
            assert!(holds("DateEquals", same, other), "{same} is {other}");
            assert!(holds("DateEquals", other, same), "{other} is {same}");
            assert!(!holds("DateNotEquals", same, other), "{same} is {other}");
        }
    }
}

#[test]
fn dates_are_compared_as_moments() {
    let noon = "2026-11-22T12:00:00Z";
    for (operator, request, expected) in [
        ("DateEquals", "2026-11-22T12:00:00.001Z", false),
        ("DateNotEquals", "2026-11-22T12:00:00.001Z", true),
        ("DateLessThan", "2026-11-22T11:59:59.999Z", true),
        ("DateLessThan", "2026-11-22T12:00:00Z", false),
        ("DateLessThan", "2026-11-22T13:00:00+02:00", true),
        ("DateLessThanEquals", "2026-11-22T12:00:00Z", true),
        ("DateLessThanEquals", "2026-11-22T12:00:01Z", false),
        ("DateGreaterThan", "2026-11-22T12:00:01Z", true),
        ("DateGreaterThan", "2026-11-22T12:00:00Z", false),
        ("DateGreaterThanEquals", "2026-11-22T12:00:00Z", true),
        ("DateGreaterThanEquals", "1800000000", true),
        ("DateGreaterThanEquals", "0", false),
        ("DateGreaterThan", "yesterday", false),
        ("DateLessThan", "yesterday", false),
        ("DateNotEquals", "yesterday", true),
    ] {
        assert_eq!(holds(operator, noon, request), expected, "{request} {operator} {noon}");
    }
    for (day, next) in
        [("2024-02-29", "2024-03-01"), ("1999-12-31", "2000-01-01"), ("1900-02-28", "1900-03-01")]
    {
        let end = format!("{day}T24:00:00Z");
        assert!(!holds("DateLessThan", next, &end), "{end} is no time");
        assert!(holds("DateLessThan", next, &format!("{day}T23:59:59Z")));
        assert!(!holds("DateLessThan", next, &format!("{next}T00:00:00Z")));
    }
}

#[test]
fn addresses_are_matched_by_range() {
    for (range, address, expected) in [
        ("203.0.113.0/24", "203.0.113.7", true),
        ("203.0.113.0/24", "203.0.114.7", false),
        ("203.0.113.7", "203.0.113.7", true),
        ("203.0.113.7", "203.0.113.8", false),
        ("203.0.113.7/32", "203.0.113.7", true),
        ("203.0.113.77/24", "203.0.113.1", true),
        ("0.0.0.0/0", "203.0.113.7", true),
        ("0.0.0.0/0", "2001:db8::1", false),
        ("::/0", "2001:db8::1", true),
        ("::/0", "203.0.113.7", false),
        ("10.0.0.0/8", "10.255.255.255", true),
        ("10.0.0.0/8", "11.0.0.0", false),
        ("10.0.0.0/9", "10.128.0.0", false),
        ("2001:DB8:1234:5678::/64", "2001:db8:1234:5678::1", true),
        ("2001:DB8:1234:5678::/64", "2001:db8:1234:5679::1", false),
        ("2001:db8::1", "2001:db8:0:0::1", true),
        ("203.0.113.0/24", "::ffff:203.0.113.7", true),
        ("203.0.113.0/33", "203.0.113.7", false),
        ("203.0.113.0/", "203.0.113.7", false),
        ("203.0.113.0/-1", "203.0.113.7", false),
        ("203.0.113/24", "203.0.113.7", false),
        ("everywhere", "203.0.113.7", false),
        ("0.0.0.0/0", "AWS Internal", false),
    ] {
        assert_eq!(holds("IpAddress", range, address), expected, "{address} in {range}");
        assert_eq!(holds("NotIpAddress", range, address), !expected, "{address} not in {range}");
    }
}
