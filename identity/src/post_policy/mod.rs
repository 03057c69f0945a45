//! Uploads by browser forms: the policy that a form carries, and the signature over it.
//!
//! A form is a list of fields. [`Form::policy`] reads the policy, which is what was signed; [`Form::presented`] finds
//! the signature, of Version 4 or 2; [`PostPolicy::check`] holds the fields against the conditions. A form without a
//! policy is anonymous.
//!
//! Reference: "Browser-Based Uploads Using POST" in the S3 API reference ("POST Policy", "HTML Form Fields").

mod condition;
mod error;
mod form;
pub mod limits;
mod policy;
mod signature;

pub use error::FormError;
pub use form::Form;
pub use policy::{LengthRange, PostPolicy};
pub use signature::Presented;
