//! A provider's metadata document: who it is, and the keys it signs with.
//!
//! Certificates only carry keys here: SAML trusts what the metadata lists, whoever issued it and however old it is.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use roxmltree::Node;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::xml::{DSIG, METADATA, children, only_child, parse, text};

/// What matters of the metadata.
#[derive(Debug, PartialEq, Eq)]
pub struct Metadata {
    /// The `Issuer` of its assertions.
    pub entity_id: String,
    /// Public keys as DER (SubjectPublicKeyInfo).
    pub keys: Vec<Vec<u8>>,
}

impl Metadata {
    /// Nothing if the document describes no identity provider with a key.
    pub fn read(document: &str) -> Option<Metadata> {
        let document = parse(document.trim_start_matches('\u{feff}').trim_start())?;
        let root = document.root_element();
        let entity = match root.has_tag_name((METADATA, "EntityDescriptor")) {
            true => root,
            false => children(root, METADATA, "EntityDescriptor").find(|entity| role(*entity).is_some())?,
        };
        let descriptors = children(role(entity)?, METADATA, "KeyDescriptor");
        let signing =
            descriptors.filter(|descriptor| descriptor.attribute("use").is_none_or(|is| is == "signing"));
        let keys: Vec<Vec<u8>> = signing.flat_map(keys).collect();
        let entity_id = entity.attribute("entityID")?.to_owned();
        (!keys.is_empty()).then_some(Metadata { entity_id, keys })
    }
}

fn role<'a, 'input>(entity: Node<'a, 'input>) -> Option<Node<'a, 'input>> {
    children(entity, METADATA, "IDPSSODescriptor").next()
}

fn keys(descriptor: Node<'_, '_>) -> Vec<Vec<u8>> {
    let Some(info) = only_child(descriptor, DSIG, "KeyInfo") else { return Vec::new() };
    let data = children(info, DSIG, "X509Data");
    data.flat_map(|data| children(data, DSIG, "X509Certificate")).filter_map(key).collect()
}

fn key(certificate: Node<'_, '_>) -> Option<Vec<u8>> {
    let dense: String = text(certificate)?.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let der = STANDARD.decode(dense).ok()?;
    let (_, parsed) = X509Certificate::from_der(&der).ok()?;
    Some(parsed.public_key().raw.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_identity_providers_with_a_key_are_of_use() {
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = rcgen::CertificateParams::new(Vec::new()).unwrap().self_signed(&key).unwrap();
        let body = STANDARD.encode(certificate.der());
        let descriptor = |attribute: &str| {
            format!(
                "<KeyDescriptor{attribute}><d:KeyInfo><d:X509Data><d:X509Certificate>\n{body}\n</d:X509Certificate>\
                 </d:X509Data></d:KeyInfo></KeyDescriptor>"
            )
        };
        let document = |role: &str, keys: &str| {
            format!(
                "<?xml version=\"1.0\"?><EntityDescriptor xmlns=\"{METADATA}\" xmlns:d=\"{DSIG}\" \
                 entityID=\"https://idp\"><{role}>{keys}</{role}></EntityDescriptor>"
            )
        };
        for (document, keys) in [
            (document("IDPSSODescriptor", &descriptor("")), Some(1)),
            (document("IDPSSODescriptor", &descriptor(" use=\"signing\"").repeat(2)), Some(2)),
            (document("IDPSSODescriptor", &descriptor(" use=\"encryption\"")), None),
            (document("SPSSODescriptor", &descriptor("")), None),
            (document("IDPSSODescriptor", ""), None),
            ("<a/>".to_owned(), None),
            ("nonsense".to_owned(), None),
        ] {
            assert_eq!(Metadata::read(&document).map(|found| found.keys.len()), keys, "{document}");
        }
    }
}
