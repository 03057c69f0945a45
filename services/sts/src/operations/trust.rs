//! Whether a role lets itself be assumed: its trust policy, asked through the frame as for any other call.

use std::sync::Arc;

use base::Arn;
use schema::Structure;
use service::{Ask, Call, Principal, PrincipalKind, ResourceFacts, Role, Verdict};

use crate::Sts;
use crate::error::Error;

/// The role of that ARN; nothing if there is none, which callers must not be able to tell from not being allowed.
pub async fn role(sts: &Sts, arn: &Arn) -> Result<Option<Arc<Role>>, Error> {
    Ok(sts.access.identities.role(arn).await?)
}

/// What is asked of a role's trust policy.
pub struct Question<'a> {
    pub role: &'a Role,
    pub keys: &'a [(String, Vec<String>)],
    /// The request's input, where the caller passes tags in it.
    pub input: Option<&'a dyn Structure>,
}

impl Question<'_> {
    /// Asks about one action of STS on the role.
    pub async fn ask(&self, sts: &Sts, call: &Call, action: &str) -> Result<Verdict, Error> {
        let facts = ResourceFacts {
            arn: Some(self.role.arn.clone()),
            policy: Some(self.role.trust.clone()),
            takes_policy: true,
            policy_required: true,
            tags: self.role.tags.clone(),
            ..ResourceFacts::default()
        };
        let ask =
            Ask { prefix: "sts", action, resource: Some(&self.role.arn), keys: self.keys, input: self.input };
        Ok(sts.access.decide(call, &ask, &facts).await?)
    }

    /// Requires what a caller with a name needs besides `sts:AssumeRole`.
    pub async fn require(&self, sts: &Sts, call: &Call, action: &str) -> Result<(), Error> {
        let verdict = self.ask(sts, call, action).await?;
        if verdict.decision.allowed { Ok(()) } else { Err(Error::NotAllowed(verdict.message)) }
    }
}

/// The call of somebody whom a provider vouches for. Until the role is assumed the provider stands for the caller, as
/// `Federated` does in trust policies.
pub fn federated(call: &Call, kind: PrincipalKind, provider: &Arn, subject: &str, role: &Role) -> Call {
    let principal = Principal {
        kind,
        account: role.account,
        arn: provider.to_string(),
        user_id: subject.to_owned(),
        access_key_id: None,
        session: None,
    };
    Call { principal, account: role.account, ..call.clone() }
}
