//! Names of buckets: what may be one, and what the ends of names mean.
//! Reference: "General purpose bucket naming rules" and "Directory bucket naming rules" of the S3 guide.

use base::{AccountId, Region};

use crate::error::{Error, INVALID_BUCKET_NAME};

const CHARS_MIN: usize = 3;
const CHARS_MAX: usize = 63;

/// Beginnings and ends that are S3's own.
const RESERVED_STARTS: &[&str] = &["xn--", "sthree-", "amzn-s3-demo-"];
const RESERVED_ENDS: &[&str] = &[ALIAS_END, "--ol-s3", ".mrap", DIRECTORY_END, "--table-s3"];

/// The end of the names of directory buckets, and of the aliases of access points.
const DIRECTORY_END: &str = "--x-s3";
pub const ALIAS_END: &str = "-s3alias";

/// The end of names that only their account may use.
const ACCOUNT_REGIONAL_END: &str = "-an";

pub fn is_directory_name(name: &str) -> bool {
    name.ends_with(DIRECTORY_END)
}

/// Refuses what cannot be the name of a new general purpose bucket.
pub fn check_new(name: &str) -> Result<(), Error> {
    let is_plain = is_plain(name, |c| c == '.' || c == '-')
        && !name.contains("..")
        && name.parse::<std::net::Ipv4Addr>().is_err();
    let is_reserved = RESERVED_STARTS.iter().any(|start| name.starts_with(start))
        || RESERVED_ENDS.iter().any(|end| name.ends_with(end));
    if is_plain && !is_reserved { Ok(()) } else { Err(invalid(name)) }
}

/// Refuses what cannot be the name of a new directory bucket in that zone: `base--use1-az4--x-s3`.
pub fn check_new_directory(name: &str, zone: &str) -> Result<(), Error> {
    let base = name.strip_suffix(DIRECTORY_END).and_then(|rest| rest.strip_suffix(zone)?.strip_suffix("--"));
    let is_base = |base: &str| !base.is_empty() && !base.contains("--");
    let fits = base.is_some_and(is_base) && is_plain(name, |c| c == '-');
    if fits { Ok(()) } else { Err(invalid(name)) }
}

/// Refuses a name that is not of the caller's own namespace: `prefix-111122223333-us-west-2-an`.
pub fn check_account_regional(name: &str, account: AccountId, region: Region) -> Result<(), Error> {
    let end = format!("-{account}-{region}{ACCOUNT_REGIONAL_END}");
    let is_own = name.strip_suffix(&end).is_some_and(|prefix| !prefix.is_empty());
    if is_own { Ok(()) } else { Err(invalid(name)) }
}

/// Whether a name is one of an account's own namespace, whosever.
pub fn is_account_regional(name: &str) -> bool {
    let Some(rest) = name.strip_suffix(ACCOUNT_REGIONAL_END) else { return false };
    Region::all().any(|region| {
        let account = rest.strip_suffix(region.as_str()).and_then(|rest| rest.strip_suffix('-'));
        let digits = account.and_then(|rest| rest.rsplit_once('-')).map(|(_, digits)| digits);
        digits.is_some_and(|digits| digits.len() == 12 && digits.parse::<AccountId>().is_ok())
    })
}

/// The name and the account of an access point, where both stand in one label of a host: `name-111122223333`.
pub fn access_point_label(label: &str) -> Option<(&str, AccountId)> {
    let (name, digits) = label.rsplit_once('-')?;
    let account = digits.parse().ok().filter(|_| digits.len() == 12)?;
    (!name.is_empty()).then_some((name, account))
}

/// The beginning of the ids of a region's zones: `use1` of `us-east-1`, `apne1` of `ap-northeast-1`.
pub fn zone_prefix(region: Region) -> String {
    let mut parts = region.as_str().split('-');
    let mut prefix = String::new();
    for part in &mut parts {
        match part {
            "gov" => prefix.push('g'),
            "north" | "south" | "east" | "west" | "central" => prefix.push_str(&part[..1]),
            "northeast" => prefix.push_str("ne"),
            "northwest" => prefix.push_str("nw"),
            "southeast" => prefix.push_str("se"),
            other => prefix.push_str(other),
        }
    }
    prefix
}

/// Whether a region has a zone of that id, as far as ids tell: `use1-az4`, and `usw2-lax1-az1` for Local Zones.
pub fn is_zone_of(zone: &str, region: Region) -> bool {
    let Some(rest) = zone.strip_prefix(&zone_prefix(region)) else { return false };
    let Some((local, number)) = rest.split_once("-az").or_else(|| rest.rsplit_once("-az")) else {
        return false;
    };
    let is_local =
        local.strip_prefix('-').is_some_and(|city| city.chars().all(|c| c.is_ascii_alphanumeric()));
    (local.is_empty() || is_local) && matches!(number.as_bytes(), [b'1'..=b'9'])
}

pub fn invalid(name: &str) -> Error {
    Error::new(&INVALID_BUCKET_NAME).with("BucketName", name)
}

fn is_plain(name: &str, inner: impl Fn(char) -> bool) -> bool {
    let letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    (CHARS_MIN..=CHARS_MAX).contains(&name.len())
        && name.chars().all(|c| letter(c) || inner(c))
        && name.starts_with(letter)
        && name.ends_with(letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn general_purpose_names_keep_the_rules() {
        for name in ["abc", "my-bucket", "my.bucket.1", "0-9", &"a".repeat(63), "a--b", "192.168.5"] {
            assert!(check_new(name).is_ok(), "{name}");
        }
        for name in [
            "",
            "ab",
            &"a".repeat(64),
            "My-bucket",
            "my_bucket",
            "-abc",
            "abc-",
            ".abc",
            "abc.",
            "a..b",
            "192.168.5.4",
            "xn--abc",
            "sthree-abc",
            "amzn-s3-demo-bucket",
            "abc-s3alias",
            "abc--ol-s3",
            "abc.mrap",
            "abc--x-s3",
            "abc--table-s3",
            "bücket",
            "a b c",
        ] {
            assert!(check_new(name).is_err(), "{name}");
        }
    }

    #[test]
    fn directory_names_end_in_their_zone() {
        assert!(check_new_directory("base--use1-az4--x-s3", "use1-az4").is_ok());
        for (name, zone) in [
            ("base--use1-az4--x-s3", "use1-az5"),
            ("--use1-az4--x-s3", "use1-az4"),
            ("Base--use1-az4--x-s3", "use1-az4"),
            ("a.b--use1-az4--x-s3", "use1-az4"),
            ("base", "use1-az4"),
        ] {
            assert!(check_new_directory(name, zone).is_err(), "{name}");
        }
        let region = |name| Region::parse(name).unwrap();
        for (name, prefix) in [
            ("us-east-1", "use1"),
            ("ap-northeast-1", "apne1"),
            ("ap-southeast-2", "apse2"),
            ("eu-central-1", "euc1"),
            ("us-gov-west-1", "usgw1"),
            ("cn-northwest-1", "cnnw1"),
            ("sa-east-1", "sae1"),
        ] {
            assert_eq!(zone_prefix(region(name)), prefix);
        }
        assert!(is_zone_of("use1-az4", region("us-east-1")));
        assert!(is_zone_of("usw2-lax1-az1", region("us-west-2")));
        for zone in ["use1-az0", "use1", "use1-az", "use1-az10", "usw2-az1", "use1az4"] {
            assert!(!is_zone_of(zone, region("us-east-1")), "{zone}");
        }
    }

    #[test]
    fn names_of_an_accounts_own_namespace_say_whose_they_are() {
        let account = AccountId::new(111_122_223_333).unwrap();
        let region = Region::parse("us-west-2").unwrap();
        let name = "logs-111122223333-us-west-2-an";
        assert!(check_account_regional(name, account, region).is_ok());
        assert!(is_account_regional(name));
        assert!(check_account_regional(name, account, Region::US_EAST_1).is_err());
        assert!(check_account_regional("111122223333-us-west-2-an", account, region).is_err());
        for other in ["logs-an", "logs-us-west-2-an", "logs-1111-us-west-2-an"] {
            assert!(!is_account_regional(other), "{other}");
        }
    }
}
