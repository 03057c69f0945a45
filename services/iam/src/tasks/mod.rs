//! The background work of this service.

pub mod delete_linked_roles;
pub mod write_notes;
