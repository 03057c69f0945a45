//! Roles, assumed with responses of a SAML provider.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use schema::Fault;
use service::{IdentityProvider, Principal};
use sts_api::*;

use crate::cloud::{Cloud, START};
use crate::response::{Corp, PROVIDER, ROLE, Says, response};

struct Scene {
    cloud: Cloud,
    corp: Corp,
}

impl Scene {
    fn new(seed: u64) -> Scene {
        let scene = Scene { cloud: Cloud::new(seed), corp: Corp::new() };
        scene.know(scene.corp.metadata.clone());
        scene.cloud.directory.role(
            "saml",
            &format!(
                r#"{{"Effect":"Allow","Principal":{{"Federated":"{PROVIDER}"}},
                   "Action":["sts:AssumeRoleWithSAML","sts:TagSession","sts:SetSourceIdentity"],
                   "Condition":{{"StringEquals":{{"saml:aud":"https://signin.aws.amazon.com/saml",
                                                  "saml:sub_type":"persistent"}},
                                 "StringLike":{{"saml:sub":"*@example.com"}}}}}}"#
            ),
        );
        scene
    }

    fn know(&self, metadata: String) {
        let arn = PROVIDER.parse().unwrap();
        self.cloud.directory.provider(IdentityProvider::Saml { arn, metadata });
    }

    async fn assume(&self, response: &str) -> Result<AssumeRoleWithSAMLOutput, Fault> {
        self.assume_for(response, None).await
    }

    async fn assume_for(
        &self,
        response: &str,
        seconds: Option<i32>,
    ) -> Result<AssumeRoleWithSAMLOutput, Fault> {
        let input = AssumeRoleWithSAMLInput {
            role_arn: ROLE.to_owned(),
            principal_arn: PROVIDER.to_owned(),
            saml_assertion: STANDARD.encode(response),
            duration_seconds: seconds,
            ..AssumeRoleWithSAMLInput::default()
        };
        self.cloud.call(&Principal::anonymous(), AssumeRoleWithSAML, input).await
    }

    async fn refusal(&self, response: &str) -> (String, String) {
        let fault = self.assume(response).await.expect_err("this proves nothing");
        (fault.code().to_owned(), fault.message().to_owned())
    }
}

#[tokio::test]
async fn a_signed_assertion_opens_the_role_it_names() {
    let scene = Scene::new(1);
    let says = Says {
        attributes: vec![
            ("https://aws.amazon.com/SAML/Attributes/PrincipalTag:Team", vec!["a"]),
            ("https://aws.amazon.com/SAML/Attributes/TransitiveTagKeys", vec!["Team"]),
            ("https://aws.amazon.com/SAML/Attributes/SourceIdentity", vec!["ann"]),
        ],
        ..Says::default()
    };
    let output = scene.assume(&scene.corp.signed(&says)).await.unwrap();
    assert_eq!(output.assumed_role_user.unwrap().arn, "arn:aws:sts::123456789012:assumed-role/saml/ann");
    assert_eq!(output.subject.as_deref(), Some("ann@example.com"));
    assert_eq!(output.subject_type.as_deref(), Some("persistent"));
    assert_eq!(output.issuer.as_deref(), Some("https://idp.example.com/saml"));
    assert_eq!(output.audience.as_deref(), Some("https://signin.aws.amazon.com/saml"));
    assert_eq!(output.source_identity.as_deref(), Some("ann"));
    assert!(output.packed_policy_size.is_some());
    let session = scene.cloud.session(&output.credentials.unwrap());
    assert_eq!((session.tags["Team"].as_str(), session.transitive_tags.len()), ("a", 1));
    assert_eq!(session.keys["saml:sub"], ["ann@example.com"]);
    assert_eq!(session.keys["saml:namequalifier"], [output.name_qualifier.unwrap()]);
    assert_eq!(session.keys["aws:federatedprovider"], [PROVIDER]);
    assert!(!session.keys.contains_key("saml:aud"), "for the trust policy alone");
}

#[tokio::test]
async fn assertions_are_for_aws_for_the_role_and_for_now() {
    let scene = Scene::new(2);
    let later = START + std::time::Duration::from_secs(3_600);
    let good = Says::default;
    for (says, code, words) in [
        (
            Says { issuer: "https://elsewhere.example.com", ..good() },
            "InvalidIdentityToken",
            "Issuer not present in specified provider",
        ),
        (
            Says { audience: "https://example.com", ..good() },
            "InvalidIdentityToken",
            "Response does not contain the required audience.",
        ),
        (
            Says { recipient: "https://example.com", ..good() },
            "InvalidIdentityToken",
            "Response does not contain the required audience.",
        ),
        (
            Says { session_name: None, ..good() },
            "InvalidIdentityToken",
            "RoleSessionName is required in AuthnResponse",
        ),
        (
            Says { session_name: Some("a b"), ..good() },
            "InvalidIdentityToken",
            "RoleSessionName in AuthnResponse must match [a-zA-Z_0-9+=,.@-]{2,64}",
        ),
        (Says { issued: later, ..good() }, "InvalidIdentityToken", "Response is not yet valid."),
        (Says { ends: START, ..good() }, "ExpiredTokenException", "SAML assertion is expired."),
        (
            Says { role: format!("{ROLE}2,{PROVIDER}"), ..good() },
            "AccessDenied",
            "Not authorized to perform sts:AssumeRoleWithSAML",
        ),
        (
            Says { subject: "ann@example.org", ..good() },
            "AccessDenied",
            "Not authorized to perform sts:AssumeRoleWithSAML",
        ),
    ] {
        let (found, message) = scene.refusal(&scene.corp.signed(&says)).await;
        assert_eq!((found.as_str(), message.as_str()), (code, words));
    }
    let response = scene.corp.signed(&Says { ends: later, ..good() });
    assert!(scene.assume(&response).await.is_ok());
    scene.cloud.advance(300);
    let (code, words) = scene.refusal(&response).await;
    assert_eq!(
        (code.as_str(), words.as_str()),
        ("ExpiredTokenException", "Token must be redeemed within 5 minutes of issuance",)
    );
}

#[tokio::test]
async fn the_session_does_not_outlive_that_of_the_provider() {
    let scene = Scene::new(3);
    let says = Says { session_ends: Some(START + std::time::Duration::from_secs(1_000)), ..Says::default() };
    for (asked, lasts_seconds) in [(None, 1_000), (Some(900), 900), (Some(7_200), 1_000)] {
        let output = scene.assume_for(&scene.corp.signed(&says), asked).await.unwrap();
        assert_eq!(output.credentials.unwrap().expiration.since(START).as_secs(), lasts_seconds);
    }
    let fault = scene.assume_for(&scene.corp.signed(&says), Some(14_401)).await.unwrap_err();
    assert_eq!(fault.code(), "ValidationError");
}

#[tokio::test]
async fn only_what_is_signed_counts() {
    let scene = Scene::new(4);
    let good = scene.corp.signed(&Says::default());
    assert!(scene.assume(&good).await.is_ok());
    let evil = Says { subject: "eve@example.com", session_name: Some("eve"), ..Says::default() };
    let (head, tail) = evil.assertion();
    let unsigned = format!("{head}{tail}");
    let renamed = unsigned.replace("_a1", "_a2");
    let signed = scene.corp.signed_assertion(&Says::default());
    let signature = &signed[signed.find("<ds:Signature ").unwrap()..signed.find("<saml:Subject>").unwrap()];
    for (attack, response) in [
        ("no signature", response(&unsigned)),
        ("a changed assertion", good.replace("ann@example.com", "eve@example.com")),
        (
            "a comment that splits a name is signed away, but not its text",
            good.replace("ann@", "eve<!-- -->@"),
        ),
        ("another assertion before", response(&format!("{renamed}{signed}"))),
        ("another assertion behind", response(&format!("{signed}{renamed}"))),
        ("one with the same id", response(&format!("{unsigned}<x>{signed}</x>"))),
        (
            "the signed one within the signature of another",
            response(
                &format!(
                    "{head}{}{tail}",
                    signature.replace(
                        "</ds:Signature>",
                        &format!("<ds:Object>{signed}</ds:Object></ds:Signature>")
                    )
                )
                .replacen("_a1", "_a2", 1),
            ),
        ),
        ("the signed one out of its place", response(&format!("<x>{signed}</x>"))),
        ("the signature moved to the response", response(&format!("{signature}{unsigned}"))),
        ("a signature twice", good.replacen(signature, &signature.repeat(2), 1)),
        ("another's key", Corp::new().signed(&Says::default())),
        ("SHA-1", good.replace("xmldsig-more#rsa-sha256", "xmldsig#rsa-sha1")),
        (
            "another transform",
            good.replace(
                "2001/10/xml-exc-c14n#\"></ds:Transform>",
                "TR/1999/REC-xslt-19991116\"></ds:Transform>",
            ),
        ),
        ("entities", good.replacen("<samlp:Response", "<!DOCTYPE r [<!ENTITY e \"x\">]><samlp:Response", 1)),
    ] {
        let (code, _) = scene.refusal(&response).await;
        assert_eq!(code, "InvalidIdentityToken", "{attack}");
    }
}

/// Comments are not signed: whoever reads a name only up to one reads a name that the signer never wrote.
#[tokio::test]
async fn a_name_is_read_whole_though_comments_may_be_put_into_it() {
    let scene = Scene::new(6);
    let says = Says { subject: "ann.evil@example.com", ..Says::default() };
    let split = scene.corp.signed(&says).replace("ann.evil@", "ann<!-- -->.evil@<!-- -->");
    let output = scene.assume(&split).await.unwrap();
    assert_eq!(output.subject.as_deref(), Some("ann.evil@example.com"));
}

/// Signed by xmlsec over libxml2: elliptic curves and RSA, the response and the assertion, with
/// prefixes, entities, comments and white space in all places.
#[tokio::test]
async fn responses_that_other_software_signed_are_read() {
    let scene = Scene::new(7);
    scene.know(include_str!("../fixtures/metadata.xml").to_owned());
    for (response, tampered) in [
        (include_str!("../fixtures/response-signed.xml"), "Version=\"2.0\" ID=\"_r7\""),
        (include_str!("../fixtures/assertion-signed.xml"), "Version=\"2.0\" IssueInstant"),
    ] {
        let output = scene.assume(response).await.unwrap();
        assert_eq!(output.subject.as_deref(), Some("ann@example.com"));
        assert_eq!(output.assumed_role_user.unwrap().assumed_role_id, "AROASAMLAAAAAAAAAAAA:ann");
        let changed = response.replacen(tampered, &tampered.replace("2.0", "2.1"), 1);
        assert_ne!(changed, response);
        assert_eq!(scene.refusal(&changed).await.1, "Response signature invalid");
    }
}

#[tokio::test]
async fn the_provider_has_to_exist_in_the_roles_account() {
    let scene = Scene::new(5);
    let response = STANDARD.encode(scene.corp.signed(&Says::default()));
    for (provider, body, words) in [
        (
            "arn:aws:iam::123456789012:saml-provider/Other",
            response.as_str(),
            "Specified provider doesn't exist",
        ),
        ("arn:aws:iam::210987654321:saml-provider/Corp", &response, "Specified provider doesn't exist"),
        (PROVIDER, "????", "Your request included an invalid SAML response."),
        (PROVIDER, "AAAA", "Your request included an invalid SAML response."),
    ] {
        let input = AssumeRoleWithSAMLInput {
            role_arn: ROLE.to_owned(),
            principal_arn: provider.to_owned(),
            saml_assertion: body.to_owned(),
            ..AssumeRoleWithSAMLInput::default()
        };
        let fault = scene.cloud.call(&Principal::anonymous(), AssumeRoleWithSAML, input).await.unwrap_err();
        assert_eq!((fault.code(), fault.message()), ("InvalidIdentityToken", words));
    }
}
