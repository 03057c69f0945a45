//! Sessions with directory buckets: credentials for five minutes that do everything with the objects of one bucket,
//! or everything but change them.
//!
//! The credentials are the caller's own, with a session policy that allows one thing: to act in a session with this
//! bucket. So they are good for nothing else, and end early if the caller loses the permission.
//! Reference: CreateSession of the API reference.

use base::Arn;
use s3_api::{CreateSessionInput, CreateSessionOutput, SessionCredentials};
use serde_json::json;
use service::{AssumedRole, Call, Principal, PrincipalKind, Session};

use super::reach_bucket;
use crate::S3;
use crate::directory::Bucket;
use crate::error::{ACCESS_DENIED, Error, INVALID_REQUEST};
use crate::limits::SESSION_TIME;

/// Marks sessions that were made here; the value is the bucket's name.
const MARK: &str = "s3express:bucket";

pub async fn create_session(
    s3: &S3,
    call: &Call,
    input: CreateSessionInput,
) -> Result<CreateSessionOutput, Error> {
    let bucket = reach_bucket(s3, call, &input.bucket, None).await?;
    if !bucket.record.is_directory() {
        let message = "Sessions are for directory buckets";
        return Err(Error::worded(&INVALID_REQUEST, message));
    }
    let reads_only = input.session_mode.as_ref().is_some_and(|mode| mode.as_str() == "ReadOnly");
    let (principal, session) = limited(call, &bucket, reads_only)?;
    let ends = session.ends;
    let issued = s3.keyring.issue(&s3.ids, principal, session);
    Ok(CreateSessionOutput {
        credentials: SessionCredentials {
            access_key_id: issued.access_key_id,
            secret_access_key: issued.secret_access_key,
            session_token: issued.session_token,
            expiration: ends,
        },
        server_side_encryption: Some(default_method(&bucket).into()),
        ..CreateSessionOutput::default()
    })
}

fn default_method(bucket: &Bucket) -> &str {
    let rule =
        bucket.record.settings.encryption.as_ref().and_then(|configuration| configuration.rules.first());
    let default = rule.and_then(|rule| rule.apply_server_side_encryption_by_default.as_ref());
    default.map_or("AES256", |default| default.sse_algorithm.as_str())
}

/// The caller, and a session that is good for this bucket alone.
fn limited(call: &Call, bucket: &Bucket, reads_only: bool) -> Result<(Principal, Session), Error> {
    let caller = &call.principal;
    let before = caller.session.as_deref();
    let is_of_a_session = before.is_some_and(|session| session.keys.contains_key(MARK));
    let has_identity = matches!(
        caller.kind,
        PrincipalKind::Root | PrincipalKind::User | PrincipalKind::AssumedRole | PrincipalKind::FederatedUser
    );
    if is_of_a_session || !has_identity {
        return Err(Error::new(&ACCESS_DENIED));
    }
    let latest = call.now + SESSION_TIME;
    let mut session = before.cloned().unwrap_or_default();
    session.issued = call.now;
    session.ends = if before.is_some() { session.ends.min(latest) } else { latest };
    // What limited the session before let it make this one.
    session.policies = vec![policy(bucket, reads_only)];
    session.policy_arns = Vec::new();
    session.limited = true;
    session.keys.insert(MARK.to_owned(), vec![bucket.name.clone()]);
    let mut principal = Principal { session: None, access_key_id: None, ..caller.clone() };
    if caller.kind == PrincipalKind::Root {
        // Nothing limits a root but that it is somebody else who asked it.
        let arn = Arn::global("sts", call.region, caller.account, "federated-user/s3express");
        session.role = Some(AssumedRole {
            arn: caller.arn.clone(),
            id: caller.user_id.clone(),
            session_name: "s3express".to_owned(),
        });
        principal.kind = PrincipalKind::FederatedUser;
        principal.arn = arn.to_string();
        principal.user_id = format!("{}:s3express", caller.account);
    }
    Ok((principal, session))
}

fn policy(bucket: &Bucket, reads_only: bool) -> String {
    let mut statement = json!({
        "Effect": "Allow",
        "Action": "s3express:CreateSession",
        "Resource": bucket.arn(),
    });
    if reads_only {
        statement["Condition"] = json!({ "StringEquals": { "s3express:SessionMode": "ReadOnly" } });
    }
    json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string()
}
