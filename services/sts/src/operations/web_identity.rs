//! Roles, assumed with the token of an OpenID Connect provider. The caller has no credentials: all that is known of it
//! is what the token proves.

use base::Arn;
use schema::Fault;
use service::{Call, IdentityProvider, PrincipalKind};
use sts_api::{AssumeRoleWithWebIdentityInput, AssumeRoleWithWebIdentityOutput};

use super::provider_keys::Asked;
use super::roles::Beginning;
use super::trust::{self, Question};
use crate::Sts;
use crate::error::Error;
use crate::model::jwt::Token;
use crate::model::policies::{SessionPolicies, packed_percent};
use crate::model::tags::SessionTags;
use crate::model::web_identity::{WebIdentity, check_times, no_provider, provider_arns};
use crate::model::{durations, names};

const ACTION: &str = "sts:AssumeRoleWithWebIdentity";

/// The role, for the trail: nobody is authorised here.
pub fn by_arn(_: &Sts, _: &Call, input: &AssumeRoleWithWebIdentityInput) -> Result<Vec<Arn>, Error> {
    Ok(vec![names::role_arn(&input.role_arn)?])
}

pub async fn assume_role_with_web_identity(
    sts: &Sts,
    call: &Call,
    input: AssumeRoleWithWebIdentityInput,
) -> Result<AssumeRoleWithWebIdentityOutput, Error> {
    let arn = names::role_arn(&input.role_arn)?;
    if let Some(provider) = &input.provider_id {
        return Err(Error::InvalidToken(format!("Access tokens of {provider} are not supported.")));
    }
    let token = Token::read(&input.web_identity_token)?;
    let provider = provider(sts, call, &arn, token.required("iss")?).await?;
    let identity = WebIdentity::read(&token, &provider.client_ids)?;
    let asked = Asked { issuer: identity.issuer.clone(), thumbprints: provider.thumbprints };
    sts.provider_keys.check(asked, &token, call.now).await?;
    check_times(&token, call.now)?;

    let role = trust::role(sts, &arn).await?.ok_or(Error::NotAuthorized(ACTION))?;
    let seconds = durations::of_role(input.duration_seconds, role.session_seconds_max, false)?;
    let policies = SessionPolicies::read(input.policy, input.policy_arns, role.account)?;
    let tags = SessionTags::default().with(&identity.tags)?;
    let packed_policy_size = packed_percent(&policies, &tags.tags)?;

    let mut claims = identity.keys(&provider.url);
    let mut keys: Vec<_> = claims.clone().into_iter().chain(identity.tags.keys()).collect();
    keys.push(("sts:RoleSessionName".to_owned(), vec![input.role_session_name.clone()]));
    keys.extend(identity.source_identity.clone().map(|name| ("sts:SourceIdentity".to_owned(), vec![name])));
    let caller = trust::federated(call, PrincipalKind::WebIdentity, &provider.arn, &identity.subject, &role);
    let question = Question { role: &role, keys: &keys, input: None };
    for (needed, action, full_name) in [
        (true, "AssumeRoleWithWebIdentity", ACTION),
        (!tags.tags.is_empty(), "TagSession", "sts:TagSession"),
        (identity.source_identity.is_some(), "SetSourceIdentity", "sts:SetSourceIdentity"),
    ] {
        if needed && !question.ask(sts, &caller, action).await?.decision.allowed {
            return Err(Error::NotAuthorized(full_name));
        }
    }
    claims.insert("aws:federatedprovider".to_owned(), vec![provider.arn.to_string()]);
    let beginning = Beginning {
        seconds,
        policies,
        tags,
        source_identity: identity.source_identity.clone(),
        keys: claims,
        ..Beginning::of(&role, &input.role_session_name, call)
    };
    let (granted, user) = beginning.begin(sts, input.minimum_session_token_size);
    Ok(AssumeRoleWithWebIdentityOutput {
        credentials: Some(granted.credentials),
        subject_from_web_identity_token: Some(identity.subject),
        assumed_role_user: Some(user),
        packed_policy_size,
        provider: Some(provider.arn.to_string()),
        audience: Some(identity.audience),
        source_identity: identity.source_identity,
        session_token_utilization: granted.token_utilization,
        session_token_size: granted.token_size,
    })
}

struct Provider {
    arn: Arn,
    url: String,
    client_ids: Vec<String>,
    thumbprints: Vec<String>,
}

/// The provider that the role's account has for an issuer.
async fn provider(sts: &Sts, call: &Call, role: &Arn, issuer: &str) -> Result<Provider, Error> {
    let account = role.account().ok_or_else(|| Fault::internal("a role's ARN has an account"))?;
    for arn in provider_arns(issuer, account, call.region)? {
        let found = sts.access.identities.provider(&arn).await?;
        if let Some(IdentityProvider::OpenIdConnect { arn, url, client_ids, thumbprints }) = found.as_deref()
        {
            return Ok(Provider {
                arn: arn.clone(),
                url: url.clone(),
                client_ids: client_ids.clone(),
                thumbprints: thumbprints.clone(),
            });
        }
    }
    Err(no_provider(issuer))
}
