//! How a replica follows its primary secret: everything but its key, its values and who read it.

use std::collections::BTreeMap;

use crate::records::{SecretRecord, Version};

/// What a replica lost and lacks after it followed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Followed {
    /// Versions whose values are to be deleted.
    pub dropped: Vec<String>,
    /// Versions of the primary that the replica has no value of.
    pub missing: Vec<String>,
}

/// Brings a replica up to its primary. `fresh` are the versions whose values come with this change.
pub fn follow(replica: &mut SecretRecord, primary: &SecretRecord, fresh: &[String]) -> Followed {
    let mut followed = Followed::default();
    let mut before = std::mem::take(&mut replica.versions);
    let mut versions = BTreeMap::new();
    for (id, version) in &primary.versions {
        let own = before.remove(id);
        if own.is_none() && !fresh.contains(id) {
            followed.missing.push(id.clone());
            continue;
        }
        let (accessed, kms_key) = match own {
            Some(own) if !fresh.contains(id) => (own.accessed, own.kms_key),
            own => (own.and_then(|own| own.accessed), replica.kms_key.clone()),
        };
        let followed = Version { accessed, kms_key, ..version.clone() };
        versions.insert(id.clone(), followed);
    }
    followed.dropped = before.into_keys().collect();
    replica.versions = versions;
    replica.description.clone_from(&primary.description);
    replica.kind.clone_from(&primary.kind);
    replica.tags.clone_from(&primary.tags);
    replica.rotation.clone_from(&primary.rotation);
    replica.owning_service.clone_from(&primary.owning_service);
    replica.changed = primary.changed;
    // A replica in another account has a policy of its own, which is what lets the primary's account in.
    if replica.foreign_primary.is_none() {
        replica.policy.clone_from(&primary.policy);
    }
    followed
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::{Region, Timestamp};

    fn version(key: Option<&str>, labels: &[&str]) -> Version {
        Version {
            created: Timestamp::from_secs(5),
            labels: labels.iter().map(|label| (*label).to_owned()).collect(),
            accessed: None,
            kms_key: key.map(str::to_owned),
        }
    }

    #[test]
    fn a_replica_has_the_primarys_versions_under_its_own_key() {
        let mut primary = SecretRecord::new("AAAAAA".into(), Timestamp::from_secs(1));
        primary.description = Some("about".into());
        primary.policy = Some("{}".into());
        primary.versions.insert("new".into(), version(Some("there"), &["AWSCURRENT"]));
        primary.versions.insert("old".into(), version(Some("there"), &["AWSPREVIOUS"]));
        primary.versions.insert("lost".into(), version(Some("there"), &["x"]));
        let mut replica = SecretRecord::new("AAAAAA".into(), Timestamp::from_secs(1));
        replica.kms_key = Some("here".into());
        replica.primary = Some(Region::US_EAST_1);
        let read = Some(Timestamp::from_secs(9));
        replica.versions.insert("old".into(), Version { accessed: read, ..version(None, &["AWSCURRENT"]) });
        replica.versions.insert("gone".into(), version(None, &[]));

        let followed = follow(&mut replica, &primary, &["new".to_owned()]);
        assert_eq!(followed, Followed { dropped: vec!["gone".into()], missing: vec!["lost".into()] });
        assert_eq!(replica.versions["new"], version(Some("here"), &["AWSCURRENT"]));
        assert_eq!(replica.versions["old"], Version { accessed: read, ..version(None, &["AWSPREVIOUS"]) });
        assert_eq!((replica.description.as_deref(), replica.policy.as_deref()), (Some("about"), Some("{}")));
        assert_eq!((replica.primary, replica.kms_key.as_deref()), (Some(Region::US_EAST_1), Some("here")));
    }
}
