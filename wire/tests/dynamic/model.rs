//! Builds shapes, services and operations from the models that test vectors carry.
//!
//! Statics may point at each other in circles, but what is built at run time cannot, so a recursive shape is
//! unrolled a few times and then cut.

use schema::{
    Auth, ErrorCode, Kind, Limits, Member, Operation, Place, Protocol, Service, Shape, TimestampFormat,
};
use serde_json::Value as Json;

use super::{leak, leak_str};

/// The shapes of one model, and the path of names that leads to the shape being built.
pub struct Model<'j> {
    pub shapes: &'j Json,
    /// How often a shape may stand inside of itself.
    pub unrolled: usize,
}

pub const UNROLLED: usize = 4;

fn text<'j>(json: &'j Json, key: &str) -> Option<&'j str> {
    json.get(key)?.as_str()
}

fn flag(json: &Json, key: &str) -> bool {
    json.get(key).and_then(Json::as_bool).unwrap_or(false)
}

fn timestamp_format(json: &Json) -> Option<TimestampFormat> {
    match text(json, "timestampFormat")? {
        "iso8601" => Some(TimestampFormat::Iso8601),
        "rfc822" => Some(TimestampFormat::HttpDate),
        "unixTimestamp" => Some(TimestampFormat::EpochSeconds),
        other => panic!("unknown timestamp format {other}"),
    }
}

impl Model<'_> {
    /// The shape of this name; `payload` may be given by the operation rather than by the shape.
    pub fn shape(&self, name: &str, payload: Option<&str>, path: &mut Vec<String>) -> &'static Shape {
        let json = &self.shapes[name];
        let is_cut = path.iter().filter(|step| *step == name).count() >= self.unrolled;
        path.push(name.to_owned());
        let kind = if is_cut { Kind::Structure { members: &[] } } else { self.kind(json, payload, path) };
        path.pop();
        leak(Shape { name: leak_str(name), kind, limits: Limits::NONE, sensitive: false })
    }

    fn kind(&self, json: &Json, payload: Option<&str>, path: &mut Vec<String>) -> Kind {
        let (flattened, sparse) = (flag(json, "flattened"), flag(json, "sparse"));
        match text(json, "type").expect("shapes have types") {
            "boolean" => Kind::Boolean,
            "integer" | "short" | "byte" => Kind::Integer,
            "long" => Kind::Long,
            "float" => Kind::Float,
            "double" => Kind::Double,
            "string" | "character" => Kind::String,
            "blob" => Kind::Blob,
            "timestamp" => Kind::Timestamp(timestamp_format(json)),
            "list" => {
                Kind::List { element: leak(self.member("member", &json["member"], path)), flattened, sparse }
            }
            "map" => {
                let key = leak(self.member("key", &json["key"], path));
                Kind::Map { key, value: leak(self.member("value", &json["value"], path)), flattened, sparse }
            }
            "structure" if flag(json, "document") => Kind::Document,
            "structure" => self.structure(json, payload, path),
            other => panic!("unknown type {other}"),
        }
    }

    fn structure(&self, json: &Json, payload: Option<&str>, path: &mut Vec<String>) -> Kind {
        let payload = text(json, "payload").or(payload);
        let required: Vec<&str> =
            json["required"].as_array().into_iter().flatten().filter_map(Json::as_str).collect();
        let members = json["members"].as_object().expect("structures have members").iter();
        let members: Vec<Member> = members
            .map(|(name, member)| {
                let built = self.member(name, member, path);
                let is_payload = payload == Some(name.as_str());
                Member { required: required.contains(&name.as_str()), payload: is_payload, ..built }
            })
            .collect();
        let members = Vec::leak(members);
        match (flag(json, "eventstream"), flag(json, "union")) {
            (true, _) => Kind::Events { members },
            (_, true) => Kind::Union { members },
            _ => Kind::Structure { members },
        }
    }

    /// A member has the traits of its reference, and those of its shape where the reference has none.
    fn member(&self, name: &str, reference: &Json, path: &mut Vec<String>) -> Member {
        let shape_name = text(reference, "shape").expect("a member has a shape");
        let target = &self.shapes[shape_name];
        let trait_text = |key| text(reference, key).or_else(|| text(target, key));
        let shape = self.shape(shape_name, None, path);
        let is_map = matches!(shape.kind, Kind::Map { .. });
        let name = leak_str(name);
        let namespace = reference.get("xmlNamespace").or_else(|| target.get("xmlNamespace"));
        Member {
            // Headers without a prefix are all headers.
            wire_name: match (trait_text("locationName"), trait_text("location")) {
                (None, Some("headers")) => "",
                (None, _) => name,
                (Some(wire_name), _) => leak_str(wire_name),
            },
            query_name: trait_text("queryName").map(leak_str),
            place: match trait_text("location") {
                None => Place::Body,
                Some("uri") => Place::Label,
                Some("querystring") if is_map => Place::QueryMap,
                Some("querystring") => Place::Query,
                Some("header") => Place::Header,
                Some("headers") => Place::HeaderPrefix,
                Some("statusCode") => Place::Status,
                Some(other) => panic!("unknown location {other}"),
            },
            streaming: flag(reference, "streaming") || flag(target, "streaming"),
            flattened: flag(reference, "flattened"),
            xml_attribute: flag(reference, "xmlAttribute") || flag(target, "xmlAttribute"),
            xml_namespace: namespace.map(|namespace| match namespace.as_str() {
                Some(uri) => (leak_str(uri), None),
                None => {
                    let uri = text(namespace, "uri").expect("a namespace has a URI");
                    (
                        leak_str(uri),
                        text(namespace, "prefix").filter(|prefix| !prefix.is_empty()).map(leak_str),
                    )
                }
            }),
            timestamp_format: timestamp_format(reference),
            idempotency_token: flag(reference, "idempotencyToken"),
            json_value: flag(reference, "jsonvalue"),
            event_header: flag(reference, "eventheader"),
            event_payload: flag(reference, "eventpayload"),
            ..Member::new(name, shape)
        }
    }
}

/// Which of our protocols a suite's metadata means.
pub fn protocol(metadata: &Json) -> Protocol {
    match (text(metadata, "protocol").expect("a suite has a protocol"), text(metadata, "jsonVersion")) {
        ("json", Some("1.0")) => Protocol::AwsJson1_0,
        ("json", _) => Protocol::AwsJson1_1,
        ("rest-json", _) => Protocol::RestJson1,
        ("rest-xml", _) => Protocol::RestXml,
        ("query", _) => Protocol::AwsQuery,
        ("ec2", _) => Protocol::Ec2Query,
        ("smithy-rpc-v2-cbor", _) => Protocol::RpcV2Cbor,
        other => panic!("unknown protocol {other:?}"),
    }
}

static NOTHING: Shape = Shape::new("Unit", Kind::Structure { members: &[] });

/// The operation of a case, in a service of its own.
pub fn operation(suite: &Json, given: &Json) -> &'static Operation {
    let metadata = &suite["metadata"];
    let of_metadata = |key| text(metadata, key).map_or("", leak_str);
    let service = leak(Service {
        name: "vectors",
        id: "Vectors",
        signing_name: "vectors",
        endpoint_prefix: "vectors",
        target_prefix: of_metadata("targetPrefix"),
        api_version: of_metadata("apiVersion"),
        protocols: leak([protocol(metadata)]),
        xml_namespace: of_metadata("xmlNamespace"),
        query_compatible: metadata.get("awsQueryCompatible").is_some(),
        ..Service::BLANK
    });
    let unrolled = suite["unrolled"].as_u64().map_or(UNROLLED, |times| times as usize);
    let model = Model { shapes: &suite["shapes"], unrolled };
    let shape = |side: &str| match text(&given[side], "shape") {
        Some(name) => model.shape(name, text(&given[side], "payload"), &mut Vec::new()),
        None => &NOTHING,
    };
    let (input, output) = (shape("input"), shape("output"));
    let http = &given["http"];
    leak(Operation {
        name: leak_str(text(given, "name").unwrap_or("OperationName")),
        service,
        method: leak_str(text(http, "method").unwrap_or("POST")),
        uri: leak_str(text(http, "requestUri").unwrap_or("/")),
        status: http.get("responseCode").and_then(Json::as_u64).unwrap_or(200) as u16,
        input,
        output,
        errors: &[] as &[&ErrorCode],
        input_root: input_root(&suite["shapes"], &given["input"]),
        result_wrapper: text(&given["output"], "resultWrapper").map(leak_str),
        host_prefix: text(&given["endpoint"], "hostPrefix").map(leak_str),
        auth: Auth::SigV4,
        read_only: false,
    })
}

fn input_root(shapes: &Json, input: &Json) -> Option<(&'static str, Option<&'static str>)> {
    let target = &shapes[text(input, "shape")?];
    let name = text(input, "locationName").or_else(|| text(target, "locationName"))?;
    let namespace = input.get("xmlNamespace").or_else(|| target.get("xmlNamespace"));
    let uri = namespace.and_then(|namespace| namespace.as_str().or_else(|| text(namespace, "uri")));
    Some((leak_str(name), uri.map(leak_str)))
}
