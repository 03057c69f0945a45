//! Whether snapshots of an account in a region may be shared with everyone ("Block public access for Amazon EBS
//! snapshots").

use ec2_api::*;
use service::Call;

use crate::Ec2;
use crate::error::Error;
use crate::records::settings::OWN;
use crate::records::snapshot_states::{PUBLIC_ACCESS, PublicAccessRecord, blocked};

pub async fn enable_snapshot_block_public_access(
    ec2: &Ec2,
    call: &Call,
    input: EnableSnapshotBlockPublicAccessInput,
) -> Result<EnableSnapshotBlockPublicAccessOutput, Error> {
    use SnapshotBlockPublicAccessState as State;
    if !matches!(input.state, State::BlockAllSharing | State::BlockNewSharing) {
        let why = "It must be block-all-sharing or block-new-sharing.";
        return Err(Error::invalid_value(&input.state, "state", why));
    }
    let (place, record) = (&call.scope(), &PublicAccessRecord { state: input.state.to_string() });
    ec2.store.transact(|tx| async move { PUBLIC_ACCESS.put(&tx, place, OWN, record).await }).await?;
    Ok(EnableSnapshotBlockPublicAccessOutput { state: Some(input.state) })
}

pub async fn disable_snapshot_block_public_access(
    ec2: &Ec2,
    call: &Call,
    _: DisableSnapshotBlockPublicAccessInput,
) -> Result<DisableSnapshotBlockPublicAccessOutput, Error> {
    let place = &call.scope();
    ec2.store.transact(|tx| async move { PUBLIC_ACCESS.delete(&tx, place, OWN).await }).await?;
    Ok(DisableSnapshotBlockPublicAccessOutput { state: Some(SnapshotBlockPublicAccessState::Unblocked) })
}

pub async fn get_snapshot_block_public_access_state(
    ec2: &Ec2,
    call: &Call,
    _: GetSnapshotBlockPublicAccessStateInput,
) -> Result<GetSnapshotBlockPublicAccessStateOutput, Error> {
    let place = &call.scope();
    let state = ec2.store.read(|tx| async move { blocked(&tx, place).await }).await?;
    Ok(GetSnapshotBlockPublicAccessStateOutput { state: Some(state), managed_by: Some(ManagedBy::Account) })
}
