//! Targets over policies, which users write and strangers attach to their own resources.

use std::borrow::Cow;
use std::sync::Arc;

use base::AccountId;
use fogbank_identity::policy::{
    Caller, CallerKind, Keys, Kind, Layers, Named, Policy, Request, ResourcePolicy, Values, Why, evaluate,
    explain,
};

const KINDS: [Kind; 5] =
    [Kind::Identity, Kind::Resource, Kind::Trust, Kind::ServiceControl, Kind::ResourceControl];

/// The text as a policy of each kind.
pub fn policy_parse(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for kind in KINDS {
        match Policy::parse(kind, text) {
            Ok(policy) => {
                assert!(policy.statements() > 0, "a policy says something");
                drop((policy.condition_keys(), policy.services(), policy.principals().count()));
            }
            Err(error) => assert!(!error.to_string().is_empty(), "a refusal says why"),
        }
    }
}

/// The first five lines are the action, the resource, the name of a key and its values (cut at commas, a single one
/// is no list), and the rest of a principal's name; what follows is a policy. It is evaluated in every layer.
pub fn policy_evaluate(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut lines = text.splitn(6, '\n');
    let mut next = || lines.next().unwrap_or_default();
    let (action, resource, key, values, name, document) = (next(), next(), next(), next(), next(), next());
    let keys = OneKey { key: key.to_ascii_lowercase(), values };
    let account = AccountId::new(111_111_111_111).expect("twelve digits");
    let arn = format!("arn:aws:sts::111111111111:assumed-role/{name}");
    let role = format!("arn:aws:iam::111111111111:role/{name}");
    let policies = KINDS.map(|kind| {
        let policy = Policy::parse(kind, document).ok()?;
        Some(Arc::new(Named { id: String::from("fuzzed"), policy }))
    });
    let [identity, resource_policy, trust, service_control, resource_control] = policies;
    let own: Vec<_> = identity.into_iter().collect();
    let levels =
        |policy: Option<Arc<Named>>| policy.map(|policy| vec![policy]).into_iter().collect::<Vec<_>>();
    let (service_control, resource_control) = (levels(service_control), levels(resource_control));
    for kind in [CallerKind::User, CallerKind::AssumedRole, CallerKind::Service, CallerKind::Root] {
        let caller = Caller { kind, account, arn: &arn, role_arn: Some(&role), unique_id: name };
        let request = Request { caller, action, resource, resource_account: None, keys: &keys };
        let attached = resource_policy.as_deref().or(trust.as_deref());
        let layers = Layers {
            identity: &own,
            boundary: own.first().map(|named| &**named),
            session: Some(&own),
            resource: attached.map(|named| ResourcePolicy { named, required: false }),
            service_control: &service_control,
            resource_control: &resource_control,
            ..Layers::default()
        };
        let (decision, explained) = (evaluate(&request, &layers), explain(&request, &layers));
        assert_eq!(decision.why, explained.why, "an explanation explains the decision");
        assert_eq!(decision.allowed, decision.why == Why::Allowed);
        let known = |matched| explained.statements.contains(matched);
        assert!(decision.statements.iter().all(known), "what decided is among what matched");
    }
}

struct OneKey<'a> {
    key: String,
    values: &'a str,
}

impl Keys for OneKey<'_> {
    fn get(&self, key: &str) -> Option<Values<'_>> {
        let values = || self.values.split(',').map(Cow::Borrowed);
        match key == self.key {
            true if self.values.contains(',') => Some(Values::Many(values().collect())),
            true => Some(Values::One(Cow::Borrowed(self.values))),
            false => None,
        }
    }
}
