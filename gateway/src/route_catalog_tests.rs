//! The router on the catalog of what AWS really has: whatever a client calls is named, in every protocol.

use catalog_api::CATALOG;
use http::HeaderValue;
use schema::{Binding, CatalogEntry};

use super::*;
use crate::refuse::Refusal;

/// What the caller is told: code, status and message.
fn told(head: Head<'_>, form: &str) -> (String, u16, String) {
    let directory = Directory::new(&[], CATALOG);
    let unrouted = match route(&directory, &head) {
        Err(unrouted) => unrouted,
        Ok(Step::Form(candidates)) => {
            candidates.choose(head.query, form.as_bytes()).err().expect("no service is implemented")
        }
        Ok(Step::Done(_) | Step::Upload { .. }) => panic!("no service is implemented"),
    };
    let fault = Refusal::unrouted(unrouted).fault;
    (fault.code().to_owned(), fault.status(), fault.message().to_owned())
}

fn check(head: Head<'_>, form: &str, operation: &str) {
    let message = format!("{operation} is not implemented by Fogbank");
    assert_eq!(told(head, form), ("NotImplemented".into(), 501, message), "{head:?} {form}");
}

fn head(signing_name: &'static str) -> Head<'static> {
    Head {
        method: &Method::POST,
        path: "/",
        query: "",
        host: "127.0.0.1:4566",
        target: None,
        content_type: "",
        smithy_protocol: None,
        signing_name: Some(signing_name),
        headers: None,
        buckets: None,
    }
}

const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";

#[test]
fn a_target_or_a_cbor_path_names_what_is_not_implemented() {
    for (signing_name, target, operation) in [
        ("dynamodb", "DynamoDB_20120810.ListTables", "dynamodb:ListTables"),
        ("dynamodb", "DynamoDBStreams_20120810.GetRecords", "dynamodbstreams:GetRecords"),
        ("monitoring", "GraniteServiceVersion20100801.PutMetricData", "cloudwatch:PutMetricData"),
        ("kms", "TrentService.CreateKey", "kms:CreateKey"),
        ("states", "AWSStepFunctions.StartExecution", "stepfunctions:StartExecution"),
    ] {
        check(Head { target: Some(target), ..head(signing_name) }, "", operation);
    }
    let path = "/service/GraniteServiceVersion20100801/operation/ListMetrics";
    let cbor = Head { smithy_protocol: Some("rpc-v2-cbor"), path, ..head("monitoring") };
    check(cbor, "", "cloudwatch:ListMetrics");
}

#[test]
fn an_action_names_what_is_not_implemented() {
    for (signing_name, form, operation) in [
        ("iam", "Action=ListUsers&Version=2010-05-08", "iam:ListUsers"),
        ("ec2", "Action=DescribeInstances&Version=2016-11-15", "ec2:DescribeInstances"),
        ("monitoring", "Action=ListMetrics&Version=2010-08-01", "cloudwatch:ListMetrics"),
        ("ses", "Action=SendEmail&Version=2010-12-01", "ses:SendEmail"),
        (
            "elasticloadbalancing",
            "Action=DescribeLoadBalancers&Version=2012-06-01",
            "elb:DescribeLoadBalancers",
        ),
        (
            "elasticloadbalancing",
            "Action=DescribeLoadBalancers&Version=2015-12-01",
            "elbv2:DescribeLoadBalancers",
        ),
    ] {
        check(Head { content_type: FORM, ..head(signing_name) }, form, operation);
    }
}

#[test]
fn method_and_path_name_what_is_not_implemented() {
    for (signing_name, method, target, operation) in [
        ("s3", "GET", "/", "s3:ListBuckets"),
        ("s3", "GET", "/?x-id=ListBuckets", "s3:ListBuckets"),
        ("s3", "PUT", "/bucket", "s3:CreateBucket"),
        ("s3", "PUT", "/bucket/", "s3:CreateBucket"),
        ("s3", "GET", "/bucket", "s3:ListObjects"),
        ("s3", "GET", "/bucket?list-type=2&prefix=a", "s3:ListObjectsV2"),
        ("s3", "GET", "/bucket?acl", "s3:GetBucketAcl"),
        ("s3", "GET", "/bucket?lifecycle", "s3:GetBucketLifecycleConfiguration"),
        ("s3", "GET", "/bucket?inventory&id=a", "s3:GetBucketInventoryConfiguration"),
        ("s3", "GET", "/bucket?inventory", "s3:ListBucketInventoryConfigurations"),
        ("s3", "GET", "/bucket/a/b%20c", "s3:GetObject"),
        ("s3", "PUT", "/bucket/a/b?x-id=PutObject", "s3:PutObject"),
        ("s3", "PUT", "/bucket/a?partNumber=1&uploadId=x", "s3:UploadPart"),
        ("s3", "GET", "/bucket/a?uploadId=x", "s3:ListParts"),
        ("s3", "DELETE", "/bucket/a?uploadId=x", "s3:AbortMultipartUpload"),
        ("s3", "DELETE", "/bucket/a", "s3:DeleteObject"),
        ("s3", "GET", "/v20180820/accesspoint", "s3control:ListAccessPoints"),
        ("lambda", "GET", "/2015-03-31/functions", "lambda:ListFunctions"),
        ("lambda", "GET", "/2015-03-31/functions/", "lambda:ListFunctions"),
        ("lambda", "GET", "/2015-03-31/functions/?MaxItems=5", "lambda:ListFunctions"),
        ("lambda", "GET", "/2015-03-31/functions/f", "lambda:GetFunction"),
        ("lambda", "POST", "/2015-03-31/functions/f/invocations", "lambda:Invoke"),
        ("ses", "POST", "/v2/email/outbound-emails", "sesv2:SendEmail"),
        ("apigateway", "GET", "/restapis", "apigateway:GetRestApis"),
        ("apigateway", "GET", "/v2/apis", "apigatewayv2:GetApis"),
        ("route53", "GET", "/2013-04-01/hostedzone", "route53:ListHostedZones"),
    ] {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        check(Head { method: &method, path, query, ..head(signing_name) }, "", operation);
    }
    let copied = HeaderMap::from_iter([(
        http::HeaderName::from_static("x-amz-copy-source"),
        HeaderValue::from_static("bucket/b"),
    )]);
    let copy = Head { method: &Method::PUT, path: "/bucket/a", headers: Some(&copied), ..head("s3") };
    check(copy, "", "s3:CopyObject");
    check(Head { query: "partNumber=1&uploadId=x", ..copy }, "", "s3:UploadPartCopy");
}

#[test]
fn what_aws_has_not_either_is_unknown_in_the_protocols_words() {
    let unknown = ("UnknownOperationException", 400, "");
    let no_path = ("UnknownOperationException", 404, "");
    let invalid = ("InvalidAction", 400, "The action Fly is not valid for this endpoint.");
    let not_allowed = ("MethodNotAllowed", 405, "The specified method is not allowed against this resource.");
    let cbor = Some("rpc-v2-cbor");
    let fly = "/service/GraniteServiceVersion20100801/operation/Fly";
    for (head, expected) in [
        (Head { target: Some("DynamoDB_20120810.Fly"), ..head("dynamodb") }, unknown),
        (Head { smithy_protocol: cbor, path: fly, ..head("monitoring") }, unknown),
        (Head { content_type: FORM, ..head("iam") }, invalid),
        (Head { content_type: FORM, ..head("ec2") }, invalid),
        (Head { path: "/2015-03-31/fly", ..head("lambda") }, no_path),
        (Head { path: "/2013-04-01/fly", ..head("route53") }, no_path),
        (Head { path: "/v3/fly", ..head("ses") }, no_path),
        (Head { path: "/", ..head("s3") }, not_allowed),
    ] {
        let (code, status, message) = told(head, "Action=Fly&Version=2010-05-08");
        assert_eq!((code.as_str(), status, message.as_str()), expected, "{head:?}");
    }
}

#[test]
fn the_catalog_keeps_what_the_directory_relies_on() {
    for CatalogEntry { service, bindings } in CATALOG {
        assert!(service.operations.is_sorted(), "{}: names are looked up by bisection", service.name);
        assert_eq!(bindings.is_empty(), !speaks_rest(service), "{}", service.name);
        let named = |binding: &Binding| service.operations.contains(&binding.operation);
        assert!(bindings.iter().all(named), "{}", service.name);
    }
}
