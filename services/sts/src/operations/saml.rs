//! Roles, assumed with the response of a SAML provider. The caller has no credentials: all that is known of it is what
//! the provider has signed.

use std::collections::BTreeMap;

use base::Arn;
use service::{Call, IdentityProvider, PrincipalKind};
use sts_api::{AssumeRoleWithSAMLInput, AssumeRoleWithSAMLOutput};

use super::roles::Beginning;
use super::trust::{self, Question};
use crate::Sts;
use crate::error::Error;
use crate::model::policies::{SessionPolicies, packed_percent};
use crate::model::saml::{self, Metadata};
use crate::model::tags::SessionTags;
use crate::model::{durations, names};

const ACTION: &str = "sts:AssumeRoleWithSAML";

/// The condition keys that stay with the session; the others are for the role's trust policy alone.
const LASTING_KEYS: [&str; 3] = ["saml:namequalifier", "saml:sub", "saml:sub_type"];

/// The role, for the trail: nobody is authorised here.
pub fn by_arn(_: &Sts, _: &Call, input: &AssumeRoleWithSAMLInput) -> Result<Vec<Arn>, Error> {
    Ok(vec![names::role_arn(&input.role_arn)?])
}

pub async fn assume_role_with_saml(
    sts: &Sts,
    call: &Call,
    input: AssumeRoleWithSAMLInput,
) -> Result<AssumeRoleWithSAMLOutput, Error> {
    let arn = names::role_arn(&input.role_arn)?;
    let provider: Arn =
        input.principal_arn.parse().map_err(|_| Error::Validation("Request ARN is invalid".to_owned()))?;
    let metadata = metadata(sts, &provider, &arn).await?;
    let assertion = saml::read(&saml::decode(&input.saml_assertion)?, &metadata)?;
    assertion.check(&metadata.entity_id, call.now)?;
    if !assertion.names(&input.role_arn, &input.principal_arn) {
        return Err(Error::NotAuthorized(ACTION));
    }
    let session_name = assertion.session_name()?;
    let source_identity = assertion.source_identity()?.map(str::to_owned);

    let role = trust::role(sts, &arn).await?.ok_or(Error::NotAuthorized(ACTION))?;
    let seconds = durations::of_role(input.duration_seconds, role.session_seconds_max, false)?;
    let policies = SessionPolicies::read(input.policy, input.policy_arns, role.account)?;
    let requested = assertion.tags();
    let tags = SessionTags::default().with(&requested)?;
    let packed_policy_size = packed_percent(&policies, &tags.tags)?;

    let provider_name = provider.resource().trim_start_matches("saml-provider/");
    let claims = assertion.keys(role.account, provider_name);
    let mut keys: Vec<_> = claims.clone().into_iter().chain(requested.keys()).collect();
    keys.push(("sts:RoleSessionName".to_owned(), vec![session_name.to_owned()]));
    keys.extend(source_identity.clone().map(|name| ("sts:SourceIdentity".to_owned(), vec![name])));
    let caller = trust::federated(call, PrincipalKind::Saml, &provider, &assertion.subject, &role);
    let question = Question { role: &role, keys: &keys, input: None };
    for (needed, action, full_name) in [
        (true, "AssumeRoleWithSAML", ACTION),
        (!tags.tags.is_empty(), "TagSession", "sts:TagSession"),
        (source_identity.is_some(), "SetSourceIdentity", "sts:SetSourceIdentity"),
    ] {
        if needed && !question.ask(sts, &caller, action).await?.decision.allowed {
            return Err(Error::NotAuthorized(full_name));
        }
    }
    let lasting = claims.into_iter().filter(|(key, _)| LASTING_KEYS.contains(&key.as_str()));
    let mut keys: BTreeMap<_, _> = lasting.collect();
    keys.insert("aws:federatedprovider".to_owned(), vec![provider.to_string()]);
    let beginning = Beginning {
        seconds,
        policies,
        tags,
        source_identity: source_identity.clone(),
        keys,
        ends: assertion.session_ends,
        ..Beginning::of(&role, session_name, call)
    };
    let (granted, user) = beginning.begin(sts, input.minimum_session_token_size);
    Ok(AssumeRoleWithSAMLOutput {
        credentials: Some(granted.credentials),
        assumed_role_user: Some(user),
        packed_policy_size,
        name_qualifier: Some(assertion.name_qualifier(role.account, provider_name)),
        subject: Some(assertion.subject),
        subject_type: Some(assertion.subject_type),
        issuer: Some(assertion.issuer),
        audience: Some(assertion.recipient),
        source_identity,
        session_token_utilization: granted.token_utilization,
        session_token_size: granted.token_size,
    })
}

/// The provider's metadata. It has to be of the role's account.
async fn metadata(sts: &Sts, provider: &Arn, role: &Arn) -> Result<Metadata, Error> {
    let unknown = || Error::InvalidToken("Specified provider doesn't exist".to_owned());
    if provider.account() != role.account() {
        return Err(unknown());
    }
    match sts.access.identities.provider(provider).await?.as_deref() {
        Some(IdentityProvider::Saml { metadata, .. }) => Metadata::read(metadata).ok_or_else(unknown),
        _ => Err(unknown()),
    }
}
