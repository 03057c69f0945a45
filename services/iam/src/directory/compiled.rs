//! Compiled policies that several principals share: managed ones, and the inline policies of groups.
//!
//! They are found by what they are called and believed only if the document is still the same, so nothing here ever
//! has to be forgotten.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use identity::policy::{Kind, Named, Policy};
use parking_lot::RwLock;

use crate::limits::COMPILED_POLICIES_MAX;

/// A policy as it was found in a record or among AWS's own.
pub(super) struct Found {
    /// The policy's ARN, or for inline policies `user_bob_policy-name`, as the policy simulator calls them.
    pub id: String,
    /// Nothing if the policy is not there, though something refers to it.
    pub document: Option<Cow<'static, str>>,
    /// What to keep it under, where other principals have it as well; unique in the whole cloud.
    pub shared_by: Option<String>,
}

#[derive(Default)]
pub(super) struct Compiled(RwLock<HashMap<String, Kept>>);

struct Kept {
    document: Cow<'static, str>,
    named: Arc<Named>,
}

/// What stands in for a policy that cannot be read: to be safe, nothing is allowed then.
const DENY_ALL: &str =
    r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}"#;

impl Compiled {
    pub fn get(&self, found: Found) -> Arc<Named> {
        let Found { id, document, shared_by } = found;
        let Some(document) = document else {
            tracing::error!(
                policy = id,
                "a policy that is in use is not there; it is taken to deny everything"
            );
            return deny_all(id);
        };
        let Some(key) = shared_by else {
            return Arc::new(compile(id, &document));
        };
        if let Some(kept) = self.0.read().get(&key).filter(|kept| kept.document == document) {
            return kept.named.clone();
        }
        let named = Arc::new(compile(id, &document));
        let mut kept = self.0.write();
        if kept.len() >= COMPILED_POLICIES_MAX {
            kept.clear();
        }
        kept.insert(key, Kept { document, named: named.clone() });
        named
    }
}

/// A policy of a record. It was valid when it came in.
pub(super) fn compile(id: String, document: &str) -> Named {
    match Policy::parse(Kind::Identity, document) {
        Ok(policy) => Named { id, policy },
        Err(error) => {
            tracing::error!(policy = id, %error, "a stored policy cannot be read; it is taken to deny everything");
            Named { id, policy: parse_deny_all() }
        }
    }
}

fn deny_all(id: String) -> Arc<Named> {
    Arc::new(Named { id, policy: parse_deny_all() })
}

fn parse_deny_all() -> Policy {
    Policy::parse(Kind::Identity, DENY_ALL).expect("the policy is a constant and valid")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(document: &'static str) -> Found {
        let id = "arn:aws:iam::000000000000:policy/p".to_owned();
        Found { id: id.clone(), document: Some(Cow::Borrowed(document)), shared_by: Some(id) }
    }

    const ALLOW: &str =
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;

    #[test]
    fn a_shared_policy_is_compiled_once_and_again_when_its_document_changes() {
        let compiled = Compiled::default();
        let first = compiled.get(found(ALLOW));
        assert!(Arc::ptr_eq(&first, &compiled.get(found(ALLOW))));
        assert!(!Arc::ptr_eq(&first, &compiled.get(found(DENY_ALL))));
    }
}
