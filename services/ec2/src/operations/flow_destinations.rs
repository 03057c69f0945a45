//! Whether flow logs may be delivered to a bucket, found out when they are made.
//!
//! Surprising: who makes a flow log and may change the bucket's policy has AWS add what delivery needs ("Publish flow
//! logs to Amazon S3": the policy is attached automatically); only others are told that it is missing.

use base::Arn;
use ec2_api::{FlowLog, LogDestinationType, UnsuccessfulItemError};
use s3_api::{
    GetBucketAcl, GetBucketAclInput, GetBucketPolicy, GetBucketPolicyInput, PutBucketPolicy,
    PutBucketPolicyInput,
};
use schema::Fault;
use serde_json::{Value, json};
use service::Call;

use crate::Ec2;
use crate::model::flow_records::{account_folder, bucket_of};
use crate::records::Place;

/// The service that delivers logs for others.
pub const PRINCIPAL: &str = "delivery.logs.amazonaws.com";

/// On whose behalf it does: `aws:SourceArn`.
pub fn source(place: Place) -> Arn {
    Arn::regional("logs", place.1, place.0, "*")
}

/// Why nothing can be delivered there, as the answer says it of each resource; nothing if all is well.
pub async fn trouble(ec2: &Ec2, call: &Call, log: &FlowLog) -> Result<Option<UnsuccessfulItemError>, Fault> {
    if log.log_destination_type != Some(LogDestinationType::S3) {
        return Ok(None);
    }
    let Some((bucket, folder)) = bucket_of(log) else { return Ok(None) };
    let said = |message: String| {
        Ok(Some(UnsuccessfulItemError { code: Some("400".to_owned()), message: Some(message) }))
    };
    let mut answer = look(ec2, call, bucket).await;
    let own = account_folder(log, call.account);
    // Folders of Hive are others than those that a policy may allow already.
    let is_other = answer.is_ok() && own != call.account.to_string();
    if is_other || answer.as_ref().is_err_and(|fault| fault.code() == "AccessDenied") {
        let folder = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        match attach(ec2, call, bucket, &format!("{folder}AWSLogs/{own}")).await {
            Ok(()) => answer = look(ec2, call, bucket).await,
            Err(fault) => tracing::debug!(bucket, %fault, "the policy for log delivery was not attached"),
        }
    }
    match answer {
        Ok(()) => Ok(None),
        Err(fault) if fault.code() == "NoSuchBucket" => {
            said(format!("LogDestination: {bucket} does not exist"))
        }
        Err(fault) if fault.status() < 500 => said(format!(
            "Access Denied for LogDestination: {bucket}. Please check LogDestination permission"
        )),
        Err(fault) => Err(fault),
    }
}

/// Delivery looks at the bucket's ACL before it writes.
async fn look(ec2: &Ec2, call: &Call, bucket: &str) -> Result<(), Fault> {
    let place = call.scope();
    let delivery = ec2.aws.as_service(PRINCIPAL, place.0, place.1, call).source(&source(place));
    let input = GetBucketAclInput { bucket: bucket.to_owned(), ..GetBucketAclInput::default() };
    delivery.call(GetBucketAcl, input).await.map(drop)
}

/// Adds the statements that delivery into a folder needs to the bucket's policy, as the caller.
async fn attach(ec2: &Ec2, call: &Call, bucket: &str, folder: &str) -> Result<(), Fault> {
    let caller = ec2.aws.as_caller(call).via("ec2.amazonaws.com");
    let input = GetBucketPolicyInput { bucket: bucket.to_owned(), ..GetBucketPolicyInput::default() };
    let present = match caller.call(GetBucketPolicy, input).await {
        Ok(output) => output.policy,
        Err(fault) if fault.code() == "NoSuchBucketPolicy" => None,
        Err(fault) => return Err(fault),
    };
    let policy = with_delivery(present.as_deref(), call.scope(), bucket, folder);
    if present.and_then(|text| serde_json::from_str::<Value>(&text).ok()).as_ref() == Some(&policy) {
        return Ok(());
    }
    let input = PutBucketPolicyInput {
        bucket: bucket.to_owned(),
        policy: policy.to_string(),
        ..PutBucketPolicyInput::default()
    };
    caller.call(PutBucketPolicy, input).await.map(drop)
}

/// A bucket's policy, or a new one, with AWSLogDeliveryWrite and AWSLogDeliveryAclCheck of this account.
fn with_delivery(present: Option<&str>, place: Place, bucket: &str, folder: &str) -> Value {
    let (account, region) = place;
    let partition = region.partition().as_str();
    let empty = || json!({ "Version": "2012-10-17", "Id": "AWSLogDeliveryWrite20150319", "Statement": [] });
    let mut policy: Value = present
        .and_then(|text| serde_json::from_str(text).ok())
        .filter(Value::is_object)
        .unwrap_or_else(empty);
    let arn = format!("arn:{partition}:s3:::{bucket}");
    let origin = |write: bool| {
        let mut equals = json!({ "aws:SourceAccount": account.to_string() });
        if write {
            equals["s3:x-amz-acl"] = "bucket-owner-full-control".into();
        }
        let from = format!("arn:{partition}:logs:{region}:{account}:*");
        json!({ "StringEquals": equals, "ArnLike": { "aws:SourceArn": from } })
    };
    let statements = [
        json!({
            "Sid": format!("AWSLogDeliveryWrite{account}{region}").replace('-', ""),
            "Effect": "Allow",
            "Principal": { "Service": PRINCIPAL },
            "Action": "s3:PutObject",
            "Resource": format!("{arn}/{folder}/*"),
            "Condition": origin(true),
        }),
        json!({
            "Sid": format!("AWSLogDeliveryAclCheck{account}{region}").replace('-', ""),
            "Effect": "Allow",
            "Principal": { "Service": PRINCIPAL },
            "Action": "s3:GetBucketAcl",
            "Resource": arn,
            "Condition": origin(false),
        }),
    ];
    let mut all = match policy["Statement"].take() {
        Value::Array(all) => all,
        Value::Null => Vec::new(),
        one => vec![one],
    };
    for statement in statements {
        match all.iter_mut().find(|known| known["Sid"] == statement["Sid"]) {
            Some(known) => allow_too(&mut known["Resource"], &statement["Resource"]),
            None => all.push(statement),
        }
    }
    policy["Statement"] = all.into();
    policy
}

/// Adds a resource to those of a statement.
fn allow_too(known: &mut Value, resource: &Value) {
    match known {
        Value::Array(all) if !all.contains(resource) => all.push(resource.clone()),
        Value::String(_) if known != resource => *known = json!([known.take(), resource]),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use base::{AccountId, Region};

    use super::*;

    #[test]
    fn what_a_policy_said_before_stays() {
        let place = (AccountId::DEV, Region::US_EAST_1);
        let fresh = with_delivery(None, place, "logs", "flows/AWSLogs/1");
        assert_eq!(fresh["Statement"][0]["Resource"], "arn:aws:s3:::logs/flows/AWSLogs/1/*");
        let text = fresh.to_string();
        let hive = with_delivery(Some(&text), place, "logs", "AWSLogs/aws-account-id=1");
        let both = ["arn:aws:s3:::logs/flows/AWSLogs/1/*", "arn:aws:s3:::logs/AWSLogs/aws-account-id=1/*"];
        assert_eq!(hive["Statement"][0]["Resource"], json!(both));
        assert_eq!(with_delivery(Some(&hive.to_string()), place, "logs", "AWSLogs/aws-account-id=1"), hive);
        let own = json!({ "Version": "2012-10-17", "Statement": { "Sid": "own" } }).to_string();
        let both = with_delivery(Some(&own), place, "logs", "");
        let sids: Vec<&str> = both["Statement"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|one| one["Sid"].as_str())
            .collect();
        assert_eq!((sids.len(), sids[0]), (3, "own"));
        assert_eq!(with_delivery(Some(&both.to_string()), place, "logs", ""), both);
    }
}
