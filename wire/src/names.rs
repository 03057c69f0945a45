//! The names of elements and parameters in the protocols of the XML family, which each have rules of their
//! own.

use std::borrow::Cow;

use schema::{Kind, Member, Shape};

/// Which protocol's names.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Naming {
    /// awsQuery: a name for Query alone goes before the name on the wire.
    Query,
    /// The output of ec2Query, and restXml.
    Wire,
}

impl Naming {
    pub fn of(self, at: &Member) -> &'static str {
        match self {
            Naming::Query => at.query_name.unwrap_or(at.wire_name),
            Naming::Wire => at.wire_name,
        }
    }

    /// The name of a member in a structure. In awsQuery the items of a list without a wrapper are named after
    /// themselves, if they have a name and the member has none of its own on the wire; SimpleDB lives by it.
    pub fn in_structure(self, at: &Member) -> &'static str {
        let own = self.of(at);
        match &at.shape.kind {
            Kind::List { element, .. } if self == Naming::Query && at.is_flattened() && own == at.name => {
                let inner = self.of(element);
                if inner == "member" { own } else { inner }
            }
            _ => own,
        }
    }

    pub fn find(self, shape: &'static Shape, name: &str) -> Option<usize> {
        shape.members().iter().position(|member| !member.xml_attribute && self.in_structure(member) == name)
    }
}

/// The name of a parameter of ec2Query: the model's own, or the one on the wire with a capital.
pub(crate) fn ec2_parameter(at: &Member) -> Cow<'static, str> {
    if let Some(name) = at.query_name {
        return Cow::Borrowed(name);
    }
    let mut chars = at.wire_name.chars();
    match chars.next() {
        Some(first) if first.is_ascii_lowercase() => {
            Cow::Owned(format!("{}{}", first.to_ascii_uppercase(), chars.as_str()))
        }
        _ => Cow::Borrowed(at.wire_name),
    }
}
