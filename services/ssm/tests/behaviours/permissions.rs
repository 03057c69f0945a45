//! Who may do what with which parameter.

use crate::support::*;
use ssm_api::*;
use testkit::Cloud;

fn by_path(path: &str, recursive: bool) -> GetParametersByPathInput {
    GetParametersByPathInput {
        path: path.to_owned(),
        recursive: Some(recursive),
        ..GetParametersByPathInput::default()
    }
}

#[tokio::test]
async fn names_and_paths_are_resources_without_their_first_slash() {
    let cloud = Cloud::new(1).await;
    for name in ["/app/a", "/app/b/c", "/other/a", "flat"] {
        put(&cloud, string(name, "x")).await;
    }
    let statements =
        [allow("ssm:GetParameter", &arn("app/*")), allow("ssm:GetParametersByPath", &arn("app"))];
    let app = user(&cloud, "app", &statements.join(",")).await;
    let get = |name: &str| cloud.call_by(app.clone(), GetParameter, get_input(name, false));
    assert!(
        get("/app/a").await.is_ok() && get(&arn("app/b/c")).await.is_ok() && get("/app/a:1").await.is_ok()
    );
    let message = refused(get("/other/a").await, "AccessDeniedException");
    let expected = format!("is not authorized to perform: ssm:GetParameter on resource: {}", arn("other/a"));
    assert!(message.contains(&expected), "{message}");
    let list = |path: &str| cloud.call_by(app.clone(), GetParametersByPath, by_path(path, true));
    let found = list("/app").await.unwrap().parameters.unwrap();
    assert_eq!(found.len(), 2, "a path shows what lies below it");
    refused(list("/other").await, "AccessDeniedException");
    let describe = cloud.call_by(app.clone(), DescribeParameters, DescribeParametersInput::default()).await;
    let message = refused(describe, "AccessDeniedException");
    assert!(message.contains(&format!("arn:aws:ssm:us-east-1:{ACCOUNT}:*")), "{message}");
}

#[tokio::test]
async fn all_names_of_a_request_have_to_be_allowed() {
    let cloud = Cloud::new(2).await;
    put(&cloud, string("/a/1", "x")).await;
    put(&cloud, string("/b/1", "x")).await;
    let statements = [allow("ssm:GetParameters", &arn("a/*")), allow("ssm:DeleteParameters", &arn("a/*"))];
    let some = user(&cloud, "some", &statements.join(",")).await;
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let get = |list: &[&str]| GetParametersInput { names: names(list), with_decryption: None };
    assert!(cloud.call_by(some.clone(), GetParameters, get(&["/a/1", "/a/2"])).await.is_ok());
    refused(
        cloud.call_by(some.clone(), GetParameters, get(&["/a/1", "/b/1"])).await,
        "AccessDeniedException",
    );
    let delete = DeleteParametersInput { names: names(&["/a/1", "/b/1"]) };
    refused(cloud.call_by(some, DeleteParameters, delete).await, "AccessDeniedException");
    assert_eq!(value(&cloud, "/a/1").await, "x");
}

#[tokio::test]
async fn conditions_see_overwrite_policies_recursive_and_tags() {
    let cloud = Cloud::new(3).await;
    let tags = Some(vec![Tag { key: "team".to_owned(), value: "red".to_owned() }]);
    put(&cloud, PutParameterInput { tags, ..string("/red", "x") }).await;
    put(&cloud, string("/blue", "x")).await;
    let unless = |action: &str, key: &str| {
        format!(
            r#"{{"Effect":"Allow","Action":"{action}","Resource":"*","Condition":{{"StringEquals":{{"{key}":"false"}}}}}}"#
        )
    };
    let red = r#"{"Effect":"Allow","Action":"ssm:GetParameter","Resource":"*",
        "Condition":{"StringEquals":{"aws:ResourceTag/team":"red"}}}"#;
    let statements = [
        unless("ssm:PutParameter", "ssm:Overwrite"),
        unless("ssm:GetParametersByPath", "ssm:Recursive"),
        red.to_owned(),
    ];
    let limited = user(&cloud, "limited", &statements.join(",")).await;
    let put = |input: PutParameterInput| cloud.call_by(limited.clone(), PutParameter, input);
    assert!(put(string("/new", "x")).await.is_ok());
    refused(put(over(string("/new", "y"))).await, "AccessDeniedException");
    let list = |recursive| cloud.call_by(limited.clone(), GetParametersByPath, by_path("/", recursive));
    assert!(list(false).await.is_ok());
    refused(list(true).await, "AccessDeniedException");
    let get = |name: &str| cloud.call_by(limited.clone(), GetParameter, get_input(name, false));
    assert!(get("/red").await.is_ok());
    refused(get("/blue").await, "AccessDeniedException");
    let tagged = Some(vec![Tag { key: "a".to_owned(), value: "b".to_owned() }]);
    let message =
        refused(put(PutParameterInput { tags: tagged, ..string("/t", "x") }).await, "AccessDeniedException");
    assert!(message.contains("ssm:AddTagsToResource"), "{message}");
    let strict = user(&cloud, "strict", &unless("ssm:PutParameter", "ssm:Policies")).await;
    let policies =
        text(r#"[{"Type":"NoChangeNotification","Version":"1.0","Attributes":{"After":"1","Unit":"Days"}}]"#);
    let input = advanced(PutParameterInput { policies, ..string("/p", "x") });
    refused(cloud.call_by(strict, PutParameter, input).await, "AccessDeniedException");
}
