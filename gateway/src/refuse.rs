//! What the gateway itself answers, in the words of the service that was meant.
//!
//! "Not implemented" has status 501. Clients must fail at once instead of trying again: botocore (`retries/standard`),
//! the JavaScript, Java, Go, Rust and PHP clients retry 500, 502, 503 and 504 (botocore's legacy mode also 509), and
//! none of them 501. Sources of the sentences: "Common errors" of the API references; "Could not find operation …
//! for version …" as IAM and STS say it; UnknownOperationException of AWS's JSON front end, which has no message.

use identity::sigv4::{AuthError, ErrorFamily};
use schema::{ErrorCode, Fault, Protocol, Service, Side, Signing};

use crate::route::{Unrouted, Why};

/// A fault, and what is needed to write it.
pub(crate) struct Refusal {
    pub fault: Fault,
    pub protocol: Protocol,
    pub service: &'static Service,
}

/// Stands in where no service is known.
pub(crate) static NOBODY: Service = Service { name: "fogbank", id: "Fogbank", ..Service::BLANK };

const NOT_IMPLEMENTED: ErrorCode =
    ErrorCode { name: "NotImplemented", code: "NotImplemented", status: 501, side: Side::Receiver };
const UNKNOWN_OPERATION: ErrorCode = ErrorCode::sender("UnknownOperationException", 400);
const NO_SUCH_PATH: ErrorCode = ErrorCode::sender("UnknownOperationException", 404);
/// The oldest REST service has a word of its own for a path that it knows with other methods only.
const METHOD_NOT_ALLOWED: ErrorCode = ErrorCode::sender("MethodNotAllowed", 405);
const INVALID_ACTION: ErrorCode = ErrorCode::sender("InvalidAction", 400);
const NO_SUCH_VERSION: ErrorCode = ErrorCode::sender("NoSuchVersion", 400);
const MISSING_ACTION: ErrorCode = ErrorCode::sender("MissingAction", 400);
const UNAVAILABLE: ErrorCode =
    ErrorCode { name: "ServiceUnavailable", code: "ServiceUnavailable", status: 503, side: Side::Receiver };
const UNAVAILABLE_JSON: ErrorCode = ErrorCode {
    name: "ServiceUnavailableException",
    code: "ServiceUnavailable",
    status: 503,
    side: Side::Receiver,
};
const SLOW_DOWN: ErrorCode =
    ErrorCode { name: "SlowDown", code: "SlowDown", status: 503, side: Side::Receiver };
const TOO_LARGE: ErrorCode = ErrorCode::sender("RequestEntityTooLargeException", 413);
const ENTITY_TOO_LARGE: ErrorCode = ErrorCode::sender("EntityTooLarge", 400);
const HEADERS_TOO_LARGE: ErrorCode = ErrorCode::sender("RequestHeaderSectionTooLarge", 431);
const TIMEOUT: ErrorCode = ErrorCode::sender("RequestTimeout", 400);
const TIMEOUT_JSON: ErrorCode = ErrorCode::sender("RequestTimeoutException", 408);
const INCOMPLETE_BODY: ErrorCode = ErrorCode::sender("IncompleteBody", 400);
const INVALID_URI: ErrorCode = ErrorCode::sender("InvalidURI", 400);
const LENGTH_MISSING: ErrorCode = ErrorCode::sender("MissingContentLength", 411);
const BAD_REQUEST: ErrorCode = ErrorCode::sender("BadRequest", 400);

impl Refusal {
    pub fn new(protocol: Protocol, service: &'static Service, fault: Fault) -> Refusal {
        Refusal { fault, protocol, service }
    }

    /// The request goes nowhere.
    pub fn unrouted(Unrouted { service, protocol, why }: Unrouted) -> Refusal {
        let is_query = matches!(protocol, Protocol::AwsQuery | Protocol::Ec2Query);
        let fault = match why {
            Why::NoService => Fault::new(
                &NO_SUCH_PATH,
                "The request names no AWS service: it has no signature, target, action or host name that tells \
                 which one is meant.",
            ),
            Why::NotServed(name) => {
                Fault::new(&NOT_IMPLEMENTED, format!("The service {name} is not implemented by Fogbank"))
            }
            Why::UnknownOperation(action) if is_query => {
                Fault::new(&INVALID_ACTION, format!("The action {action} is not valid for this endpoint."))
            }
            Why::UnknownOperation(_) => Fault::new(&UNKNOWN_OPERATION, ""),
            Why::Undecodable => Fault::new(&INVALID_URI, "Couldn't parse the specified URI."),
            // A browser's question without what it asks about.
            Why::NoSuchMethod { method, .. } if method == "OPTIONS" => {
                Fault::new(&BAD_REQUEST, "Insufficient information. Origin request header needed.")
            }
            Why::NoSuchMethod { method, resource_type } => {
                let message = "The specified method is not allowed against this resource.";
                let fields = vec![("Method", method), ("ResourceType", resource_type.to_owned())];
                Fault::new(&METHOD_NOT_ALLOWED, message).with_fields(fields)
            }
            Why::NoSuchPath => Fault::new(&NO_SUCH_PATH, ""),
            Why::NotImplemented(operation) => {
                let name = service.map_or("", |service| service.name);
                Fault::new(&NOT_IMPLEMENTED, format!("{name}:{operation} is not implemented by Fogbank"))
            }
            Why::MissingAction => {
                Fault::new(&MISSING_ACTION, "The request must contain the parameter Action.")
            }
            Why::WrongVersion { version, .. } if protocol == Protocol::Ec2Query => {
                let version = version.unwrap_or_default();
                let id = service.map_or("", |service| service.id);
                let message =
                    format!("The requested version ({version}) of service Amazon{id} does not exist");
                Fault::new(&NO_SUCH_VERSION, message)
            }
            Why::WrongVersion { action, version } => {
                let version = version.unwrap_or_else(|| "NO_VERSION_SPECIFIED".to_owned());
                let message = format!("Could not find operation {action} for version {version}");
                Fault::new(&INVALID_ACTION, message)
            }
        };
        Refusal::new(protocol, service.unwrap_or(&NOBODY), fault)
    }

    /// The signature is missing or wrong.
    pub fn unsigned(protocol: Protocol, service: &'static Service, error: &AuthError) -> Refusal {
        let fault = error.fault(family(protocol, service));
        let mut message = fault.message;
        if service.query_compatible {
            message.push_str(&error.explanation().unwrap_or_default());
        }
        let code = fault.query_code.unwrap_or(fault.code);
        let fault =
            Fault::custom(fault.code, fault.status, message).with_code(code).with_fields(fault.details);
        Refusal::new(protocol, service, fault)
    }

    /// We have more to do than we can.
    pub fn busy(protocol: Protocol, service: &'static Service) -> Refusal {
        let fault = match service.signing {
            Signing::Declared => Fault::new(&SLOW_DOWN, "Please reduce your request rate."),
            _ if is_json(protocol) => Fault::new(&UNAVAILABLE_JSON, UNABLE),
            _ => Fault::new(&UNAVAILABLE, UNABLE),
        };
        Refusal::new(protocol, service, fault)
    }

    pub fn body_too_large(protocol: Protocol, service: &'static Service) -> Refusal {
        let fault = match service.signing {
            Signing::Declared => {
                Fault::new(&ENTITY_TOO_LARGE, "Your proposed upload exceeds the maximum allowed object size.")
            }
            _ => Fault::new(&TOO_LARGE, "Request size exceeds the maximum that the service accepts."),
        };
        Refusal::new(protocol, service, fault)
    }

    pub fn headers_too_large(protocol: Protocol, service: &'static Service) -> Refusal {
        let message = "Your request header section exceeds the maximum allowed size.";
        Refusal::new(protocol, service, Fault::new(&HEADERS_TOO_LARGE, message))
    }

    /// The body stopped coming.
    pub fn body_paused(protocol: Protocol, service: &'static Service) -> Refusal {
        let error = if is_json(protocol) { &TIMEOUT_JSON } else { &TIMEOUT };
        let message = "Your socket connection to the server was not read from or written to within the timeout \
                       period. Idle connections will be closed.";
        Refusal::new(protocol, service, Fault::new(error, message))
    }

    /// The length of a body that is to be kept must be known beforehand. `Transfer-Encoding` alone does not tell it.
    pub fn length_missing(protocol: Protocol, service: &'static Service, is_chunked: bool) -> Refusal {
        let fault = match is_chunked {
            true => Fault::new(
                &NOT_IMPLEMENTED,
                "A header you provided implies functionality that is not implemented.",
            )
            .with_fields(vec![("Header", "Transfer-Encoding".to_owned())]),
            false => Fault::new(&LENGTH_MISSING, "You must provide the Content-Length HTTP header."),
        };
        Refusal::new(protocol, service, fault)
    }

    /// The body ended early, or its framing is wrong.
    pub fn body_broken(protocol: Protocol, service: &'static Service) -> Refusal {
        let message = "The request body terminated unexpectedly";
        Refusal::new(protocol, service, Fault::new(&INCOMPLETE_BODY, message))
    }

    /// The head is one that no client sends: a target that is no path.
    pub fn bad_request(protocol: Protocol, message: &str) -> Refusal {
        Refusal::new(protocol, &NOBODY, Fault::new(&BAD_REQUEST, message))
    }
}

const UNABLE: &str = "Service is unable to handle request.";

fn is_json(protocol: Protocol) -> bool {
    !matches!(protocol, Protocol::AwsQuery | Protocol::Ec2Query | Protocol::RestXml)
}

fn family(protocol: Protocol, service: &Service) -> ErrorFamily {
    match protocol {
        Protocol::Ec2Query => ErrorFamily::Ec2,
        Protocol::RestXml if service.signing == Signing::Declared => ErrorFamily::S3,
        Protocol::AwsQuery | Protocol::RestXml => ErrorFamily::Query,
        Protocol::RestJson1 => ErrorFamily::RestJson,
        _ if service.query_compatible => ErrorFamily::QueryCompatible,
        _ => ErrorFamily::Json,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static QUEUES: Service = Service { name: "queues", query_compatible: true, ..Service::BLANK };

    #[test]
    fn a_request_that_goes_nowhere_is_told_so_in_its_protocol() {
        let unknown = || Why::UnknownOperation("Fly".to_owned());
        let version = || Why::WrongVersion { action: "Send", version: None };
        for (protocol, why, code, status, message) in [
            (
                Protocol::AwsQuery,
                unknown(),
                "InvalidAction",
                400,
                "The action Fly is not valid for this endpoint.",
            ),
            (Protocol::AwsJson1_0, unknown(), "UnknownOperationException", 400, ""),
            (Protocol::RestJson1, Why::NoSuchPath, "UnknownOperationException", 404, ""),
            (
                Protocol::AwsQuery,
                version(),
                "InvalidAction",
                400,
                "Could not find operation Send for version NO_VERSION_SPECIFIED",
            ),
            (
                Protocol::AwsJson1_0,
                Why::NotImplemented("Send"),
                "NotImplemented",
                501,
                "queues:Send is not implemented by Fogbank",
            ),
        ] {
            let Refusal { fault, .. } = Refusal::unrouted(Unrouted { service: Some(&QUEUES), protocol, why });
            assert_eq!((fault.code(), fault.status(), fault.message()), (code, status, message));
        }
    }

    #[test]
    fn a_missing_signature_has_a_name_in_json_and_a_code_in_query() {
        let refused = Refusal::unsigned(Protocol::AwsJson1_0, &QUEUES, &AuthError::MissingToken).fault;
        assert_eq!(
            (refused.name(), refused.code(), refused.status()),
            ("MissingAuthenticationTokenException", "MissingAuthenticationToken", 403)
        );
    }
}
