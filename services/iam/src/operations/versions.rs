//! Versions of managed policies. One of them is the default, which is the one that holds.

use base::AccountId;
use iam_api::{
    CreatePolicyVersionInput, CreatePolicyVersionOutput, DeletePolicyVersionInput, DeletePolicyVersionOutput,
    GetPolicyVersionInput, GetPolicyVersionOutput, ListPolicyVersionsInput, ListPolicyVersionsOutput,
    PolicyVersion, SetDefaultPolicyVersionInput, SetDefaultPolicyVersionOutput,
};
use iam_facts::ManagedPolicyHead;
use service::Call;

use super::callers::second;
use super::{pages, policies};
use crate::Iam;
use crate::error::Error;
use crate::limits::VERSIONS_PER_POLICY_MAX;
use crate::model::documents;
use crate::records::{self, PolicyRecord};

/// A version without its document.
fn listed(record: &PolicyRecord, version: &records::PolicyVersion) -> PolicyVersion {
    PolicyVersion {
        document: None,
        version_id: Some(format!("v{}", version.number)),
        is_default_version: Some(version.number == record.default_version),
        create_date: Some(version.created),
    }
}

/// Of AWS's own policies only the default version is known.
fn of_aws(head: &ManagedPolicyHead) -> PolicyVersion {
    PolicyVersion {
        document: None,
        version_id: Some(head.version.to_owned()),
        is_default_version: Some(true),
        create_date: Some(head.updated()),
    }
}

fn not_found(arn: &str, version_id: &str) -> Error {
    Error::NoSuchEntity(format!("Policy {arn} version {version_id} does not exist or is not attachable."))
}

/// The number in `v12`. Clients may add a UUID after a full stop.
fn number(version_id: &str) -> Option<u32> {
    version_id.strip_prefix('v')?.split('.').next()?.parse().ok()
}

fn place(record: &PolicyRecord, arn: &str, version_id: &str) -> Result<usize, Error> {
    let wanted = number(version_id);
    let place = record.versions.iter().position(|version| Some(version.number) == wanted);
    place.ok_or_else(|| not_found(arn, version_id))
}

async fn find(iam: &Iam, account: AccountId, arn: &str) -> Result<Option<PolicyRecord>, Error> {
    iam.store.read(|tx| async move { policies::find(&tx, account, arn).await }).await
}

pub async fn create_policy_version(
    iam: &Iam,
    call: &Call,
    input: CreatePolicyVersionInput,
) -> Result<CreatePolicyVersionOutput, Error> {
    documents::check_managed(&input.policy_document)?;
    let created = second(call);
    let version = policies::update(iam, call.account, &input.policy_arn, |record| {
        if record.versions.len() >= VERSIONS_PER_POLICY_MAX {
            let message = format!(
                "A managed policy can have up to {VERSIONS_PER_POLICY_MAX} versions. Before you create a new \
                 version, you must delete an existing version."
            );
            return Err(Error::LimitExceeded(message));
        }
        let number = record.next_version;
        record.next_version += 1;
        if input.set_as_default == Some(true) {
            record.default_version = number;
        }
        let version = records::PolicyVersion { number, document: input.policy_document.clone(), created };
        let shown = listed(record, &version);
        record.versions.push(version);
        record.updated = created;
        Ok(shown)
    })
    .await?;
    Ok(CreatePolicyVersionOutput { policy_version: Some(version) })
}

pub async fn get_policy_version(
    iam: &Iam,
    call: &Call,
    input: GetPolicyVersionInput,
) -> Result<GetPolicyVersionOutput, Error> {
    let (arn, version_id) = (input.policy_arn.as_str(), input.version_id.as_str());
    let version = match (find(iam, call.account, arn).await?, iam_facts::managed_policy(arn)) {
        (Some(record), _) => {
            let version = &record.versions[place(&record, arn, version_id)?];
            let document = Some(documents::encoded(&version.document));
            PolicyVersion { document, ..listed(&record, version) }
        }
        (None, Some(head)) if head.version == version_id => {
            PolicyVersion { document: Some(documents::encoded(&head.document())), ..of_aws(head) }
        }
        (None, Some(_)) => return Err(not_found(arn, version_id)),
        (None, None) => return Err(policies::not_found(arn)),
    };
    Ok(GetPolicyVersionOutput { policy_version: Some(version) })
}

pub async fn delete_policy_version(
    iam: &Iam,
    call: &Call,
    input: DeletePolicyVersionInput,
) -> Result<DeletePolicyVersionOutput, Error> {
    policies::update(iam, call.account, &input.policy_arn, |record| {
        let place = place(record, &input.policy_arn, &input.version_id)?;
        if record.versions[place].number == record.default_version {
            let message = "Cannot delete the default version of a policy.";
            return Err(Error::DeleteConflict(message.to_owned()));
        }
        record.versions.remove(place);
        Ok(())
    })
    .await?;
    Ok(DeletePolicyVersionOutput {})
}

pub async fn set_default_policy_version(
    iam: &Iam,
    call: &Call,
    input: SetDefaultPolicyVersionInput,
) -> Result<SetDefaultPolicyVersionOutput, Error> {
    policies::update(iam, call.account, &input.policy_arn, |record| {
        let place = place(record, &input.policy_arn, &input.version_id)?;
        record.default_version = record.versions[place].number;
        Ok(())
    })
    .await?;
    Ok(SetDefaultPolicyVersionOutput {})
}

pub async fn list_policy_versions(
    iam: &Iam,
    call: &Call,
    input: ListPolicyVersionsInput,
) -> Result<ListPolicyVersionsOutput, Error> {
    let arn = input.policy_arn.as_str();
    let all = match (find(iam, call.account, arn).await?, iam_facts::managed_policy(arn)) {
        // Latest first.
        (Some(record), _) => record.versions.iter().rev().map(|version| listed(&record, version)).collect(),
        (None, Some(head)) => vec![of_aws(head)],
        (None, None) => return Err(policies::not_found(arn)),
    };
    let marker = input.marker.as_deref();
    let found = pages::cut(iam, call, "ListPolicyVersions", marker, input.max_items, all)?;
    Ok(ListPolicyVersionsOutput {
        versions: Some(found.items),
        is_truncated: found.is_truncated,
        marker: found.marker,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_a_v_and_a_number() {
        assert_eq!(
            (number("v1"), number("v12.abc-def"), number("1"), number("v")),
            (Some(1), Some(12), None, None)
        );
    }
}
