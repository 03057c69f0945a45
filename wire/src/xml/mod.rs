//! XML as restXml, awsQuery and ec2Query have it.

mod read;
mod small;
mod tree;
mod write;

pub(crate) use read::{Place, XmlReader, read};
pub use small::{xml_document, xml_entries};
pub(crate) use tree::{ElementId, Tree};
pub(crate) use write::{Namespace, XmlWriter};
