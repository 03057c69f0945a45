//! PutParameter: the first version of a parameter, or another one.
//!
//! KMS is another service and cannot be asked within a transaction. So a secret is sealed for what the parameter is
//! now, and the transaction checks that it still is that.

use service::{Ask, Call};
use ssm_api::{PutParameterInput, PutParameterOutput};
use store::Tx;

use super::plan::{Draft, Plan, State};
use super::sealing::seal;
use crate::Ssm;
use crate::error::Error;
use crate::limits::SEAL_ATTEMPTS_MAX;
use crate::model::labels::Labels;
use crate::model::value::Kind;
use crate::records::{
    COUNTS, COUNTS_KEY, CountsRecord, EXPIRIES, ExpiryRecord, PARAMETERS, ParameterRecord, Place, VERSIONS,
    Value, VersionRecord, expiry_key, version_key,
};

pub async fn put_parameter(
    ssm: &Ssm,
    call: &Call,
    input: PutParameterInput,
) -> Result<PutParameterOutput, Error> {
    if input.tags.as_ref().is_some_and(|tags| !tags.is_empty()) {
        may_tag(ssm, call, &input).await?;
    }
    let draft = Draft::read(call, input)?;
    let arn = draft.name.arn(call.region, call.account);
    let (scope, key) = (call.scope(), draft.name.key());
    let (scope, key) = (&scope, key.as_str());
    for _ in 0..SEAL_ATTEMPTS_MAX {
        let state = ssm.store.read(|tx| async move { State::load(&tx, scope, key).await }).await?;
        let plan = draft.plan(&state)?;
        let value = match &plan.key_id {
            Some(key_id) => seal(ssm, call, arn.as_str(), plan.tier, key_id, &draft.value).await?,
            None => Value::Plain(draft.value.clone()),
        };
        let (draft, plan, value) = (&draft, &plan, &value);
        let written =
            ssm.store.transact(|tx| async move { write(&tx, call, draft, plan, value).await }).await?;
        if let Some(output) = written {
            ssm.expiry.nudge();
            return Ok(output);
        }
    }
    Err(Error::TooManyUpdates)
}

/// Tags on a new parameter need the permission to tag it.
async fn may_tag(ssm: &Ssm, call: &Call, input: &PutParameterInput) -> Result<(), Error> {
    let arns = super::authorise::by_name(ssm, call, input)?;
    let ask = Ask {
        prefix: "ssm",
        action: "AddTagsToResource",
        resource: arns.first(),
        keys: &[],
        input: Some(input),
    };
    ssm.aws.require(call, &ask).await.map_err(Error::Other)
}

/// Writes a version if the parameter is what the plan was made for; nothing if it has changed.
async fn write(
    tx: &Tx,
    call: &Call,
    draft: &Draft,
    planned: &Plan,
    value: &Value,
) -> Result<Option<PutParameterOutput>, Error> {
    let (scope, key) = (call.scope(), draft.name.key());
    let state = State::load(tx, &scope, &key).await?;
    let existing = state.existing.as_ref();
    if let Some(own) = existing.filter(|record| record.current.request == call.request_id) {
        // A run whose acknowledgement was lost wrote it; this is the same call.
        return Ok(Some(output(&own.current)));
    }
    let plan = draft.plan(&state)?;
    if plan.kind == Kind::SecureString && (plan.tier, &plan.key_id) != (planned.tier, &planned.key_id) {
        return Ok(None);
    }
    if (plan.kind == Kind::SecureString) != (planned.kind == Kind::SecureString) {
        return Ok(None);
    }
    make_room(tx, &scope, &key, &state).await?;
    let mut counts = state.counts;
    counts.move_in(existing.map(|record| record.current.tier), plan.tier)?;
    if counts != state.counts {
        COUNTS.put(tx, &scope, COUNTS_KEY, &CountsRecord { counts }).await?;
    }
    let expires = plan.expires();
    move_expiry(tx, scope, &key, existing, expires).await?;
    let current = VersionRecord {
        version: plan.version,
        request: call.request_id.clone(),
        modified: call.now,
        user: call.principal.arn.clone(),
        kind: plan.kind,
        value: value.clone(),
        key_id: plan.key_id,
        description: plan.description,
        allowed_pattern: plan.allowed_pattern,
        tier: plan.tier,
        data_type: plan.data_type,
        policies: plan.policies,
    };
    let answer = output(&current);
    let outdated = state.outdated()?;
    let record = match state.existing {
        Some(before) => {
            let oldest = outdated.map_or(before.oldest, |gone| gone + 1);
            ParameterRecord { current, oldest, expires, ..before }
        }
        None => ParameterRecord {
            name: draft.name.as_str().to_owned(),
            current,
            oldest: 1,
            labels: Labels::new(),
            tags: draft.tags.clone(),
            sharing: None,
            expires,
        },
    };
    PARAMETERS.put(tx, &scope, &key, &record).await?;
    Ok(Some(answer))
}

fn output(current: &VersionRecord) -> PutParameterOutput {
    PutParameterOutput { version: Some(current.version.cast_signed()), tier: Some(current.tier.into()) }
}

/// Puts the current version among the older ones, and drops the oldest if there are too many.
async fn make_room(tx: &Tx, scope: &Place, key: &str, state: &State) -> Result<(), Error> {
    let Some(before) = &state.existing else { return Ok(()) };
    if let Some(outdated) = state.outdated()? {
        VERSIONS.delete(tx, scope, &version_key(key, outdated)).await?;
    }
    VERSIONS.put(tx, scope, &version_key(key, before.current.version), &before.current).await?;
    Ok(())
}

async fn move_expiry(
    tx: &Tx,
    scope: Place,
    key: &str,
    existing: Option<&ParameterRecord>,
    expires: Option<base::Timestamp>,
) -> Result<(), Error> {
    let before = existing.and_then(|record| record.expires);
    if before == expires {
        return Ok(());
    }
    if let Some(before) = before {
        EXPIRIES.delete(tx, &(), &expiry_key(before, scope, key)).await?;
    }
    if let Some(at) = expires {
        let (account, region) = scope;
        let entry = ExpiryRecord { account, region, parameter: key.to_owned() };
        EXPIRIES.put(tx, &(), &expiry_key(at, scope, key), &entry).await?;
    }
    Ok(())
}
