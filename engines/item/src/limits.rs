//! Limits of the languages and of items, as on the page "Constraints in Amazon DynamoDB".

/// An expression's text, before placeholders are put in.
pub const EXPRESSION_BYTES_MAX: usize = 4 * 1024;
/// Operators and functions of an expression together.
pub const EXPRESSION_OPERATORS_MAX: usize = 300;
/// Parentheses, functions and NOTs within each other, of which more than there may be operators make no sense. It
/// bounds our own stack.
pub const EXPRESSION_NESTING_MAX: usize = EXPRESSION_OPERATORS_MAX + 2;
/// Right of an IN.
pub const IN_OPERANDS_MAX: usize = 100;
/// `#name` and `:value` with their first character.
pub const PLACEHOLDER_BYTES_MAX: usize = 255;
/// All placeholders of a request and what stands for them.
pub const PLACEHOLDERS_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Names and indexes of a document path together, the attribute's name included.
pub const PATH_DEPTH_MAX: usize = 32;
pub const LIST_INDEX_MAX: u32 = i32::MAX as u32;
/// Lists and maps within each other.
pub const NESTING_MAX: usize = 32;
/// Names and values of an item, by DynamoDB's own measure.
pub const ITEM_BYTES_MAX: usize = 400 * 1024;
pub const PARTITION_KEY_BYTES_MAX: usize = 2048;
pub const SORT_KEY_BYTES_MAX: usize = 1024;
/// No item that was ever let in is deeper.
pub const ENCODED_NESTING_MAX: usize = NESTING_MAX * 2;
