//! The tree of categories: what there is of an instance, since which version, and what each place says.
//!
//! A list names folders with a final slash, except at the root (`dynamic`, `meta-data`), and public keys by number *and*
//! name (`0=my-key`), though their folder is called by the number alone.
//! Reference: "Instance metadata categories" of the EC2 guide.

use base::{Region, Timestamp};
use serde_json::{Value, json};

use super::page::{document, documents};
use super::{InstanceView, InterfaceView, MaintenanceEvent};

/// One place in the tree that says something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// From the version's root: `meta-data/ami-id`.
    pub path: String,
    /// The version that first had it. Nothing below it is shown in older ones.
    pub since: &'static str,
    pub content: Content,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    Text(String),
    /// The credentials of this role, which have to be asked for.
    RoleCredentials(String),
    IdentityDocument,
    /// The document's signature, in one of AWS's forms.
    Signature(SignatureForm),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureForm {
    /// The bare signature.
    Bare,
    /// PKCS #7 with the document in it: `pkcs7` and `rsa2048`.
    Pkcs7,
}

/// What is found at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    List(String),
    Content(Content),
}

/// Looks a path up in the tree of a version. `list` says that the path ended in a slash: then it is no leaf's.
pub fn find(view: &InstanceView, version: &str, path: &str, list: bool) -> Option<Found> {
    let leaves = leaves(view);
    let mut seen = leaves.into_iter().filter(|leaf| leaf.since <= version);
    if path.is_empty() {
        let mut names: Vec<String> = seen.map(|leaf| first_segment(&leaf.path).to_owned()).collect();
        names.extend(view.user_data.is_some().then(|| "user-data".to_owned()));
        names.dedup();
        return Some(Found::List(names.join("\n")));
    }
    let folder = format!("{path}/");
    let mut names: Vec<String> = Vec::new();
    for leaf in seen.by_ref() {
        if leaf.path == path {
            return (!list).then_some(Found::Content(leaf.content));
        }
        let Some(rest) = leaf.path.strip_prefix(&folder) else { continue };
        let name = match rest.split_once('/') {
            Some((number, _)) if path == KEYS => public_key_entry(view, number),
            Some((folder, _)) => format!("{folder}/"),
            None => rest.to_owned(),
        };
        if names.last() != Some(&name) {
            names.push(name);
        }
    }
    (!names.is_empty()).then(|| Found::List(names.join("\n")))
}

const KEYS: &str = "meta-data/public-keys";

fn public_key_entry(view: &InstanceView, number: &str) -> String {
    view.key.as_ref().map_or_else(|| number.to_owned(), |key| format!("{number}={}", key.name))
}

fn first_segment(path: &str) -> &str {
    path.split_once('/').map_or(path, |(first, _)| first)
}

/// Gathers leaves, sorted by path in the end.
struct Leaves(Vec<Leaf>);

impl Leaves {
    fn put(&mut self, since: &'static str, path: impl Into<String>, text: impl Into<String>) {
        self.content(since, path, Content::Text(text.into()));
    }

    fn content(&mut self, since: &'static str, path: impl Into<String>, content: Content) {
        self.0.push(Leaf { path: path.into(), since, content });
    }

    /// One line an item; nothing if there is none.
    fn lines<T: ToString>(&mut self, since: &'static str, path: impl Into<String>, items: &[T]) {
        if !items.is_empty() {
            let lines: Vec<String> = items.iter().map(ToString::to_string).collect();
            self.put(since, path, lines.join("\n"));
        }
    }

    fn maybe(&mut self, since: &'static str, path: impl Into<String>, text: Option<impl Into<String>>) {
        if let Some(text) = text {
            self.put(since, path, text);
        }
    }
}

/// All that there is of an instance, in the order in which it is listed.
pub fn leaves(view: &InstanceView) -> Vec<Leaf> {
    let mut leaves = Leaves(Vec::with_capacity(96));
    dynamic(view, &mut leaves);
    image_and_launch(view, &mut leaves);
    addresses(view, &mut leaves);
    events(view, &mut leaves);
    iam(view, &mut leaves);
    placement(view, &mut leaves);
    for interface in &view.interfaces {
        network(interface, &mut leaves);
    }
    if view.options.tags {
        // EC2 refuses tags with slashes where tags are shown here; one that came another way would be a folder.
        for (key, value) in view.tags.iter().filter(|(key, _)| !key.contains('/')) {
            leaves.put("2021-03-23", format!("meta-data/tags/instance/{key}"), value.as_str());
        }
    }
    // By segment, so that a folder comes where its name would.
    leaves.0.sort_by(|one, other| one.path.split('/').cmp(other.path.split('/')));
    leaves.0
}

fn dynamic(view: &InstanceView, leaves: &mut Leaves) {
    let monitoring = if view.monitoring { "enabled" } else { "disabled" };
    leaves.put("2009-04-04", "dynamic/fws/instance-monitoring", monitoring);
    let identity = |name: &str| format!("dynamic/instance-identity/{name}");
    leaves.content("2009-04-04", identity("document"), Content::IdentityDocument);
    leaves.content("2009-04-04", identity("pkcs7"), Content::Signature(SignatureForm::Pkcs7));
    leaves.content("2014-11-05", identity("rsa2048"), Content::Signature(SignatureForm::Pkcs7));
    leaves.content("2009-04-04", identity("signature"), Content::Signature(SignatureForm::Bare));
}

fn image_and_launch(view: &InstanceView, leaves: &mut Leaves) {
    leaves.put("1.0", "meta-data/ami-id", &*view.image_id);
    leaves.put("1.0", "meta-data/ami-launch-index", view.launch_index.to_string());
    leaves.put("1.0", "meta-data/ami-manifest-path", "(unknown)");
    leaves.lines("2007-10-10", "meta-data/ancestor-ami-ids", &view.ancestor_image_ids);
    leaves.maybe(
        "2021-07-15",
        "meta-data/autoscaling/target-lifecycle-state",
        view.target_lifecycle_state.as_deref(),
    );
    for device in &view.block_devices {
        leaves.put("2007-12-15", format!("meta-data/block-device-mapping/{}", device.name), &*device.device);
    }
    leaves.put("2008-09-01", "meta-data/instance-action", &*view.instance_action);
    leaves.put("1.0", "meta-data/instance-id", &*view.instance_id);
    leaves.put("2019-10-01", "meta-data/instance-life-cycle", view.life_cycle.as_str());
    leaves.put("2007-08-29", "meta-data/instance-type", &*view.instance_type);
    leaves.maybe("2008-02-01", "meta-data/kernel-id", view.kernel_id.as_deref());
    leaves.put("2011-05-01", "meta-data/metrics/vhostmd", "<?xml version=\"1.0\" encoding=\"UTF-8\"?>");
    leaves.lines("2007-03-01", "meta-data/product-codes", &view.product_codes);
    leaves.put("2007-12-15", "meta-data/profile", "default-hvm");
    if let Some(key) = &view.key {
        leaves.put("1.0", format!("{KEYS}/0/openssh-key"), &*key.openssh);
    }
    leaves.maybe("2007-10-10", "meta-data/ramdisk-id", view.ramdisk_id.as_deref());
    leaves.put("1.0", "meta-data/reservation-id", &*view.reservation_id);
    leaves.put("2014-02-25", "meta-data/services/domain", view.region.dns_suffix());
    leaves.put("2015-10-20", "meta-data/services/partition", partition(view.region));
    leaves.put("2022-09-24", "meta-data/system", "nitro");
}

fn partition(region: Region) -> &'static str {
    region.partition().as_str()
}

fn addresses(view: &InstanceView, leaves: &mut Leaves) {
    leaves.put("1.0", "meta-data/hostname", &*view.hostname);
    leaves.put("2007-01-19", "meta-data/local-hostname", &*view.hostname);
    let Some(primary) = view.primary() else { return };
    leaves.maybe("2016-06-30", "meta-data/ipv6", primary.addresses6.first().map(ToString::to_string));
    leaves.maybe("1.0", "meta-data/local-ipv4", primary.addresses.first().map(ToString::to_string));
    leaves.put("2011-01-01", "meta-data/mac", primary.mac_text());
    leaves.maybe("2007-01-19", "meta-data/public-hostname", primary.public_hostname.as_deref());
    // Of the primary private address, which is the first of the interface.
    let public = primary.public.iter().find(|(_, private)| primary.addresses.first() == Some(private));
    leaves.maybe("2007-01-19", "meta-data/public-ipv4", public.map(|(public, _)| public.to_string()));
    let names: Vec<&str> = primary.groups.iter().map(|group| &*group.name).collect();
    leaves.lines("1.0", "meta-data/security-groups", &names);
}

fn events(view: &InstanceView, leaves: &mut Leaves) {
    let list = |events: &[MaintenanceEvent]| documents(&events.iter().map(event).collect::<Vec<_>>());
    leaves.put("2018-08-17", "meta-data/events/maintenance/history", list(&view.maintenance_history));
    leaves.put("2018-08-17", "meta-data/events/maintenance/scheduled", list(&view.maintenance_scheduled));
    if let Some(noticed) = view.rebalance {
        let notice = json!({ "noticeTime": seconds(noticed) });
        leaves.put("2020-10-27", "meta-data/events/recommendations/rebalance", notice.to_string());
    }
    let Some(notice) = &view.spot else { return };
    let time = seconds(notice.time);
    let action = json!({ "action": notice.action, "time": time });
    leaves.put("2016-09-02", "meta-data/spot/instance-action", action.to_string());
    if notice.action == "terminate" {
        leaves.put("2014-11-05", "meta-data/spot/termination-time", time);
    }
}

fn event(event: &MaintenanceEvent) -> String {
    // `21 Jan 2019 09:00:43 GMT`: as in HTTP, but without the day of the week.
    let date = |moment: Timestamp| {
        let text = Timestamp::from_secs(moment.as_secs()).to_http_date();
        text.split_once(", ").map(|(_, rest)| rest.to_owned()).unwrap_or(text)
    };
    let mut fields = vec![
        ("NotBefore", json!(date(event.not_before))),
        ("Code", json!(event.code)),
        ("Description", json!(event.description)),
        ("EventId", json!(event.id)),
    ];
    fields.extend(event.not_after.map(|moment| ("NotAfter", json!(date(moment)))));
    fields.push(("State", json!(event.state)));
    document(&fields)
}

fn iam(view: &InstanceView, leaves: &mut Leaves) {
    let Some(profile) = &view.profile else { return };
    let info = document(&[
        ("Code", json!("Success")),
        ("LastUpdated", json!(seconds(profile.updated))),
        ("InstanceProfileArn", json!(profile.arn)),
        ("InstanceProfileId", json!(profile.id)),
    ]);
    leaves.put("2012-01-12", "meta-data/iam/info", info);
    if let Some(role) = &profile.role {
        let path = format!("meta-data/iam/security-credentials/{role}");
        leaves.content("2012-01-12", path, Content::RoleCredentials(role.clone()));
    }
}

fn placement(view: &InstanceView, leaves: &mut Leaves) {
    let at = |name: &str| format!("meta-data/placement/{name}");
    leaves.put("2008-02-01", at("availability-zone"), &*view.zone);
    leaves.put("2019-10-01", at("availability-zone-id"), &*view.zone_id);
    leaves.maybe("2020-10-27", at("group-name"), view.placement.group_name.as_deref());
    leaves.maybe("2020-10-27", at("host-id"), view.placement.host_id.as_deref());
    let partition = view.placement.partition_number.map(|number| number.to_string());
    leaves.maybe("2020-10-27", at("partition-number"), partition);
    leaves.put("2020-10-27", at("region"), view.region.as_str());
}

fn network(interface: &InterfaceView, leaves: &mut Leaves) {
    const V6: &str = "2016-06-30";
    const BEGIN: &str = "2011-01-01";
    let at = |name: &str| format!("meta-data/network/interfaces/macs/{}/{name}", interface.mac_text());
    leaves.put(BEGIN, at("device-number"), interface.device_number.to_string());
    leaves.put(BEGIN, at("interface-id"), &*interface.id);
    let mut publics: Vec<_> = interface.public.iter().map(|(public, _)| *public).collect();
    publics.dedup();
    for public in &publics {
        let leads = interface.public.iter().filter(|(of, _)| of == public);
        let privates: Vec<_> = leads.map(|(_, private)| *private).collect();
        leaves.lines(BEGIN, at(&format!("ipv4-associations/{public}")), &privates);
    }
    leaves.lines("2021-07-15", at("ipv4-prefix"), &interface.prefixes);
    leaves.lines("2021-07-15", at("ipv6-prefix"), &interface.prefixes6);
    leaves.lines(V6, at("ipv6s"), &interface.addresses6);
    leaves.put(BEGIN, at("local-hostname"), &*interface.local_hostname);
    leaves.lines(BEGIN, at("local-ipv4s"), &interface.addresses);
    leaves.put(BEGIN, at("mac"), interface.mac_text());
    leaves.put("2020-10-27", at("network-card"), interface.network_card.to_string());
    leaves.put(BEGIN, at("owner-id"), interface.owner.to_string());
    leaves.maybe(BEGIN, at("public-hostname"), interface.public_hostname.as_deref());
    leaves.lines(BEGIN, at("public-ipv4s"), &publics);
    let ids: Vec<&str> = interface.groups.iter().map(|group| &*group.id).collect();
    leaves.lines(BEGIN, at("security-group-ids"), &ids);
    let names: Vec<&str> = interface.groups.iter().map(|group| &*group.name).collect();
    leaves.lines(BEGIN, at("security-groups"), &names);
    leaves.put(BEGIN, at("subnet-id"), &*interface.subnet_id);
    leaves.maybe(BEGIN, at("subnet-ipv4-cidr-block"), interface.subnet_cidr.map(|block| block.to_string()));
    leaves.lines(V6, at("subnet-ipv6-cidr-blocks"), &interface.subnet_cidrs6);
    leaves.put(BEGIN, at("vpc-id"), &*interface.vpc_id);
    leaves.maybe(BEGIN, at("vpc-ipv4-cidr-block"), interface.vpc_cidrs.first().map(ToString::to_string));
    leaves.lines(V6, at("vpc-ipv4-cidr-blocks"), &interface.vpc_cidrs);
    leaves.lines(V6, at("vpc-ipv6-cidr-blocks"), &interface.vpc_cidrs6);
}

/// The documents of the instance profile's role.
pub fn role_credentials(credentials: &super::RoleCredentials) -> String {
    use super::RoleCredentials::{Failed, Success};
    let fields: Vec<(&str, Value)> = match credentials {
        Success { access_key_id, secret_access_key, token, last_updated, expiration } => vec![
            ("Code", json!("Success")),
            ("LastUpdated", json!(seconds(*last_updated))),
            ("Type", json!("AWS-HMAC")),
            ("AccessKeyId", json!(access_key_id)),
            ("SecretAccessKey", json!(secret_access_key)),
            ("Token", json!(token)),
            ("Expiration", json!(seconds(*expiration))),
        ],
        Failed { code, message, last_updated } => vec![
            ("Code", json!(code)),
            ("Message", json!(message)),
            ("LastUpdated", json!(seconds(*last_updated))),
        ],
    };
    document(&fields)
}

/// Metadata shows whole seconds.
fn seconds(moment: Timestamp) -> String {
    Timestamp::from_secs(moment.as_secs()).to_iso8601()
}
