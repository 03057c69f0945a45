//! Models with a member for each thing that a protocol treats in its own way.

#![allow(dead_code, reason = "the fuzz targets and their smoke test use these too")]

use schema::{Operation, Protocol};
use serde_json::{Value as Json, json};

use crate::dynamic::model;

fn operation(
    protocol: Protocol,
    shapes: Json,
    mut given: Json,
    side: &str,
    shape: &str,
) -> &'static Operation {
    let (name, version) = match protocol {
        Protocol::AwsJson1_0 => ("json", "1.0"),
        Protocol::AwsJson1_1 => ("json", "1.1"),
        Protocol::RestJson1 => ("rest-json", ""),
        Protocol::RestXml => ("rest-xml", ""),
        Protocol::AwsQuery => ("query", ""),
        Protocol::Ec2Query => ("ec2", ""),
        Protocol::RpcV2Cbor => ("smithy-rpc-v2-cbor", ""),
    };
    given[side] = json!({"shape": shape});
    given["name"] = json!("RoundTrip");
    let metadata = json!({
        "protocol": name, "jsonVersion": version, "apiVersion": "2026-01-01", "targetPrefix": "Target",
    });
    model::operation(&json!({"metadata": metadata, "shapes": shapes, "unrolled": given["unrolled"]}), &given)
}

/// A structure inside of itself, deeper than any decoder goes.
pub fn nested(protocol: Protocol) -> &'static Operation {
    let shapes = json!({"Nested": {"type": "structure", "members": {"a": {"shape": "Nested"}}}});
    operation(protocol, shapes, json!({"unrolled": 300}), "input", "Nested")
}

fn scalars() -> Json {
    json!({
        "Boolean": {"type": "boolean"}, "Integer": {"type": "integer"}, "Long": {"type": "long"},
        "Float": {"type": "float"}, "Double": {"type": "double"}, "String": {"type": "string"},
        "Blob": {"type": "blob"}, "Timestamp": {"type": "timestamp"}, "Iso": {"type": "timestamp",
        "timestampFormat": "iso8601"}, "Http": {"type": "timestamp", "timestampFormat": "rfc822"},
        "Epoch": {"type": "timestamp", "timestampFormat": "unixTimestamp"},
        "Document": {"type": "structure", "document": true, "members": {}},
        "Strings": {"type": "list", "member": {"shape": "String"}},
        "Integers": {"type": "list", "member": {"shape": "Integer", "locationName": "item"}},
        "Timestamps": {"type": "list", "member": {"shape": "Timestamp"}},
        "Map": {"type": "map", "key": {"shape": "String"}, "value": {"shape": "String"}},
        "Choice": {"type": "structure", "union": true, "members": {
            "Text": {"shape": "String"}, "Number": {"shape": "Long"}, "Many": {"shape": "Strings"},
        }},
    })
}

fn with(mut shapes: Json, more: Json) -> Json {
    let (Json::Object(all), Json::Object(more)) = (&mut shapes, more) else {
        unreachable!("both are objects")
    };
    all.extend(more);
    shapes
}

/// All kinds of values, in lists, in maps, and in each other.
pub fn kinds(protocol: Protocol, side: &str) -> &'static Operation {
    let can_have_null = matches!(
        protocol,
        Protocol::AwsJson1_0 | Protocol::AwsJson1_1 | Protocol::RestJson1 | Protocol::RpcV2Cbor
    );
    let shapes = json!({
        "Kinds": {"type": "structure", "members": {
            "Flag": {"shape": "Boolean"}, "Small": {"shape": "Integer"}, "Big": {"shape": "Long"},
            "Single": {"shape": "Float"}, "Double": {"shape": "Double"}, "Text": {"shape": "String"},
            "Renamed": {"shape": "String", "locationName": "otherName"},
            "Data": {"shape": "Blob"}, "Plain": {"shape": "Timestamp"}, "Iso": {"shape": "Iso"},
            "Http": {"shape": "Http"}, "Epoch": {"shape": "Epoch"}, "Any": {"shape": "Document"},
            "Strings": {"shape": "Strings"}, "Integers": {"shape": "Integers"},
            "Flat": {"shape": "Strings", "flattened": true}, "Map": {"shape": "Map"},
            "FlatMap": {"shape": "FlatMap"}, "Nulls": {"shape": "Nulls"}, "NullMap": {"shape": "NullMap"},
            "Lists": {"shape": "Lists"}, "Maps": {"shape": "Maps"}, "Choice": {"shape": "Choice"},
            "Choices": {"shape": "Choices", "flattened": true}, "Again": {"shape": "Kinds"},
            "Attributed": {"shape": "Attributed"},
        }},
        "FlatMap": {"type": "map", "flattened": true, "key": {"shape": "String", "locationName": "Name"},
            "value": {"shape": "Long", "locationName": "Value"}},
        "Nulls": {"type": "list", "sparse": can_have_null, "member": {"shape": "String"}},
        "NullMap": {"type": "map", "sparse": can_have_null, "key": {"shape": "String"},
            "value": {"shape": "Integer"}},
        "Lists": {"type": "list", "member": {"shape": "Integers"}},
        "Maps": {"type": "map", "key": {"shape": "String"}, "value": {"shape": "Map"}},
        "Choices": {"type": "list", "member": {"shape": "Choice"}},
        "Attributed": {"type": "structure", "members": {
            "Kind": {"shape": "String", "locationName": "xsi:type", "xmlAttribute": true},
            "Id": {"shape": "String", "xmlNamespace": {"uri": "urn:x", "prefix": "x"}},
        }},
    });
    operation(protocol, with(scalars(), shapes), json!({}), side, "Kinds")
}

/// Members in every place that the HTTP-bound protocols have.
pub fn places(protocol: Protocol, side: &str) -> &'static Operation {
    let place = |shape: &str, location: &str, name: &str| json!({"shape": shape, "location": location, "locationName": name});
    let mut members = json!({
        "HeaderText": place("String", "header", "X-Text"), "HeaderFlag": place("Boolean", "header", "X-Flag"),
        "HeaderNumber": place("Long", "header", "X-Number"), "HeaderDouble": place("Double", "header", "X-Double"),
        "HeaderTime": place("Timestamp", "header", "X-Time"), "HeaderList": place("Strings", "header", "X-List"),
        "HeaderTimes": place("Timestamps", "header", "X-Times"),
        "Prefixed": place("Map", "headers", "X-Pre-"), "Body": {"shape": "String"}, "More": {"shape": "Map"},
        "Json": {"shape": "String", "jsonvalue": true, "location": "header", "locationName": "X-Json"},
    });
    let more = if side == "input" {
        json!({
            "First": place("String", "uri", "First"), "Rest": place("String", "uri", "Rest"),
            "QueryText": place("String", "querystring", "text"),
            "QueryTime": place("Timestamp", "querystring", "time"),
            "QueryList": place("Integers", "querystring", "list"),
        })
    } else {
        json!({"Status": {"shape": "Integer", "location": "statusCode"}})
    };
    members = with(members, more);
    let shapes = with(scalars(), json!({"Places": {"type": "structure", "members": members}}));
    let http = json!({"method": "PUT", "requestUri": "/a/{First}/{Rest+}?fixed=1"});
    operation(protocol, shapes, json!({"http": http}), side, "Places")
}

/// One member that is the whole body.
pub fn payload(protocol: Protocol, payload: &str, side: &str) -> &'static Operation {
    let target = if payload == "Text" { "String" } else { payload };
    let shapes = json!({
        "Record": {"type": "structure", "members": {"Text": {"shape": "String"}, "List": {"shape": "Strings"}}},
        "Payload": {"type": "structure", "payload": "Content", "members": {
            "Content": {"shape": target},
            "Note": {"shape": "String", "location": "header", "locationName": "X-Note"},
        }},
    });
    let http = json!({"method": "POST", "requestUri": "/payload"});
    operation(protocol, with(scalars(), shapes), json!({"http": http}), side, "Payload")
}

/// Events with headers, with payloads of each sort, and with members.
pub fn events(protocol: Protocol, side: &str) -> &'static Operation {
    let is_rest = matches!(protocol, Protocol::RestJson1 | Protocol::RestXml);
    let mut stream = json!({"type": "structure", "members": {"Events": {"shape": "Stream"}}});
    if is_rest {
        stream["payload"] = json!("Events");
    } else {
        stream["members"]["Initial"] = json!({"shape": "String"});
    }
    let shapes = json!({
        "Streaming": stream,
        "Stream": {"type": "structure", "eventstream": true, "members": {
            "Record": {"shape": "RecordEvent"}, "Raw": {"shape": "RawEvent"}, "Note": {"shape": "NoteEvent"},
            "Choice": {"shape": "ChoiceEvent"},
        }},
        "RecordEvent": {"type": "structure", "event": true, "members": {
            "Text": {"shape": "String"}, "Number": {"shape": "Long"}, "List": {"shape": "Strings"},
        }},
        "RawEvent": {"type": "structure", "event": true, "members": {
            "Data": {"shape": "Blob", "eventpayload": true},
            "Flag": {"shape": "Boolean", "eventheader": true}, "Small": {"shape": "Integer", "eventheader": true},
            "Big": {"shape": "Long", "eventheader": true}, "Bytes": {"shape": "Blob", "eventheader": true},
            "Time": {"shape": "Timestamp", "eventheader": true}, "Name": {"shape": "String", "eventheader": true},
        }},
        "NoteEvent": {"type": "structure", "event": true, "members": {
            "Note": {"shape": "String", "eventpayload": true},
        }},
        "ChoiceEvent": {"type": "structure", "event": true, "members": {
            "Choice": {"shape": "Choice", "eventpayload": true},
        }},
    });
    operation(protocol, with(scalars(), shapes), json!({}), side, "Streaming")
}
