//! XML as restXml, awsQuery and ec2Query have it.

mod read;
mod tree;
mod write;

pub(crate) use read::{Place, XmlReader, read};
pub(crate) use tree::{ElementId, Tree};
pub(crate) use write::{Namespace, XmlWriter};
