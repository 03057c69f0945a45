//! The account's alias and switches.

use super::*;

async fn aliases(cloud: &Cloud) -> Vec<String> {
    let listed = cloud.call(ListAccountAliases, ListAccountAliasesInput::default()).await;
    listed.expect("listing is allowed").account_aliases
}

#[tokio::test]
async fn an_alias_is_one_an_account_and_nobody_elses() {
    let cloud = Cloud::new(1).await;
    let create = |alias: &str| CreateAccountAliasInput { account_alias: alias.to_owned() };
    cloud.call(CreateAccountAlias, create("fog")).await.unwrap();
    cloud.call(CreateAccountAlias, create("bank")).await.expect("a new alias takes the old one's place");
    assert_eq!(aliases(&cloud).await, ["bank"]);
    let cloud = cloud.as_account(111_111_111_111);
    let (code, message) = words(cloud.call(CreateAccountAlias, create("bank")).await);
    assert_eq!(
        (code.as_str(), message.as_str()),
        ("EntityAlreadyExists", "The account alias bank already exists.")
    );
    cloud.call(CreateAccountAlias, create("fog")).await.expect("the old alias is free again");
    let delete = DeleteAccountAliasInput { account_alias: "bank".to_owned() };
    assert_eq!(words(cloud.call(DeleteAccountAlias, delete).await).0, "NoSuchEntity");
    assert_eq!(aliases(&cloud).await, ["fog"], "another's alias is not this account's to delete");
    let delete = DeleteAccountAliasInput { account_alias: "fog".to_owned() };
    cloud.call(DeleteAccountAlias, delete).await.unwrap();
    assert!(aliases(&cloud).await.is_empty());
    assert_eq!(words(cloud.call(CreateAccountAlias, create("222222222222")).await).0, "InvalidInput");
}

#[tokio::test]
async fn the_version_of_global_tokens_can_be_chosen() {
    let cloud = Cloud::new(2).await;
    let choose = |version| SetSecurityTokenServicePreferencesInput { global_endpoint_token_version: version };
    cloud
        .call(SetSecurityTokenServicePreferences, choose(GlobalEndpointTokenVersion::V2Token))
        .await
        .unwrap();
    let summary = cloud.call(GetAccountSummary, GetAccountSummaryInput::default()).await.unwrap();
    let version = summary.summary_map.unwrap().remove("GlobalEndpointTokenVersion");
    assert_eq!(version, Some(2));
}
