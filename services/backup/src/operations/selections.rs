//! Selections: which resources a plan backs up, and in which role.

use backup_api::*;
use service::{Call, Kept};
use store::Tx;

use super::lists::{self, Asked};
use super::{may_pass, plans};
use crate::Backup;
use crate::error::Error;
use crate::limits::SELECTIONS_MAX;
use crate::model::selection;
use crate::records::{Place, SELECTIONS, SelectionRecord, of_plan, selection_key};

pub async fn create_backup_selection(
    backup: &Backup,
    call: &Call,
    input: CreateBackupSelectionInput,
) -> Result<CreateBackupSelectionOutput, Error> {
    selection::check(&input.backup_selection)?;
    may_pass(backup, call, &input.backup_selection.iam_role_arn).await?;
    let fresh = &SelectionRecord {
        shown: Kept(input.backup_selection),
        created: call.now,
        creator_request_id: input.creator_request_id,
    };
    let (scope, plan, id) = (&call.scope(), input.backup_plan_id.as_str(), &backup.ids.uuid());
    let made = backup.store.transact(|tx| async move {
        plans::find(&tx, scope, plan).await?;
        let others = lists::all(&tx, &SELECTIONS, scope, &of_plan(plan)).await?;
        for (key, other) in &others {
            if other.shown.selection_name != fresh.shown.selection_name {
                continue;
            }
            let is_same = other.creator_request_id.is_some()
                && other.creator_request_id == fresh.creator_request_id
                && other.shown == fresh.shown;
            if is_same {
                return Ok((id_of(key), other.created));
            }
            return Err(Error::AlreadyExists {
                message: "Backup selection with the same name already exists".to_owned(),
                arn: String::new(),
                creator_request_id: other.creator_request_id.clone(),
            });
        }
        if others.len() >= SELECTIONS_MAX {
            return Err(Error::Limit(format!("A backup plan has at most {SELECTIONS_MAX} selections")));
        }
        SELECTIONS.put(&tx, scope, &selection_key(plan, id), fresh).await?;
        Ok((id.clone(), fresh.created))
    });
    let (id, created) = made.await?;
    Ok(CreateBackupSelectionOutput {
        selection_id: Some(id),
        backup_plan_id: Some(plan.to_owned()),
        creation_date: Some(created),
    })
}

fn id_of(key: &str) -> String {
    key.rsplit('\u{2}').next().unwrap_or_default().to_owned()
}

async fn find(tx: &Tx, place: &Place, plan: &str, id: &str) -> Result<SelectionRecord, Error> {
    plans::find(tx, place, plan).await?;
    let found = SELECTIONS.get(tx, place, &selection_key(plan, id)).await?;
    found.ok_or_else(|| Error::NotFound(format!("Cannot find Backup selection with ID {id}")))
}

pub async fn get_backup_selection(
    backup: &Backup,
    call: &Call,
    input: GetBackupSelectionInput,
) -> Result<GetBackupSelectionOutput, Error> {
    let (scope, plan, id) = (&call.scope(), input.backup_plan_id.as_str(), input.selection_id.as_str());
    let found = backup.store.read(|tx| async move { find(&tx, scope, plan, id).await }).await?;
    Ok(GetBackupSelectionOutput {
        backup_selection: Some(found.shown.0),
        selection_id: Some(id.to_owned()),
        backup_plan_id: Some(plan.to_owned()),
        creation_date: Some(found.created),
        creator_request_id: found.creator_request_id,
    })
}

pub async fn delete_backup_selection(
    backup: &Backup,
    call: &Call,
    input: DeleteBackupSelectionInput,
) -> Result<DeleteBackupSelectionOutput, Error> {
    let (scope, plan, id) = (&call.scope(), input.backup_plan_id.as_str(), input.selection_id.as_str());
    let deleted = backup.store.transact(|tx| async move {
        find(&tx, scope, plan, id).await?;
        Ok::<_, Error>(SELECTIONS.delete(&tx, scope, &selection_key(plan, id)).await?)
    });
    deleted.await?;
    Ok(DeleteBackupSelectionOutput {})
}

pub async fn list_backup_selections(
    backup: &Backup,
    call: &Call,
    input: ListBackupSelectionsInput,
) -> Result<ListBackupSelectionsOutput, Error> {
    let (scope, plan) = (&call.scope(), input.backup_plan_id.as_str());
    let found = backup.store.read(|tx| async move {
        plans::find(&tx, scope, plan).await?;
        lists::all(&tx, &SELECTIONS, scope, &of_plan(plan)).await
    });
    let asked = Asked { operation: "ListBackupSelections", most: input.max_results, token: input.next_token };
    let (page, next_token) = lists::page(backup, call, asked, found.await?, |(key, _)| key.clone())?;
    let shown = page.into_iter().map(|(key, record)| BackupSelectionsListMember {
        selection_id: Some(id_of(&key)),
        backup_plan_id: Some(plan.to_owned()),
        creation_date: Some(record.created),
        creator_request_id: record.creator_request_id,
        iam_role_arn: Some(record.shown.iam_role_arn.clone()),
        selection_name: Some(record.shown.0.selection_name),
    });
    Ok(ListBackupSelectionsOutput { next_token, backup_selections_list: Some(shown.collect()) })
}
