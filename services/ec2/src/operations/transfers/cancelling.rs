//! CancelImportTask: what was begun is taken away. What is done cannot be cancelled.

use base::Arn;
use ec2_api::*;
use service::Call;

use crate::Ec2;
use crate::error::Error;
use crate::error::codes::INCORRECT_STATE;
use crate::kind::{IMPORT_IMAGE_TASK, IMPORT_SNAPSHOT_TASK};
use crate::model::transfers::states::Status;
use crate::records::transfers::{ImageImportRecord, ImportTask, SnapshotImportRecord, enqueue};
use crate::resources;

pub fn by_import(_: &Ec2, call: &Call, input: &CancelImportTaskInput) -> Result<Vec<Arn>, Error> {
    let id = input.import_task_id.as_deref().unwrap_or("*");
    let kind = if IMPORT_IMAGE_TASK.is_id(id) { &IMPORT_IMAGE_TASK } else { &IMPORT_SNAPSHOT_TASK };
    Ok(vec![kind.arn(call, id)])
}

pub async fn cancel_import_task(
    ec2: &Ec2,
    call: &Call,
    input: CancelImportTaskInput,
) -> Result<CancelImportTaskOutput, Error> {
    let id = input.import_task_id.ok_or_else(|| Error::missing("ImportTaskId"))?;
    let why = input.cancel_reason;
    let previous = match IMPORT_IMAGE_TASK.is_id(&id) {
        true => cancel::<ImageImportRecord>(ec2, call, &id, why).await?,
        false => cancel::<SnapshotImportRecord>(ec2, call, &id, why).await?,
    };
    ec2.transfers.nudge();
    Ok(CancelImportTaskOutput {
        import_task_id: Some(id),
        previous_state: Some(previous.as_str().to_owned()),
        state: Some(Status::Deleting.as_str().to_owned()),
    })
}

async fn cancel<R: ImportTask>(
    ec2: &Ec2,
    call: &Call,
    id: &str,
    why: Option<String>,
) -> Result<Status, Error> {
    let (place, why) = (&call.scope(), &why);
    let cancelled = ec2.store.transact(|tx| async move {
        let mut record: R = resources::get(&tx, place, id).await?;
        let previous = record.import().status;
        if previous != Status::Active {
            let message = format!("The task '{id}' is {} and cannot be cancelled.", previous.as_str());
            return Err(Error::new(&INCORRECT_STATE, message));
        }
        let why = why.clone().unwrap_or_else(|| "User initiated task cancelation.".to_owned());
        record.import_mut().give_up(Some(why));
        enqueue(&tx, place, id).await?;
        resources::put(&tx, place, &record).await?;
        Ok(previous)
    });
    cancelled.await
}
