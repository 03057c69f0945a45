//! Whom a queue's policy names is who was meant when it was set, and nobody who is called the same later.

use base::AccountId;
use service::{Principal, PrincipalKind};
use sqs_api::*;
use testkit::Cloud;

use crate::support::*;

/// A user without any policy.
async fn user(cloud: &Cloud) -> Principal {
    let input = iam_api::CreateUserInput { user_name: "ann".to_owned(), ..Default::default() };
    let made = cloud.call(iam_api::CreateUser, input).await.expect("the name is free").user;
    let made = made.expect("a new user is shown");
    Principal {
        kind: PrincipalKind::User,
        account: AccountId::DEV,
        arn: made.arn,
        user_id: made.user_id,
        access_key_id: None,
        session: None,
    }
}

async fn sends(cloud: &Cloud, who: &Principal, url: &str) -> bool {
    let input = SendMessageInput {
        queue_url: url.to_owned(),
        message_body: "b".to_owned(),
        ..SendMessageInput::default()
    };
    cloud.call_by(who.clone(), SendMessage, input).await.is_ok()
}

async fn set_policy(cloud: &Cloud, url: &str, policy: &str) {
    let input = SetQueueAttributesInput { queue_url: url.to_owned(), attributes: map(&[("Policy", policy)]) };
    cloud.call(SetQueueAttributes, input).await.expect("the policy is good");
}

#[tokio::test]
async fn a_user_made_again_under_the_same_name_is_somebody_else() {
    let cloud = Cloud::new(1).await;
    let ann = user(&cloud).await;
    let policy = format!(
        r#"{{"Statement":[{{"Effect":"Allow","Principal":{{"AWS":"{}"}},"Action":"sqs:SendMessage","Resource":"*"}}]}}"#,
        ann.arn
    );
    let url = create(&cloud, "q", &[("Policy", &policy)]).await;
    assert!(sends(&cloud, &ann, &url).await);
    assert_eq!(attribute(&cloud, &url, "Policy").await.as_deref(), Some(policy.as_str()));

    let input = iam_api::DeleteUserInput { user_name: "ann".to_owned() };
    cloud.call(iam_api::DeleteUser, input).await.expect("nothing holds on to her");
    let shown = attribute(&cloud, &url, "Policy").await.expect("the policy is still there");
    assert!(shown.contains(&ann.user_id) && !shown.contains(&ann.arn), "{shown}");
    let again = user(&cloud).await;
    assert_eq!(again.arn, ann.arn);
    assert!(!sends(&cloud, &again, &url).await);

    set_policy(&cloud, &url, &policy).await;
    assert!(sends(&cloud, &again, &url).await);
}
