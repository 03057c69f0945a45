//! The bodies of the fuzz targets, over policies broken in ways that a fixed seed chooses.

#[path = "../../../fuzz/src/policy.rs"]
mod targets;

use base::Ids;

const INPUTS_PER_SEED: usize = 2000;

const POLICIES: [&str; 5] = [
    r#"{"Version":"2012-10-17","Id":"x","Statement":[{"Sid":"A1","Effect":"Allow","Action":["sqs:Send*","*"],
        "Resource":["arn:aws:sqs:us-*-1:111111111111:${aws:username, 'q'}","arn:aws:s3:::a?b/*"],
        "Condition":{"ForAnyValue:StringLikeIfExists":{"aws:TagKeys":["a*","${*}"]},
        "DateLessThan":{"aws:CurrentTime":"2026-11-22T12:00:00.5+02:00"},"Null":{"aws:x":true}}}]}"#,
    r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","NotAction":"iam:*","NotResource":"arn:aws:iam::*:user/a",
        "Condition":{"IpAddress":{"aws:SourceIp":["10.0.0.0/8","::1/128"]},"NumericLessThan":{"s3:max-keys":10},
        "BinaryEquals":{"a:b":"QQ=="},"ArnNotLike":{"aws:SourceArn":"arn:aws:sns:*:*:${aws:x}"}}}}"#,
    r#"{"Statement":[{"Effect":"Allow","Principal":{"AWS":["111111111111","arn:aws:iam::111111111111:role/a/b",
        "AROAJQABLZS4A3QDU576Q:s"],"Service":"sns.amazonaws.com","Federated":"accounts.google.com"},
        "Action":"sts:AssumeRole"},{"Effect":"Deny","Principal":"*","Action":"sts:*"}]}"#,
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","NotPrincipal":{"AWS":"arn:aws:iam::111111111111:root",
        "CanonicalUser":"79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"},"Action":"s3:*",
        "Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}"#,
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}"#,
];

const REQUESTS: [&str; 3] = [
    "sqs:SendMessage\narn:aws:sqs:us-east-1:111111111111:q\naws:TagKeys\na,b\na/b\n",
    "IAM:createuser\n*\naws:SourceIp\n10.1.2.3\nAROAJQABLZS4A3QDU576Q:s\n",
    "sts:AssumeRole\narn:aws:iam::111111111111:role/ä\naws:CurrentTime\n2026-11-22T12:00:00Z\n\n",
];

/// Changes, repeats or leaves out pieces, and puts in what is special to policies.
fn broken(seed: &str, ids: &Ids) -> String {
    const SPECIAL: [&str; 16] =
        ["\"", "{", "}", "[", "]", ":", ",", "*", "?", "${", "}", "'", "/", "-", "\u{e4}", "\n"];
    let mut characters: Vec<char> = seed.chars().collect();
    for _ in 0..=ids.below(4) {
        let at = ids.below(characters.len() as u64 + 1) as usize;
        let end = at + ids.below((characters.len() - at).min(24) as u64 + 1) as usize;
        match ids.below(3) {
            0 => drop(characters.drain(at..end)),
            1 => {
                let piece = characters[at..end].to_vec();
                characters.splice(at..at, piece);
            }
            _ => {
                let special = SPECIAL[ids.below(SPECIAL.len() as u64) as usize];
                characters.splice(at..at, special.chars());
            }
        }
    }
    characters.into_iter().collect()
}

#[test]
fn broken_policies_are_refused_or_evaluated_and_nothing_else() {
    let ids = Ids::seeded(0x1a4);
    for policy in POLICIES {
        for index in 0..INPUTS_PER_SEED {
            let policy = if index == 0 { policy.to_owned() } else { broken(policy, &ids) };
            targets::policy_parse(policy.as_bytes());
            let request = broken(REQUESTS[index % REQUESTS.len()], &ids);
            targets::policy_evaluate(format!("{request}{policy}").as_bytes());
        }
    }
}
