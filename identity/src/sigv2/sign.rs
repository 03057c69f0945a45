//! Making signatures of Version 2, for tests.

use base64::prelude::{BASE64_STANDARD, Engine};
use percent_encoding::utf8_percent_encode;

use super::{canonical, hmac_sha1};
use crate::sigv4::{Credentials, RESERVED, RequestParts, SecretAccessKey};

/// The `Authorization` header of a request whose `Date` header is set. `bucket` is the one that its host names.
pub fn sign(request: &RequestParts<'_>, credentials: &Credentials, bucket: Option<&str>) -> String {
    let date = request.headers.get("date").and_then(|value| value.to_str().ok()).unwrap_or("");
    let message = canonical::string_to_sign(request, date, bucket, false);
    let signature = sign_text(&credentials.secret_access_key, &message);
    format!("AWS {}:{signature}", credentials.access_key_id)
}

/// The whole query of a request that is good until `expires`, in seconds since 1970.
pub fn presign(
    request: &RequestParts<'_>,
    credentials: &Credentials,
    bucket: Option<&str>,
    expires: i64,
) -> String {
    let encode = |text: &str| utf8_percent_encode(text, RESERVED).to_string();
    let mut query = request.query.to_owned();
    let mut add = |name: &str, value: &str| {
        if !query.is_empty() {
            query.push('&');
        }
        query.extend([name, "=", &encode(value)]);
    };
    if let Some(token) = &credentials.session_token {
        add("x-amz-security-token", token.expose());
    }
    add("AWSAccessKeyId", credentials.access_key_id.as_str());
    add("Expires", &expires.to_string());
    let message = canonical::string_to_sign(
        &RequestParts { query: &query, ..*request },
        &expires.to_string(),
        bucket,
        true,
    );
    let signature = encode(&sign_text(&credentials.secret_access_key, &message));
    query.extend(["&Signature=", &signature]);
    query
}

/// The signature of a text, in Base64: of a string to sign, or of the policy of a form.
pub fn sign_text(secret: &SecretAccessKey, text: &[u8]) -> String {
    BASE64_STANDARD.encode(hmac_sha1(secret, text))
}
