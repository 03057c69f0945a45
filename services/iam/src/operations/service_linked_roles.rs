//! Roles that services have in an account for their own work. Only their service changes them; IAM makes them, edits
//! their description, and deletes them in the background, when the service needs them no more.

use base::Arn;
use iam_api::{
    CreateServiceLinkedRoleInput, CreateServiceLinkedRoleOutput, DeleteServiceLinkedRoleInput,
    DeleteServiceLinkedRoleOutput, DeletionTaskStatusType, GetServiceLinkedRoleDeletionStatusInput,
    GetServiceLinkedRoleDeletionStatusOutput,
};
use iam_facts::ServiceLinkedRole;
use service::Call;
use store::{Select, Tx};

use super::callers::second;
use super::{holders, roles};
use crate::Iam;
use crate::error::Error;
use crate::limits::ROLE_SESSION_SECONDS_DEFAULT;
use crate::model::arns;
use crate::records::{
    DeletionState, Permissions, ROLE_DELETIONS, ROLES, RoleDeletionRecord, RoleRecord, key,
};

/// `role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling_suffix`
pub fn by_service(_: &Iam, call: &Call, input: &CreateServiceLinkedRoleInput) -> Result<Vec<Arn>, Error> {
    let service = &input.aws_service_name;
    let name = match iam_facts::service_linked_role(service) {
        Some(facts) => name(&facts, input.custom_suffix.as_deref()),
        None => "*".to_owned(),
    };
    let path = format!("/aws-service-role/{service}/");
    Ok(vec![arns::entity(call.account, "role", &path, &name)])
}

pub fn service_key(_: &Iam, _: &Call, input: &CreateServiceLinkedRoleInput) -> Vec<(String, Vec<String>)> {
    vec![("iam:AWSServiceName".to_owned(), vec![input.aws_service_name.clone()])]
}

/// The role whose deletion is asked about.
pub fn by_task(
    _: &Iam,
    call: &Call,
    input: &GetServiceLinkedRoleDeletionStatusInput,
) -> Result<Vec<Arn>, Error> {
    let role = role_path(&input.deletion_task_id).ok_or_else(|| no_task(&input.deletion_task_id))?;
    Ok(vec![arns::entity(call.account, "role", role, "")])
}

/// `/aws-service-role/service/name` of a task's id, `task/aws-service-role/service/name/uuid`.
fn role_path(task_id: &str) -> Option<&str> {
    let (role, _) = task_id.strip_prefix("task")?.rsplit_once('/')?;
    (role.starts_with("/aws-service-role/") && role.matches('/').count() == 3).then_some(role)
}

fn no_task(id: &str) -> Error {
    Error::InvalidInput(format!("The deletion task id {id} is not valid."))
}

fn name(facts: &ServiceLinkedRole, suffix: Option<&str>) -> String {
    match suffix {
        Some(suffix) => format!("{}_{suffix}", facts.role_name),
        None => facts.role_name.to_owned(),
    }
}

pub async fn create_service_linked_role(
    iam: &Iam,
    call: &Call,
    input: CreateServiceLinkedRoleInput,
) -> Result<CreateServiceLinkedRoleOutput, Error> {
    let service = input.aws_service_name;
    let Some(facts) = iam_facts::service_linked_role(&service) else {
        let message = format!("Service-linked roles are not supported for {service}");
        return Err(Error::InvalidInput(message));
    };
    if input.custom_suffix.is_some() && !facts.suffix_allowed {
        return Err(Error::InvalidInput(format!("Custom suffix is not allowed for {service}")));
    }
    let trust = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"Service":"{service}"}},"Action":"sts:AssumeRole"}}]}}"#
    );
    let policy = format!("arn:aws:iam::aws:{}", facts.policy);
    let fresh = RoleRecord {
        name: name(&facts, input.custom_suffix.as_deref()),
        path: facts.path(),
        id: iam.ids.unique_id("AROA"),
        created: second(call),
        permissions: Permissions { attached: vec![policy], ..Permissions::default() },
        description: input.description,
        trust,
        session_seconds_max: ROLE_SESSION_SECONDS_DEFAULT,
        linked_to: Some(service),
        ..RoleRecord::default()
    };
    let (account, fresh) = (call.account, &fresh);
    let role = iam
        .change(account, |tx| async move {
            roles::add(&tx, account, fresh).await.map_err(|error| taken(error, &fresh.name))?;
            roles::listed(&tx, account, fresh).await
        })
        .await?;
    Ok(CreateServiceLinkedRoleOutput { role: Some(role) })
}

/// The refusal of a name that is not free, as this operation words it.
fn taken(error: Error, name: &str) -> Error {
    match error {
        Error::EntityAlreadyExists(_) => Error::InvalidInput(format!(
            "Service role name {name} has been taken in this account, please try a different suffix."
        )),
        other => other,
    }
}

pub async fn delete_service_linked_role(
    iam: &Iam,
    call: &Call,
    input: DeleteServiceLinkedRoleInput,
) -> Result<DeleteServiceLinkedRoleOutput, Error> {
    let (account, role_name, uuid) = (call.account, input.role_name.as_str(), iam.ids.uuid());
    let uuid = uuid.as_str();
    let deletion_task_id = iam
        .change(account, |tx| async move {
            let role: RoleRecord = holders::load(&tx, account, role_name).await?;
            if role.linked_to.is_none() {
                let message = format!("The role with name {role_name} cannot be found.");
                return Err(Error::NoSuchEntity(message));
            }
            let prefix = format!("{account}|task{}{}/", role.path, role.name);
            if let Some(waiting) = waiting(&tx, &prefix, &role.id).await? {
                return Ok(waiting);
            }
            let key = format!("{prefix}{uuid}");
            let (role_name, role_id) = (role.name, role.id);
            let record = RoleDeletionRecord { account, role_name, role_id, state: DeletionState::Waiting };
            ROLE_DELETIONS.put(&tx, &(), &key, &record).await?;
            Ok(task_id(&key))
        })
        .await?;
    iam.deletions.nudge();
    Ok(DeleteServiceLinkedRoleOutput { deletion_task_id })
}

/// A role that is deleted and made anew again and again has many, but each is kept for a limited time.
const DELETIONS_MAX: usize = 1000;

/// The task of the same role that is not finished yet.
async fn waiting(tx: &Tx, prefix: &str, role_id: &str) -> Result<Option<String>, Error> {
    let page = ROLE_DELETIONS.scan(tx, &(), Select::prefix(prefix), DELETIONS_MAX).await?;
    let is_waiting = |(_, record): &&(String, RoleDeletionRecord)| {
        record.role_id == role_id && record.state == DeletionState::Waiting
    };
    Ok(page.records.iter().find(is_waiting).map(|(key, _)| task_id(key)))
}

fn task_id(key: &str) -> String {
    let (_, id) = key.split_once('|').expect("keys of deletions are an account and a task's id");
    id.to_owned()
}

pub async fn get_service_linked_role_deletion_status(
    iam: &Iam,
    call: &Call,
    input: GetServiceLinkedRoleDeletionStatusInput,
) -> Result<GetServiceLinkedRoleDeletionStatusOutput, Error> {
    let key = format!("{}|{}", call.account, input.deletion_task_id);
    let key = key.as_str();
    let record = iam.store.read(|tx| async move { ROLE_DELETIONS.get(&tx, &(), key).await }).await?;
    let Some(record) = record else {
        let message = format!("The deletion task with id {} cannot be found.", input.deletion_task_id);
        return Err(Error::NoSuchEntity(message));
    };
    let status = match record.state {
        DeletionState::Waiting => DeletionTaskStatusType::InProgress,
        DeletionState::Done { .. } => DeletionTaskStatusType::Succeeded,
    };
    Ok(GetServiceLinkedRoleDeletionStatusOutput { status, reason: None })
}

/// Works off one deletion: for the background work.
pub async fn finish(iam: &Iam, task: &str, record: &RoleDeletionRecord) -> Result<(), Error> {
    let (account, now) = (record.account, iam.clock.now());
    iam.change(account, |tx| async move {
        let role = ROLES.get(&tx, &account, &key(&record.role_name)).await?;
        if let Some(role) = role.filter(|role| role.id == record.role_id) {
            roles::remove(&tx, account, &role).await?;
        }
        let done = RoleDeletionRecord { state: DeletionState::Done { at: now }, ..record.clone() };
        Ok(ROLE_DELETIONS.put(&tx, &(), task, &done).await?)
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_names_its_role() {
        let id = "task/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS/1-2-3";
        assert_eq!(role_path(id), Some("/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS"));
        for bad in ["", "task", "task/x", "task/role/a/b/c", "task/aws-service-role/a/b"] {
            assert_eq!(role_path(bad), None, "{bad}");
        }
    }
}
