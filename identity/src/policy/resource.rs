//! Patterns of the `Resource` element and of the ARN operators.
//!
//! The two differ. ARN operators compare each of the six parts between colons on its own. In `Resource`, a star
//! stays within its part as well, but "if the * wildcard is the last character of a resource ARN segment, it can
//! expand to match beyond the colon boundaries" ("IAM JSON policy elements: Resource"). The resource itself, after
//! the fifth colon, may hold colons and is one part.

use super::error::PolicyError;
use super::glob::Glob;
use super::request::Keys;
use super::template::{Dialect, Token, has_variables, resolve, settle, tokens, variables};

/// What the resource part of an ARN of IAM may start with, in the order of AWS's message.
pub(super) const IAM_PATHS: [&str; 13] = [
    "user/",
    "federated-user/",
    "role/",
    "group/",
    "instance-profile/",
    "mfa/",
    "server-certificate/",
    "policy/",
    "sms-mfa/",
    "saml-provider/",
    "oidc-provider/",
    "report/",
    "access-report/",
];

const PARTS: usize = 6;

#[derive(Debug)]
pub(super) enum ResourcePattern {
    Fixed(ResourceGlob),
    Dynamic(Box<[Token]>),
}

#[derive(Debug)]
pub(super) enum ResourceGlob {
    /// No wildcard is confined to its part, so that the parts do not matter.
    Free(Glob),
    /// Each of the first parts on its own, and the rest of the text.
    Parts(Box<[Glob]>, Glob),
}

impl ResourcePattern {
    pub(super) fn new(text: &str, has_variables_at_all: bool) -> ResourcePattern {
        let tokens = tokens(text, Dialect { variables: has_variables_at_all, wildcards: true });
        if has_variables(&tokens) {
            ResourcePattern::Dynamic(tokens.into())
        } else {
            ResourcePattern::Fixed(ResourceGlob::new(&tokens))
        }
    }

    /// What every resource that matches starts with.
    pub(super) fn fixed_start(&self) -> &str {
        match self {
            ResourcePattern::Fixed(ResourceGlob::Free(glob)) => glob.fixed_start(),
            ResourcePattern::Fixed(ResourceGlob::Parts(..)) => "",
            ResourcePattern::Dynamic(tokens) => tokens[0].text(),
        }
    }

    /// What every resource that matches ends with.
    pub(super) fn fixed_end(&self) -> &str {
        match self {
            ResourcePattern::Fixed(ResourceGlob::Free(glob) | ResourceGlob::Parts(_, glob)) => {
                glob.fixed_end()
            }
            ResourcePattern::Dynamic(tokens) => tokens.last().map_or("", Token::text),
        }
    }

    pub(super) fn matches(&self, resource: &str, keys: &dyn Keys) -> bool {
        match self {
            ResourcePattern::Fixed(glob) => glob.matches(resource),
            ResourcePattern::Dynamic(tokens) => {
                let with_wildcards = || {
                    resolve(tokens, keys).is_some_and(|tokens| ResourceGlob::new(&tokens).matches(resource))
                };
                settle(tokens, resource, keys).unwrap_or_else(with_wildcards)
            }
        }
    }

    pub(super) fn variables(&self) -> impl Iterator<Item = &str> {
        match self {
            ResourcePattern::Fixed(_) => variables(&[]),
            ResourcePattern::Dynamic(tokens) => variables(tokens),
        }
    }
}

impl ResourceGlob {
    fn new(tokens: &[Token]) -> ResourceGlob {
        let parts = parts(tokens);
        let spans = |part: &Vec<Token>| part.last() == Some(&Token::Star);
        let confined = parts.iter().take(PARTS - 1).position(spans).unwrap_or(parts.len() - 1);
        let is_wild = |token: &Token| matches!(token, Token::Star | Token::Question);
        if !parts[..confined].iter().flatten().any(is_wild) {
            return ResourceGlob::Free(Glob::new(tokens));
        }
        let colon = [Token::Text(String::from(":"))];
        ResourceGlob::Parts(
            parts[..confined].iter().map(|part| Glob::new(part)).collect(),
            Glob::new(&parts[confined..].join(colon.as_slice())),
        )
    }

    fn matches(&self, resource: &str) -> bool {
        match self {
            ResourceGlob::Free(glob) => glob.matches(resource),
            ResourceGlob::Parts(parts, rest) => {
                let mut text = resource;
                for glob in parts {
                    let Some((part, after)) = text.split_once(':') else { return false };
                    if !glob.matches(part) {
                        return false;
                    }
                    text = after;
                }
                rest.matches(text)
            }
        }
    }
}

/// A pattern of the ARN operators.
#[derive(Debug)]
pub(super) enum ArnPattern {
    /// `None` for what is no ARN and so matches none.
    Fixed(Option<Box<[Glob; PARTS]>>),
    Dynamic(Box<[Token]>),
}

impl ArnPattern {
    pub(super) fn new(text: &str, has_variables_at_all: bool) -> ArnPattern {
        let tokens = tokens(text, Dialect { variables: has_variables_at_all, wildcards: true });
        if has_variables(&tokens) {
            ArnPattern::Dynamic(tokens.into())
        } else {
            ArnPattern::Fixed(arn_globs(&tokens))
        }
    }

    pub(super) fn matches(&self, arn: &str, keys: &dyn Keys) -> bool {
        let of_parts = |globs: &[Glob; PARTS]| {
            let mut parts = arn.splitn(PARTS, ':');
            globs.iter().all(|glob| parts.next().is_some_and(|part| glob.matches(part)))
        };
        match self {
            ArnPattern::Fixed(globs) => globs.as_deref().is_some_and(of_parts),
            ArnPattern::Dynamic(tokens) => resolve(tokens, keys)
                .and_then(|tokens| arn_globs(&tokens))
                .is_some_and(|globs| of_parts(&globs)),
        }
    }

    pub(super) fn variables(&self) -> impl Iterator<Item = &str> {
        match self {
            ArnPattern::Fixed(_) => variables(&[]),
            ArnPattern::Dynamic(tokens) => variables(tokens),
        }
    }
}

/// A pattern with fewer parts stands for the missing ones only if it ends in a star.
fn arn_globs(tokens: &[Token]) -> Option<Box<[Glob; PARTS]>> {
    let parts = parts(tokens);
    if parts.len() < PARTS && tokens.last() != Some(&Token::Star) {
        return None;
    }
    let mut globs: Vec<Glob> = parts.iter().map(|part| Glob::new(part)).collect();
    globs.resize_with(PARTS, || Glob::Any);
    let globs: [Glob; PARTS] = globs.try_into().expect("resized to as many");
    Some(Box::new(globs))
}

/// Cuts at the first five colons.
fn parts(tokens: &[Token]) -> Vec<Vec<Token>> {
    let mut parts = vec![Vec::new()];
    for token in tokens {
        let Token::Text(text) = token else {
            parts.last_mut().expect("never empty").push(token.clone());
            continue;
        };
        for (index, piece) in text.splitn(PARTS - parts.len() + 1, ':').enumerate() {
            if index > 0 {
                parts.push(Vec::new());
            }
            if !piece.is_empty() {
                parts.last_mut().expect("never empty").push(Token::Text(piece.to_owned()));
            }
        }
    }
    parts
}

/// What IAM checks of the resources of an identity policy, in its order; `Ok` is not yet "legacy" well-formed.
pub(super) fn check(resource: &str) -> Result<(), PolicyError> {
    if resource == "*" {
        return Ok(());
    }
    let (_, after_arn) = resource.split_once(':').ok_or_else(|| PolicyError::NotArn(resource.to_owned()))?;
    let (partition, rest) = after_arn.split_once(':').map_or((after_arn, None), |(p, rest)| (p, Some(rest)));
    if !is_partition(partition) {
        return Err(PolicyError::BadPartition {
            partition: partition.to_owned(),
            resource: padded(partition, rest.unwrap_or_default()),
        });
    }
    let rest = rest.ok_or(PolicyError::BadResourceVendor)?;
    let mut parts = rest.splitn(4, ':');
    let service = parts.next().unwrap_or_default();
    let (region, account) = (parts.next(), parts.next().unwrap_or_default());
    let path = parts.next().unwrap_or_default();
    if service != "*" && service.contains(['*', '?']) {
        return Err(PolicyError::BadResourceVendor);
    }
    match service {
        "iam" if region != Some("") => Err(PolicyError::IamRegion(resource.to_owned())),
        "iam" if !matches!(path, "*" | "root") && !IAM_PATHS.iter().any(|start| path.starts_with(start)) => {
            Err(PolicyError::IamPath)
        }
        // Access points have a region and an account, buckets have neither.
        "s3" if region.is_some_and(|region| !region.is_empty() && region != "*") && account.is_empty() => {
            Err(PolicyError::S3Region(resource.to_owned()))
        }
        _ => Ok(()),
    }
}

/// What the older parser asks for. `resource` has passed [`check`].
pub(super) fn is_legacy_well_formed(resource: &str) -> bool {
    resource == "*"
        || ((resource.matches(':').count() >= 5 || !resource.contains("::"))
            && resource.split(':').nth(2).is_some_and(|service| !service.is_empty()))
}

fn is_partition(text: &str) -> bool {
    matches!(text, "aws" | "aws-cn" | "aws-us-gov" | "*" | "aws-*" | "aws*")
        || text.starts_with("aws-iso")
        || text == "aws-eusc"
}

/// The ARN as the message about its partition shows it: missing parts are stars.
fn padded(partition: &str, rest: &str) -> String {
    let parts: Vec<&str> = rest.splitn(4, ':').collect();
    let part = |index: usize| match parts.get(index) {
        Some(&"") if parts.len() == 1 => "*",
        Some(part) => part,
        None => "*",
    };
    format!("arn:{partition}:{}:{}:{}:{}", part(0), part(1), part(2), part(3))
}
