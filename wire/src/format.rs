//! The three ways a structure is written as bytes, whichever protocol carries them.

use schema::{Malformed, Member, Protocol, Structure};

use crate::names::Naming;
use crate::shared::{Shared, Take};
use crate::xml::{Namespace, XmlWriter};
use crate::{cbor, json, xml};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Json,
    Xml,
    Cbor,
}

impl Format {
    /// What a protocol writes its outputs in.
    pub fn of(protocol: Protocol) -> Format {
        match protocol {
            Protocol::AwsJson1_0 | Protocol::AwsJson1_1 | Protocol::RestJson1 => Format::Json,
            Protocol::RestXml | Protocol::AwsQuery | Protocol::Ec2Query => Format::Xml,
            Protocol::RpcV2Cbor => Format::Cbor,
        }
    }

    pub fn content_type(self) -> &'static str {
        match self {
            Format::Json => "application/json",
            Format::Xml => "application/xml",
            Format::Cbor => "application/cbor",
        }
    }

    /// Writes the members that `keep` keeps. Only XML has use for the root's name.
    pub fn write(
        self,
        root: &str,
        namespace: Namespace,
        value: &dyn Structure,
        keep: fn(&Member) -> bool,
    ) -> Vec<u8> {
        match self {
            Format::Json => {
                let mut out = Vec::with_capacity(512);
                json::JsonWriter { out: &mut out }.members(value, keep);
                out
            }
            Format::Xml => {
                let mut xml = XmlWriter::with_declaration(Naming::Wire);
                xml.structure_element(root, namespace, value, keep);
                xml.finish()
            }
            Format::Cbor => {
                let mut cbor = cbor::CborWriter::new();
                cbor.members(value, keep, 0);
                cbor.finish()
            }
        }
    }

    /// Reads one document and hands its value to `take`.
    pub fn read(self, bytes: &[u8], shared: &mut Shared, take: Take<'_>) -> Result<(), Malformed> {
        match self {
            Format::Json => json::read(bytes, shared, take),
            Format::Xml => xml::read(bytes, Naming::Wire, shared, take),
            Format::Cbor => cbor::read(bytes, shared, take),
        }
    }
}
