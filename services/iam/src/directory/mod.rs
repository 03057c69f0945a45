//! The frame's questions about identities, answered from memory where possible.
//!
//! Before every call the frame asks who signed it and what that identity may do. The answers are gathered from records
//! once, with all policies compiled, and remembered until something in the account changes: every change ends with
//! [`Directory::forget`], so that a permission that was taken away is refused on the very next call.

mod compiled;
mod facts;
mod grants;
mod keys;
mod memory;
mod roles;
mod roots;
mod uses;

use std::collections::HashSet;
use std::sync::Arc;

use base::{AccountId, Arn, Timestamp};
use parking_lot::RwLock;
use schema::Fault;
use service::{BoxFuture, Call, Grants, Identities, IdentityProvider, Key, Principal, Role, SealingKey};
use store::{Store, Tx};

use crate::Iam;
use crate::error::Error;
use crate::limits::{KEYS_KNOWN_MAX, PRINCIPALS_KNOWN_MAX, SESSIONS_KNOWN_MAX};
use crate::operations::mfa;
use crate::operations::roles::id_of;

use compiled::Compiled;
use keys::KnownKey;
use memory::{Forgettings, Moment, Shelf};
use uses::Uses;

pub use facts::facts;
pub use keys::SECRET_CONTEXT;
pub use uses::{Noted, NotedPrincipal, merge};

pub struct Directory {
    store: Store,
    sealing: SealingKey,
    known: RwLock<Known>,
    compiled: Compiled,
    uses: Uses,
}

struct Known {
    forgettings: Forgettings,
    /// By access key id; nothing for keys that are there and may not be used.
    keys: Shelf<Option<Arc<KnownKey>>>,
    /// Ids that no key had at that moment, so that asking for one takes no longer than asking for one that is there.
    unknown_keys: (Moment, HashSet<String>),
    /// By the unique id of a user or role, without its sessions' own.
    grants: Shelf<Arc<Grants>>,
    /// By access key id, for sessions that have tags or policies of their own.
    sessions: Shelf<Arc<Grants>>,
    /// By ARN.
    roles: Shelf<Arc<Role>>,
}

/// Which shelf of [`Known`] is meant.
type On<V> = (fn(&Known) -> &Shelf<V>, fn(&mut Known) -> (&mut Shelf<V>, &Forgettings));

impl Directory {
    pub fn new(store: Store, sealing: SealingKey) -> Directory {
        let forgettings = Forgettings::default();
        let known = Known {
            keys: Shelf::new(KEYS_KNOWN_MAX),
            unknown_keys: (forgettings.now(), HashSet::new()),
            grants: Shelf::new(PRINCIPALS_KNOWN_MAX),
            sessions: Shelf::new(SESSIONS_KNOWN_MAX),
            roles: Shelf::new(PRINCIPALS_KNOWN_MAX),
            forgettings,
        };
        let (compiled, uses) = (Compiled::default(), Uses::default());
        Directory { store, sealing, known: RwLock::new(known), compiled, uses }
    }

    /// To be called after every commit that changes what somebody in the account is or may do.
    pub fn forget(&self, account: AccountId) {
        self.known.write().forgettings.forget(account);
    }

    /// What is remembered under a key, or else the moment to remember a lookup with.
    fn recall<V: Clone>(&self, (shelf, _): On<V>, key: &str) -> Result<V, Moment> {
        let known = self.known.read();
        shelf(&known).get(key, &known.forgettings).ok_or_else(|| known.forgettings.now())
    }

    fn remember<V: Clone>(
        &self,
        (_, shelf): On<V>,
        key: &str,
        answer: V,
        account: AccountId,
        moment: Moment,
    ) {
        let mut known = self.known.write();
        let (shelf, forgettings) = shelf(&mut known);
        shelf.keep(key, answer, account, moment, forgettings);
    }

    /// Accounts with a change whose outcome nobody saw.
    pub fn unsettled(&self) -> Vec<AccountId> {
        self.known.read().forgettings.unsettled()
    }

    /// To be called when everything that was on its way to the store when [`Directory::unsettled`] named the account
    /// is decided.
    pub fn settle(&self, account: AccountId) {
        self.known.write().forgettings.settle(account);
    }
}

/// A change on its way to the store. If its caller goes away before the outcome is known, the change may still happen,
/// so the account stays unsettled until a later pass of the background work has seen to it.
struct Change<'a> {
    directory: &'a Directory,
    account: AccountId,
    is_decided: bool,
}

impl Drop for Change<'_> {
    fn drop(&mut self) {
        let mut known = self.directory.known.write();
        match self.is_decided {
            true => known.forgettings.forget(self.account),
            false => known.forgettings.unsettle(self.account),
        }
    }
}

impl Iam {
    /// Runs one transaction that changes what somebody in the account is or may do, and forgets what was known.
    pub async fn change<T, F, Fut>(&self, account: AccountId, body: F) -> Result<T, Error>
    where
        F: FnMut(Tx) -> Fut,
        Fut: Future<Output = Result<T, Error>> + Send,
    {
        let mut change = Change { directory: &self.directory, account, is_decided: false };
        let result = self.store.transact(body).await;
        change.is_decided = true;
        result
    }
}

impl Identities for Iam {
    fn key<'a>(&'a self, access_key_id: &'a str) -> BoxFuture<'a, Result<Option<Key>, Fault>> {
        Box::pin(async move { Ok(keys::key(self, access_key_id).await?) })
    }

    fn grants<'a>(&'a self, principal: &'a Principal) -> BoxFuture<'a, Result<Option<Arc<Grants>>, Fault>> {
        Box::pin(async move { Ok(grants::grants(self, principal).await?) })
    }

    fn role<'a>(&'a self, arn: &'a Arn) -> BoxFuture<'a, Result<Option<Arc<Role>>, Fault>> {
        Box::pin(async move { Ok(roles::role(self, arn).await?) })
    }

    fn provider<'a>(&'a self, arn: &'a Arn) -> BoxFuture<'a, Result<Option<Arc<IdentityProvider>>, Fault>> {
        Box::pin(async move { Ok(roles::provider(self, arn).await?) })
    }

    fn unique_id<'a>(&'a self, arn: &'a str) -> BoxFuture<'a, Result<Option<String>, Fault>> {
        Box::pin(async move { Ok(self.store.read(|tx| async move { id_of(&tx, arn).await }).await?) })
    }

    fn check_mfa<'a>(
        &'a self,
        principal: &'a Principal,
        serial: &'a str,
        code: &'a str,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<bool, Fault>> {
        Box::pin(async move { Ok(mfa::check(self, principal, serial, code, now).await?) })
    }

    fn note_use(&self, call: &Call, service: &'static str, action: &'static str) {
        self.directory.uses.note(call, service, action);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::Region;
    use identity::sigv4::SecretAccessKey;
    use store::Options;

    const ACCOUNT: AccountId = AccountId::DEV;

    fn directory() -> Directory {
        let store = Store::embedded_in_memory(Options::default()).unwrap();
        Directory::new(store, SealingKey::new([1; 32]))
    }

    fn keep_grants(directory: &Directory, id: &str) {
        let moment = directory.known.read().forgettings.now();
        let shelf: On<Arc<Grants>> =
            (|known: &Known| &known.grants, |known: &mut Known| (&mut known.grants, &known.forgettings));
        directory.remember(shelf, id, Arc::default(), ACCOUNT, moment);
    }

    fn knows_grants(directory: &Directory, id: &str) -> bool {
        let known = directory.known.read();
        known.grants.get(id, &known.forgettings).is_some()
    }

    #[test]
    fn after_a_change_without_a_witness_nothing_is_believed_until_it_is_settled() {
        let directory = directory();
        keep_grants(&directory, "AIDA1");
        drop(Change { directory: &directory, account: ACCOUNT, is_decided: false });
        assert!(!knows_grants(&directory, "AIDA1"));
        keep_grants(&directory, "AIDA1");
        assert!(!knows_grants(&directory, "AIDA1"), "the change may still be on its way");
        assert_eq!(directory.unsettled(), [ACCOUNT]);
        directory.settle(ACCOUNT);
        keep_grants(&directory, "AIDA1");
        assert!(knows_grants(&directory, "AIDA1") && directory.unsettled().is_empty());
    }

    #[test]
    fn ten_thousand_users_and_five_thousand_roles_fit_into_a_hundred_mebibytes() {
        let resident = || {
            let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
            pages.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
        };
        let directory = directory();
        let before = resident();
        let document = |number: usize| {
            format!(
                r#"{{"Version":"2012-10-17","Statement":[
                {{"Sid":"Own","Effect":"Allow","Action":["sqs:SendMessage","sqs:ReceiveMessage","s3:Get*"],
                "Resource":["arn:aws:sqs:us-east-1:000000000000:queue-{number}","arn:aws:s3:::bucket-{number}/*"],
                "Condition":{{"StringEquals":{{"aws:RequestedRegion":"us-east-1"}}}}}},
                {{"Effect":"Deny","Action":"iam:*","Resource":"*"}}]}}"#
            )
        };
        for number in 0..15_000 {
            let id = format!("AIDA{number:016}");
            let shared = format!("arn:aws:iam::000000000000:policy/shared-{}", number % 100);
            let found = |id: &str, number, shared_by| compiled::Found {
                id: id.to_owned(),
                document: Some(document(number).into()),
                shared_by,
            };
            let compiled = &directory.compiled;
            let identity = vec![
                compiled.get(found(&id, number, None)),
                compiled.get(found(&shared, number % 100, Some(shared.clone()))),
            ];
            let tags = [("team".to_owned(), "blue".to_owned())].into();
            let grants = Arc::new(Grants { identity, tags, ..Grants::default() });
            let key = KnownKey {
                secret: SecretAccessKey::new("x".repeat(40)),
                principal: Principal::root(ACCOUNT, Region::US_EAST_1, Some(id.clone())),
            };
            let mut known = directory.known.write();
            let Known { forgettings, keys, grants: shelf, .. } = &mut *known;
            keys.keep(&id, Some(Arc::new(key)), ACCOUNT, forgettings.now(), forgettings);
            shelf.keep(&id, grants, ACCOUNT, forgettings.now(), forgettings);
        }
        let used = (resident() - before) / (1024 * 1024);
        assert!(used < 100, "{used} MiB");
        println!("{used} MiB");
    }
}
