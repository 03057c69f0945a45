//! A JSON value of no fixed shape.

/// What the models call a document. JSON's own value serves; protocols convert it.
pub type Document = serde_json::Value;
