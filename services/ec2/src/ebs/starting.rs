//! StartSnapshot: a snapshot that is written block by block, on top of another one or on nothing.

use std::time::Duration;

use ebs_api::*;
use service::{Ask, Call, ClientTokens, Repetition};

use super::Ebs;
use super::encryption::{self, Wanted};
use super::error::Refusal;
use super::finding::{self, Readable};
use super::reading::BLOCK_SIZE;
use super::records::{UPLOADS, UploadRecord};
use crate::ground::disks::UploadSpec;
use crate::kind::SNAPSHOT;
use crate::limits::{UPLOAD_TIMEOUT_DEFAULT, UPLOADED_GIB_MAX, UPLOADS_AT_ONCE_MAX};
use crate::model::tags::{self, Tags};
use crate::operations::authorise;
use crate::operations::snapshot_finding::arn;
use crate::operations::snapshot_making::{New, put_new};
use crate::records::instances::PlaceRecord;

const TOKENS: ClientTokens = ClientTokens { operation: "ebs.StartSnapshot" };

pub async fn start_snapshot(
    ebs: &Ebs,
    call: &Call,
    input: StartSnapshotInput,
) -> Result<StartSnapshotOutput, Refusal> {
    if input.volume_size > UPLOADED_GIB_MAX {
        let message = format!("A volume has at most {UPLOADED_GIB_MAX} GiB.");
        return Err(Refusal::invalid(ValidationExceptionReason::InvalidVolumeSize, message));
    }
    let given = given_tags(ebs, call, &input).await?;
    let token = input.client_token.clone();
    let token = token.as_deref();
    let parameters = parameters(&input);
    if let Some(id) = earlier(ebs, call, token, &parameters).await? {
        return shown(ebs, call, &id).await;
    }
    let parent = match input.parent_snapshot_id.as_deref() {
        Some(id) => Some(finding::readable(ebs, call, id).await?),
        None => None,
    };
    if parent.as_ref().is_some_and(|parent| parent.record.gib() > input.volume_size) {
        let message = "The volume size can't be less than that of the parent snapshot.";
        return Err(Refusal::invalid(ValidationExceptionReason::InvalidVolumeSize, message));
    }
    let wanted = Wanted::of(ebs, call, &input, parent.as_ref()).await?;
    let id = SNAPSHOT.new_id(&ebs.ec2.ids);
    let kept = begin(ebs, call, &input, parent.as_ref(), wanted, &id, (&given, token, &parameters)).await?;
    shown(ebs, call, &kept).await
}

/// Makes the snapshot; the id of the one that the token was used for before, where that came in between.
async fn begin(
    ebs: &Ebs,
    call: &Call,
    input: &StartSnapshotInput,
    parent: Option<&Readable>,
    wanted: Wanted,
    id: &str,
    (given, token, parameters): (&Tags, Option<&str>, &str),
) -> Result<String, Refusal> {
    let parent_key = match parent {
        Some(parent) => encryption::open(ebs, call, &parent.record).await?,
        None => None,
    };
    let sealed = wanted.make(ebs, call, id).await?;
    let spec = UploadSpec {
        id: id.to_owned(),
        volume_bytes: u64::try_from(input.volume_size).expect("it was checked") << 30,
        key: sealed.as_ref().map(|sealed| sealed.plain.clone()),
        parent: parent.map(|parent| (parent.record.id.clone(), parent_key.clone())),
    };
    let new = &New {
        id: id.to_owned(),
        gib: input.volume_size,
        description: input.description.clone().unwrap_or_default(),
        key: sealed.map(|sealed| sealed.record),
        parent: input.parent_snapshot_id.clone(),
        minutes: None,
        is_copy: false,
    };
    let minutes = input.timeout.and_then(|minutes| u64::try_from(minutes).ok());
    let upload = &UploadRecord {
        place: PlaceRecord::of(&call.scope()),
        timeout: minutes.map_or(UPLOAD_TIMEOUT_DEFAULT, |minutes| Duration::from_secs(minutes * 60)),
        written: call.now,
        is_sealed: false,
    };
    // The engine first: what no record names is swept, but a record without blocks could never be completed.
    finding::disks(ebs)?.start_upload(&spec).await?;
    let kept = ebs.ec2.store.transact(|tx| async move {
        if let Some(token) = token {
            match TOKENS.check(&tx, call.scope(), token, parameters, call.now).await? {
                Repetition::First => {}
                Repetition::Again(id) => return Ok(id),
                Repetition::Mismatch => return Err(conflict()),
                Repetition::TooLong => return Err(too_long()),
            }
            TOKENS.remember(&tx, call.scope(), token, parameters, id, call.now).await?;
        }
        if finding::has_too_many(&tx, &call.scope()).await? {
            let message = format!("You have reached the limit of {UPLOADS_AT_ONCE_MAX} pending snapshots.");
            return Err(Refusal::TooMany(message));
        }
        UPLOADS.put(&tx, &(), id, upload).await?;
        put_new(&tx, call, new, given).await?;
        Ok::<_, Refusal>(id.to_owned())
    });
    let kept = kept.await;
    if !kept.as_ref().is_ok_and(|kept| kept == id) {
        finding::disks(ebs)?.remove_snapshot(id).await?;
    }
    kept
}

async fn earlier(
    ebs: &Ebs,
    call: &Call,
    token: Option<&str>,
    parameters: &str,
) -> Result<Option<String>, Refusal> {
    let Some(token) = token else { return Ok(None) };
    let found = ebs
        .ec2
        .store
        .read(|tx| async move { TOKENS.check(&tx, call.scope(), token, parameters, call.now).await });
    match found.await? {
        Repetition::First => Ok(None),
        Repetition::Again(id) => Ok(Some(id)),
        Repetition::Mismatch => Err(conflict()),
        Repetition::TooLong => Err(too_long()),
    }
}

fn conflict() -> Refusal {
    let message = "The client token was already used with different parameters.";
    Refusal::Conflict(message.to_owned())
}

fn too_long() -> Refusal {
    Refusal::parameter("A client token has at most 64 ASCII characters.")
}

/// What a request with the same token has to have in common with the first.
fn parameters(input: &StartSnapshotInput) -> String {
    let tags = input.tags.as_deref().unwrap_or_default();
    let tags: Vec<_> = tags.iter().map(|tag| (&tag.key, &tag.value)).collect();
    let (size, parent, key) = (input.volume_size, &input.parent_snapshot_id, &input.kms_key_arn);
    format!(
        "{size:?} {parent:?} {:?} {key:?} {:?} {:?} {tags:?}",
        input.encrypted, input.description, input.timeout
    )
}

/// The tags, if the caller may tag: who starts a snapshot with tags needs `ec2:CreateTags` as well.
async fn given_tags(ebs: &Ebs, call: &Call, input: &StartSnapshotInput) -> Result<Tags, Refusal> {
    let refused = |message: String| Refusal::invalid(ValidationExceptionReason::InvalidTag, message);
    let mut given = Tags::new();
    for Tag { key, value } in input.tags.iter().flatten() {
        let key = key.clone().ok_or_else(|| refused("A tag must have a key.".to_owned()))?;
        if given.insert(key.clone(), value.clone().unwrap_or_default()).is_some() {
            return Err(refused(format!("Duplicate tag key '{key}' specified.")));
        }
    }
    tags::check(&given).map_err(|error| refused(error.to_string()))?;
    if !given.is_empty() {
        let arn = arn(call, "*");
        let keys = [("ec2:CreateAction".to_owned(), vec!["StartSnapshot".to_owned()])];
        let asked =
            ec2_api::CreateTagsInput { tags: tags::shown(&given), ..ec2_api::CreateTagsInput::default() };
        let ask = Ask {
            prefix: "ec2",
            action: "CreateTags",
            resource: Some(&arn),
            keys: &keys,
            input: Some(&asked),
        };
        authorise::require(&ebs.ec2, call, &ask).await.map_err(finding::denied)?;
    }
    Ok(given)
}

async fn shown(ebs: &Ebs, call: &Call, id: &str) -> Result<StartSnapshotOutput, Refusal> {
    let (record, given) = finding::own(ebs, call, id).await?;
    let tag = |(key, value): (String, String)| Tag { key: Some(key), value: Some(value) };
    let shown = &record.shown;
    Ok(StartSnapshotOutput {
        description: shown.description.clone(),
        snapshot_id: Some(id.to_owned()),
        owner_id: Some(call.account.to_string()),
        status: shown.state.as_ref().map(|state| Status::from(state.as_str())),
        start_time: shown.start_time,
        volume_size: shown.volume_size.map(i64::from),
        block_size: Some(BLOCK_SIZE),
        tags: Some(given.into_iter().map(tag).collect()),
        parent_snapshot_id: record.parent.clone(),
        kms_key_arn: shown.kms_key_id.clone(),
        sse_type: Some(if shown.encrypted == Some(true) { SSEType::SseKms } else { SSEType::None }),
    })
}
