//! The credential report: a table of comma-separated values, one line a user, the root first.
//!
//! Reference: "Generate credential reports for your AWS account" in the user guide. Surprising: what is missing has
//! three names. `N/A` is said where a field makes no sense, `no_information` where nothing is known, and
//! `not_supported` where the root has no such thing.

use base::Timestamp;

use crate::records::LastUsed;

const COLUMNS: [&str; 23] = [
    "user",
    "arn",
    "user_creation_time",
    "password_enabled",
    "password_last_used",
    "password_last_changed",
    "password_next_rotation",
    "mfa_active",
    "access_key_1_active",
    "access_key_1_last_rotated",
    "access_key_1_last_used_date",
    "access_key_1_last_used_region",
    "access_key_1_last_used_service",
    "access_key_2_active",
    "access_key_2_last_rotated",
    "access_key_2_last_used_date",
    "access_key_2_last_used_region",
    "access_key_2_last_used_service",
    "cert_1_active",
    "cert_1_last_rotated",
    "cert_2_active",
    "cert_2_last_rotated",
    "additional_credentials_info",
];

const NOT_APPLICABLE: &str = "N/A";
const NO_INFORMATION: &str = "no_information";
const NOT_SUPPORTED: &str = "not_supported";

/// What the report tells of one user.
pub struct Line {
    pub user: String,
    pub arn: String,
    pub created: Option<Timestamp>,
    pub password: Password,
    pub mfa_active: bool,
    pub access_keys: Vec<Key>,
    pub certificates: Vec<Certificate>,
}

pub enum Password {
    /// The root's is not told of.
    NotSupported,
    None,
    Set {
        changed: Timestamp,
        last_used: Option<Timestamp>,
        next_rotation: Option<Timestamp>,
    },
}

pub struct Key {
    pub active: bool,
    pub created: Timestamp,
    pub last_used: Option<LastUsed>,
}

pub struct Certificate {
    pub active: bool,
    pub uploaded: Timestamp,
}

/// The report's first line.
pub fn head() -> String {
    COLUMNS.join(",")
}

/// Adds a user's line, with the line break before it.
pub fn write_line(line: &Line, report: &mut String) {
    let mut fields = vec![line.user.clone(), line.arn.clone(), or_no_information(line.created)];
    fields.extend(password(&line.password));
    fields.push(line.mfa_active.to_string());
    for index in 0..2 {
        fields.extend(key(line.access_keys.get(index)));
    }
    for index in 0..2 {
        let certificate = line.certificates.get(index);
        fields.push(certificate.is_some_and(|certificate| certificate.active).to_string());
        fields.push(certificate.map_or(NOT_APPLICABLE.to_owned(), |certificate| date(certificate.uploaded)));
    }
    // Quotas leave no room for a third access key or certificate.
    fields.push(NOT_APPLICABLE.to_owned());
    assert_eq!(fields.len(), COLUMNS.len(), "a line has a field a column");
    for (index, field) in fields.iter().enumerate() {
        report.push(if index == 0 { '\n' } else { ',' });
        write_field(field, report);
    }
}

fn password(password: &Password) -> [String; 4] {
    match password {
        Password::NotSupported => {
            [NOT_SUPPORTED, NO_INFORMATION, NOT_SUPPORTED, NOT_SUPPORTED].map(str::to_owned)
        }
        Password::None => ["false", NOT_APPLICABLE, NOT_APPLICABLE, NOT_APPLICABLE].map(str::to_owned),
        Password::Set { changed, last_used, next_rotation } => [
            "true".to_owned(),
            or_no_information(*last_used),
            date(*changed),
            next_rotation.map_or(NOT_APPLICABLE.to_owned(), date),
        ],
    }
}

fn key(key: Option<&Key>) -> [String; 5] {
    let absent = || NOT_APPLICABLE.to_owned();
    let used = key.and_then(|key| key.last_used.as_ref());
    [
        key.is_some_and(|key| key.active).to_string(),
        key.map_or_else(absent, |key| date(key.created)),
        used.map_or_else(absent, |used| date(used.at)),
        used.map_or_else(absent, |used| used.region.to_string()),
        used.map_or_else(absent, |used| used.service.clone()),
    ]
}

/// `2026-11-21T22:50:53+00:00`: the report writes the zone as numbers, unlike the API.
fn date(moment: Timestamp) -> String {
    let text = Timestamp::from_secs(moment.as_secs()).to_iso8601();
    text.strip_suffix('Z').unwrap_or(&text).to_owned() + "+00:00"
}

fn or_no_information(moment: Option<Timestamp>) -> String {
    moment.map_or(NO_INFORMATION.to_owned(), date)
}

/// Names may have commas.
fn write_field(field: &str, report: &mut String) {
    if field.contains([',', '"']) {
        report.push('"');
        report.push_str(&field.replace('"', "\"\""));
        report.push('"');
    } else {
        report.push_str(field);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::Region;

    #[test]
    fn a_line_has_a_field_for_every_column() {
        let at = Timestamp::from_secs(1_763_765_453);
        let mut report = head();
        let mut line = Line {
            user: "a,b".to_owned(),
            arn: "arn:aws:iam::000000000000:user/x".to_owned(),
            created: Some(at),
            password: Password::Set { changed: at, last_used: None, next_rotation: None },
            mfa_active: true,
            access_keys: vec![Key {
                active: true,
                created: at,
                last_used: Some(LastUsed { at, region: Region::US_EAST_1, service: "sqs".to_owned() }),
            }],
            certificates: vec![],
        };
        write_line(&line, &mut report);
        line.user = "<root_account>".to_owned();
        line.password = Password::NotSupported;
        line.created = None;
        write_line(&line, &mut report);
        let lines: Vec<&str> = report.lines().collect();
        let time = "2025-11-21T22:50:53+00:00";
        assert_eq!(
            lines[1],
            format!(
                "\"a,b\",arn:aws:iam::000000000000:user/x,{time},true,no_information,{time},N/A,true,true,{time},\
                 {time},us-east-1,sqs,false,N/A,N/A,N/A,N/A,false,N/A,false,N/A,N/A"
            )
        );
        assert!(
            lines[2]
                .contains(",no_information,not_supported,no_information,not_supported,not_supported,true,")
        );
        assert_eq!(lines[2].split(',').count(), lines[0].split(',').count());
    }
}
