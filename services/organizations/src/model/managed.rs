//! The policies that are AWS's own. They are facts, not records: they exist everywhere and nobody can change them.

use super::policy_type::PolicyType;

pub struct ManagedPolicy {
    pub id: &'static str,
    pub name: &'static str,
    pub description: &'static str,
    pub content: &'static str,
    /// RCPFullAWSAccess stays attached for as long as the type is enabled.
    pub detachable: bool,
}

pub static FULL_AWS_ACCESS: ManagedPolicy = ManagedPolicy {
    id: "p-FullAWSAccess",
    name: "FullAWSAccess",
    description: "Allows access to every operation",
    content: r#"{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Effect": "Allow",
      "Action": "*",
      "Resource": "*"
    }
  ]
}"#,
    detachable: true,
};

pub static RCP_FULL_AWS_ACCESS: ManagedPolicy = ManagedPolicy {
    id: "p-RCPFullAWSAccess",
    name: "RCPFullAWSAccess",
    description: "Allows access to every resource",
    content: r#"{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Effect": "Allow",
      "Principal": "*",
      "Action": "*",
      "Resource": "*"
    }
  ]
}"#,
    detachable: false,
};

impl ManagedPolicy {
    /// Looks for AWS's own policy of this id, and says of which type it is.
    pub fn find(id: &str) -> Option<(PolicyType, &'static ManagedPolicy)> {
        PolicyType::all()
            .filter_map(|kind| Some((kind, kind.facts().managed?)))
            .find(|(_, managed)| managed.id == id)
    }

    /// `arn:aws:organizations::aws:policy/service_control_policy/p-FullAWSAccess`
    pub fn arn(&self, kind: PolicyType) -> String {
        format!("arn:aws:organizations::aws:policy/{}/{}", kind.slug(), self.id)
    }
}
