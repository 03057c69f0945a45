//! Which element of a document is signed by one of the provider's keys (<https://www.w3.org/TR/xmldsig-core1/>, in the
//! profile of SAML 2.0 core, section 5.4).
//!
//! Defences, each against a known attack: the signature stands in the element that it covers, and covers it whole; ids
//! are unique in the document; keys come from the provider's metadata, never from the document; only the transforms
//! that take nothing away but the signature are known; SHA-1 is refused.

use aws_lc_rs::digest::{self, SHA256, SHA384, SHA512};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, UnparsedPublicKey, VerificationAlgorithm,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use roxmltree::{Document, Node};

use super::xml::{DSIG, PROTOCOL, SAML, canonical, children, only_child, text};

const EXCLUSIVE: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";

/// The response or the assertion that is signed, if either is: a signature over the response covers its assertion.
pub fn signed_element<'a, 'input>(
    document: &'a Document<'input>,
    keys: &[Vec<u8>],
) -> Option<Node<'a, 'input>> {
    let root = document.root_element();
    if !root.has_tag_name((PROTOCOL, "Response")) || !ids_are_unique(document) {
        return None;
    }
    if children(root, DSIG, "Signature").next().is_some() && is_signed(root, keys) {
        return Some(root);
    }
    let assertion = only_child(root, SAML, "Assertion")?;
    is_signed(assertion, keys).then_some(assertion)
}

/// `ID` is SAML's, the others are what careless readers would take for it.
fn ids_are_unique(document: &Document<'_>) -> bool {
    let attributes = document.descendants().flat_map(|node| node.attributes());
    let mut ids: Vec<&str> =
        attributes.filter(|one| one.name().eq_ignore_ascii_case("id")).map(|one| one.value()).collect();
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    ids.len() == all
}

fn is_signed(element: Node<'_, '_>, keys: &[Vec<u8>]) -> bool {
    verified(element, keys).is_some()
}

fn verified(element: Node<'_, '_>, keys: &[Vec<u8>]) -> Option<()> {
    let signature = only_child(element, DSIG, "Signature")?;
    let info = only_child(signature, DSIG, "SignedInfo")?;
    let reference = only_child(info, DSIG, "Reference")?;
    let id = element.attribute("ID").filter(|id| !id.is_empty())?;
    if reference.attribute("URI")?.strip_prefix('#') != Some(id) {
        return None;
    }
    let inclusive = transforms(reference)?;
    let hash = match algorithm(reference, "DigestMethod")? {
        "http://www.w3.org/2001/04/xmlenc#sha256" => &SHA256,
        "http://www.w3.org/2001/04/xmldsig-more#sha384" => &SHA384,
        "http://www.w3.org/2001/04/xmlenc#sha512" => &SHA512,
        _ => return None,
    };
    let content = canonical(element, Some(signature), &inclusive);
    let claimed = base64(only_child(reference, DSIG, "DigestValue")?)?;
    if digest::digest(hash, content.as_bytes()).as_ref() != claimed {
        return None;
    }
    let method = only_child(info, DSIG, "CanonicalizationMethod")?;
    if method.attribute("Algorithm") != Some(EXCLUSIVE) {
        return None;
    }
    let signed = canonical(info, None, &prefixes(method)?);
    let proof = base64(only_child(signature, DSIG, "SignatureValue")?)?;
    let way = way(algorithm(info, "SignatureMethod")?)?;
    let proves = |key: &Vec<u8>| UnparsedPublicKey::new(way, key).verify(signed.as_bytes(), &proof).is_ok();
    keys.iter().any(proves).then_some(())
}

fn algorithm<'a>(node: Node<'a, '_>, method: &'static str) -> Option<&'a str> {
    only_child(node, DSIG, method)?.attribute("Algorithm")
}

/// The algorithm of a signature method; those of SHA-1 are not among them.
fn way(method: &str) -> Option<&'static dyn VerificationAlgorithm> {
    Some(match method.strip_prefix("http://www.w3.org/2001/04/xmldsig-more#")? {
        "rsa-sha256" => &RSA_PKCS1_2048_8192_SHA256,
        "rsa-sha384" => &RSA_PKCS1_2048_8192_SHA384,
        "rsa-sha512" => &RSA_PKCS1_2048_8192_SHA512,
        "ecdsa-sha256" => &ECDSA_P256_SHA256_FIXED,
        "ecdsa-sha384" => &ECDSA_P384_SHA384_FIXED,
        "ecdsa-sha512" => &ECDSA_P521_SHA512_FIXED,
        _ => return None,
    })
}

/// The prefixes that the canonical form treats inclusively. Nothing for any transform but the two that SAML knows.
fn transforms<'a>(reference: Node<'a, '_>) -> Option<Vec<&'a str>> {
    let mut inclusive = None;
    let mut enveloped = false;
    for transform in only_child(reference, DSIG, "Transforms")?.children().filter(|child| child.is_element())
    {
        match transform.attribute("Algorithm")? {
            ENVELOPED if !enveloped => enveloped = true,
            EXCLUSIVE if inclusive.is_none() => inclusive = Some(prefixes(transform)?),
            _ => return None,
        }
    }
    inclusive.filter(|_| enveloped)
}

fn prefixes<'a>(method: Node<'a, '_>) -> Option<Vec<&'a str>> {
    let mut list = Vec::new();
    for child in method.children().filter(|child| child.is_element()) {
        if !child.has_tag_name((EXCLUSIVE, "InclusiveNamespaces")) {
            return None;
        }
        list.extend(child.attribute("PrefixList").unwrap_or_default().split_ascii_whitespace());
    }
    Some(list)
}

fn base64(node: Node<'_, '_>) -> Option<Vec<u8>> {
    let dense: String = text(node)?.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    STANDARD.decode(dense).ok()
}
