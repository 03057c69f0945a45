//! SAML 2.0: what a provider's metadata says, whether a response is signed by it, and what the signed part says.
//!
//! The rule that everything here serves: a response is data of a stranger, and only the element that a valid signature
//! covers is ever read. See the decision on SAML signatures.

mod assertion;
mod attributes;
mod metadata;
mod signature;
mod xml;

pub use assertion::Assertion;
pub use metadata::Metadata;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::error::Error;

/// The response as it came: base 64, in which clients may break lines.
pub fn decode(response: &str) -> Result<String, Error> {
    let dense: String = response.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let bytes = STANDARD.decode(dense).map_err(|_| invalid_response())?;
    String::from_utf8(bytes).map_err(|_| invalid_response())
}

/// Reads the assertion of a response that one of the provider's keys has signed.
pub fn read(response: &str, metadata: &Metadata) -> Result<Assertion, Error> {
    let document = xml::parse(response).ok_or_else(invalid_response)?;
    let signed = signature::signed_element(&document, &metadata.keys)
        .ok_or_else(|| Error::InvalidToken("Response signature invalid".to_owned()))?;
    Assertion::read(signed)
}

fn invalid_response() -> Error {
    Error::InvalidToken("Your request included an invalid SAML response.".to_owned())
}
