//! Access control lists as requests ask for them: a canned one, headers of grants, or XML.
//!
//! References: "Access control list (ACL) overview" of the S3 guide; PutBucketAcl and PutObjectAcl of the API reference.

use base::AccountId;
use s3_api as api;

use super::acl::{Acl, Grant, Grantee, Permission, account_of, canonical_id};
use crate::error::{
    ACCESS_DENIED, Error, INVALID_ARGUMENT, INVALID_REQUEST, MALFORMED_ACL, METHOD_NOT_ALLOWED,
    UNEXPECTED_CONTENT,
};
use crate::limits::ACL_GRANTS_MAX;

/// What a request says about access.
#[derive(Clone, Debug, Default)]
pub struct AclWish<'a> {
    pub canned: Option<&'a str>,
    /// The headers of grants, in the order of [`Permission::ALL`].
    pub headers: [Option<&'a str>; 5],
    pub body: Option<&'a api::AccessControlPolicy>,
}

/// Whose list it is going to be.
#[derive(Clone, Copy, Debug)]
pub struct Owners {
    /// Of what the list is on.
    pub own: AccountId,
    pub bucket: AccountId,
    pub on_object: bool,
}

impl AclWish<'_> {
    pub fn is_empty(&self) -> bool {
        self.canned.is_none() && self.headers.iter().all(Option::is_none) && self.body.is_none()
    }

    /// The list that is asked for; nothing if none is.
    pub fn parse(&self, owners: Owners) -> Result<Option<Acl>, Error> {
        let has_headers = self.headers.iter().any(Option::is_some);
        if self.canned.is_some() && has_headers {
            let message = "Specifying both Canned ACLs and Header Grants is not allowed";
            return Err(Error::worded(&INVALID_REQUEST, message));
        }
        if self.body.is_some() && (self.canned.is_some() || has_headers) {
            return Err(Error::new(&UNEXPECTED_CONTENT));
        }
        match (self.canned, self.body) {
            (Some(canned), _) => of_canned(canned, owners).map(Some),
            (None, Some(body)) => of_body(body, owners).map(Some),
            (None, None) if has_headers => of_headers(&self.headers).map(Some),
            (None, None) => Ok(None),
        }
    }

    /// Whether what is asked for means the same where lists mean nothing: all to the bucket's owner, or nothing at all.
    pub fn is_harmless(&self, bucket_owner: AccountId) -> bool {
        let to_owner = |acl: &Acl| {
            let full = Grant { grantee: Grantee::Account(bucket_owner), permission: Permission::FullControl };
            !acl.grants.is_empty() && acl.grants.iter().all(|grant| *grant == full)
        };
        let owners = Owners { own: bucket_owner, bucket: bucket_owner, on_object: true };
        match self.canned {
            Some(canned) => canned == "bucket-owner-full-control",
            None => self.parse(owners).is_ok_and(|acl| acl.is_none_or(|acl| to_owner(&acl))),
        }
    }
}

/// What the canned lists mean. Each gives the owner full control.
fn of_canned(canned: &str, owners: Owners) -> Result<Acl, Error> {
    use Permission::{FullControl, Read, ReadAcp, Write};
    let mut acl = Acl::private(owners.own);
    let mut add = |grantee: Grantee, permission| acl.grants.push(Grant { grantee, permission });
    let bucket_owner = Grantee::Account(owners.bucket);
    let is_foreign = owners.own != owners.bucket;
    match (canned, owners.on_object) {
        ("private" | "aws-exec-read", _) => {}
        ("public-read", _) => add(Grantee::AllUsers, Read),
        ("public-read-write", _) => {
            add(Grantee::AllUsers, Read);
            add(Grantee::AllUsers, Write);
        }
        ("authenticated-read", _) => add(Grantee::AuthenticatedUsers, Read),
        ("log-delivery-write", false) => {
            add(Grantee::LogDelivery, Write);
            add(Grantee::LogDelivery, ReadAcp);
        }
        ("bucket-owner-read", true) if is_foreign => add(bucket_owner, Read),
        ("bucket-owner-full-control", true) if is_foreign => add(bucket_owner, FullControl),
        ("bucket-owner-read" | "bucket-owner-full-control", true) => {}
        _ => return Err(Error::argument("", "x-amz-acl", canned)),
    }
    Ok(acl)
}

const HEADERS: [&str; 5] = [
    "x-amz-grant-full-control",
    "x-amz-grant-read",
    "x-amz-grant-write",
    "x-amz-grant-read-acp",
    "x-amz-grant-write-acp",
];

fn of_headers(headers: &[Option<&str>; 5]) -> Result<Acl, Error> {
    let mut acl = Acl::default();
    for ((permission, name), header) in Permission::ALL.into_iter().zip(HEADERS).zip(headers) {
        for grantee in header.iter().flat_map(|header| header.split(',')) {
            let unclear = || Error::argument("Argument format not recognized", name, grantee.trim());
            let (kind, value) = grantee.trim().split_once('=').ok_or_else(unclear)?;
            let value = value.trim().trim_matches('"');
            let grantee = match kind.trim() {
                kind if kind.eq_ignore_ascii_case("id") => by_id(value)?,
                kind if kind.eq_ignore_ascii_case("uri") => by_uri(value)?,
                kind if kind.eq_ignore_ascii_case("emailAddress") => return Err(by_email()),
                _ => return Err(unclear()),
            };
            acl.grants.push(Grant { grantee, permission });
        }
    }
    checked(acl)
}

fn of_body(body: &api::AccessControlPolicy, owners: Owners) -> Result<Acl, Error> {
    let malformed = || Error::new(&MALFORMED_ACL);
    let owner = body.owner.as_ref().and_then(|owner| owner.id.as_deref()).ok_or_else(malformed)?;
    if !owner.eq_ignore_ascii_case(&canonical_id(owners.own)) {
        return Err(Error::new(&ACCESS_DENIED));
    }
    let mut acl = Acl::default();
    for grant in body.grants.as_deref().unwrap_or_default() {
        let (Some(grantee), Some(permission)) = (&grant.grantee, &grant.permission) else {
            return Err(malformed());
        };
        let permission = Permission::parse(permission.as_str()).ok_or_else(malformed)?;
        let grantee = match (grantee.r#type.as_str(), &grantee.id, &grantee.uri) {
            ("CanonicalUser", Some(id), _) => by_id(id)?,
            ("Group", _, Some(uri)) => by_uri(uri)?,
            ("AmazonCustomerByEmail", ..) => return Err(by_email()),
            _ => return Err(malformed()),
        };
        acl.grants.push(Grant { grantee, permission });
    }
    checked(acl)
}

fn checked(acl: Acl) -> Result<Acl, Error> {
    if acl.grants.len() > ACL_GRANTS_MAX {
        return Err(Error::new(&MALFORMED_ACL));
    }
    Ok(acl)
}

fn by_id(id: &str) -> Result<Grantee, Error> {
    account_of(id).map(Grantee::Account).ok_or_else(|| {
        Error::worded(&INVALID_ARGUMENT, "Invalid id")
            .with("ArgumentName", "CanonicalUser/ID")
            .with("ArgumentValue", id)
    })
}

fn by_uri(uri: &str) -> Result<Grantee, Error> {
    Grantee::of_group(uri).ok_or_else(|| Error::argument("Invalid group uri", "uri", uri))
}

/// S3 takes no more e-mail addresses since October 2025.
fn by_email() -> Error {
    Error::new(&METHOD_NOT_ALLOWED)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWNER: u64 = 111_122_223_333;

    fn owners(on_object: bool) -> Owners {
        let own = AccountId::new(OWNER).unwrap();
        Owners { own, bucket: AccountId::new(444_455_556_666).unwrap(), on_object }
    }

    fn parse(wish: &AclWish<'_>) -> Result<Option<Acl>, Error> {
        wish.parse(owners(false))
    }

    #[test]
    fn canned_lists_are_spelled_out() {
        let grants = |canned, on_object| of_canned(canned, owners(on_object)).unwrap().grants.len();
        for (canned, count) in
            [("private", 1), ("public-read", 2), ("public-read-write", 3), ("log-delivery-write", 3)]
        {
            assert_eq!(grants(canned, false), count, "{canned}");
        }
        assert_eq!(grants("bucket-owner-full-control", true), 2);
        assert!(of_canned("bucket-owner-read", owners(false)).is_err());
        assert!(of_canned("everyone", owners(true)).is_err());
    }

    #[test]
    fn headers_name_accounts_and_groups() {
        let id = canonical_id(AccountId::new(7).unwrap());
        let read = format!("id=\"{id}\", uri=http://acs.amazonaws.com/groups/global/AllUsers");
        let wish = AclWish { headers: [None, Some(&read), None, None, None], ..AclWish::default() };
        let acl = parse(&wish).unwrap().unwrap();
        assert_eq!(acl.grants.len(), 2);
        assert_eq!(acl.grants[0].grantee, Grantee::Account(AccountId::new(7).unwrap()));
        for bad in ["id", "id=abc", "uri=http://example.com", "name=bob", "emailAddress=a@b.c"] {
            let wish = AclWish { headers: [Some(bad), None, None, None, None], ..AclWish::default() };
            assert!(parse(&wish).is_err(), "{bad}");
        }
        let both =
            AclWish { canned: Some("private"), headers: [Some("id=a"), None, None, None, None], body: None };
        assert!(parse(&both).unwrap_err().is(&INVALID_REQUEST));
    }

    #[test]
    fn a_body_names_its_owner() {
        let owner = api::Owner { id: Some(canonical_id(AccountId::new(OWNER).unwrap())), display_name: None };
        let grants = Some(vec![Grant { grantee: Grantee::AllUsers, permission: Permission::Read }.shown()]);
        let body = api::AccessControlPolicy { grants: grants.clone(), owner: Some(owner) };
        let acl = parse(&AclWish { body: Some(&body), ..AclWish::default() }).unwrap().unwrap();
        assert_eq!(acl.grants.len(), 1);
        let nobody = api::AccessControlPolicy { grants, owner: None };
        assert!(
            parse(&AclWish { body: Some(&nobody), ..AclWish::default() }).unwrap_err().is(&MALFORMED_ACL)
        );
    }
}
