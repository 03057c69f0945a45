//! The condition keys that only Secrets Manager has, from the requests. Those that follow from the secret itself
//! (`secretsmanager:SecretId` and the like) are told with its other facts.

use secretsmanager_api::{
    CreateSecretInput, DeleteSecretInput, GetSecretValueInput, PutResourcePolicyInput, ReplicaRegionType,
    ReplicateSecretToRegionsInput, RotateSecretInput, UpdateSecretInput, UpdateSecretVersionStageInput,
};
use service::Call;

use crate::SecretsManager;

type Keys = Vec<(String, Vec<String>)>;

/// Those of the pairs that have a value.
fn keys<const N: usize>(pairs: [(&str, Option<String>); N]) -> Keys {
    let present = pairs.into_iter().filter_map(|(name, value)| Some((name, value?)));
    present.map(|(name, value)| (format!("secretsmanager:{name}"), vec![value])).collect()
}

fn truth(value: Option<bool>) -> Option<String> {
    value.map(|value| value.to_string())
}

fn regions(regions: Option<&Vec<ReplicaRegionType>>) -> Option<(String, Vec<String>)> {
    let names = regions?.iter().filter_map(|region| region.region.clone()).collect();
    Some(("secretsmanager:AddReplicaRegions".to_owned(), names))
}

/// The key a request names, as an ARN if it names it so.
fn kms_key(name: Option<&String>) -> [(&'static str, Option<String>); 2] {
    let arn = name.filter(|name| name.starts_with("arn:")).cloned();
    [("KmsKeyId", name.cloned()), ("KmsKeyArn", arn)]
}

pub fn create(_: &SecretsManager, _: &Call, input: &CreateSecretInput) -> Keys {
    let mut all = keys([
        ("Name", Some(input.name.clone())),
        ("Description", input.description.clone()),
        ("Type", input.r#type.clone()),
        ("ForceOverwriteReplicaSecret", truth(input.force_overwrite_replica_secret)),
    ]);
    all.extend(keys(kms_key(input.kms_key_id.as_ref())));
    all.extend(regions(input.add_replica_regions.as_ref()));
    all
}

pub fn update(_: &SecretsManager, _: &Call, input: &UpdateSecretInput) -> Keys {
    let mut all = keys([("Description", input.description.clone()), ("Type", input.r#type.clone())]);
    all.extend(keys(kms_key(input.kms_key_id.as_ref())));
    all
}

pub fn delete(_: &SecretsManager, _: &Call, input: &DeleteSecretInput) -> Keys {
    keys([
        ("ForceDeleteWithoutRecovery", truth(input.force_delete_without_recovery)),
        ("RecoveryWindowInDays", input.recovery_window_in_days.map(|days| days.to_string())),
    ])
}

pub fn get(_: &SecretsManager, _: &Call, input: &GetSecretValueInput) -> Keys {
    let current = || input.version_id.is_none().then(|| "AWSCURRENT".to_owned());
    keys([
        ("VersionId", input.version_id.clone()),
        ("VersionStage", input.version_stage.clone().or_else(current)),
    ])
}

pub fn move_label(_: &SecretsManager, _: &Call, input: &UpdateSecretVersionStageInput) -> Keys {
    keys([("VersionStage", Some(input.version_stage.clone()))])
}

pub fn put_policy(_: &SecretsManager, _: &Call, input: &PutResourcePolicyInput) -> Keys {
    keys([("BlockPublicPolicy", truth(input.block_public_policy))])
}

pub fn replicate(_: &SecretsManager, _: &Call, input: &ReplicateSecretToRegionsInput) -> Keys {
    let mut all = keys([("ForceOverwriteReplicaSecret", truth(input.force_overwrite_replica_secret))]);
    all.extend(regions(Some(&input.add_replica_regions)));
    all
}

pub fn rotate(_: &SecretsManager, _: &Call, input: &RotateSecretInput) -> Keys {
    keys([
        ("RotationLambdaARN", input.rotation_lambda_arn.clone()),
        ("RotateImmediately", truth(Some(input.rotate_immediately.unwrap_or(true)))),
        ("ModifyRotationRules", truth(Some(input.rotation_rules.is_some()))),
        ("ExternalSecretRotationRoleArn", input.external_secret_rotation_role_arn.clone()),
    ])
}
