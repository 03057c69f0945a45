//! Content that is on disk, and that nobody refers to yet.

use std::sync::Arc;

use crate::engine::Inner;
use crate::extent::Extent;

/// Durable content whose owner has not recorded it yet. Dropped, it is freed in the background; kept, it is its
/// keeper's to free.
#[must_use = "what is dropped is freed"]
pub struct Draft {
    /// None once it is kept.
    inner: Option<Arc<Inner>>,
    extent: Extent,
}

impl Draft {
    pub(crate) fn new(inner: &Arc<Inner>, extent: Extent) -> Draft {
        Draft { inner: Some(Arc::clone(inner)), extent }
    }

    pub fn extent(&self) -> &Extent {
        &self.extent
    }

    pub fn keep(mut self) -> Extent {
        self.inner = None;
        self.extent.clone()
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if let Some(inner) = self.inner.take() {
            inner.keeper.discard(self.extent.clone());
        }
    }
}

impl std::fmt::Debug for Draft {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Draft").field(&self.extent).finish()
    }
}
