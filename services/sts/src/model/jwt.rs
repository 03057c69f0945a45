//! A signed JSON web token (RFC 7519), taken apart.
//!
//! Nothing in a token is believed before [`Token::is_signed_by`]; what is read before that only finds the provider.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::jwk::{Algorithm, KeySet};
use crate::error::Error;

/// A token, its signature not yet checked.
#[derive(Debug)]
pub struct Token<'a> {
    pub algorithm: Algorithm,
    /// The id of the key it is signed with.
    pub kid: Option<String>,
    pub claims: Map<String, Value>,
    signed: &'a str,
    signature: Vec<u8>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    /// Extensions that a reader has to understand. There are none that we do.
    crit: Option<Value>,
}

impl<'a> Token<'a> {
    pub fn read(text: &'a str) -> Result<Token<'a>, Error> {
        let (signed, signature) = text.rsplit_once('.').ok_or_else(no_token)?;
        let (header, claims) =
            signed.split_once('.').filter(|(_, claims)| !claims.contains('.')).ok_or_else(no_token)?;
        let header: Header = serde_json::from_slice(&decode(header)?).map_err(|_| no_token())?;
        let claims: Map<String, Value> = serde_json::from_slice(&decode(claims)?).map_err(|_| no_token())?;
        if header.crit.is_some() {
            return Err(no_token());
        }
        let algorithm = Algorithm::parse(&header.alg).ok_or_else(unsigned)?;
        Ok(Token { algorithm, kid: header.kid, claims, signed, signature: decode(signature)? })
    }

    pub fn is_signed_by(&self, keys: &KeySet) -> bool {
        keys.verifies(self.kid.as_deref(), self.algorithm, self.signed.as_bytes(), &self.signature)
    }

    /// A claim that is text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.claims.get(name)?.as_str()
    }

    /// A claim that has to be there.
    pub fn required(&self, name: &str) -> Result<&str, Error> {
        self.text(name).filter(|text| !text.is_empty()).ok_or_else(|| missing(name))
    }

    /// A claim that is one text or several.
    pub fn texts(&self, name: &str) -> Vec<String> {
        match self.claims.get(name) {
            Some(Value::String(one)) => vec![one.clone()],
            Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            _ => Vec::new(),
        }
    }

    /// A moment, in whole seconds.
    pub fn seconds(&self, name: &str) -> Result<Option<i64>, Error> {
        match self.claims.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => value.as_i64().map(Some).ok_or_else(no_token),
        }
    }
}

/// A claim that a token has to have and has not.
pub fn missing(name: &str) -> Error {
    Error::InvalidToken(format!("Missing a required claim: {name}"))
}

fn no_token() -> Error {
    Error::InvalidToken(
        "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"
            .to_owned(),
    )
}

fn unsigned() -> Error {
    Error::InvalidToken("The ID Token provided is not signed with a supported algorithm.".to_owned())
}

fn decode(part: &str) -> Result<Vec<u8>, Error> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| no_token())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(header: &str, claims: &str) -> String {
        let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
        format!("{}.{}.{}", encode(header), encode(claims), encode("signature"))
    }

    #[test]
    fn what_is_no_token_is_refused() {
        for bad in [
            "".to_owned(),
            "a.b".to_owned(),
            "a.b.c.d".to_owned(),
            "opaque-access-token".to_owned(),
            token("{}", "{}"),
            token(r#"{"alg":"none"}"#, "{}"),
            token(r#"{"alg":"HS256"}"#, "{}"),
            token(r#"{"alg":"PS256"}"#, "{}"),
            token(r#"{"alg":"RS256","crit":["b64"]}"#, "{}"),
            token(r#"{"alg":"RS256"}"#, "[]"),
            format!("{}=", token(r#"{"alg":"RS256"}"#, "{}")),
        ] {
            assert!(matches!(Token::read(&bad), Err(Error::InvalidToken(_))), "{bad}");
        }
    }

    #[test]
    fn claims_are_read_by_their_kind() {
        let text = token(
            r#"{"alg":"RS256","kid":"k"}"#,
            r#"{"iss":"i","sub":"","aud":["a","b"],"exp":10,"iat":1.5}"#,
        );
        let token = Token::read(&text).unwrap();
        assert_eq!(token.kid.as_deref(), Some("k"));
        assert_eq!(token.required("iss").unwrap(), "i");
        assert!(token.required("sub").is_err() && token.required("azp").is_err());
        assert_eq!(token.texts("aud"), ["a", "b"]);
        assert_eq!(token.seconds("exp").unwrap(), Some(10));
        assert_eq!(token.seconds("nbf").unwrap(), None);
        assert!(token.seconds("iat").is_err(), "AWS reads whole seconds only");
        assert!(!token.is_signed_by(&KeySet::default()));
    }
}
