//! The condition keys of KMS, as far as several operations have them.
//!
//! Reference: "Condition keys for AWS KMS" in the developer guide. What only one operation has stands beside it.

use base::{Region, Timestamp};
use service::{Call, PrincipalKind};

use crate::model::key_id::KeyName;
use crate::model::managed;
use crate::records::{KeyRecord, Origin};

/// Names in AWS's spelling, and their values.
pub type Keys = Vec<(String, Vec<String>)>;

/// One key with one value.
pub fn one(name: &str, value: impl ToString) -> (String, Vec<String>) {
    (name.to_owned(), vec![value.to_string()])
}

/// `kms:CallerAccount` and `kms:ViaService`, which every operation has.
pub fn shared(call: &Call) -> Keys {
    let mut keys = Keys::with_capacity(4);
    if call.principal.kind != PrincipalKind::Anonymous {
        keys.push(one("kms:CallerAccount", call.principal.account));
    }
    if let Some(service) = call.source.via_service.as_deref() {
        let name = service.split('.').next().unwrap_or_default();
        // EBS calls through EC2, and says so.
        let via = managed::service_of(&format!("aws/{name}")).map_or(name, |service| service.via);
        keys.push(one("kms:ViaService", format!("{via}.{}.{}", call.region, call.region.dns_suffix())));
    }
    keys
}

/// Those of an operation that takes aliases: `kms:RequestAlias` is the alias that was used to name the key.
pub fn with_alias(call: &Call, key_id: &str) -> Keys {
    let mut keys = shared(call);
    if let Some(alias) = KeyName::parse(key_id).ok().as_ref().and_then(KeyName::alias) {
        keys.push(one("kms:RequestAlias", alias));
    }
    keys
}

/// What follows from the key itself. A name with several values is there several times.
pub fn of_key(record: &KeyRecord, aliases: &[String], region: Region) -> Vec<(String, String)> {
    let key = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let mut keys = of_kind(record.spec.as_str(), record.usage.as_str(), record.origin)
        .into_iter()
        .map(|(name, value)| key(name, value))
        .collect::<Vec<_>>();
    keys.push(key("kms:MultiRegion", if record.multi_region.is_some() { "true" } else { "false" }));
    if let Some(multi_region) = &record.multi_region {
        let kind = if multi_region.primary == region { "PRIMARY" } else { "REPLICA" };
        keys.push(key("kms:MultiRegionKeyType", kind));
    }
    keys.extend(aliases.iter().map(|alias| key("kms:ResourceAliases", &format!("alias/{alias}"))));
    keys
}

/// Spec and usage go by two names, the older of which is out of use.
pub fn of_kind<'a>(spec: &'a str, usage: &'a str, origin: Origin) -> [(&'static str, &'a str); 5] {
    [
        ("kms:KeySpec", spec),
        ("kms:CustomerMasterKeySpec", spec),
        ("kms:KeyUsage", usage),
        ("kms:CustomerMasterKeyUsage", usage),
        ("kms:KeyOrigin", origin.as_str()),
    ]
}

/// `kms:TrailingDaysWithoutKeyUsage`: for how many whole days nobody used the key.
pub fn idle_days(created: Timestamp, last_used: Option<Timestamp>, now: Timestamp) -> (String, String) {
    let days = now.since(last_used.unwrap_or(created)).as_secs() / 86_400;
    ("kms:TrailingDaysWithoutKeyUsage".to_owned(), days.to_string())
}
