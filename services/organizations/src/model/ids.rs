//! The ids that AWS gives, and what an id that came from outside names.

use base::{AccountId, Ids};

const LOWER: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";

pub fn organization(ids: &Ids) -> String {
    format!("o-{}", ids.text(10, LOWER))
}

pub fn root(ids: &Ids) -> String {
    format!("r-{}", ids.text(4, LOWER))
}

/// The part of an OU's id that is its own.
pub fn unique(ids: &Ids) -> String {
    ids.text(8, LOWER)
}

/// An OU's id repeats its root's.
pub fn unit(root: &str, unique: &str) -> String {
    let root = root.strip_prefix("r-").expect("roots are named by us");
    format!("ou-{root}-{unique}")
}

pub fn policy(ids: &Ids) -> String {
    format!("p-{}", ids.text(10, LOWER))
}

pub fn resource_policy(ids: &Ids) -> String {
    format!("rp-{}", ids.text(8, LOWER))
}

pub fn handshake(ids: &Ids) -> String {
    format!("h-{}", ids.text(32, LOWER))
}

pub fn creation(ids: &Ids) -> String {
    format!("car-{}", ids.hex(32))
}

/// Twelve random digits, of which the first is none of `0`: such numbers are AWS's habit and ours for tests.
pub fn account(ids: &Ids) -> AccountId {
    AccountId::new(100_000_000_000 + ids.below(900_000_000_000)).expect("the number has twelve digits")
}

/// What a policy can be attached to, and what can be tagged besides policies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entity {
    Root(String),
    Unit(String),
    Account(AccountId),
}

impl Entity {
    pub fn parse(id: &str) -> Option<Entity> {
        let is_lower = |text: &str| text.bytes().all(|byte| LOWER.contains(&byte));
        if let Some(rest) = id.strip_prefix("r-") {
            return ((4..=32).contains(&rest.len()) && is_lower(rest)).then(|| Entity::Root(id.to_owned()));
        }
        if let Some(rest) = id.strip_prefix("ou-") {
            let (root, own) = rest.split_once('-')?;
            let fits = (4..=32).contains(&root.len()) && (8..=32).contains(&own.len());
            return (fits && is_lower(root) && is_lower(own)).then(|| Entity::Unit(id.to_owned()));
        }
        id.parse().ok().map(Entity::Account)
    }
}

impl std::fmt::Display for Entity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Entity::Root(id) | Entity::Unit(id) => f.write_str(id),
            Entity::Account(id) => id.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_ids_have_the_forms_of_the_model() {
        let ids = Ids::seeded(1);
        let root = root(&ids);
        assert!(matches!(Entity::parse(&root), Some(Entity::Root(_))));
        let unit = unit(&root, &unique(&ids));
        assert!(unit.starts_with(&format!("ou-{}-", &root[2..])));
        assert!(matches!(Entity::parse(&unit), Some(Entity::Unit(_))));
        assert_eq!(organization(&ids).len(), 12);
        assert_eq!(creation(&ids).len(), 36);
        assert_eq!(account(&ids).to_string().len(), 12);
    }

    #[test]
    fn what_is_no_id_names_nothing() {
        for bad in
            ["", "r-", "r-ABCD", "r-abc", "ou-ab12", "ou-ab12-1234567", "12345678901", "p-12345678", "x"]
        {
            assert_eq!(Entity::parse(bad), None, "{bad}");
        }
    }
}
