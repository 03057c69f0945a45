//! SecureStrings, which take KMS and the caller's right to use the key; and secrets of Secrets Manager.

use crate::support::*;
use ssm_api::*;
use testkit::Cloud;

#[tokio::test]
async fn a_secure_string_is_ciphertext_until_it_is_decrypted() {
    let cloud = Cloud::new(1).await;
    for (name, input) in
        [("/small", secure("/small", "hunter2")), ("/large", advanced(secure("/large", &"x".repeat(8000))))]
    {
        let expected = input.value.clone();
        put(&cloud, input).await;
        let shown = cloud.call(GetParameter, get_input(name, false)).await.unwrap().parameter.unwrap();
        let ciphertext = shown.value.unwrap();
        assert!(ciphertext != expected && ciphertext.len() > 40, "{ciphertext}");
        assert_eq!(value(&cloud, name).await, expected);
        assert_eq!(describe(&cloud, name).await.key_id, text("alias/aws/ssm"));
    }
    // An upgrade leaves older versions as they were encrypted.
    put(&cloud, over(advanced(secure("/small", "hunter3")))).await;
    let values: Vec<_> = history(&cloud, "/small").await.into_iter().map(|one| one.value.unwrap()).collect();
    assert_eq!(values, ["hunter2", "hunter3"]);
}

#[tokio::test]
async fn a_key_of_the_callers_own_is_used_and_has_to_work() {
    let cloud = Cloud::new(2).await;
    let key = new_key(&cloud, None).await;
    let with = |key: &str| PutParameterInput { key_id: text(key), ..secure("/k", "hidden") };
    put(&cloud, with(&key)).await;
    assert_eq!(describe(&cloud, "/k").await.key_id, text(&key));
    assert_eq!(value(&cloud, "/k").await, "hidden");
    let absent = over(with("11111111-2222-3333-4444-555555555555"));
    let message = refused(try_put(&cloud, absent).await, "InvalidKeyId");
    assert!(
        message.contains("(Service: AWSKMS; Status Code: 400; Error Code: NotFoundException; Request ID: "),
        "{message}"
    );
    refused(try_put(&cloud, over(with("alias/none"))).await, "InvalidKeyId");
    let disable = kms_api::DisableKeyInput { key_id: key.clone() };
    cloud.call(kms_api::DisableKey, disable).await.unwrap();
    let message = refused(get(&cloud, "/k").await, "InvalidKeyId");
    assert!(message.contains("DisabledException"), "{message}");
    assert!(cloud.call(GetParameter, get_input("/k", false)).await.is_ok(), "ciphertext needs no key");
}

#[tokio::test]
async fn without_the_right_to_decrypt_a_secret_stays_one_whatever_else_is_allowed() {
    let cloud = Cloud::new(3).await;
    let key = new_key(&cloud, None).await;
    put(&cloud, PutParameterInput { key_id: text(&key), ..secure("/s", "hidden") }).await;
    put(&cloud, advanced(PutParameterInput { key_id: text(&key), ..secure("/a", "hidden") })).await;
    let reader = user(&cloud, "reader", &allow("ssm:*", "*")).await;
    for name in ["/s", "/a"] {
        let refusal = cloud.call_by(reader.clone(), GetParameter, get_input(name, true)).await;
        let message = refused(refusal, "AccessDeniedException");
        assert!(message.contains("Service: AWSKMS") && !message.contains("hidden"), "{message}");
        assert!(cloud.call_by(reader.clone(), GetParameter, get_input(name, false)).await.is_ok());
    }
    let by_path = GetParametersByPathInput {
        path: "/".to_owned(),
        with_decryption: Some(true),
        ..GetParametersByPathInput::default()
    };
    refused(cloud.call_by(reader.clone(), GetParametersByPath, by_path).await, "AccessDeniedException");
    let input = over(PutParameterInput { key_id: text(&key), ..secure("/s", "new") });
    refused(cloud.call_by(reader, PutParameter, input).await, "AccessDeniedException");
    let statements = format!(
        r#"{},{{"Effect":"Allow","Action":"kms:Decrypt","Resource":"*","Condition":{{"StringEquals":{{
            "kms:ViaService":"ssm.us-east-1.amazonaws.com",
            "kms:EncryptionContext:PARAMETER_ARN":"{}"}}}}}}"#,
        allow("ssm:*", "*"),
        arn("s"),
    );
    let trusted = user(&cloud, "trusted", &statements).await;
    let found = cloud.call_by(trusted.clone(), GetParameter, get_input("/s", true)).await.unwrap();
    assert_eq!(found.parameter.unwrap().value, text("hidden"));
    refused(cloud.call_by(trusted, GetParameter, get_input("/a", true)).await, "AccessDeniedException");
}

#[tokio::test]
async fn a_secret_of_secrets_manager_is_read_by_reference() {
    let cloud = Cloud::new(4).await;
    let create = secretsmanager_api::CreateSecretInput {
        name: "db/password".to_owned(),
        secret_string: text("s3cret"),
        ..secretsmanager_api::CreateSecretInput::default()
    };
    let made = cloud.call(secretsmanager_api::CreateSecret, create).await.unwrap();
    let name = "/aws/reference/secretsmanager/db/password";
    let found = get(&cloud, name).await.unwrap();
    assert_eq!((found.name, found.value, found.arn), (text(name), text("s3cret"), made.arn));
    assert_eq!(found.r#type, Some(ParameterType::SecureString));
    let source: serde_json::Value = serde_json::from_str(&found.source_result.unwrap()).unwrap();
    assert_eq!(source["SecretString"], "s3cret");
    assert_eq!(source["VersionStages"][0], "AWSCURRENT");
    let version = made.version_id.unwrap();
    for selector in [version.as_str(), "AWSCURRENT"] {
        let found = get(&cloud, &format!("{name}:{selector}")).await.unwrap();
        assert_eq!(found.selector, Some(format!(":{selector}")));
    }
    let message = refused(cloud.call(GetParameter, get_input(name, false)).await, "ValidationException");
    assert_eq!(message, "WithDecryption flag must be True for retrieving a Secret Manager secret.");
    let absent = "/aws/reference/secretsmanager/none";
    let message = refused(get(&cloud, absent).await, "ParameterNotFound");
    assert!(
        message.ends_with(&format!("when referencing Secrets Manager: Secret {absent} not found.")),
        "{message}"
    );
    let names = vec![name.to_owned(), absent.to_owned()];
    let input = GetParametersInput { names, with_decryption: Some(true) };
    let output = cloud.call(GetParameters, input).await.unwrap();
    assert_eq!(
        (output.parameters.unwrap().len(), output.invalid_parameters.unwrap()),
        (1, vec![absent.to_owned()])
    );
    let outsider = user(&cloud, "outsider", &allow("ssm:*", "*")).await;
    refused(cloud.call_by(outsider, GetParameter, get_input(name, true)).await, "AccessDeniedException");
    refused(try_put(&cloud, string(name, "x")).await, "AccessDeniedException");
}
