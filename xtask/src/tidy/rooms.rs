//! Every service has the same rooms.

use super::Problem;
use super::code::Code;

/// The rooms in the order in which they are read. A missing room means that the service has none of it.
const ROOMS: &[&str] =
    &["limits", "model", "records", "operations", "tasks", "cloudformation", "error", "tests"];

/// Rooms that one service has besides, with the reason.
const OWN_ROOMS: &[(&str, &str, &str)] = &[
    ("sqs", "directory", "every message operation starts with finding its queue, which must be fast"),
    ("sqs", "encryption", "every message is encrypted on its way in and back, which must be fast"),
    ("iam", "directory", "every call of every service asks what its caller may do"),
    (
        "kms",
        "directory",
        "every operation starts with finding its key, and every other service asks for some",
    ),
    ("organizations", "directory", "every call of every service asks what its account may do"),
    (
        "s3",
        "access",
        "who may do what with a bucket follows from policies, lists, blocks and access points at once",
    ),
    (
        "s3",
        "control",
        "S3 Control is a second table of the same service, and keeps its records beside the buckets'",
    ),
    ("s3", "content", "bytes are hashed, encrypted and verified on their way in and out, by many operations"),
    ("s3", "contents", "sweep, scrub and fsck go through all that records refer to, in one order"),
    ("s3", "events", "what happens to objects is written down with them, for others to be told"),
    ("s3", "fronts", "website hosting and the gateway's cross-origin rules ask about buckets directly"),
    ("s3", "fsck", "the binary checks a folder while nothing runs"),
    ("s3", "readers", "content is not given back while somebody reads it"),
    ("s3", "directory", "every operation starts with finding its bucket, which must be fast"),
    ("dynamodb", "access", "a table's policy speaks for its indexes, and its stream has another"),
    ("dynamodb", "directory", "every operation starts with finding its table, which must be fast"),
    (
        "dynamodb",
        "encryption",
        "tables have keys that the vault or KMS seals, and spaces keys that follow from them",
    ),
    ("dynamodb", "fsck", "the binary checks a folder while nothing runs"),
    ("dynamodb", "in_flight", "transactions refuse other writes to their items, as DynamoDB does"),
    (
        "dynamodb",
        "streams",
        "DynamoDB Streams is a second table of the same service, which what writes items writes to",
    ),
    ("dynamodb", "throttling", "every operation on items asks for room within its table's throughput"),
    (
        "ec2",
        "ebs",
        "the EBS direct APIs are a second table of the same service, which reads and writes its snapshots",
    ),
    (
        "ec2",
        "costs",
        "the bill of what was used is told to whoever runs the cloud, and is no operation of the API",
    ),
    ("ec2", "faults", "zones fail on command, for all accounts at once, which is no operation of the API"),
    ("ec2", "ground", "machines and networks are made as the records say, by drivers that know no record"),
    ("ec2", "fsck", "the binary checks a folder while nothing runs"),
    ("ec2", "guests", "the metadata service and the resolver ask about instances directly"),
    ("ec2", "kind", "ids of some fifty kinds of resources look alike, and errors name the kind"),
    ("ec2", "resources", "resources of all kinds are found, listed, filtered and tagged in the same way"),
    ("iam", "sign_in", "AWS has no operation for it, so the binary asks directly"),
];

/// Checks the modules in a service's `lib.rs`.
pub fn check(path: &str, code: &Code) -> Vec<Problem> {
    let Some((service, "lib.rs")) = path.strip_prefix("services/").and_then(|rest| rest.split_once("/src/"))
    else {
        return Vec::new();
    };
    let mut problems = Vec::new();
    let mut modules = Vec::new();
    for (number, line) in code.lines() {
        let Some(name) = module(line) else { continue };
        modules.push(name);
        let own = OWN_ROOMS.iter().any(|(owner, room, _)| *owner == service && *room == name);
        if !ROOMS.contains(&name) && !own {
            let what = format!("{name} is no room of a service ({})", ROOMS.join(", "));
            problems.push(Problem::new(path, number, what));
        }
    }
    // A service that is only a name so far has no rooms at all.
    for needed in ["operations", "error"] {
        if !modules.is_empty() && !modules.contains(&needed) {
            problems.push(Problem::new(path, 0, format!("a service has {needed}")));
        }
    }
    problems
}

/// The name in `mod name;`.
fn module(line: &str) -> Option<&str> {
    let declaration = line.strip_prefix("pub ").unwrap_or(line);
    declaration.strip_prefix("mod ")?.strip_suffix(';')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_have_rooms_and_nothing_else() {
        let check = |path: &str, text: &str| check(path, &Code::new(text)).len();
        let good = "//! S.\nmod error;\nmod limits;\npub mod model;\nmod operations;\n";
        assert_eq!(check("services/sts/src/lib.rs", good), 0);
        assert_eq!(check("services/sts/src/lib.rs", &format!("{good}mod helpers;\n")), 1);
        assert_eq!(check("services/sts/src/lib.rs", "mod model;\n"), 2);
        assert_eq!(check("services/sts/src/model.rs", "mod helpers;\n"), 0);
        assert_eq!(check("wire/src/lib.rs", "mod helpers;\n"), 0);
    }
}
