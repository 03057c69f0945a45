//! What a SAML identity provider says of itself: its entity id, until when it is valid, and the certificates that its
//! assertions are signed with.
//!
//! Reference: "Metadata for the OASIS Security Assertion Markup Language (SAML) V2.0". Only what IAM takes is read:
//! one entity, with the role of an identity provider and a signing certificate.

use base::Timestamp;
use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::ResolveResult;
use quick_xml::reader::NsReader;

use crate::error::Error;
use crate::model::certificates;

const METADATA: &[u8] = b"urn:oasis:names:tc:SAML:2.0:metadata";
const SIGNATURE: &[u8] = b"http://www.w3.org/2000/09/xmldsig#";

#[derive(Debug, Default, PartialEq)]
pub struct Metadata {
    pub entity_id: String,
    pub valid_until: Option<Timestamp>,
    /// Base64 of DER without white space, at least one.
    pub signing_certificates: Vec<String>,
}

/// Where the reader stands among the elements that matter.
#[derive(Default)]
struct Reading {
    found: Metadata,
    is_identity_provider: bool,
    /// Inside the identity provider's role, and there inside a key that signs.
    in_role: bool,
    in_signing_key: bool,
    certificate: Option<String>,
    depth: usize,
}

pub fn read(document: &str) -> Result<Metadata, Error> {
    let unreadable = || Error::InvalidInput("Could not parse metadata".to_owned());
    let mut reader = NsReader::from_str(document);
    let mut reading = Reading::default();
    loop {
        let (namespace, event) = reader.read_resolved_event().map_err(|_| unreadable())?;
        match event {
            Event::Start(element) => {
                reading.enter(&namespace, &element).ok_or_else(unreadable)?;
                reading.depth += 1;
            }
            Event::Empty(element) => {
                reading.enter(&namespace, &element).ok_or_else(unreadable)?;
                reading.leave(&namespace, element.local_name().as_ref()).ok_or_else(unreadable)?;
            }
            Event::End(element) => {
                reading.depth -= 1;
                reading.leave(&namespace, element.local_name().as_ref()).ok_or_else(unreadable)?;
            }
            Event::Text(text) => {
                if let Some(certificate) = &mut reading.certificate {
                    certificate.push_str(&text.decode().map_err(|_| unreadable())?);
                }
            }
            // Entities are declared in there, and expanding them is how small documents fill memories.
            Event::DocType(_) => return Err(unreadable()),
            Event::Eof => break,
            _ => {}
        }
    }
    let Reading { found, is_identity_provider, depth, .. } = reading;
    let whole = depth == 0 && is_identity_provider && !found.entity_id.is_empty();
    if whole && !found.signing_certificates.is_empty() { Ok(found) } else { Err(unreadable()) }
}

impl Reading {
    /// Nothing if the document is none that IAM takes.
    fn enter(&mut self, namespace: &ResolveResult<'_>, element: &BytesStart<'_>) -> Option<()> {
        let local = element.local_name();
        match (space(namespace), local.as_ref()) {
            (METADATA, b"EntityDescriptor") if self.depth == 0 => {
                self.found.entity_id = attribute(element, "entityID").filter(|id| !id.trim().is_empty())?;
                self.found.valid_until = match attribute(element, "validUntil") {
                    None => None,
                    Some(text) => Some(Timestamp::parse_iso8601(text.trim())?),
                };
            }
            _ if self.depth == 0 => return None,
            (METADATA, b"IDPSSODescriptor") => {
                self.is_identity_provider = true;
                self.in_role = true;
            }
            (METADATA, b"KeyDescriptor") if self.in_role => {
                // A key without a use is for both.
                self.in_signing_key = attribute(element, "use").is_none_or(|purpose| purpose == "signing");
            }
            (SIGNATURE, b"X509Certificate") if self.in_signing_key => self.certificate = Some(String::new()),
            _ => {}
        }
        Some(())
    }

    fn leave(&mut self, namespace: &ResolveResult<'_>, local: &[u8]) -> Option<()> {
        match (space(namespace), local) {
            (METADATA, b"IDPSSODescriptor") => self.in_role = false,
            (METADATA, b"KeyDescriptor") => self.in_signing_key = false,
            (SIGNATURE, b"X509Certificate") => {
                if let Some(text) = self.certificate.take() {
                    certificates::certificate_from_base64(&text)?;
                    let compact = text.chars().filter(|c| !c.is_whitespace()).collect();
                    self.found.signing_certificates.push(compact);
                }
            }
            _ => {}
        }
        Some(())
    }
}

fn space<'a>(namespace: &'a ResolveResult<'_>) -> &'a [u8] {
    match namespace {
        ResolveResult::Bound(namespace) => namespace.0,
        _ => b"",
    }
}

fn attribute(element: &BytesStart<'_>, name: &str) -> Option<String> {
    let attribute = element.try_get_attribute(name).ok()??;
    attribute.normalized_value(XmlVersion::Implicit1_0).ok().map(|value| value.into_owned())
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    pub fn certificate() -> String {
        let made = rcgen::generate_simple_self_signed(vec!["idp.example.com".to_owned()]).unwrap();
        STANDARD.encode(made.cert.der())
    }

    pub fn document(entity: &str, attributes: &str, key: &str) -> String {
        format!(
            r#"<?xml version="1.0"?>
<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="{entity}" {attributes}>
  <md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
    {key}
    <md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="https://idp/sso"/>
  </md:IDPSSODescriptor>
</md:EntityDescriptor>"#
        )
    }

    fn key(usage: &str, certificate: &str) -> String {
        format!(
            r#"<md:KeyDescriptor {usage}><KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data>
            <X509Certificate>
            {certificate}
            </X509Certificate></X509Data></KeyInfo></md:KeyDescriptor>"#
        )
    }

    #[test]
    fn the_entity_its_end_and_its_signing_certificates_are_read() {
        let (signing, other) = (certificate(), certificate());
        let keys = key("use=\"signing\"", &signing) + &key("", &other) + &key("use=\"encryption\"", &other);
        let found = read(&document("https://idp", "validUntil=\"2030-01-01T00:00:00Z\"", &keys)).unwrap();
        assert_eq!(found.entity_id, "https://idp");
        assert_eq!(found.valid_until, Timestamp::parse_iso8601("2030-01-01T00:00:00Z"));
        assert_eq!(found.signing_certificates, [signing, other]);
    }

    #[test]
    fn what_is_no_identity_provider_is_refused() {
        let good = key("", &certificate());
        for bad in [
            "not xml".to_owned(),
            String::new(),
            "<a/>".to_owned(),
            document("", "", &good),
            document("x", "", ""),
            document("x", "", &key("use=\"encryption\"", &certificate())),
            document("x", "", &key("", "bm8gY2VydGlmaWNhdGU=")),
            document("x", "validUntil=\"soon\"", &good),
            document("x", "", &good).replace("IDPSSO", "SPSSO"),
            document("x", "", &good).replace("</md:EntityDescriptor>", ""),
            document("x", "", &good).replace("<?xml version=\"1.0\"?>", "<!DOCTYPE x [<!ENTITY a \"b\">]>"),
        ] {
            assert!(matches!(read(&bad), Err(Error::InvalidInput(_))), "{bad}");
        }
    }
}
