//! How a key stands at a moment, and when the clock will change that next.
//!
//! What the clock brings about is true at its moment, not when the task that writes it down comes to it: so the state
//! is asked for with the time.

use base::Timestamp;

use crate::records::{Became, KeyRecord, KeyState, Manager, MaterialRecord};

impl KeyState {
    /// In the API's spelling.
    pub fn as_str(&self) -> &'static str {
        match self {
            KeyState::Enabled => "Enabled",
            KeyState::Disabled => "Disabled",
            KeyState::PendingImport => "PendingImport",
            KeyState::PendingDeletion { .. } => "PendingDeletion",
            KeyState::PendingReplicaDeletion { .. } => "PendingReplicaDeletion",
        }
    }

    pub fn is_going(&self) -> bool {
        matches!(self, KeyState::PendingDeletion { .. } | KeyState::PendingReplicaDeletion { .. })
    }
}

impl KeyRecord {
    pub fn is_aws_managed(&self) -> bool {
        matches!(self.manager, Manager::Aws { .. })
    }
}

/// The state at a moment.
pub fn at(record: &KeyRecord, materials: &[(u32, MaterialRecord)], now: Timestamp) -> KeyState {
    let expired = |material: &MaterialRecord| is_needed(material) && material.is_expired(now);
    match record.state {
        KeyState::Enabled | KeyState::Disabled if materials.iter().any(|(_, material)| expired(material)) => {
            KeyState::PendingImport
        }
        ref state => state.clone(),
    }
}

/// A key is usable only with all the materials that ever were its current one.
pub fn is_needed(material: &MaterialRecord) -> bool {
    material.how != Became::PendingRotation
}

/// Whether all that was imported is there.
pub fn is_whole(materials: &[(u32, MaterialRecord)], now: Timestamp) -> bool {
    let mut needed = materials.iter().map(|(_, material)| material).filter(|material| is_needed(material));
    let mut any = false;
    let whole = needed.all(|material| {
        any = true;
        material.sealed.is_some() && !material.is_expired(now)
    });
    any && whole
}

impl MaterialRecord {
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.sealed.is_some() && self.valid_to.is_some_and(|end| end <= now)
    }
}

/// When the clock changes something about this key next. A replica rotates with its primary, whose record says so.
pub fn next_due(
    record: &KeyRecord,
    materials: &[(u32, MaterialRecord)],
    is_replica: bool,
) -> Option<Timestamp> {
    let deletion = match record.state {
        KeyState::PendingDeletion { deletion, .. } => Some(deletion),
        _ => None,
    };
    let rotation = record.rotation.next.filter(|_| record.state == KeyState::Enabled && !is_replica);
    let expiry = materials
        .iter()
        .filter(|(_, material)| material.sealed.is_some())
        .filter_map(|(_, material)| material.valid_to)
        .min();
    [deletion, rotation, expiry].into_iter().flatten().min()
}
