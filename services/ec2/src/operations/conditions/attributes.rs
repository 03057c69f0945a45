//! `ec2:Attribute` and `ec2:Attribute/Name`: which attributes a request sets, and to what.

use base::Timestamp;
use schema::{ByteStream, Document, Entries, EventStream, Items, Member, Structure, Writer};

use super::Keys;

/// Actions whose requests set attributes of what is there already.
const ACTIONS: &[&str] = &[
    "ModifyAddressAttribute",
    "ModifyFleet",
    "ModifyHosts",
    "ModifyImageAttribute",
    "ModifyInstanceAttribute",
    "ModifyInstanceMaintenanceOptions",
    "ModifyInstanceMetadataDefaults",
    "ModifyInstanceMetadataOptions",
    "ModifyInstancePlacement",
    "ModifyLaunchTemplate",
    "ModifyManagedPrefixList",
    "ModifyNetworkInterfaceAttribute",
    "ModifyPrivateDnsNameOptions",
    "ModifySubnetAttribute",
    "ModifyTransitGateway",
    "ModifyTransitGatewayVpcAttachment",
    "ModifySnapshotAttribute",
    "ModifySnapshotTier",
    "ModifyVolumeAttribute",
    "ModifyVpcAttribute",
    "ModifyVpcEndpoint",
    "ModifyVpcPeeringConnectionOptions",
    "ModifyVpcTenancy",
    "ModifyVpnConnection",
    "ResetAddressAttribute",
    "ResetImageAttribute",
    "ResetInstanceAttribute",
];

pub fn of(action: &str, input: &dyn Structure) -> Keys {
    let mut keys = Keys::new();
    if !ACTIONS.contains(&action) {
        return keys;
    }
    input.visit(&mut |member, value| {
        // What says which resource is meant is no attribute of it.
        let is_name = member.name.ends_with("Id") || member.name.ends_with("Ids");
        if is_name || matches!(member.name, "DryRun" | "ClientToken" | "Value") {
            return;
        }
        let mut values = Values::default();
        value.write(&mut values, member);
        if member.name == "Attribute" {
            keys.extend(values.0.into_iter().map(|name| ("ec2:Attribute".to_owned(), name)));
            return;
        }
        keys.push(("ec2:Attribute".to_owned(), member.name.to_owned()));
        keys.extend(values.0.into_iter().map(|value| (format!("ec2:Attribute/{}", member.name), value)));
    });
    keys
}

/// Every plain value within a member, as a text.
#[derive(Default)]
struct Values(Vec<String>);

impl Writer for Values {
    fn structure(&mut self, _: &'static Member, value: &dyn Structure) {
        value.visit(&mut |member, value| value.write(self, member));
    }

    fn list(&mut self, at: &'static Member, items: Items<'_>) {
        items.each.for_each(|item| item.write(self, at.shape.element()));
    }

    fn string(&mut self, _: &'static Member, value: &str) {
        self.0.push(value.to_owned());
    }

    fn boolean(&mut self, _: &'static Member, value: bool) {
        self.0.push(value.to_string());
    }

    fn integer(&mut self, _: &'static Member, value: i64) {
        self.0.push(value.to_string());
    }

    fn float(&mut self, _: &'static Member, value: f32) {
        self.0.push(value.to_string());
    }

    fn double(&mut self, _: &'static Member, value: f64) {
        self.0.push(value.to_string());
    }

    fn timestamp(&mut self, _: &'static Member, value: Timestamp) {
        self.0.push(value.to_iso8601());
    }

    fn map(&mut self, _: &'static Member, _: Entries<'_>) {}
    fn null(&mut self, _: &'static Member) {}
    fn blob(&mut self, _: &'static Member, _: &[u8]) {}
    fn document(&mut self, _: &'static Member, _: &Document) {}
    fn stream(&mut self, _: &'static Member, _: &ByteStream) {}
    fn events(&mut self, _: &'static Member, _: EventStream) {}
}

#[cfg(test)]
mod tests {
    use ec2_api::{AttributeValue, ModifyInstanceAttributeInput, RunInstancesInput};

    use super::*;

    #[test]
    fn what_a_request_sets_is_named_with_its_value() {
        let input = ModifyInstanceAttributeInput {
            instance_id: "i-1".to_owned(),
            instance_type: Some(AttributeValue { value: Some("t3.micro".to_owned()) }),
            ..ModifyInstanceAttributeInput::default()
        };
        let keys = of("ModifyInstanceAttribute", &input);
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let expected =
            [pair("ec2:Attribute", "InstanceType"), pair("ec2:Attribute/InstanceType", "t3.micro")];
        assert_eq!(keys, expected);
        assert!(of("RunInstances", &RunInstancesInput::default()).is_empty());
    }
}
