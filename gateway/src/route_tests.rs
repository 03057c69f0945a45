//! The router's table. The services are only known, so that a request that is routed rightly ends in
//! [`Why::NotImplemented`], which names the operation.

use schema::{Binding, CatalogEntry};

use super::*;

const QUEUES: Service = Service {
    name: "queues",
    signing_name: "queues",
    endpoint_prefix: "queues",
    target_prefix: "AmazonQueues",
    api_version: "2012-11-05",
    protocols: &[Protocol::AwsJson1_0, Protocol::AwsQuery, Protocol::RpcV2Cbor],
    query_compatible: true,
    path_parameter: Some("QueueUrl"),
    host_aliases: &["queue"],
    operations: &["CreateQueue", "SendMessage"],
    ..Service::BLANK
};

const TABLES: Service = Service {
    name: "tables",
    signing_name: "tables",
    endpoint_prefix: "tables",
    target_prefix: "Tables_20120810",
    api_version: "2012-08-10",
    protocols: &[Protocol::AwsJson1_1],
    operations: &["GetItem"],
    ..Service::BLANK
};

/// Shares its signing name with the tables.
const STREAMS: Service = Service {
    name: "tablesstreams",
    endpoint_prefix: "streams.tables",
    target_prefix: "TablesStreams_20120810",
    operations: &["GetRecords"],
    ..Service { signing_name: "tables", protocols: &[Protocol::AwsJson1_1], ..Service::BLANK }
};

const BALANCERS: Service = Service {
    name: "balancers",
    signing_name: "balancing",
    endpoint_prefix: "balancing",
    api_version: "2012-06-01",
    protocols: &[Protocol::AwsQuery],
    operations: &["DescribeBalancers"],
    ..Service::BLANK
};

/// The next generation, told apart by its version only.
const BALANCERS2: Service = Service {
    name: "balancers2",
    api_version: "2015-12-01",
    operations: &["DescribeBalancers", "DescribeRules"],
    ..Service {
        signing_name: "balancing",
        endpoint_prefix: "balancing",
        protocols: &[Protocol::AwsQuery],
        ..Service::BLANK
    }
};

const MACHINES: Service = Service {
    name: "machines",
    signing_name: "machines",
    endpoint_prefix: "machines",
    api_version: "2016-11-15",
    protocols: &[Protocol::Ec2Query],
    operations: &["RunInstances"],
    ..Service::BLANK
};

const FUNCTIONS: Service = Service {
    name: "functions",
    signing_name: "functions",
    endpoint_prefix: "functions",
    protocols: &[Protocol::RestJson1],
    operations: &["Invoke"],
    ..Service::BLANK
};

static CATALOG: &[&CatalogEntry] = &[
    &CatalogEntry { service: QUEUES, bindings: &[] },
    &CatalogEntry { service: TABLES, bindings: &[] },
    &CatalogEntry { service: STREAMS, bindings: &[] },
    &CatalogEntry { service: BALANCERS, bindings: &[] },
    &CatalogEntry { service: BALANCERS2, bindings: &[] },
    &CatalogEntry { service: MACHINES, bindings: &[] },
    &CatalogEntry {
        service: FUNCTIONS,
        bindings: &[Binding::new("POST", "/functions/{Name}/invocations", "Invoke")],
    },
];

fn directory() -> Directory {
    Directory::new(&[], CATALOG)
}

const HEAD: Head<'static> = Head {
    method: &Method::POST,
    path: "/",
    query: "",
    host: "localhost:4566",
    target: None,
    content_type: "",
    smithy_protocol: None,
    signing_name: None,
    headers: None,
    buckets: None,
};

const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";

/// Routes to the end, and tells service, protocol and reason.
fn outcome(head: Head<'_>, form: &str) -> (&'static str, Protocol, Why) {
    let directory = directory();
    let unrouted = match route(&directory, &head) {
        Err(unrouted) => unrouted,
        Ok(Step::Form(candidates)) => {
            candidates.choose(head.query, form.as_bytes()).err().expect("no service is implemented")
        }
        Ok(Step::Done(_) | Step::Upload { .. }) => panic!("no service is implemented"),
    };
    (unrouted.service.map_or("", |service| service.name), unrouted.protocol, unrouted.why)
}

fn check(head: Head<'_>, form: &str, service: &str, protocol: Protocol, operation: &'static str) {
    assert_eq!(outcome(head, form), (service, protocol, Why::NotImplemented(operation)), "{head:?} {form}");
}

#[test]
fn a_target_names_the_operation() {
    for (target, content_type, signing_name, service, protocol, operation) in [
        (
            "AmazonQueues.SendMessage",
            "application/x-amz-json-1.0",
            Some("queues"),
            "queues",
            Protocol::AwsJson1_0,
            "SendMessage",
        ),
        // The service has one version of the protocol, whatever the client says.
        (
            "Tables_20120810.GetItem",
            "application/x-amz-json-1.0",
            Some("tables"),
            "tables",
            Protocol::AwsJson1_1,
            "GetItem",
        ),
        (
            "TablesStreams_20120810.GetRecords",
            "application/x-amz-json-1.1",
            Some("tables"),
            "tablesstreams",
            Protocol::AwsJson1_1,
            "GetRecords",
        ),
        ("AmazonQueues.CreateQueue", "", None, "queues", Protocol::AwsJson1_0, "CreateQueue"),
        // The form that curl announces by itself does not make it a Query request.
        ("AmazonQueues.CreateQueue", FORM, Some("queues"), "queues", Protocol::AwsJson1_0, "CreateQueue"),
    ] {
        let head = Head { target: Some(target), content_type, signing_name, ..HEAD };
        check(head, "", service, protocol, operation);
    }
}

#[test]
fn a_target_of_another_service_is_unknown_to_the_one_that_was_signed_for() {
    let head = Head { target: Some("Tables_20120810.GetItem"), signing_name: Some("queues"), ..HEAD };
    let unknown = Why::UnknownOperation("Tables_20120810.GetItem".into());
    assert_eq!(outcome(head, ""), ("queues", Protocol::AwsJson1_0, unknown));
    for (target, service, why) in [
        ("AmazonQueues.Fly", "queues", Why::UnknownOperation("Fly".into())),
        ("AmazonQueues.", "queues", Why::UnknownOperation(String::new())),
        ("Fly", "", Why::NoService),
        ("", "", Why::NoService),
    ] {
        let head = Head { target: Some(target), ..HEAD };
        assert_eq!(outcome(head, ""), (service, Protocol::AwsJson1_0, why), "{target}");
    }
}

#[test]
fn an_action_is_found_in_a_form_or_in_the_query() {
    let signed = |name| Head { signing_name: Some(name), content_type: FORM, ..HEAD };
    let get = |query, host| Head { method: &Method::GET, query, host, ..HEAD };
    check(
        signed("queues"),
        "Action=SendMessage&Version=2012-11-05",
        "queues",
        Protocol::AwsQuery,
        "SendMessage",
    );
    check(
        signed("queues"),
        "Version=2012-11-05&Action=Send%4dessage",
        "queues",
        Protocol::AwsQuery,
        "SendMessage",
    );
    // Newer clients speak JSON to this service, and its endpoint never needed a version.
    check(signed("queues"), "Action=SendMessage", "queues", Protocol::AwsQuery, "SendMessage");
    let with_path = Head { path: "/000000000000/orders", ..signed("queues") };
    check(with_path, "Action=SendMessage", "queues", Protocol::AwsQuery, "SendMessage");
    let in_url = Head { query: "Action=CreateQueue", ..signed("queues") };
    check(in_url, "QueueName=x", "queues", Protocol::AwsQuery, "CreateQueue");
    let version = "Action=DescribeBalancers&Version=";
    check(
        signed("balancing"),
        &format!("{version}2012-06-01"),
        "balancers",
        Protocol::AwsQuery,
        "DescribeBalancers",
    );
    check(
        signed("balancing"),
        &format!("{version}2015-12-01"),
        "balancers2",
        Protocol::AwsQuery,
        "DescribeBalancers",
    );
    check(
        signed("machines"),
        "Action=RunInstances&Version=2016-11-15",
        "machines",
        Protocol::Ec2Query,
        "RunInstances",
    );
    check(get("Action=CreateQueue", "queue.amazonaws.com"), "", "queues", Protocol::AwsQuery, "CreateQueue");
    check(
        get("Action=DescribeRules&Version=2015-12-01", "localhost"),
        "",
        "balancers2",
        Protocol::AwsQuery,
        "DescribeRules",
    );
}

#[test]
fn an_action_that_is_missing_or_of_another_version_is_named() {
    let signed = |name| Head { signing_name: Some(name), content_type: FORM, ..HEAD };
    let query = Protocol::AwsQuery;
    let wrong =
        |action, version: Option<&str>| Why::WrongVersion { action, version: version.map(str::to_owned) };
    for (name, form, service, protocol, why) in [
        ("queues", "", "queues", query, Why::MissingAction),
        ("queues", "Action=", "queues", query, Why::MissingAction),
        ("queues", "Action=Fly", "queues", query, Why::UnknownOperation("Fly".into())),
        (
            "queues",
            "Action=SendMessage&Version=1999-01-01",
            "queues",
            query,
            wrong("SendMessage", Some("1999-01-01")),
        ),
        ("balancing", "Action=DescribeRules", "balancers", query, wrong("DescribeRules", None)),
        (
            "machines",
            "Action=RunInstances&Version=1",
            "machines",
            Protocol::Ec2Query,
            wrong("RunInstances", Some("1")),
        ),
    ] {
        assert_eq!(outcome(signed(name), form), (service, protocol, why), "{name} {form}");
    }
}

#[test]
fn a_host_names_the_service_where_no_signature_does() {
    for (host, service) in [
        ("queues.us-east-1.amazonaws.com", "queues"),
        ("queues.us-east-1.localhost.localstack.cloud:4566", "queues"),
        ("us-east-1.queue.amazonaws.com", "queues"),
        ("queue.localhost.localstack.cloud:4566", "queues"),
        ("anything.before.queues.eu-west-1.amazonaws.com", "queues"),
    ] {
        let head = Head { host, query: "Action=CreateQueue", method: &Method::GET, ..HEAD };
        check(head, "", service, Protocol::AwsQuery, "CreateQueue");
    }
    // A signature is more precise than a host.
    let head =
        Head { signing_name: Some("machines"), host: "queue.amazonaws.com", content_type: FORM, ..HEAD };
    check(head, "Action=RunInstances&Version=2016-11-15", "machines", Protocol::Ec2Query, "RunInstances");
    assert_eq!(region_of("queues.eu-west-1.localhost.localstack.cloud:4566").as_str(), "eu-west-1");
    assert_eq!(region_of("localhost:4566").as_str(), "us-east-1");
}

#[test]
fn cbor_names_service_and_operation_in_its_path() {
    let cbor = |path| Head { path, smithy_protocol: Some("rpc-v2-cbor"), ..HEAD };
    check(
        cbor("/service/AmazonQueues/operation/SendMessage"),
        "",
        "queues",
        Protocol::RpcV2Cbor,
        "SendMessage",
    );
    check(
        cbor("/prefix/service/AmazonQueues/operation/SendMessage"),
        "",
        "queues",
        Protocol::RpcV2Cbor,
        "SendMessage",
    );
    for (path, signing_name, service, why) in [
        ("/service/AmazonQueues/operation/Fly", None, "queues", Why::UnknownOperation("Fly".into())),
        ("/", Some("queues"), "queues", Why::NoSuchPath),
        ("/service/Nobody/operation/Fly", None, "", Why::NoService),
        // This one does not speak CBOR.
        (
            "/service/Tables_20120810/operation/GetItem",
            Some("tables"),
            "tables",
            Why::UnknownOperation("GetItem".into()),
        ),
    ] {
        let head = Head { signing_name, ..cbor(path) };
        assert_eq!(outcome(head, ""), (service, Protocol::RpcV2Cbor, why), "{path}");
    }
}

#[test]
fn method_and_path_name_the_operation() {
    for path in ["/functions/f/invocations", "/functions/f/invocations/"] {
        check(
            Head { path, signing_name: Some("functions"), ..HEAD },
            "",
            "functions",
            Protocol::RestJson1,
            "Invoke",
        );
    }
}

#[test]
fn what_names_nothing_is_answered_in_the_likeliest_protocol() {
    for (head, service, protocol, why) in [
        (HEAD, "", Protocol::AwsQuery, Why::NoService),
        (Head { content_type: "application/json", ..HEAD }, "", Protocol::RestJson1, Why::NoService),
        (Head { signing_name: Some("s9"), ..HEAD }, "", Protocol::AwsQuery, Why::NotServed("s9".into())),
        (
            Head { signing_name: Some("tables"), ..HEAD },
            "tables",
            Protocol::AwsJson1_1,
            Why::NotServed("tables".into()),
        ),
        (
            Head { signing_name: Some("functions"), path: "/x", ..HEAD },
            "functions",
            Protocol::RestJson1,
            Why::NoSuchPath,
        ),
    ] {
        assert_eq!(outcome(head, ""), (service, protocol, why), "{head:?}");
    }
}

#[test]
fn a_parameter_is_decoded_once_and_found_whole() {
    let form = b"ActionName=no&Action=a%20b+c%2Bd&Action=second";
    assert_eq!(parameter(form, "Action").as_deref(), Some("a b c+d"));
    assert_eq!(parameter(form, "Version"), None);
    assert_eq!(parameter(b"Action=%ff%", "Action").as_deref(), Some("\u{fffd}%"));
}

const BUCKETS: Service = Service {
    name: "objects",
    signing_name: "objects",
    signing_aliases: &["objectsexpress"],
    endpoint_prefix: "objects",
    protocols: &[Protocol::RestXml],
    buckets: true,
    operations: &["GetObject", "ListObjects", "PutObject"],
    ..Service::BLANK
};

/// Shares its signing name with the buckets.
const CONTROL: Service = Service {
    name: "objectscontrol",
    signing_name: "objects",
    endpoint_prefix: "objects-control",
    protocols: &[Protocol::RestXml],
    operations: &["ListPoints"],
    ..Service::BLANK
};

static WITH_BUCKETS: &[&CatalogEntry] = &[
    &CatalogEntry { service: CONTROL, bindings: &[Binding::new("GET", "/v20180820/points", "ListPoints")] },
    &CatalogEntry {
        service: BUCKETS,
        bindings: &[
            Binding::new("GET", "/{Bucket}", "ListObjects"),
            Binding::new("GET", "/{Bucket}/{Key+}", "GetObject"),
            Binding::new("PUT", "/{Bucket}/{Key+}", "PutObject"),
        ],
    },
    &CatalogEntry { service: QUEUES, bindings: &[] },
];

/// Routes with buckets, and tells the reason, or the bucket of an upload.
fn bucket_outcome(head: Head<'_>) -> Result<String, Why> {
    let directory = Directory::new(&[], WITH_BUCKETS);
    let host = crate::buckets::read_host(head.host, "objects");
    match route(&directory, &Head { buckets: host.as_ref(), ..head }) {
        Err(unrouted) => Err(unrouted.why),
        Ok(Step::Upload { bucket, .. }) => Ok(bucket),
        Ok(_) => panic!("no service is implemented"),
    }
}

#[test]
fn the_bucket_may_be_in_the_host() {
    let get = Head { method: &Method::GET, ..HEAD };
    for (host, path, signing_name, operation) in [
        ("localhost", "/b/k", Some("objects"), "GetObject"),
        ("localhost", "/b/k", Some("objectsexpress"), "GetObject"),
        ("localhost", "/v20180820/points", Some("objects"), "ListPoints"),
        ("b.objects.localhost", "/v20180820/points", Some("objects"), "GetObject"),
        ("b.objects.us-east-1.amazonaws.com", "/", None, "ListObjects"),
        ("objects-us-west-2.amazonaws.com", "/b", None, "ListObjects"),
        ("box.localhost:4566", "/k", Some("objects"), "GetObject"),
        ("objects.localhost:4566", "/b", Some("objects"), "ListObjects"),
    ] {
        let head = Head { host, path, signing_name, ..get };
        assert_eq!(bucket_outcome(head), Err(Why::NotImplemented(operation)), "{host} {path}");
    }
    // The signature is for somebody else, or a service has the name.
    let queues = Head { host: "b.objects.localhost", path: "/k", signing_name: Some("queues"), ..get };
    assert_eq!(bucket_outcome(queues), Err(Why::MissingAction));
    let named = Head { host: "queues.localhost", path: "/k", ..get };
    assert_eq!(bucket_outcome(named), Err(Why::MissingAction));
}

#[test]
fn what_a_path_stands_for_is_told_with_the_method() {
    for (path, resource_type) in [("/", "SERVICE"), ("/b", "BUCKET"), ("/b/", "BUCKET"), ("/b/k", "OBJECT")] {
        let head = Head { method: &Method::DELETE, path, signing_name: Some("objects"), ..HEAD };
        let why = Why::NoSuchMethod { method: "DELETE".to_owned(), resource_type };
        assert_eq!(bucket_outcome(head), Err(why), "{path}");
    }
}

#[test]
fn a_form_with_a_file_goes_to_its_bucket() {
    let form =
        Head { content_type: "multipart/form-data; boundary=x", signing_name: Some("objects"), ..HEAD };
    assert_eq!(bucket_outcome(Head { path: "/b", ..form }), Ok("b".to_owned()));
    assert_eq!(bucket_outcome(Head { path: "/b/", ..form }), Ok("b".to_owned()));
    assert_eq!(bucket_outcome(Head { host: "b.objects.localhost", ..form }), Ok("b".to_owned()));
    assert!(bucket_outcome(Head { path: "/b/k", ..form }).is_err());
    assert!(bucket_outcome(form).is_err());
}
