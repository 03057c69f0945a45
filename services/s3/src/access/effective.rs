//! A bucket's policy as it counts: with its access control lists as statements, without what a block of public access
//! takes away.
//!
//! References: "Mapping of ACL permissions and access policy permissions" and "Blocking public access to your Amazon S3
//! storage" of the S3 guide.

use std::sync::Arc;

use base::AccountId;
use identity::policy::{Kind, Named, Policy, pinned};
use s3_api::PublicAccessBlockConfiguration;
use serde_json::{Value, json};

use crate::control::records::AccessPointRecord;
use crate::model::acl::{Acl, Grant, Grantee, Permission};
use crate::model::public;
use crate::records::{BucketRecord, Ownership};

/// The blocks of public access in force on a bucket: its own, and its account's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Block {
    pub public_acls: bool,
    pub ignores_public_acls: bool,
    pub public_policy: bool,
    pub restricts_public_buckets: bool,
}

/// How many ways there are for a bucket's policy to count.
pub const VARIANTS: usize = 4;

impl Block {
    pub fn of(configuration: Option<&PublicAccessBlockConfiguration>) -> Block {
        let Some(configuration) = configuration else { return Block::default() };
        Block {
            public_acls: configuration.block_public_acls == Some(true),
            ignores_public_acls: configuration.ignore_public_acls == Some(true),
            public_policy: configuration.block_public_policy == Some(true),
            restricts_public_buckets: configuration.restrict_public_buckets == Some(true),
        }
    }

    #[must_use]
    pub fn or(self, other: Block) -> Block {
        Block {
            public_acls: self.public_acls || other.public_acls,
            ignores_public_acls: self.ignores_public_acls || other.ignores_public_acls,
            public_policy: self.public_policy || other.public_policy,
            restricts_public_buckets: self.restricts_public_buckets || other.restricts_public_buckets,
        }
    }

    /// Which of the [`VARIANTS`] this is.
    pub fn variant(self) -> usize {
        usize::from(self.ignores_public_acls) + 2 * usize::from(self.restricts_public_buckets)
    }
}

/// What an access control list is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listed {
    Bucket,
    Object,
}

/// The policy of a bucket, ready to be asked; nothing if nothing is said.
pub fn of_bucket(record: &BucketRecord, name: &str, block: Block) -> Option<Arc<Named>> {
    bucket_draft(record, block).compile(name)
}

/// The same for an object of the bucket that has a list of its own.
pub fn of_object(record: &BucketRecord, name: &str, block: Block, acl: Option<&Acl>) -> Option<Arc<Named>> {
    let mut draft = bucket_draft(record, block);
    draft.statements.extend(list_statements(acl, Listed::Object, record.account, block));
    draft.compile(name)
}

/// And for an object that is another account's: the bucket's owner may forbid, and only the object's may allow.
pub fn of_foreign_object(
    record: &BucketRecord,
    name: &str,
    block: Block,
    (owner, acl): (AccountId, Option<&Acl>),
) -> Option<Arc<Named>> {
    let mut draft = bucket_draft(record, block);
    draft.statements.retain(|statement| statement["Effect"] == "Deny");
    draft.statements.extend(list_statements(acl, Listed::Object, owner, block));
    draft.compile(name)
}

/// The policy of an access point. Its block of public access was settled when it was made.
pub fn of_access_point(record: &AccessPointRecord, name: &str) -> Option<Arc<Named>> {
    let document = record.policy.as_deref()?;
    let block = Block::of(Some(&record.public_access_block));
    let owner = record.bucket_account;
    let draft = policy_draft(&pinned(document, &record.pins), owner, block);
    draft.compile(name)
}

/// The statements of a policy document, whether it has one or a list of them.
pub fn statements_of(document: &str) -> Option<Vec<Value>> {
    let mut document: Value = serde_json::from_str(document).ok()?;
    match document["Statement"].take() {
        Value::Array(statements) => Some(statements),
        Value::Null => None,
        statement => Some(vec![statement]),
    }
}

/// A policy in the making.
struct Draft {
    /// The version of the bucket's own policy, which decides what its variables mean.
    version: Value,
    statements: Vec<Value>,
}

fn bucket_draft(record: &BucketRecord, block: Block) -> Draft {
    let settings = &record.settings;
    let mut draft = match &settings.policy {
        Some(document) => policy_draft(&pinned(document, &settings.pins), record.account, block),
        None => Draft { version: json!("2012-10-17"), statements: Vec::new() },
    };
    if settings.ownership != Ownership::BucketOwnerEnforced {
        let granted = list_statements(settings.acl.as_ref(), Listed::Bucket, record.account, block);
        draft.statements.extend(granted);
    }
    draft
}

fn policy_draft(document: &str, owner: AccountId, block: Block) -> Draft {
    let version = version_of(document);
    let is_readable = Policy::parse(Kind::Resource, document).is_ok();
    let Some(mut statements) = statements_of(document).filter(|_| is_readable) else {
        return Draft { version, statements: vec![unreadable()] };
    };
    let is_public = statements.iter().any(public::is_public_statement);
    if is_public && block.restricts_public_buckets {
        statements.push(only_own_account(owner));
    }
    Draft { version, statements }
}

/// A policy without a version is of the older one.
fn version_of(document: &str) -> Value {
    let document: Value = serde_json::from_str(document).unwrap_or_default();
    document.get("Version").cloned().unwrap_or_else(|| json!("2008-10-17"))
}

/// A policy was checked before it was stored. One that cannot be read all the same lets nobody do anything but replace
/// it, since what it forbade is not known.
fn unreadable() -> Value {
    json!({
        "Effect": "Deny",
        "Principal": "*",
        "NotAction": ["s3:GetBucketPolicy", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy"],
        "Resource": "*",
    })
}

/// `RestrictPublicBuckets`: a public bucket is for its own account and for services.
fn only_own_account(owner: AccountId) -> Value {
    json!({
        "Effect": "Deny",
        "Principal": "*",
        "Action": "*",
        "Resource": "*",
        "Condition": {
            "StringNotEquals": { "aws:PrincipalAccount": owner.to_string() },
            "Bool": { "aws:PrincipalIsAWSService": "false" },
        },
    })
}

/// What a list grants to others than the owner, who may do everything anyway.
fn list_statements(acl: Option<&Acl>, on: Listed, owner: AccountId, block: Block) -> Vec<Value> {
    let Some(acl) = acl else { return Vec::new() };
    let counts = |grant: &&Grant| {
        grant.grantee != Grantee::Account(owner)
            && !(block.ignores_public_acls && public::is_public_grantee(&grant.grantee))
    };
    acl.grants.iter().filter(counts).map(|grant| statement(grant, on)).collect()
}

fn statement(grant: &Grant, on: Listed) -> Value {
    let mut statement = json!({
        "Effect": "Allow",
        "Principal": "*",
        "Action": actions(grant.permission, on),
        "Resource": "*",
    });
    match &grant.grantee {
        Grantee::AllUsers => {}
        Grantee::Account(account) => statement["Principal"] = json!({ "AWS": account.to_string() }),
        Grantee::LogDelivery => {
            statement["Principal"] = json!({ "Service": "logging.s3.amazonaws.com" });
        }
        Grantee::AuthenticatedUsers => {
            let named = json!({ "StringNotEquals": { "aws:PrincipalType": "Anonymous" } });
            statement["Condition"] = named;
        }
    }
    statement
}

fn actions(permission: Permission, on: Listed) -> Vec<&'static str> {
    match (permission, on) {
        (Permission::Read, Listed::Bucket) => {
            vec!["s3:ListBucket", "s3:ListBucketVersions", "s3:ListBucketMultipartUploads"]
        }
        (Permission::Write, Listed::Bucket) => vec!["s3:PutObject"],
        (Permission::ReadAcp, Listed::Bucket) => vec!["s3:GetBucketAcl"],
        (Permission::WriteAcp, Listed::Bucket) => vec!["s3:PutBucketAcl"],
        (Permission::Read, Listed::Object) => {
            vec!["s3:GetObject", "s3:GetObjectVersion", "s3:GetObjectTorrent"]
        }
        // It means nothing on an object, where it may stand all the same.
        (Permission::Write, Listed::Object) => vec!["s3:GrantsNothing"],
        (Permission::ReadAcp, Listed::Object) => vec!["s3:GetObjectAcl", "s3:GetObjectVersionAcl"],
        (Permission::WriteAcp, Listed::Object) => vec!["s3:PutObjectAcl", "s3:PutObjectVersionAcl"],
        (Permission::FullControl, on) => {
            let all = [Permission::Read, Permission::Write, Permission::ReadAcp, Permission::WriteAcp];
            all.into_iter().flat_map(|permission| actions(permission, on)).collect()
        }
    }
}

impl Draft {
    fn compile(self, bucket: &str) -> Option<Arc<Named>> {
        if self.statements.is_empty() {
            return None;
        }
        let document = json!({ "Version": self.version, "Statement": self.statements }).to_string();
        let policy = Policy::parse(Kind::Resource, &document).unwrap_or_else(|error| {
            tracing::error!(bucket, %error, "the policy of a bucket cannot be read");
            let closed = json!({ "Version": "2012-10-17", "Statement": [unreadable()] }).to_string();
            Policy::parse(Kind::Resource, &closed).expect("it is well formed")
        });
        Some(Arc::new(Named { id: format!("policy of bucket {bucket}"), policy }))
    }
}
