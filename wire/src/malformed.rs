//! What a client is told when its request cannot be understood at all.
//!
//! Each protocol has words of its own for this, and they are all here. The services have none: a body that is
//! no JSON never reaches them. See "Common Errors" in any Query API's reference, and SerializationException
//! as DynamoDB and SQS answer it (a bare `__type` for bad syntax, a message for a wrong type).

use schema::{ErrorCode, Fault, Protocol};

/// Why an input (or, in the client's direction, an output) could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Not the format at all: broken JSON, XML that does not end.
    #[error("the syntax is wrong: {0}")]
    Syntax(String),
    /// The right format, but a value of the wrong type, or nested too deeply.
    #[error("{0}")]
    Value(String),
}

const SERIALIZATION: ErrorCode = ErrorCode::sender("SerializationException", 400);
const MALFORMED_INPUT: ErrorCode = ErrorCode::sender("MalformedInput", 400);
const MALFORMED_QUERY_STRING: ErrorCode = ErrorCode::sender("MalformedQueryString", 404);
const INVALID_PARAMETER_VALUE: ErrorCode = ErrorCode::sender("InvalidParameterValue", 400);
const INVALID_QUERY_PARAMETER: ErrorCode = ErrorCode::sender("InvalidQueryParameter", 400);
const MALFORMED_XML: ErrorCode = ErrorCode::sender("MalformedXML", 400);

/// The fault with which a protocol answers an input that it cannot read.
pub fn malformed_fault(protocol: Protocol, malformed: &Malformed) -> Fault {
    use Malformed::{Syntax, Value};
    let (error, message) = match (protocol, malformed) {
        (Protocol::AwsQuery, Syntax(_)) => (
            &MALFORMED_QUERY_STRING,
            "The query string contains a syntax error or does not adhere to AWS standards.",
        ),
        (Protocol::AwsQuery, Value(text)) => (&MALFORMED_INPUT, text.as_str()),
        (Protocol::Ec2Query, Syntax(_)) => (
            &INVALID_QUERY_PARAMETER,
            "The AWS query string is malformed or does not adhere to AWS standards.",
        ),
        (Protocol::Ec2Query, Value(text)) => (&INVALID_PARAMETER_VALUE, text.as_str()),
        (Protocol::RestXml, _) => (
            &MALFORMED_XML,
            "The XML you provided was not well-formed or did not validate against our published schema",
        ),
        // AWS sends no message with a syntax error; the reason stays in our log.
        (_, Syntax(_)) => (&SERIALIZATION, ""),
        (_, Value(text)) => (&SERIALIZATION, text.as_str()),
    };
    Fault::new(error, message).because(malformed.clone())
}
