//! Paths of one projection or update must not meet.

use super::{Kind, Path, Step};
use crate::error::ExpressionError;

/// How two paths get into each other's way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Clash {
    /// They are the same, or one leads into the other.
    Overlap,
    /// One takes something for a list, the other takes it for a map.
    Conflict,
}

/// The latest path is told with the latest one before it that it meets.
pub(super) fn check(kind: Kind, paths: &[&Path]) -> Result<(), ExpressionError> {
    for (index, later) in paths.iter().enumerate().rev() {
        for earlier in paths[..index].iter().rev() {
            let Some(clash) = clash(earlier, later) else { continue };
            let verb = match clash {
                Clash::Overlap => "overlap",
                Clash::Conflict => "conflict",
            };
            return Err(kind.invalid(format!(
                "Two document paths {verb} with each other; must remove or rewrite one of these paths; path one: \
                 {earlier}, path two: {later}"
            )));
        }
    }
    Ok(())
}

fn clash(one: &Path, other: &Path) -> Option<Clash> {
    if one.root != other.root {
        return None;
    }
    for (one, other) in one.steps.iter().zip(&other.steps) {
        match (one, other) {
            (Step::Name(one), Step::Name(other)) if one == other => {}
            (Step::Index(one), Step::Index(other)) if one == other => {}
            (Step::Name(_), Step::Name(_)) | (Step::Index(_), Step::Index(_)) => return None,
            _ => return Some(Clash::Conflict),
        }
    }
    Some(Clash::Overlap)
}
