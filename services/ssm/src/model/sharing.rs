//! Resource policies, by which other accounts read an advanced parameter.
//!
//! Reference: "Working with shared parameters in Parameter Store" in the user guide.

use aws_lc_rs::digest::{SHA256, digest};
use identity::policy::{Kind, Policy};

use crate::error::Error;
use crate::limits::RESOURCE_POLICY_BYTES_MAX;

/// Checks a policy that is to be put on a parameter.
pub fn check(text: &str) -> Result<(), Error> {
    if text.len() > RESOURCE_POLICY_BYTES_MAX {
        let message = format!("The policy is larger than {RESOURCE_POLICY_BYTES_MAX} bytes.");
        return Err(Error::ResourcePolicyLimitExceeded(message));
    }
    let policy = Policy::parse(Kind::Resource, text).map_err(|error| {
        Error::MalformedResourcePolicyDocument(format!(
            "The policy document is malformed or invalid: {error}"
        ))
    })?;
    if policy.services().iter().any(|service| *service != "ssm") {
        let message = "The policy allows actions that do not belong to a parameter.";
        return Err(Error::ResourcePolicyInvalidParameter(message.to_owned()));
    }
    Ok(())
}

/// The hash that names one version of a policy.
pub fn hash(text: &str) -> String {
    let digest = digest(&SHA256, text.as_bytes());
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(action: &str) -> String {
        format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"111122223333"}},
            "Action":"{action}","Resource":"arn:aws:ssm:us-east-1:000000000000:parameter/a"}}]}}"#
        )
    }

    #[test]
    fn a_policy_is_small_well_formed_and_about_parameters() {
        assert!(check(&policy("ssm:GetParameter")).is_ok());
        assert!(matches!(check(&policy("sqs:SendMessage")), Err(Error::ResourcePolicyInvalidParameter(_))));
        assert!(matches!(check("{"), Err(Error::MalformedResourcePolicyDocument(_))));
        let large = policy(&"x".repeat(1000));
        assert!(matches!(check(&large), Err(Error::ResourcePolicyLimitExceeded(_))));
        assert_eq!(hash("a").len(), 64);
        assert_ne!(hash("a"), hash("b"));
    }
}
