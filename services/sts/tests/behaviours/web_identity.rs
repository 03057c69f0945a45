//! Roles, assumed with tokens of a provider that runs on this machine.

use schema::Fault;
use serde_json::{Value, json};
use service::{Principal, PrincipalKind};
use sts_api::*;

use crate::cloud::{Cloud, START};
use crate::provider::{Provider, Signer};

const ROLE: &str = "arn:aws:iam::123456789012:role/web";

struct Scene {
    cloud: Cloud,
    provider: Provider,
}

impl Scene {
    /// The provider is known by its certificate, and the role trusts subjects that begin with `job:`.
    async fn new(seed: u64) -> Scene {
        let scene = Scene { cloud: Cloud::new(seed), provider: Provider::start().await };
        scene
            .cloud
            .directory
            .provider(scene.provider.known(std::slice::from_ref(&scene.provider.thumbprint)));
        scene
            .trust("\"sts:AssumeRoleWithWebIdentity\",\"sts:TagSession\",\"sts:SetSourceIdentity\"", "job:*");
        scene
    }

    fn trust(&self, actions: &str, subject: &str) {
        let (arn, address) = (self.provider.arn(), self.provider.url.trim_start_matches("https://"));
        let statement = format!(
            r#"{{"Effect":"Allow","Principal":{{"Federated":"{arn}"}},"Action":[{actions}],
               "Condition":{{"StringLike":{{"{address}:sub":"{subject}"}},
                             "StringEquals":{{"{address}:aud":"client"}}}}}}"#
        );
        self.cloud.directory.role("web", &statement);
    }

    /// Claims that are in order.
    fn claims(&self) -> Value {
        let now = self.cloud.clock.now().as_secs();
        json!({"iss": self.provider.url, "sub": "job:1", "aud": "client", "iat": now, "exp": now + 600})
    }

    async fn assume(&self, token: String) -> Result<AssumeRoleWithWebIdentityOutput, Fault> {
        let input = AssumeRoleWithWebIdentityInput {
            role_arn: ROLE.to_owned(),
            role_session_name: "build".to_owned(),
            web_identity_token: token,
            ..AssumeRoleWithWebIdentityInput::default()
        };
        self.cloud.call(&Principal::anonymous(), AssumeRoleWithWebIdentity, input).await
    }

    async fn refusal(&self, token: String) -> (String, String) {
        let fault = self.assume(token).await.expect_err("this proves nothing");
        (fault.code().to_owned(), fault.message().to_owned())
    }

    /// The claims with one changed.
    fn with(&self, name: &str, value: Value) -> Value {
        let mut claims = self.claims();
        claims[name] = value;
        claims
    }
}

#[tokio::test]
async fn a_token_of_a_known_provider_opens_a_role_that_trusts_it() {
    let scene = Scene::new(1).await;
    for signer in [None, Some(Signer::ec())] {
        if let Some(signer) = signer {
            scene.provider.turn("elliptic", signer);
            scene.cloud.advance(10);
        }
        let output = scene.assume(scene.provider.token(&scene.claims())).await.unwrap();
        assert_eq!(output.subject_from_web_identity_token.as_deref(), Some("job:1"));
        assert_eq!(output.audience.as_deref(), Some("client"));
        assert_eq!(output.provider, Some(scene.provider.arn().to_string()));
        let user = output.assumed_role_user.unwrap();
        assert_eq!(user.arn, "arn:aws:sts::123456789012:assumed-role/web/build");
        let holder = scene.cloud.holder(&output.credentials.unwrap());
        assert_eq!((holder.kind, holder.user_id), (PrincipalKind::AssumedRole, user.assumed_role_id));
        let session = holder.session.unwrap();
        assert_eq!(session.keys["aws:federatedprovider"], [scene.provider.arn().to_string()]);
        let address = scene.provider.url.trim_start_matches("https://");
        assert_eq!(session.keys[&format!("{address}:sub")], ["job:1"]);
    }
}

#[tokio::test]
async fn the_trust_policy_sees_the_claims() {
    let scene = Scene::new(2).await;
    let (code, words) = scene.refusal(scene.provider.token(&scene.with("sub", json!("other")))).await;
    assert_eq!(
        (code.as_str(), words.as_str()),
        ("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity",)
    );
    let claims = scene.with(
        "https://aws.amazon.com/tags",
        json!({
        "principal_tags": {"Team": ["a"]}, "transitive_tag_keys": ["Team"]}),
    );
    let output = scene.assume(scene.provider.token(&claims)).await.unwrap();
    let session = scene.cloud.session(&output.credentials.unwrap());
    assert_eq!(session.tags["Team"], "a");
    assert!(session.transitive_tags.contains("Team"));
    let claims = scene.with("https://aws.amazon.com/source_identity", json!("ann"));
    let output = scene.assume(scene.provider.token(&claims)).await.unwrap();
    assert_eq!(output.source_identity.as_deref(), Some("ann"));
    scene.trust("\"sts:AssumeRoleWithWebIdentity\"", "job:*");
    assert_eq!(
        scene.refusal(scene.provider.token(&claims)).await.0,
        "AccessDenied",
        "SetSourceIdentity is missing"
    );
}

#[tokio::test]
async fn what_is_forged_stale_or_for_others_is_refused() {
    let scene = Scene::new(3).await;
    let now = START.as_secs();
    let good = scene.provider.token(&scene.claims());
    assert!(scene.assume(good.clone()).await.is_ok());
    let (head, _) = good.rsplit_once('.').unwrap();
    let forged = scene.provider.token(&scene.with("sub", json!("job:2")));
    let signature_of_another = format!("{head}.{}", forged.rsplit_once('.').unwrap().1);
    let expired =
        format!("Token expired: current date/time {now} must be before the expiration date/time {now}");
    for (token, code, words) in [
        (signature_of_another, "InvalidIdentityToken", "Invalid token signature"),
        (
            "an-access-token".to_owned(),
            "InvalidIdentityToken",
            "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)",
        ),
        (
            scene.provider.token(&scene.with("aud", json!("other"))),
            "InvalidIdentityToken",
            "Incorrect token audience",
        ),
        (
            scene.provider.token(&scene.with("sub", json!(null))),
            "InvalidIdentityToken",
            "Missing a required claim: sub",
        ),
        (scene.provider.token(&scene.with("exp", json!(now))), "ExpiredTokenException", &expired),
        (
            scene.provider.token(&scene.with("iss", json!("https://elsewhere.example.com"))),
            "InvalidIdentityToken",
            "No OpenIDConnect provider found in your account for https://elsewhere.example.com",
        ),
    ] {
        let (found, message) = scene.refusal(token).await;
        assert_eq!((found.as_str(), message.as_str()), (code, words));
    }
    scene.cloud.advance(601);
    assert_eq!(scene.refusal(good).await.0, "ExpiredTokenException", "by the cloud's clock");
}

#[tokio::test]
async fn keys_are_remembered_and_asked_for_again_when_a_new_one_turns_up() {
    let scene = Scene::new(4).await;
    for _ in 0..3 {
        scene.assume(scene.provider.token(&scene.claims())).await.unwrap();
    }
    assert_eq!(scene.provider.asked(), 1);
    scene.provider.turn("second", Signer::ec());
    let early = scene.refusal(scene.provider.token(&scene.claims())).await;
    assert!(early.1.starts_with("Couldn't retrieve verification key"), "asked a moment ago: {early:?}");
    assert_eq!(scene.provider.asked(), 1);
    scene.cloud.advance(10);
    scene.assume(scene.provider.token(&scene.claims())).await.unwrap();
    assert_eq!(scene.provider.asked(), 2);
    scene.cloud.advance(3_601);
    scene.assume(scene.provider.token(&scene.claims())).await.unwrap();
    assert_eq!(scene.provider.asked(), 3, "an hour is long enough");
}

#[tokio::test]
async fn a_provider_must_be_who_it_is_taken_for() {
    let scene = Scene::new(5).await;
    scene.cloud.directory.provider(scene.provider.known(&["0".repeat(40)]));
    let token = scene.provider.token(&scene.claims());
    let (code, words) = scene.refusal(token.clone()).await;
    let expected = "OpenIDConnect provider's HTTPS certificate doesn't match configured thumbprint";
    assert_eq!((code.as_str(), words.as_str()), ("InvalidIdentityToken", expected));
    scene.cloud.directory.provider(scene.provider.known(std::slice::from_ref(&scene.provider.thumbprint)));
    scene.provider.pretend("https://elsewhere.example.com");
    assert!(scene.refusal(token.clone()).await.1.starts_with("Couldn't retrieve verification key"));
    let Scene { cloud, provider } = scene;
    let gone = Scene { provider: Provider::start().await, cloud };
    drop(provider);
    assert_eq!(gone.refusal(token).await.0, "IDPCommunicationError");
}
