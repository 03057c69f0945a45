//! What a request may make the decoders do. Bodies are bounded before they get here.

/// How deep values may nest, in any protocol. DynamoDB's documents need about seventy levels on the wire.
pub const NESTING_DEPTH_MAX: usize = 100;

/// Parameters of one Query request, those of the URL and of the body together.
pub const QUERY_PARAMETERS_MAX: usize = 65_536;

/// Elements and attributes of one XML document. Completing an upload of ten thousand parts takes about 80
/// 000.
pub const XML_ELEMENTS_MAX: usize = 200_000;

/// Attributes of one XML element, which are checked against each other for duplicates.
pub const XML_ATTRIBUTES_MAX: usize = 64;

/// One frame of an event stream. AWS allows payloads of 16 MiB and headers of 128 KiB.
pub const EVENT_FRAME_BYTES_MAX: usize = 16 * 1024 * 1024 + 128 * 1024 + 16;

/// Room that is made for a list at once.
pub const RESERVED_BYTES_MAX: usize = 1 << 20;
