//! A parameter or a header that shall be a number and is none, in the words of the service with buckets: nothing is wrong
//! with the body then, which is what XML protocols would say otherwise.

use http::HeaderMap;
use percent_encoding::percent_decode_str;
use schema::{ErrorCode, Fault, Kind, Member, Operation, Place};

const INVALID_ARGUMENT: ErrorCode = ErrorCode::sender("InvalidArgument", 400);

/// The fault for the first number of a request that cannot be read, if there is one.
pub(crate) fn not_a_number(operation: &Operation, query: &str, headers: &HeaderMap) -> Option<Fault> {
    operation.input.members().iter().find_map(|member| {
        let value = sent(member, query, headers)?;
        let is_readable = match member.shape.kind {
            Kind::Integer => value.parse::<i32>().is_ok(),
            Kind::Long => value.parse::<i64>().is_ok(),
            _ => true,
        };
        (!is_readable).then(|| fault(member.wire_name, value))
    })
}

fn sent(member: &Member, query: &str, headers: &HeaderMap) -> Option<String> {
    match member.place {
        Place::Header => Some(headers.get(member.wire_name)?.to_str().ok()?.to_owned()),
        Place::Query => {
            let mut pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
            let (_, value) = pairs.find(|(name, _)| *name == member.wire_name)?;
            Some(percent_decode_str(&value.replace('+', " ")).decode_utf8_lossy().into_owned())
        }
        _ => None,
    }
}

fn fault(name: &'static str, value: String) -> Fault {
    let message = match name {
        "partNumber" => "Part number must be an integer between 1 and 10000, inclusive".to_owned(),
        _ => format!("Provided {name} not an integer or within integer range"),
    };
    let fields = vec![("ArgumentName", name.to_owned()), ("ArgumentValue", value)];
    Fault::new(&INVALID_ARGUMENT, message).with_fields(fields)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use schema::{Auth, Service, Shape};

    use super::*;

    static SERVICE: Service = Service::BLANK;
    static NUMBER: Shape = Shape::new("Number", Kind::Integer);
    static SIZE: Shape = Shape::new("Size", Kind::Long);
    static MEMBERS: &[Member] = &[
        Member { place: Place::Query, wire_name: "max-keys", ..Member::new("MaxKeys", &NUMBER) },
        Member { place: Place::Query, wire_name: "partNumber", ..Member::new("PartNumber", &NUMBER) },
        Member { place: Place::Header, wire_name: "x-amz-size", ..Member::new("Size", &SIZE) },
    ];
    static INPUT: Shape = Shape::new("Input", Kind::Structure { members: MEMBERS });
    static LISTS: Operation = Operation {
        name: "Lists",
        service: &SERVICE,
        method: "GET",
        uri: "/",
        status: 200,
        input: &INPUT,
        output: &INPUT,
        errors: &[],
        input_root: None,
        result_wrapper: None,
        host_prefix: None,
        auth: Auth::SigV4,
        read_only: true,
    };

    #[test]
    fn the_argument_is_named() {
        let mut headers = HeaderMap::new();
        headers.insert("x-amz-size", HeaderValue::from_static("4294967296"));
        for (query, said) in [
            ("max-keys=1&partNumber=-7&x", None),
            ("max-keys=abc", Some(("Provided max-keys not an integer or within integer range", "abc"))),
            ("a&max-keys=+5", Some(("Provided max-keys not an integer or within integer range", " 5"))),
            (
                "max-keys=2147483648",
                Some(("Provided max-keys not an integer or within integer range", "2147483648")),
            ),
            (
                "max-keys=2&partNumber=%C3%A4",
                Some(("Part number must be an integer between 1 and 10000, inclusive", "ä")),
            ),
        ] {
            let fault = not_a_number(&LISTS, query, &headers);
            let told = fault.as_ref().map(|fault| (fault.message(), fault.fields()[1].1.as_str()));
            assert_eq!(told, said, "{query}");
        }
        headers.insert("x-amz-size", HeaderValue::from_static("large"));
        assert!(not_a_number(&LISTS, "", &headers).unwrap().message().contains("x-amz-size"));
    }
}
