//! Which encryption new content gets, and the keys of content that is there.
//!
//! What the request names comes before the bucket's default, and without either it is SSE-S3; there is no way to store
//! anything in the clear ("Setting default server-side encryption behavior" of the S3 guide). Since April 2026 a bucket
//! takes no SSE-C unless its owner allowed that ("Blocking or unblocking SSE-C for a general purpose bucket").

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use object_engine::ContentKeys;
use s3_api as api;
use service::Call;

use super::customer_key::{CustomerHeaders, CustomerKey};
use super::kms::KmsWish;
use crate::S3;
use crate::directory::Bucket;
use crate::error::{ACCESS_DENIED, Error, INVALID_REQUEST};
use crate::records::Encryption;

const HEADER: &str = "x-amz-server-side-encryption";
const CONTEXT_HEADER: &str = "x-amz-server-side-encryption-context";

/// A request's headers about encryption, as they came.
#[derive(Clone, Copy, Default)]
pub struct EncryptionHeaders<'a> {
    pub method: Option<&'a api::ServerSideEncryption>,
    pub kms_key_id: Option<&'a str>,
    pub kms_context: Option<&'a str>,
    pub bucket_key: Option<bool>,
    pub customer: CustomerHeaders<'a>,
}

/// What a request says about the encryption of what it writes.
#[derive(Debug, Default)]
pub struct EncryptionWish {
    method: Option<Method>,
    kms_key_id: Option<String>,
    context: BTreeMap<String, String>,
    bucket_key: Option<bool>,
    customer: Option<CustomerKey>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Method {
    Managed,
    Kms,
    Dual,
}

/// What content is encrypted with, ready to be used.
#[derive(Clone, Debug)]
pub struct Settled {
    pub encryption: Encryption,
    pub keys: ContentKeys,
}

impl Settled {
    /// Whether entity tags are MD5s: those of other encryptions would tell about the content.
    pub fn has_md5_tags(&self) -> bool {
        matches!(self.encryption, Encryption::Managed { .. })
    }
}

impl EncryptionWish {
    pub fn parse(headers: EncryptionHeaders<'_>) -> Result<EncryptionWish, Error> {
        let EncryptionHeaders { method, kms_key_id, kms_context, bucket_key, customer } = headers;
        if let Some(method) = method
            && (customer.algorithm.is_some() || customer.key.is_some())
        {
            let message = "Server Side Encryption with Customer provided key is incompatible with the \
                           encryption method specified";
            return Err(Error::argument(message, HEADER, method.as_str()));
        }
        let customer = CustomerKey::parse(customer)?;
        let method = method.map(Method::parse).transpose()?;
        let is_kms = matches!(method, Some(Method::Kms | Method::Dual));
        if (kms_key_id.is_some() || kms_context.is_some()) && !is_kms {
            let message = "Server Side Encryption with AWS KMS managed key requires HTTP header \
                           x-amz-server-side-encryption : aws:kms";
            let shown = method.map_or("null", Method::as_str);
            return Err(Error::argument(message, HEADER, shown));
        }
        let kms_key_id = kms_key_id.filter(|id| !id.is_empty()).map(str::to_owned);
        let context = kms_context.map(parse_context).transpose()?.unwrap_or_default();
        Ok(EncryptionWish { method, kms_key_id, context, bucket_key, customer })
    }

    /// Of a request that brings the key of an upload or an object that is there.
    pub fn customer(&self) -> Option<&CustomerKey> {
        self.customer.as_ref()
    }

    /// Nothing is asked for, so that the bucket's default counts.
    pub fn bucket_default() -> EncryptionWish {
        EncryptionWish::default()
    }

    /// The method and the KMS key's settings: the request's, or else the bucket's.
    fn resolve(&self, bucket: &Bucket) -> (Method, KmsWish) {
        let rule = rule(bucket);
        let default = rule.and_then(|rule| rule.apply_server_side_encryption_by_default.as_ref());
        let by_default = default.and_then(|default| Method::parse(&default.sse_algorithm).ok());
        let method = self.method.or(by_default).unwrap_or(Method::Managed);
        let bucket_key = self.bucket_key.or(rule.and_then(|rule| rule.bucket_key_enabled)).unwrap_or(false);
        let key_id = match self.method {
            Some(_) => self.kms_key_id.clone(),
            None => default.and_then(|default| default.kms_master_key_id.clone()),
        };
        // DSSE-KMS knows no bucket keys; a directory bucket always has one.
        let bucket_key = (bucket_key || bucket.record.is_directory()) && method == Method::Kms;
        (method, KmsWish { key_id, context: self.context.clone(), bucket_key })
    }
}

impl Method {
    fn parse(method: &api::ServerSideEncryption) -> Result<Method, Error> {
        match method {
            api::ServerSideEncryption::Aes256 => Ok(Method::Managed),
            api::ServerSideEncryption::AwsKms => Ok(Method::Kms),
            api::ServerSideEncryption::AwsKmsDsse => Ok(Method::Dual),
            other => {
                let message = "The encryption method specified is not supported";
                Err(Error::argument(message, HEADER, other.as_str()))
            }
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Method::Managed => "AES256",
            Method::Kms => "aws:kms",
            Method::Dual => "aws:kms:dsse",
        }
    }
}

/// Refuses what a bucket does not take, before anything of the body is read. `action` is what the request does, for
/// the wording.
pub fn admit(
    call: &Call,
    bucket: &Bucket,
    key: &str,
    wish: &EncryptionWish,
    action: &str,
) -> Result<(), Error> {
    if wish.customer.is_none() || !blocks_customer_keys(bucket) {
        return Ok(());
    }
    let (who, what) = (&call.principal.arn, bucket.object_arn(key));
    let message = format!(
        "User: {who} is not authorized to perform: {action} on resource: \"{what}\" because this bucket has \
         blocked upload requests that specify Server Side Encryption with Customer provided keys (SSE-C). Please \
         specify a different server-side encryption type"
    );
    Err(Error::worded(&ACCESS_DENIED, message))
}

fn blocks_customer_keys(bucket: &Bucket) -> bool {
    let types = rule(bucket).and_then(|rule| rule.blocked_encryption_types.as_ref());
    let types = types.and_then(|blocked| blocked.encryption_type.as_deref());
    types.is_none_or(|types| types.is_empty() || types.contains(&api::EncryptionType::SseC))
}

/// A bucket has one rule.
fn rule(bucket: &Bucket) -> Option<&api::ServerSideEncryptionRule> {
    bucket.record.settings.encryption.as_ref().and_then(|configuration| configuration.rules.first())
}

/// Decides, and makes or fetches the keys. KMS is asked as the caller.
pub async fn settle(
    s3: &S3,
    call: &Call,
    bucket: &Bucket,
    key: &str,
    wish: &EncryptionWish,
) -> Result<Settled, Error> {
    if let Some(customer) = &wish.customer {
        let encryption = customer.to_record(s3.ids.bytes());
        return Ok(Settled { encryption, keys: ContentKeys::one(customer.content_key()) });
    }
    let managed = s3.managed.current((bucket.account(), bucket.region()), call.now);
    let (method, kms_wish) = wish.resolve(bucket);
    match method {
        Method::Managed => {
            let data_key = managed.await?;
            let encryption = Encryption::Managed { data_key: data_key.number };
            Ok(Settled { encryption, keys: data_key.keys() })
        }
        Method::Kms => {
            let (data_key, encryption) = s3.kms.for_writing(call, bucket, key, &kms_wish).await?;
            let keys = ContentKeys::one(data_key.content_key());
            Ok(Settled { encryption: Encryption::Kms(Box::new(encryption)), keys })
        }
        Method::Dual => {
            let (inner, encryption) = s3.kms.for_writing(call, bucket, key, &kms_wish).await?;
            let outer = managed.await?;
            let keys = ContentKeys::two(inner.content_key(), outer.content_key());
            Ok(Settled {
                encryption: Encryption::Dual { kms: Box::new(encryption), data_key: outer.number },
                keys,
            })
        }
    }
}

/// The keys of content that is there, if the caller may decrypt with them or brought them.
pub async fn unlock(
    s3: &S3,
    call: &Call,
    encryption: &Encryption,
    customer: Option<&CustomerKey>,
) -> Result<ContentKeys, Error> {
    check_customer(encryption, customer)?;
    match encryption {
        Encryption::Managed { data_key } => Ok(s3.managed.by_number(*data_key).await?.keys()),
        Encryption::Kms(kms) => Ok(ContentKeys::one(s3.kms.for_reading(call, kms).await?.content_key())),
        Encryption::Dual { kms, data_key } => {
            let inner = s3.kms.for_reading(call, kms).await?;
            let outer = s3.managed.by_number(*data_key).await?;
            Ok(ContentKeys::two(inner.content_key(), outer.content_key()))
        }
        Encryption::Customer { .. } => {
            let customer = customer.expect("it was checked that the key is there");
            Ok(ContentKeys::one(customer.content_key()))
        }
    }
}

/// Whether a request brings the key its object needs, and none that it does not. For those who read no content, too.
pub fn check_customer(encryption: &Encryption, customer: Option<&CustomerKey>) -> Result<(), Error> {
    match (encryption, customer) {
        (Encryption::Customer { salt, check, .. }, Some(customer)) if customer.matches(salt, check) => Ok(()),
        (Encryption::Customer { .. }, Some(_)) => Err(Error::worded(
            &ACCESS_DENIED,
            "Requests specifying Server Side Encryption with Customer provided keys must provide the correct \
             secret key.",
        )),
        (Encryption::Customer { .. }, None) => Err(Error::worded(
            &INVALID_REQUEST,
            "The object was stored using a form of Server Side Encryption. The correct parameters must be provided \
             to retrieve the object.",
        )),
        (_, Some(_)) => Err(Error::worded(
            &INVALID_REQUEST,
            "The encryption parameters are not applicable to this object.",
        )),
        (_, None) => Ok(()),
    }
}

/// Base64 of a JSON object of strings.
fn parse_context(header: &str) -> Result<BTreeMap<String, String>, Error> {
    let refused = || {
        let message = "The header 'x-amz-server-side-encryption-context' shall be Base64-encoded UTF-8 string \
                       holding JSON which represents a string-string map";
        Error::argument(message, CONTEXT_HEADER, header)
    };
    let bytes = STANDARD.decode(header).map_err(|_| refused())?;
    serde_json::from_slice(&bytes).map_err(|_| refused())
}

/// What answers show of an encryption.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EncryptionShown {
    pub method: Option<api::ServerSideEncryption>,
    pub kms_key_id: Option<String>,
    /// Of writes alone; reads never show it.
    pub kms_context: Option<String>,
    pub bucket_key: Option<bool>,
    pub customer_algorithm: Option<String>,
    pub customer_key_md5: Option<String>,
}

impl EncryptionShown {
    pub fn of(encryption: &Encryption) -> EncryptionShown {
        let kms_shown = |kms: &crate::records::KmsEncryption, method| EncryptionShown {
            method: Some(method),
            kms_key_id: Some(kms.key_arn.clone()),
            kms_context: shown_context(&kms.context),
            bucket_key: kms.bucket_key.then_some(true),
            ..EncryptionShown::default()
        };
        match encryption {
            Encryption::Managed { .. } => EncryptionShown {
                method: Some(api::ServerSideEncryption::Aes256),
                ..EncryptionShown::default()
            },
            Encryption::Kms(kms) => kms_shown(kms, api::ServerSideEncryption::AwsKms),
            Encryption::Dual { kms, .. } => kms_shown(kms, api::ServerSideEncryption::AwsKmsDsse),
            Encryption::Customer { key_md5, .. } => EncryptionShown {
                customer_algorithm: Some("AES256".to_owned()),
                customer_key_md5: Some(STANDARD.encode(key_md5)),
                ..EncryptionShown::default()
            },
        }
    }
}

fn shown_context(context: &BTreeMap<String, String>) -> Option<String> {
    let json = || serde_json::to_string(context).expect("a map of strings is JSON");
    (!context.is_empty()).then(|| STANDARD.encode(json()))
}
