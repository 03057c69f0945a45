//! Reads one service of a botocore distribution and keeps the facts, never the prose.
//!
//! Every key of the source is either read or listed here as ignored; a key that is neither stops the import, so
//! that a refresh cannot lose a new kind of fact in silence.

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Number, Value};

use super::facts::{
    Checksum, ErrorFacts, Facts, MemberFacts, OperationFacts, Root, ServiceFacts, ShapeFacts, Type,
};

/// What botocore's files of one service hold; the last two are empty where there is no such file.
pub struct Source {
    pub model: Value,
    pub paginators: Value,
    pub waiters: Value,
}

/// The keys that an object of the source may have.
struct Keys {
    read: &'static [&'static str],
    ignored: &'static [&'static str],
}

const SERVICE_KEYS: Keys = Keys {
    read: &[
        "endpointPrefix",
        "protocols",
        "protocol",
        "jsonVersion",
        "serviceId",
        "signingName",
        "targetPrefix",
        "apiVersion",
        "xmlNamespace",
        "awsQueryCompatible",
    ],
    ignored: &[
        "serviceAbbreviation",
        "serviceFullName",
        "signatureVersion",
        "uid",
        "auth",
        "globalEndpoint",
        "checksumFormat",
        "protocolSettings",
    ],
};

const OPERATION_KEYS: Keys = Keys {
    read: &[
        "authtype",
        "unsignedPayload",
        "http",
        "input",
        "output",
        "errors",
        "endpoint",
        "readonly",
        "idempotent",
        "deprecated",
        "httpChecksum",
        "httpChecksumRequired",
        "requestcompression",
    ],
    ignored: &[
        "name",
        "documentation",
        "documentationUrl",
        "staticContextParams",
        "operationContextParams",
        "endpointdiscovery",
        "endpointoperation",
        "auth",
        "deprecatedMessage",
        "deprecatedSince",
        "examples",
    ],
};

const SHAPE_KEYS: Keys = Keys {
    read: &[
        "type",
        "members",
        "member",
        "key",
        "value",
        "required",
        "payload",
        "error",
        "exception",
        "fault",
        "flattened",
        "streaming",
        "sensitive",
        "timestampFormat",
        "min",
        "max",
        "pattern",
        "enum",
        "union",
        "eventstream",
        "document",
        "locationName",
        "xmlNamespace",
    ],
    ignored: &[
        "documentation",
        "event",
        "box",
        "wrapper",
        "retryable",
        "synthetic",
        "xmlOrder",
        "deprecated",
        "deprecatedMessage",
        "deprecatedSince",
        "requiresLength",
    ],
};

const MEMBER_KEYS: Keys = Keys {
    read: &[
        "shape",
        "location",
        "xmlNamespace",
        "locationName",
        "queryName",
        "flattened",
        "streaming",
        "xmlAttribute",
        "timestampFormat",
        "idempotencyToken",
        "jsonvalue",
        "eventheader",
        "eventpayload",
    ],
    ignored: &[
        "documentation",
        "contextParam",
        "box",
        "hostLabel",
        "deprecated",
        "deprecatedMessage",
        "deprecatedSince",
        "enum",
    ],
};

pub fn import(name: &str, source: &Source) -> Result<Facts> {
    let mut facts = Facts { service: service(name, &source.model["metadata"])?, ..Facts::default() };
    for (operation, value) in object(&source.model["operations"])? {
        let read = self::operation(value).with_context(|| format!("{name}: operation {operation}"))?;
        facts.operations.insert(operation.clone(), read);
    }
    let shapes = object(&source.model["shapes"])?;
    for (shape_name, value) in shapes {
        let read = shape(value, shapes).with_context(|| format!("{name}: shape {shape_name}"))?;
        facts.shapes.insert(shape_name.clone(), read);
    }
    for (operation, value) in source.paginators["pagination"].as_object().into_iter().flatten() {
        facts.paginators.insert(operation.clone(), paginator(value)?);
    }
    for (waiter, value) in source.waiters["waiters"].as_object().into_iter().flatten() {
        facts.waiters.insert(waiter.clone(), waiter_facts(value)?);
    }
    Ok(facts)
}

fn service(name: &str, metadata: &Value) -> Result<ServiceFacts> {
    let metadata = Object::new(metadata, &SERVICE_KEYS)?;
    let endpoint_prefix = metadata.text("endpointPrefix").context("an endpoint prefix")?;
    let named = metadata.texts("protocols");
    let only = metadata.text("protocol").context("a protocol")?;
    let json_version = metadata.text("jsonVersion").unwrap_or_default();
    let protocols = if named.is_empty() { vec![only] } else { named };
    Ok(ServiceFacts {
        name: name.to_owned(),
        id: metadata.text("serviceId").context("a service id")?,
        signing_name: metadata.text("signingName").unwrap_or_else(|| endpoint_prefix.clone()),
        endpoint_prefix,
        target_prefix: metadata.text("targetPrefix").unwrap_or_default(),
        api_version: metadata.text("apiVersion").context("an API version")?,
        protocols: protocols.iter().map(|word| protocol(word, &json_version)).collect::<Result<_>>()?,
        xml_namespace: metadata.text("xmlNamespace").unwrap_or_default(),
        query_compatible: metadata.0.contains_key("awsQueryCompatible"),
        path_parameter: None,
        host_aliases: Vec::new(),
        error_detail: false,
        signing: None,
        signing_aliases: Vec::new(),
        buckets: false,
    })
}

/// The variant of `schema::Protocol` for botocore's word.
fn protocol(word: &str, json_version: &str) -> Result<String> {
    let name = match (word, json_version) {
        ("json", "1.0") => "AwsJson1_0",
        ("json", "1.1") => "AwsJson1_1",
        ("rest-json", _) => "RestJson1",
        ("rest-xml", _) => "RestXml",
        ("query", _) => "AwsQuery",
        ("ec2", _) => "Ec2Query",
        ("smithy-rpc-v2-cbor", _) => "RpcV2Cbor",
        _ => bail!("protocol {word} {json_version} is unknown"),
    };
    Ok(name.to_owned())
}

fn operation(value: &Value) -> Result<OperationFacts> {
    let operation = Object::new(value, &OPERATION_KEYS)?;
    let http = Object(object(&value["http"])?);
    let input = &value["input"];
    let auth = match operation.text("authtype").as_deref() {
        Some("none") => Some("none".to_owned()),
        Some("v4-unsigned-body") => Some("unsignedBody".to_owned()),
        Some(other) => bail!("authtype {other} is unknown"),
        None => operation.flag("unsignedPayload").then(|| "unsignedBody".to_owned()),
    };
    let compression = value["requestcompression"]["encodings"].as_array();
    Ok(OperationFacts {
        method: http.text("method").filter(|method| method != "POST"),
        uri: http.text("requestUri").filter(|uri| uri != "/"),
        status: http.number("responseCode").filter(|status| *status != 200),
        input: text(&input["shape"]),
        output: text(&value["output"]["shape"]),
        root: text(&input["locationName"])
            .map(|name| Root { name, namespace: text(&input["xmlNamespace"]["uri"]) }),
        wrapper: text(&value["output"]["resultWrapper"]),
        errors: value["errors"].as_array().into_iter().flatten().filter_map(|e| text(&e["shape"])).collect(),
        auth,
        host_prefix: text(&value["endpoint"]["hostPrefix"]),
        read_only: operation.flag("readonly"),
        idempotent: operation.flag("idempotent"),
        deprecated: operation.flag("deprecated"),
        checksum: checksum(&operation, &value["httpChecksum"]),
        compression: compression.into_iter().flatten().filter_map(text).collect(),
    })
}

fn checksum(operation: &Object<'_>, value: &Value) -> Option<Checksum> {
    let facts = Checksum {
        required: operation.flag("httpChecksumRequired")
            || value["requestChecksumRequired"].as_bool().unwrap_or(false),
        request_member: text(&value["requestAlgorithmMember"]),
        mode_member: text(&value["requestValidationModeMember"]),
        response: value["responseAlgorithms"].as_array().into_iter().flatten().filter_map(text).collect(),
    };
    (facts != Checksum::default()).then_some(facts)
}

fn shape(value: &Value, shapes: &Map<String, Value>) -> Result<ShapeFacts> {
    let object = Object::new(value, &SHAPE_KEYS)?;
    let mut facts = ShapeFacts::new(kind(&object)?);
    for (name, member) in value["members"].as_object().into_iter().flatten() {
        let read = self::member(member, shapes).with_context(|| format!("member {name}"))?;
        facts.members.insert(name.clone(), read);
    }
    let part = |key: &str| value.get(key).map(|part| self::member(part, shapes)).transpose();
    facts.element = part("member")?;
    facts.key = part("key")?;
    facts.value = part("value")?;
    facts.required = object.texts("required");
    let missing = facts.required.iter().find(|name| !facts.members.contains_key(*name));
    ensure!(missing.is_none(), "a member is required that is not there: {missing:?}");
    facts.payload = object.text("payload");
    facts.error = error(&object)?;
    facts.flat = object.flag("flattened");
    facts.streaming = object.flag("streaming");
    facts.sensitive = object.flag("sensitive");
    facts.format = object.text("timestampFormat").map(|format| timestamp_format(&format)).transpose()?;
    facts.min = number(&value["min"]);
    facts.max = number(&value["max"]);
    facts.pattern = object.text("pattern");
    facts.values = object.texts("enum");
    Ok(facts)
}

fn kind(shape: &Object<'_>) -> Result<Type> {
    let word = shape.text("type").context("a type")?;
    Ok(match word.as_str() {
        "structure" if shape.flag("eventstream") => Type::Events,
        "structure" if shape.flag("document") => Type::Document,
        "structure" if shape.flag("union") => Type::Union,
        "structure" => Type::Structure,
        "list" => Type::List,
        "map" => Type::Map,
        "string" | "character" => Type::String,
        "integer" => Type::Integer,
        "long" => Type::Long,
        "float" => Type::Float,
        "double" => Type::Double,
        "boolean" => Type::Boolean,
        "blob" => Type::Blob,
        "timestamp" => Type::Timestamp,
        _ => bail!("type {word} is unknown"),
    })
}

fn error(shape: &Object<'_>) -> Result<Option<ErrorFacts>> {
    if !shape.flag("exception") {
        return Ok(None);
    }
    let error = &shape.0.get("error").cloned().unwrap_or_default();
    let status = error["httpStatusCode"].as_u64().map(u16::try_from).transpose()?;
    Ok(Some(ErrorFacts { code: text(&error["code"]), status, fault: shape.flag("fault") }))
}

/// A reference to a shape. What the shape says about its name on the wire holds where the reference is silent.
fn member(value: &Value, shapes: &Map<String, Value>) -> Result<MemberFacts> {
    let member = Object::new(value, &MEMBER_KEYS)?;
    let shape_name = member.text("shape").context("a shape")?;
    let target = shapes.get(&shape_name).with_context(|| format!("shape {shape_name}"))?;
    let place = member.text("location").map(|word| place(&word, target)).transpose()?;
    let namespace = value.get("xmlNamespace").or_else(|| target.get("xmlNamespace"));
    Ok(MemberFacts {
        wire: member.text("locationName").or_else(|| text(&target["locationName"])),
        shape: shape_name,
        query: member.text("queryName"),
        place,
        flat: member.flag("flattened"),
        streaming: member.flag("streaming"),
        attribute: member.flag("xmlAttribute"),
        namespace: namespace.and_then(|namespace| text(&namespace["uri"])),
        namespace_prefix: namespace.and_then(|namespace| text(&namespace["prefix"])),
        format: member.text("timestampFormat").map(|format| timestamp_format(&format)).transpose()?,
        token: member.flag("idempotencyToken"),
        json: member.flag("jsonvalue"),
        event: match (member.flag("eventheader"), member.flag("eventpayload")) {
            (true, _) => Some("header".to_owned()),
            (_, true) => Some("payload".to_owned()),
            _ => None,
        },
    })
}

fn place(word: &str, target: &Value) -> Result<String> {
    let place = match word {
        "header" => "header",
        "headers" => "headers",
        "querystring" if target["type"] == "map" => "queries",
        "querystring" => "query",
        "uri" => "label",
        "statusCode" => "status",
        _ => bail!("location {word} is unknown"),
    };
    Ok(place.to_owned())
}

/// The variant of `schema::TimestampFormat` for botocore's word.
fn timestamp_format(word: &str) -> Result<String> {
    let format = match word {
        "iso8601" => "Iso8601",
        "rfc822" => "HttpDate",
        "unixTimestamp" => "EpochSeconds",
        _ => bail!("timestamp format {word} is unknown"),
    };
    Ok(format.to_owned())
}

fn paginator(value: &Value) -> Result<Value> {
    let mut facts = Map::new();
    for (from, to) in [
        ("input_token", "inputToken"),
        ("output_token", "outputToken"),
        ("more_results", "moreResults"),
        ("limit_key", "limitKey"),
        ("result_key", "resultKey"),
    ] {
        if let Some(value) = value.get(from) {
            facts.insert(to.to_owned(), value.clone());
        }
    }
    ensure!(facts.contains_key("inputToken"), "a paginator without an input token: {value}");
    Ok(Value::Object(facts))
}

fn waiter_facts(value: &Value) -> Result<Value> {
    let mut facts = Map::new();
    for key in ["operation", "delay", "maxAttempts", "acceptors"] {
        let part = value.get(key).with_context(|| format!("a waiter without {key}"))?;
        facts.insert(key.to_owned(), part.clone());
    }
    Ok(Value::Object(facts))
}

/// A JSON object of the source.
struct Object<'a>(&'a Map<String, Value>);

impl<'a> Object<'a> {
    fn new(value: &'a Value, keys: &Keys) -> Result<Object<'a>> {
        let map = object(value)?;
        for key in map.keys().map(String::as_str) {
            let known = keys.read.contains(&key) || keys.ignored.contains(&key);
            ensure!(known, "{key} is a kind of fact that the import does not know");
        }
        Ok(Object(map))
    }

    fn text(&self, key: &str) -> Option<String> {
        self.0.get(key).and_then(text)
    }

    fn texts(&self, key: &str) -> Vec<String> {
        self.0.get(key).and_then(Value::as_array).into_iter().flatten().filter_map(text).collect()
    }

    fn flag(&self, key: &str) -> bool {
        self.0.get(key).and_then(Value::as_bool).unwrap_or(false)
    }

    fn number(&self, key: &str) -> Option<u16> {
        self.0.get(key).and_then(Value::as_u64).and_then(|number| u16::try_from(number).ok())
    }
}

fn object(value: &Value) -> Result<&Map<String, Value>> {
    value.as_object().context("an object was expected")
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn number(value: &Value) -> Option<Number> {
    value.as_number().cloned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn source(member: Value) -> Source {
        let metadata = json!({
            "apiVersion": "1", "endpointPrefix": "x", "protocol": "rest-json", "serviceId": "X",
        });
        let operation = json!({
            "name": "Get", "http": {"method": "GET", "requestUri": "/{Id}", "responseCode": 202},
            "input": {"shape": "GetRequest"}, "errors": [{"shape": "Gone"}], "documentation": "<p>Prose.</p>",
        });
        let shapes = json!({
            "GetRequest": {"type": "structure", "required": ["Id"], "members": {"Id": member}},
            "Map": {"type": "map", "key": {"shape": "S"}, "value": {"shape": "S"}},
            "Gone": {"type": "structure", "exception": true, "error": {"httpStatusCode": 410}, "members": {}},
            "S": {"type": "string", "min": 1, "documentation": "<p>Prose.</p>"},
        });
        let model = json!({"metadata": metadata, "operations": {"Get": operation}, "shapes": shapes});
        Source { model, paginators: Value::Null, waiters: Value::Null }
    }

    #[test]
    fn facts_are_kept_and_prose_is_not() {
        let member =
            json!({"shape": "S", "location": "uri", "locationName": "id", "documentation": "Prose."});
        let facts = import("x", &source(member)).unwrap();
        let text = facts.to_text().unwrap();
        assert!(!text.contains("Prose"));
        for line in [
            r#""Get":{"method":"GET","uri":"/{Id}","status":202,"input":"GetRequest","errors":["Gone"]}"#,
            r#""Gone":{"type":"structure","error":{"status":410}}"#,
            r#"{"Id":{"shape":"S","wire":"id","in":"label"}},"required":["Id"]"#,
            r#""S":{"type":"string","min":1}"#,
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
    }

    #[test]
    fn a_map_in_the_query_spreads_over_parameters() {
        let member = json!({"shape": "Map", "location": "querystring"});
        let facts = import("x", &source(member)).unwrap();
        assert_eq!(facts.shapes["GetRequest"].members["Id"].place.as_deref(), Some("queries"));
    }

    #[test]
    fn an_unknown_kind_of_fact_stops_the_import() {
        let failed = import("x", &source(json!({"shape": "S", "novelty": true}))).unwrap_err();
        assert!(format!("{failed:#}").contains("novelty"), "{failed:#}");
    }
}
