//! Plans as JSON, and the plans that AWS offers to begin with.

use backup_api::*;
use service::Call;

use super::lists::{self, Asked};
use super::plans;
use crate::Backup;
use crate::error::Error;
use crate::model::templates::{self, TEMPLATES};

pub async fn export_backup_plan_template(
    backup: &Backup,
    call: &Call,
    input: ExportBackupPlanTemplateInput,
) -> Result<ExportBackupPlanTemplateOutput, Error> {
    let (scope, id) = (&call.scope(), input.backup_plan_id.as_str());
    let version = backup.store.read(|tx| async move { plans::current(&tx, scope, id).await });
    let (_, version) = version.await?;
    Ok(ExportBackupPlanTemplateOutput { backup_plan_template_json: Some(templates::write(&version.plan)) })
}

pub async fn get_backup_plan_from_json(
    _: &Backup,
    _: &Call,
    input: GetBackupPlanFromJSONInput,
) -> Result<GetBackupPlanFromJSONOutput, Error> {
    Ok(GetBackupPlanFromJSONOutput { backup_plan: Some(templates::read(&input.backup_plan_template_json)?) })
}

pub async fn get_backup_plan_from_template(
    _: &Backup,
    _: &Call,
    input: GetBackupPlanFromTemplateInput,
) -> Result<GetBackupPlanFromTemplateOutput, Error> {
    let id = input.backup_plan_template_id.as_str();
    let found = TEMPLATES.iter().find(|template| template.id == id);
    let found =
        found.ok_or_else(|| Error::NotFound(format!("Cannot find backup plan template with ID {id}")))?;
    Ok(GetBackupPlanFromTemplateOutput { backup_plan_document: Some(found.plan()?) })
}

pub async fn list_backup_plan_templates(
    backup: &Backup,
    call: &Call,
    input: ListBackupPlanTemplatesInput,
) -> Result<ListBackupPlanTemplatesOutput, Error> {
    let asked =
        Asked { operation: "ListBackupPlanTemplates", most: input.max_results, token: input.next_token };
    let (page, next_token) =
        lists::page(backup, call, asked, TEMPLATES.iter().collect(), |template| template.id.to_owned())?;
    let shown = page.into_iter().map(|template| BackupPlanTemplatesListMember {
        backup_plan_template_id: Some(template.id.to_owned()),
        backup_plan_template_name: Some(template.name.to_owned()),
    });
    Ok(ListBackupPlanTemplatesOutput { next_token, backup_plan_templates_list: Some(shown.collect()) })
}
