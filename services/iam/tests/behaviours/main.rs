//! IAM behaviours, in process and with a hand-driven clock.

mod enforcement;
mod linked_roles;
mod people;
mod permission_support;
mod policies;
mod reports;
mod roles;
mod root_access;
