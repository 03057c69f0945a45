//! Names of parameters and of paths, and where they are kept.
//!
//! Surprising: a name may have no slash at all (`MyParameter`) or begin with one (`/Dev/MyParameter`), and in an ARN
//! both lose it. Hence `/name` and `name` cannot be told apart by permissions, and are one place here.
//! Reference: "Understanding requirements and constraints for parameter names" in the Systems Manager user guide.

use base::{AccountId, Arn, Region};

use crate::error::Error;
use crate::limits::{ARN_CHARS_MAX, HIERARCHY_LEVELS_MAX};

/// Stands in keys between the path of a parameter and the rest, and before every character of a name. So what lies
/// directly in a path is one range of keys, and what lies deeper is another: a listing of one level never meets the
/// levels below.
pub const LEAF: char = '\u{1}';

/// The part of the hierarchy that is AWS's own and open to everyone.
pub const PUBLIC: &str = "/aws/service/";

/// What stands for a secret of Secrets Manager.
pub const SECRET: &str = "/aws/reference/secretsmanager/";

const WRONG_NAME: &str = "Parameter name: can't be prefixed with \"ssm\" (case-insensitive). If formed as a path, \
     it can consist of sub-paths divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and \
     the following 3 symbols .-_";

const WRONG_PATH: &str = "The parameter doesn't meet the parameter name requirements. The parameter name must begin \
     with a forward slash \"/\". It can't be prefixed with \\\"aws\\\" or \\\"ssm\\\" (case-insensitive). It must use \
     only letters, numbers, or the following symbols: . (period), - (hyphen), _ (underscore). Special characters are \
     not allowed. All sub-paths, if specified, must use the forward slash symbol \"/\". Valid example: \
     /get/parameters2-/by1./path0_.";

/// A name that keeps the rules of characters; whether there is such a parameter is another question.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ParameterName(String);

impl ParameterName {
    /// A name that is asked for.
    pub fn parse(text: &str) -> Result<ParameterName, Error> {
        let text = text.trim();
        let bare = text.strip_prefix('/').unwrap_or(text);
        match bare.split('/').all(is_segment) {
            true => Ok(ParameterName(text.to_owned())),
            false => Err(Error::Validation(WRONG_NAME.to_owned())),
        }
    }

    /// The name of a parameter that is to be written.
    pub fn for_writing(text: &str, region: Region, account: AccountId) -> Result<ParameterName, Error> {
        let name = ParameterName::parse(text)?;
        let bare = name.bare();
        let first = bare.to_ascii_lowercase();
        if first.starts_with("aws") {
            return Err(Error::AccessDenied(format!("No access to reserved parameter name: {bare}.")));
        }
        if first.starts_with("ssm") {
            return Err(Error::Validation(WRONG_NAME.to_owned()));
        }
        if bare.contains('/') && !name.0.starts_with('/') {
            return Err(Error::Validation("Parameter name must be a fully qualified name.".to_owned()));
        }
        if bare.split('/').count() > HIERARCHY_LEVELS_MAX {
            return Err(Error::HierarchyLevelLimitExceeded);
        }
        if name.arn(region, account).as_str().len() > ARN_CHARS_MAX {
            let message = format!(
                "The parameter name is too long: with the Amazon Resource Name (ARN) that precedes it, it can have at \
                 most {ARN_CHARS_MAX} characters."
            );
            return Err(Error::Validation(message));
        }
        Ok(name)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Without the first slash.
    pub fn bare(&self) -> &str {
        self.0.strip_prefix('/').unwrap_or(&self.0)
    }

    /// The key under which a parameter of that name is kept: its path, [`LEAF`], and the last part.
    pub fn key(&self) -> String {
        match self.bare().rsplit_once('/') {
            Some((path, leaf)) => format!("/{path}{LEAF}{leaf}"),
            None => format!("{LEAF}{}", self.bare()),
        }
    }

    pub fn arn(&self, region: Region, account: AccountId) -> Arn {
        Arn::regional("ssm", region, account, format!("parameter/{}", self.bare()))
    }

    pub fn is_public(&self) -> bool {
        self.0.starts_with(PUBLIC)
    }

    /// What follows the reserved path, if the name stands for a secret.
    pub fn secret(&self) -> Option<&str> {
        self.0.strip_prefix(SECRET)
    }
}

fn is_segment(segment: &str) -> bool {
    !segment.is_empty() && segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
}

/// A path whose parameters are listed: empty for the root, or `/Dev/DBServer` without a slash at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParameterPath(String);

impl ParameterPath {
    pub fn parse(text: &str) -> Result<ParameterPath, Error> {
        let text = text.trim();
        let wrong = || Error::Validation(WRONG_PATH.to_owned());
        let rest = text.strip_prefix('/').ok_or_else(wrong)?;
        if rest.is_empty() {
            return Ok(ParameterPath(String::new()));
        }
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let lower = rest.to_ascii_lowercase();
        let is_reserved = lower.starts_with("ssm") || (lower.starts_with("aws") && !is_of_aws(rest));
        if is_reserved || !rest.split('/').all(is_segment) {
            return Err(wrong());
        }
        if rest.split('/').count() > HIERARCHY_LEVELS_MAX {
            return Err(wrong());
        }
        Ok(ParameterPath(format!("/{rest}")))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this lies in the part that is AWS's own.
    pub fn is_of_aws(&self) -> bool {
        self.0.strip_prefix('/').is_some_and(is_of_aws)
    }

    /// The prefixes of the keys of all parameters in this path, in the keys' order.
    pub fn prefixes(&self, recursive: bool) -> Vec<String> {
        match (recursive, self.0.as_str()) {
            (true, "") => vec![String::new()],
            (true, path) => vec![format!("{path}{LEAF}"), format!("{path}/")],
            (false, path) => vec![format!("{path}{LEAF}")],
        }
    }
}

fn is_of_aws(path: &str) -> bool {
    path == "aws" || path.starts_with("aws/")
}

/// The prefixes of the keys of all parameters whose names begin with a text, in the keys' order.
pub fn beginning_with(text: &str) -> Vec<String> {
    if text.is_empty() || text == "/" {
        return vec![String::new()];
    }
    let bare = text.strip_prefix('/').unwrap_or(text);
    let (path, leaf) = match bare.rsplit_once('/') {
        Some((path, leaf)) => (format!("/{path}"), leaf),
        None => (String::new(), bare),
    };
    let mut prefixes = vec![format!("{path}{LEAF}{leaf}")];
    // Names without a slash have no levels below.
    if text.starts_with('/') {
        prefixes.push(format!("{path}/{leaf}"));
    }
    prefixes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn writable(text: &str) -> Result<ParameterName, Error> {
        ParameterName::for_writing(text, Region::US_EAST_1, AccountId::DEV)
    }

    #[test]
    fn names_that_may_be_written() {
        for good in [
            "a",
            "/a",
            " /a/b ",
            "/Dev/DB_1/my.db-string13",
            "_",
            "-x",
            "/l1/2/3/4/5/6/7/8/9/10/11/12/13/14/p",
        ] {
            assert!(writable(good).is_ok(), "{good}");
        }
        for (bad, start) in [
            ("", "Parameter name: can't"),
            ("/", "Parameter name: can't"),
            ("a b", "Parameter name: can't"),
            ("/a//b", "Parameter name: can't"),
            ("/a/", "Parameter name: can't"),
            ("/a@b", "Parameter name: can't"),
            ("ssmthing", "Parameter name: can't"),
            ("/SSM/x", "Parameter name: can't"),
            ("awslimitschecker", "No access to reserved parameter name: awslimitschecker."),
            ("/awssec/lab01/vpc_id", "No access to reserved parameter name: awssec/lab01/vpc_id."),
            ("/aws/service/x", "No access"),
            ("a/b", "Parameter name must be a fully qualified name."),
            ("/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16", "A hierarchy can have"),
        ] {
            let fault = schema::Fault::from(writable(bad).unwrap_err());
            assert!(fault.message().starts_with(start), "{bad}: {fault}");
        }
    }

    #[test]
    fn the_length_of_a_name_includes_its_arn() {
        let arn = "arn:aws:ssm:us-east-1:000000000000:parameter/".len();
        assert!(writable(&"n".repeat(ARN_CHARS_MAX - arn)).is_ok());
        assert!(writable(&"n".repeat(ARN_CHARS_MAX - arn + 1)).is_err());
    }

    #[test]
    fn a_level_is_one_range_of_keys_and_what_is_below_it_another() {
        let key = |name: &str| ParameterName::parse(name).unwrap().key();
        let names = ["c", "/d", "/a/b", "/a/b/c", "/a/b-c", "/a/b-c/d", "/a/b.x/y", "/a/bb/c/d", "/b/c"];
        let within = |path: &str, recursive: bool| {
            let prefixes = ParameterPath::parse(path).unwrap().prefixes(recursive);
            assert!(prefixes.is_sorted());
            let mut found = Vec::new();
            for name in names {
                found.extend(prefixes.iter().any(|prefix| key(name).starts_with(prefix)).then_some(name));
            }
            found
        };
        assert_eq!(within("/", false), ["c", "/d"]);
        assert_eq!(within("/", true), names);
        assert_eq!(within("/a", false), ["/a/b", "/a/b-c"]);
        assert_eq!(within("/a/b/", true), ["/a/b/c"]);
        assert_eq!(within("/a", true), ["/a/b", "/a/b/c", "/a/b-c", "/a/b-c/d", "/a/b.x/y", "/a/bb/c/d"]);
        let beginning = |text: &str| {
            let prefixes = beginning_with(text);
            let is_in = |name: &&str| prefixes.iter().any(|prefix| key(name).starts_with(prefix));
            names.into_iter().filter(is_in).collect::<Vec<_>>()
        };
        assert_eq!(beginning("/a/b"), ["/a/b", "/a/b/c", "/a/b-c", "/a/b-c/d", "/a/b.x/y", "/a/bb/c/d"]);
        assert_eq!(beginning("/a/b/"), ["/a/b/c"]);
        assert_eq!(beginning("c"), ["c"]);
    }

    #[test]
    fn paths_that_may_be_listed() {
        for (good, path) in
            [("/", ""), ("/a", "/a"), (" /a/b/ ", "/a/b"), ("/aws/service/x", "/aws/service/x")]
        {
            assert_eq!(ParameterPath::parse(good).unwrap().as_str(), path, "{good}");
        }
        for bad in ["", "a", "a/b", "//", "/a//b", "/a b", "/ssm", "/awsx", "/AWS/service", "/a*"] {
            assert!(ParameterPath::parse(bad).is_err(), "{bad}");
        }
    }
}
