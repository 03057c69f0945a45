//! Signed SAML responses. They are written in canonical form by hand, so that the test does not rest on the code that
//! it tests.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use base::Timestamp;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{CertificateParams, KeyPair, PKCS_RSA_SHA256};
use rustls::pki_types::PrivatePkcs8KeyDer;

use crate::cloud::START;

pub const ROLE: &str = "arn:aws:iam::123456789012:role/saml";
pub const PROVIDER: &str = "arn:aws:iam::123456789012:saml-provider/Corp";
pub const ISSUER: &str = "https://idp.example.com/saml";

/// A provider's key with its metadata.
pub struct Corp {
    key: RsaKeyPair,
    pub metadata: String,
}

/// What an assertion says. Everything is in order by default.
#[derive(Clone)]
pub struct Says {
    pub issuer: &'static str,
    pub subject: &'static str,
    pub audience: &'static str,
    pub recipient: &'static str,
    pub issued: Timestamp,
    pub ends: Timestamp,
    pub session_ends: Option<Timestamp>,
    pub role: String,
    pub session_name: Option<&'static str>,
    /// Further attributes.
    pub attributes: Vec<(&'static str, Vec<&'static str>)>,
}

impl Default for Says {
    fn default() -> Says {
        Says {
            issuer: ISSUER,
            subject: "ann@example.com",
            audience: "https://signin.aws.amazon.com/saml",
            recipient: "https://signin.aws.amazon.com/saml",
            issued: START,
            ends: START + std::time::Duration::from_secs(300),
            session_ends: None,
            role: format!("{ROLE},{PROVIDER}"),
            session_name: Some("ann"),
            attributes: Vec::new(),
        }
    }
}

impl Says {
    /// The assertion in canonical form, without a signature: what stands before it and what after.
    pub fn assertion(&self) -> (String, String) {
        let head = format!(
            "<saml:Assertion xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"_a1\" IssueInstant=\"{}\" \
             Version=\"2.0\"><saml:Issuer>{}</saml:Issuer>",
            self.issued.to_iso8601(),
            self.issuer
        );
        let session_ends = self
            .session_ends
            .map_or_else(String::new, |ends| format!(" SessionNotOnOrAfter=\"{}\"", ends.to_iso8601()));
        let mut attributes = attribute("https://aws.amazon.com/SAML/Attributes/Role", &[&self.role]);
        if let Some(name) = self.session_name {
            attributes += &attribute("https://aws.amazon.com/SAML/Attributes/RoleSessionName", &[name]);
        }
        for (name, values) in &self.attributes {
            attributes += &attribute(name, values);
        }
        let ends = self.ends.to_iso8601();
        let tail = format!(
            "<saml:Subject><saml:NameID Format=\"urn:oasis:names:tc:SAML:2.0:nameid-format:persistent\">{}</saml:NameID>\
             <saml:SubjectConfirmation Method=\"urn:oasis:names:tc:SAML:2.0:cm:bearer\"><saml:SubjectConfirmationData \
             NotOnOrAfter=\"{ends}\" Recipient=\"{}\"></saml:SubjectConfirmationData></saml:SubjectConfirmation>\
             </saml:Subject><saml:Conditions NotBefore=\"{}\" NotOnOrAfter=\"{ends}\"><saml:AudienceRestriction>\
             <saml:Audience>{}</saml:Audience></saml:AudienceRestriction></saml:Conditions><saml:AuthnStatement\
             {session_ends}></saml:AuthnStatement><saml:AttributeStatement>{attributes}</saml:AttributeStatement>\
             </saml:Assertion>",
            self.subject,
            self.recipient,
            self.issued.to_iso8601(),
            self.audience,
        );
        (head, tail)
    }
}

fn attribute(name: &str, values: &[&str]) -> String {
    let values: String =
        values.iter().map(|value| format!("<saml:AttributeValue>{value}</saml:AttributeValue>")).collect();
    format!("<saml:Attribute Name=\"{name}\">{values}</saml:Attribute>")
}

/// Puts an assertion into a successful response.
pub fn response(assertion: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?>\n<samlp:Response xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" ID=\"_r1\" \
         Version=\"2.0\"><samlp:Status><samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:Success\"/>\
         </samlp:Status>{assertion}</samlp:Response>"
    )
}

impl Corp {
    pub fn new() -> Corp {
        let key = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let der = AsDer::<aws_lc_rs::encoding::Pkcs8V1Der<'_>>::as_der(&key).unwrap();
        let der = PrivatePkcs8KeyDer::from(der.as_ref().to_vec());
        let pair = KeyPair::from_pkcs8_der_and_sign_algo(&der, &PKCS_RSA_SHA256).unwrap();
        let certificate = CertificateParams::new(Vec::new()).unwrap().self_signed(&pair).unwrap();
        let metadata = format!(
            "<EntityDescriptor xmlns=\"urn:oasis:names:tc:SAML:2.0:metadata\" entityID=\"{ISSUER}\"><IDPSSODescriptor>\
             <KeyDescriptor use=\"signing\"><KeyInfo xmlns=\"http://www.w3.org/2000/09/xmldsig#\"><X509Data>\
             <X509Certificate>{}</X509Certificate></X509Data></KeyInfo></KeyDescriptor></IDPSSODescriptor>\
             </EntityDescriptor>",
            STANDARD.encode(certificate.der())
        );
        Corp { key, metadata }
    }

    /// A response whose assertion is signed.
    pub fn signed(&self, says: &Says) -> String {
        response(&self.signed_assertion(says))
    }

    pub fn signed_assertion(&self, says: &Says) -> String {
        let (head, tail) = says.assertion();
        format!("{head}{}{tail}", self.signature(&format!("{head}{tail}")))
    }

    fn signature(&self, canonical: &str) -> String {
        let digest = STANDARD.encode(digest(&SHA256, canonical.as_bytes()));
        let method = "xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"";
        let body = format!(
            "<ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\">\
             </ds:CanonicalizationMethod><ds:SignatureMethod \
             Algorithm=\"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256\"></ds:SignatureMethod><ds:Reference \
             URI=\"#_a1\"><ds:Transforms><ds:Transform \
             Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"></ds:Transform><ds:Transform \
             Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"></ds:Transform></ds:Transforms><ds:DigestMethod \
             Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"></ds:DigestMethod><ds:DigestValue>{digest}\
             </ds:DigestValue></ds:Reference></ds:SignedInfo>"
        );
        let signed = format!("<ds:SignedInfo {method}>{body}");
        let mut proof = vec![0; self.key.public_modulus_len()];
        self.key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut proof).unwrap();
        format!(
            "<ds:Signature {method}><ds:SignedInfo>{body}<ds:SignatureValue>{}</ds:SignatureValue></ds:Signature>",
            STANDARD.encode(proof)
        )
    }
}
