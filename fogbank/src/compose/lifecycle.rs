//! The services that keep and give up what others have made.

use std::sync::Arc;

use backup::{Backup, BackupParts};
use dlm::{Dlm, DlmParts};
use rbin::{Rbin, RbinParts};
use service::PageTokens;

use super::Ground;

impl Ground {
    pub(super) fn backup(&self, pages: &PageTokens) -> Arc<Backup> {
        Backup::new(BackupParts {
            store: self.store.clone(),
            clock: self.clock.clone(),
            ids: self.ids.clone(),
            pages: pages.clone(),
            aws: self.aws.clone(),
        })
    }

    pub(super) fn dlm(&self) -> Arc<Dlm> {
        Dlm::new(DlmParts {
            store: self.store.clone(),
            clock: self.clock.clone(),
            ids: self.ids.clone(),
            aws: self.aws.clone(),
        })
    }

    pub(super) fn rbin(&self, pages: &PageTokens) -> Arc<Rbin> {
        Rbin::new(RbinParts { store: self.store.clone(), ids: self.ids.clone(), pages: pages.clone() })
    }
}
