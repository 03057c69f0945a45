//! Which condition keys policies ask for, so that a simulation can be given their values.

use std::collections::BTreeMap;

use base::Arn;
use iam_api::{
    GetContextKeysForCustomPolicyInput, GetContextKeysForCustomPolicyOutput,
    GetContextKeysForPrincipalPolicyInput, GetContextKeysForPrincipalPolicyOutput,
};
use identity::policy::{Kind, Policy};
use service::Call;

use super::held_policies;
use crate::Iam;
use crate::error::Error;
use crate::model::arns;

pub fn by_source(
    _: &Iam,
    _: &Call,
    input: &GetContextKeysForPrincipalPolicyInput,
) -> Result<Vec<Arn>, Error> {
    Ok(vec![arns::parse(&input.policy_source_arn)?])
}

pub async fn for_custom(
    _: &Iam,
    _: &Call,
    input: GetContextKeysForCustomPolicyInput,
) -> Result<GetContextKeysForCustomPolicyOutput, Error> {
    let keys = keys(input.policy_input_list.iter())?;
    Ok(GetContextKeysForCustomPolicyOutput { context_key_names: Some(keys) })
}

pub async fn for_principal(
    iam: &Iam,
    call: &Call,
    input: GetContextKeysForPrincipalPolicyInput,
) -> Result<GetContextKeysForPrincipalPolicyOutput, Error> {
    let (account, arn) = (call.account, input.policy_source_arn.as_str());
    let held = iam
        .store
        .read(|tx| async move {
            let entity = held_policies::entity(&tx, account, arn).await?;
            held_policies::policies(&tx, account, &entity).await
        })
        .await?;
    let given = input.policy_input_list.unwrap_or_default();
    let keys = keys(held.iter().map(|held| &held.document).chain(&given))?;
    Ok(GetContextKeysForPrincipalPolicyOutput { context_key_names: Some(keys) })
}

/// Each key once, whatever its case, as it is written first.
fn keys<'a>(documents: impl Iterator<Item = &'a String>) -> Result<Vec<String>, Error> {
    let mut keys = BTreeMap::new();
    for document in documents {
        let policy = Policy::parse(Kind::Identity, document)
            .or_else(|error| Policy::parse(Kind::Resource, document).map_err(|_| error))
            .map_err(|error| Error::InvalidInput(error.to_string()))?;
        for key in policy.condition_keys() {
            keys.entry(key.to_ascii_lowercase()).or_insert(key);
        }
    }
    Ok(keys.into_values().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_those_of_conditions_and_of_variables() {
        let document = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*",
            "Resource": "arn:aws:s3:::b/${aws:username}/*", "Condition": {
                "StringEquals": {"aws:PrincipalTag/team": "a"}, "Bool": {"AWS:USERNAME": "x"}}}]}"#;
        let documents = [document.to_owned()];
        let found = keys(documents.iter()).unwrap();
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found.contains(&"aws:PrincipalTag/team".to_owned()));
        assert!(matches!(keys(["{}".to_owned()].iter()), Err(Error::InvalidInput(_))));
    }
}
