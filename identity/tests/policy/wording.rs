//! How a refusal is worded: "Troubleshoot access denied error messages" of the IAM guide.

use fogbank_identity::policy::{Decision, Effect, Layer, Matched, Why};

fn decision(why: Why) -> Decision {
    Decision { allowed: why == Why::Allowed, why, statements: Vec::new() }
}

#[test]
fn refusals_are_worded_as_aws_does() {
    let action = "sqs:SendMessage";
    for (why, action, expected) in [
        (Why::Allowed, action, ""),
        (
            Why::NoAllow(Layer::Identity),
            action,
            "because no identity-based policy allows the sqs:SendMessage action",
        ),
        (
            Why::NoAllow(Layer::Boundary),
            action,
            "because no permissions boundary allows the sqs:SendMessage action",
        ),
        (Why::NoAllow(Layer::Session), action, "because no session policy allows the sqs:SendMessage action"),
        (
            Why::NoAllow(Layer::Resource),
            action,
            "because no resource-based policy allows the sqs:SendMessage action",
        ),
        (
            Why::NoAllow(Layer::ServiceControl),
            action,
            "because no service control policy allows the sqs:SendMessage action",
        ),
        (
            Why::NoAllow(Layer::ResourceControl),
            action,
            "because no resource control policy allows the sqs:SendMessage action",
        ),
        (
            Why::NoAllow(Layer::Resource),
            "sts:AssumeRole",
            "because no role trust policy allows the sts:AssumeRole action",
        ),
        (Why::ExplicitDeny(Layer::Identity), action, "with an explicit deny in an identity-based policy"),
        (Why::ExplicitDeny(Layer::Boundary), action, "with an explicit deny in a permissions boundary"),
        (Why::ExplicitDeny(Layer::Session), action, "with an explicit deny in a session policy"),
        (Why::ExplicitDeny(Layer::Resource), action, "with an explicit deny in a resource-based policy"),
        (
            Why::ExplicitDeny(Layer::ServiceControl),
            action,
            "with an explicit deny in a service control policy",
        ),
        (
            Why::ExplicitDeny(Layer::ResourceControl),
            action,
            "with an explicit deny in a resource control policy",
        ),
        (
            Why::ExplicitDeny(Layer::Resource),
            "sts:AssumeRoleWithSAML",
            "with an explicit deny in the role trust policy",
        ),
    ] {
        assert_eq!(decision(why).because(action), expected);
        assert_eq!(decision(why).because_naming_policy(action), expected, "without a statement to name");
    }
}

#[test]
fn a_denial_can_name_the_policy() {
    let matched = |layer, policy: &str| Matched {
        layer,
        policy: policy.to_owned(),
        statement: 2,
        sid: Some(String::from("NoQueues")),
        effect: Effect::Deny,
    };
    let scp = "arn:aws:organizations::987654321098:policy/o-qv5af4abcd/service_control_policy/p-2kgnabcd";
    for (layer, policy, expected) in [
        (Layer::ServiceControl, scp, format!("with an explicit deny in a service control policy: {scp}")),
        (Layer::Identity, "inline", String::from("with an explicit deny in an identity-based policy")),
        (Layer::Resource, scp, String::from("with an explicit deny in a resource-based policy")),
    ] {
        let mut decision = decision(Why::ExplicitDeny(layer));
        decision.statements.push(matched(layer, policy));
        assert_eq!(decision.because_naming_policy("iam:ListRoles"), expected);
        let text = serde_json::to_string(&decision).unwrap();
        assert_eq!(serde_json::from_str::<Decision>(&text).unwrap(), decision, "{text}");
    }
}
