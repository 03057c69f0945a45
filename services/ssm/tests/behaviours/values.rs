//! Parameters and what may be in them.

use crate::support::*;
use ssm_api::*;
use testkit::{Cloud, START};

#[tokio::test]
async fn a_parameter_reads_as_it_was_put() {
    let cloud = Cloud::new(1).await;
    assert_eq!(put(&cloud, string("/app/db/host", "example.com")).await, 1);
    let found = get(&cloud, "/app/db/host").await.unwrap();
    let expected = Parameter {
        name: text("/app/db/host"),
        r#type: Some(ParameterType::String),
        value: text("example.com"),
        version: Some(1),
        last_modified_date: Some(START),
        arn: Some(arn("app/db/host")),
        data_type: text("text"),
        ..Parameter::default()
    };
    assert_eq!(found, expected);
    assert_eq!(get(&cloud, &arn("app/db/host")).await.unwrap(), expected, "by ARN");
    assert_eq!(refused(get(&cloud, "app").await, "ParameterNotFound"), "");
    assert_eq!(refused(get(&cloud, "/app/db").await, "ParameterNotFound"), "");
}

#[tokio::test]
async fn a_name_is_taken_with_and_without_its_first_slash() {
    let cloud = Cloud::new(2).await;
    put(&cloud, string("/one", "1")).await;
    let message = refused(try_put(&cloud, string("/one", "2")).await, "ParameterAlreadyExists");
    assert!(message.starts_with("The parameter already exists. To overwrite this value"), "{message}");
    refused(try_put(&cloud, over(string("one", "2"))).await, "ParameterAlreadyExists");
    refused(get(&cloud, "one").await, "ParameterNotFound");
    assert_eq!(value(&cloud, "/one").await, "1");
}

#[tokio::test]
async fn wrong_requests_are_refused_in_awss_words() {
    let cloud = Cloud::new(3).await;
    let put = |input: PutParameterInput| try_put(&cloud, input);
    let untyped = PutParameterInput { r#type: None, ..string("a", "1") };
    let message = refused(put(untyped).await, "ValidationException");
    assert_eq!(message, "A parameter type is required when you create a parameter.");
    refused(put(string("awsome", "1")).await, "AccessDeniedException");
    refused(put(string("ssm", "1")).await, "ValidationException");
    refused(put(string("/a/{b}", "1")).await, "ValidationException");
    refused(put(string("a", "{{b}}")).await, "ValidationException");
    refused(put(string("a", "")).await, "ValidationException");
    let deep = "/x".repeat(16);
    refused(put(string(&deep, "1")).await, "HierarchyLevelLimitExceededException");
    let message = refused(put(string("a", &"x".repeat(4097))).await, "ValidationException");
    assert!(message.starts_with("Standard tier parameters support a maximum"), "{message}");
    refused(put(advanced(string("a", &"x".repeat(8193)))).await, "ValidationException");
    let pattern = |pattern: &str| PutParameterInput { allowed_pattern: text(pattern), ..string("a", "abc") };
    let message = refused(put(pattern(r"\d+")).await, "ParameterPatternMismatchException");
    assert_eq!(message, r"Parameter value, cannot be validated against allowedPattern: \d+");
    refused(put(pattern("(")).await, "InvalidAllowedPatternException");
    let tags = Some(vec![Tag { key: "a".to_owned(), value: "b".to_owned() }]);
    let message =
        refused(put(over(PutParameterInput { tags, ..string("a", "1") })).await, "ValidationException");
    assert!(message.starts_with("Invalid request: tags and overwrite can't be used together."), "{message}");
    let keyed = PutParameterInput { key_id: text("alias/x"), ..string("a", "1") };
    refused(put(keyed).await, "ValidationException");
    let image = PutParameterInput { data_type: text("aws:ec2:image"), ..string("a", "nothing") };
    refused(put(image).await, "ValidationException");
    refused(get(&cloud, "a").await, "ParameterNotFound");
    refused(get(&cloud, "{test}-test").await, "ValidationException");
}

#[tokio::test]
async fn an_update_keeps_what_it_does_not_name() {
    let cloud = Cloud::new(4).await;
    let first = PutParameterInput {
        description: text("the first"),
        allowed_pattern: text("[a-z]+"),
        data_type: text("hostname"),
        ..string("/host", "one")
    };
    put(&cloud, first).await;
    let second = PutParameterInput { r#type: None, ..over(string("/host", "two")) };
    assert_eq!(put(&cloud, second).await, 2);
    let found = describe(&cloud, "/host").await;
    assert_eq!(found.description, text("the first"));
    assert_eq!((found.allowed_pattern, found.data_type), (text("[a-z]+"), text("hostname")));
    assert_eq!(found.last_modified_user, text("arn:aws:iam::000000000000:root"));
    refused(try_put(&cloud, over(string("/host", "3"))).await, "ParameterPatternMismatchException");
    let other = PutParameterInput { data_type: text("text"), ..over(string("/host", "x")) };
    refused(try_put(&cloud, other).await, "ValidationException");
}

#[tokio::test]
async fn a_type_may_change_with_a_new_version() {
    let cloud = Cloud::new(5).await;
    put(&cloud, string("x", "open")).await;
    put(&cloud, over(secure("x", "hidden"))).await;
    put(&cloud, PutParameterInput { r#type: Some(ParameterType::StringList), ..over(string("x", "a,b")) })
        .await;
    let types: Vec<String> =
        history(&cloud, "x").await.into_iter().map(|version| version.r#type.unwrap().to_string()).collect();
    assert_eq!(types, ["String", "SecureString", "StringList"]);
    assert_eq!(value(&cloud, "x:2").await, "hidden");
}

#[tokio::test]
async fn several_are_read_at_once_and_the_missing_are_named() {
    let cloud = Cloud::new(6).await;
    put(&cloud, string("/b", "1")).await;
    put(&cloud, string("/a", "2")).await;
    let names = ["/b", "/none", "/a:1", "/a:7", "bad name", "/aws/service/none"].map(str::to_owned).to_vec();
    let input = GetParametersInput { names, with_decryption: None };
    let output = cloud.call(GetParameters, input).await.unwrap();
    let shown: Vec<_> =
        output.parameters.unwrap().into_iter().map(|p| (p.name.unwrap(), p.selector)).collect();
    assert_eq!(shown, [("/a".to_owned(), text(":1")), ("/b".to_owned(), None)]);
    let mut invalid = output.invalid_parameters.unwrap();
    invalid.sort();
    assert_eq!(invalid, ["/a:7", "/aws/service/none", "/none", "bad name"]);
}

#[tokio::test]
async fn deleting_takes_all_versions_and_frees_the_name() {
    let cloud = Cloud::new(7).await;
    put(&cloud, string("/a", "1")).await;
    put(&cloud, over(string("/a", "2"))).await;
    let delete = |name: &str| cloud.call(DeleteParameter, DeleteParameterInput { name: name.to_owned() });
    delete("/a").await.unwrap();
    assert_eq!(refused(delete("/a").await, "ParameterNotFound"), "");
    assert_eq!(put(&cloud, string("/a", "new")).await, 1, "versions begin anew");
    assert_eq!(history(&cloud, "/a").await.len(), 1);
    put(&cloud, string("/b", "1")).await;
    let names = ["/a", "/none", "/b", "a b"].map(str::to_owned).to_vec();
    let output = cloud.call(DeleteParameters, DeleteParametersInput { names }).await.unwrap();
    assert_eq!(output.deleted_parameters.unwrap(), ["/a", "/b"]);
    assert_eq!(output.invalid_parameters.unwrap(), ["/none", "a b"]);
}

#[tokio::test]
async fn tags_come_with_a_parameter_and_change() {
    let cloud = Cloud::new(8).await;
    let tag = |key: &str, value: &str| Tag { key: key.to_owned(), value: value.to_owned() };
    put(&cloud, PutParameterInput { tags: Some(vec![tag("env", "prod")]), ..string("/t", "1") }).await;
    let resource_type = ResourceTypeForTagging::Parameter;
    let add = AddTagsToResourceInput {
        resource_type: resource_type.clone(),
        resource_id: "/t".to_owned(),
        tags: vec![tag("team", "a"), tag("env", "test")],
    };
    cloud.call(AddTagsToResource, add.clone()).await.unwrap();
    let remove = RemoveTagsFromResourceInput {
        resource_type: resource_type.clone(),
        resource_id: "/t".to_owned(),
        tag_keys: vec!["team".to_owned()],
    };
    cloud.call(RemoveTagsFromResource, remove).await.unwrap();
    let list = ListTagsForResourceInput { resource_type, resource_id: "/t".to_owned() };
    let listed = cloud.call(ListTagsForResource, list.clone()).await.unwrap();
    assert_eq!(listed.tag_list.unwrap(), [tag("env", "test")]);
    put(&cloud, over(string("/t", "2"))).await;
    assert_eq!(cloud.call(ListTagsForResource, list.clone()).await.unwrap().tag_list.unwrap().len(), 1);
    let many = (0..50).map(|n| tag(&n.to_string(), "")).collect();
    refused(
        cloud.call(AddTagsToResource, AddTagsToResourceInput { tags: many, ..add.clone() }).await,
        "TooManyTagsError",
    );
    let none = AddTagsToResourceInput { resource_id: "/none".to_owned(), ..add.clone() };
    refused(cloud.call(AddTagsToResource, none).await, "InvalidResourceId");
    let document = AddTagsToResourceInput { resource_type: ResourceTypeForTagging::Document, ..add };
    let message = refused(cloud.call(AddTagsToResource, document).await, "NotImplemented");
    assert!(message.contains("Document"), "{message}");
}
