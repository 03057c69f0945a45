//! What a form may hold.

/// All fields that precede the file, with their names: 20 KB, says the documentation.
pub const FIELDS_BYTES_MAX: usize = 20 * 1024;

/// A form has a few dozen fields; S3 itself knows about thirty, besides those of the user's metadata.
pub const FIELDS_MAX: usize = 256;

/// Conditions of one policy. Twenty kilobytes hold about a thousand.
pub const CONDITIONS_MAX: usize = 1024;
