//! Values of shapes that are known only at run time, for tests that bring their own models.

#![allow(dead_code, reason = "each test uses a part of this")]

pub mod model;
pub mod value;

/// Makes something live as long as statics do, which shapes must.
pub fn leak<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

pub fn leak_str(text: &str) -> &'static str {
    Box::leak(text.to_owned().into_boxed_str())
}
