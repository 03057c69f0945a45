//! What is wrong with a policy, in AWS's words.

/// Why a text is no policy. The `Display` is the message that IAM sends with `MalformedPolicyDocument`; other
/// services have a message of their own and hide this one.
///
/// Most words are observed ones: reports of users of Terraform, CDK and the console, and the messages that
/// `moto`'s `policy_validation.py` collected from IAM.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// No JSON, an element that does not exist or is there twice, a value of the wrong type.
    #[error("Syntax errors in policy.")]
    Syntax,
    /// Well-formed, and refused by the older of IAM's two parsers: dates, ARNs with too few parts.
    #[error("The policy failed legacy parsing")]
    Legacy,
    #[error("Policy document must be version 2012-10-17 or greater.")]
    OldVersion,
    #[error("Statement IDs (SID) in a single policy must be unique.")]
    DuplicateSid,
    #[error(
        "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression \
         [0-9A-Za-z]*"
    )]
    BadSid,
    #[error("Policy statement must contain actions.")]
    NoActions,
    #[error("Policy statement must contain resources.")]
    NoResources,
    #[error("Policy document should not specify a principal.")]
    PrincipalInIdentityPolicy,
    /// Trust policies name no resource.
    #[error("Has prohibited field {0}")]
    Prohibited(&'static str),
    /// Trust policies and resource policies must say who.
    #[error("Missing required field {0}")]
    Missing(&'static str),
    #[error("Missing required field Principal cannot be empty!")]
    EmptyPrincipal,
    #[error("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")]
    NoVendor,
    #[error("Actions/Condition can contain only one colon.")]
    TooManyColons,
    #[error("Vendor {0} is not valid")]
    BadVendor(String),
    #[error("AssumeRole policy may only specify STS AssumeRole actions.")]
    NotAssumeRole,
    #[error("Resource {0} must be in ARN format or \"*\".")]
    NotArn(String),
    #[error("Partition \"{partition}\" is not valid for resource \"{resource}\".")]
    BadPartition { partition: String, resource: String },
    #[error("Resource vendor must be fully qualified and cannot contain regexes.")]
    BadResourceVendor,
    #[error("IAM resource {0} cannot contain region information.")]
    IamRegion(String),
    #[error("Resource {0} can not contain region information.")]
    S3Region(String),
    #[error("IAM resource path must either be \"*\" or start with {paths}.", paths = super::resource::IAM_PATHS.join(", "))]
    IamPath,
    /// `kind` as IAM writes it: `AWS`, `SERVICE`, `FEDERATED`, `CANONICAL`.
    #[error("Invalid principal in policy: \"{kind}\":\"{principal}\"")]
    InvalidPrincipal { kind: &'static str, principal: String },
    #[error("Federated principals must be valid domain names or SAML metadata ARNs")]
    InvalidFederated,
    /// What Organizations says of every bad policy.
    #[error("The provided policy document does not meet the requirements of the specified policy type.")]
    NotOfType,
}
