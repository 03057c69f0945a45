//! Policies that a simulation is to leave out, by kind, by ARN or by the inline policy's name and place.

use base::Arn;
use iam_api::{AttachmentType, PolicyIdentifier, PolicyIdentifierPolicyType};

use crate::error::Error;
use crate::model::held_policy::HeldPolicy;
use crate::model::managed;

pub struct Exclusions<'a>(Vec<Exclusion<'a>>);

enum Exclusion<'a> {
    Kind(&'a PolicyIdentifierPolicyType),
    /// The part before the name, and the pattern of the name.
    Managed(&'a str, &'a str),
    Inline {
        policy: &'a str,
        holder: &'a AttachmentType,
        name: &'a str,
    },
}

pub fn read(given: &[PolicyIdentifier]) -> Result<Exclusions<'_>, Error> {
    given.iter().map(exclusion).collect::<Result<_, _>>().map(Exclusions)
}

fn exclusion(given: &PolicyIdentifier) -> Result<Exclusion<'_>, Error> {
    let invalid = |what: &str| Error::InvalidInput(format!("Invalid policy identifier: {what}"));
    match given {
        PolicyIdentifier::PolicyType(kind) => Ok(Exclusion::Kind(kind)),
        PolicyIdentifier::PolicyArn(arn) => {
            let (before, name) = arn.rsplit_once('/').ok_or_else(|| invalid(arn))?;
            let is_arn = arn.parse::<Arn>().is_ok_and(|arn| arn.service() == "iam");
            let is_good = is_arn && !before.contains(['*', '?']) && name.matches('*').count() <= 1;
            if is_good { Ok(Exclusion::Managed(before, name)) } else { Err(invalid(arn)) }
        }
        PolicyIdentifier::InlinePolicyIdentifier(inline) => {
            let name = inline.attachment_name.as_str();
            if name.matches('*').count() > 1 || inline.policy_name.contains(['*', '?']) {
                return Err(invalid(name));
            }
            Ok(Exclusion::Inline { policy: &inline.policy_name, holder: &inline.attachment_type, name })
        }
        _ => Err(invalid("a policy's type, ARN or inline name is needed")),
    }
}

impl Exclusions<'_> {
    pub fn policy(&self, held: &HeldPolicy) -> bool {
        self.0.iter().any(|exclusion| match (exclusion, &held.arn) {
            (Exclusion::Kind(PolicyIdentifierPolicyType::Inline), None) => true,
            (Exclusion::Kind(PolicyIdentifierPolicyType::AwsManaged), Some(arn)) => managed::is_of_aws(arn),
            (Exclusion::Kind(PolicyIdentifierPolicyType::UserManaged), Some(arn)) => !managed::is_of_aws(arn),
            (Exclusion::Managed(before, name), Some(arn)) => {
                arn.rsplit_once('/').is_some_and(|(path, own)| path == *before && matches(name, own))
            }
            (Exclusion::Inline { policy, holder, name }, None) => {
                held.name == *policy
                    && holder.as_str() == held.holder.as_str()
                    && matches(name, &held.holder_name)
            }
            _ => false,
        })
    }

    pub fn boundary(&self) -> bool {
        self.kind(&PolicyIdentifierPolicyType::PermissionBoundary)
    }

    pub fn service_control(&self) -> bool {
        self.kind(&PolicyIdentifierPolicyType::Scp)
    }

    fn kind(&self, wanted: &PolicyIdentifierPolicyType) -> bool {
        self.0.iter().any(|exclusion| matches!(exclusion, Exclusion::Kind(kind) if *kind == wanted))
    }
}

/// Matches a pattern with one star at most, and question marks.
fn matches(pattern: &str, text: &str) -> bool {
    let alike = |pattern: &str, text: &str| {
        pattern.chars().count() == text.chars().count()
            && pattern.chars().zip(text.chars()).all(|(wanted, c)| wanted == '?' || wanted == c)
    };
    let Some((head, tail)) = pattern.split_once('*') else { return alike(pattern, text) };
    let (characters, head_len, tail_len) = (text.chars().count(), head.chars().count(), tail.chars().count());
    characters >= head_len + tail_len
        && alike(head, &text.chars().take(head_len).collect::<String>())
        && alike(tail, &text.chars().skip(characters - tail_len).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::held_policy::Holder;

    fn held(name: &str, arn: Option<&str>) -> HeldPolicy {
        HeldPolicy {
            name: name.to_owned(),
            arn: arn.map(str::to_owned),
            holder: Holder::User,
            holder_name: "bob".to_owned(),
            document: String::new(),
        }
    }

    fn by_arn(arn: &str) -> PolicyIdentifier {
        PolicyIdentifier::PolicyArn(arn.to_owned())
    }

    #[test]
    fn policies_are_left_out_by_arn_with_wildcards_in_the_name() {
        let read_only = held("ReadOnlyAccess", Some("arn:aws:iam::aws:policy/ReadOnlyAccess"));
        for (arn, expected) in [
            ("arn:aws:iam::aws:policy/ReadOnlyAccess", true),
            ("arn:aws:iam::aws:policy/Read*", true),
            ("arn:aws:iam::aws:policy/*Acces?", true),
            ("arn:aws:iam::aws:policy/Write*", false),
            ("arn:aws:iam::000000000000:policy/*", false),
        ] {
            let given = [by_arn(arn)];
            assert_eq!(read(&given).unwrap().policy(&read_only), expected, "{arn}");
        }
        for bad in ["policy/x", "arn:aws:iam::*:policy/x", "arn:aws:iam::aws:policy/a*b*"] {
            assert!(read(&[by_arn(bad)]).is_err(), "{bad}");
        }
        assert!(read(&[PolicyIdentifier::Unset]).is_err());
    }

    #[test]
    fn policies_are_left_out_by_kind() {
        let by_kind = |kind| [PolicyIdentifier::PolicyType(kind)];
        let given = by_kind(PolicyIdentifierPolicyType::Inline);
        let inline = read(&given).unwrap();
        assert!(inline.policy(&held("own", None)) && !inline.boundary());
        let given = by_kind(PolicyIdentifierPolicyType::UserManaged);
        let managed = read(&given).unwrap();
        assert!(managed.policy(&held("p", Some("arn:aws:iam::000000000000:policy/p"))));
        assert!(!managed.policy(&held("ReadOnlyAccess", Some("arn:aws:iam::aws:policy/ReadOnlyAccess"))));
    }
}
