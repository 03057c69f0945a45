//! `fogbank explain`: how a call was decided, in plain words: who asked for what, and which statement of which policy
//! allowed or refused it.

use std::fmt::Write;

use anyhow::bail;
use base::Clock;
use http::Method;
use serde_json::Value;

use crate::client::{Question, Secrecy, ask, refusal};
use crate::environment::Environment;
use crate::explain::LAST;
use crate::proof;
use crate::running::{self, Running, Which};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The request's id, from the answer's x-amzn-requestid header or RequestId
    #[arg(value_name = "REQUEST-ID", required_unless_present = "last")]
    request: Option<String>,
    /// The latest call that was refused
    #[arg(long, conflicts_with = "request")]
    last: bool,
    /// Print everything as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    which: Which,
}

pub fn run(arguments: &Arguments, environment: &Environment) -> anyhow::Result<String> {
    let request = arguments.request.as_deref().unwrap_or(LAST);
    if !request.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        bail!("{request:?} is no request id, such as 0f6d0ae3-4a1c-4dd9-9a1b-1f2c3d4e5f60");
    }
    let running = running::find(&arguments.which, environment)?;
    let answer = fetch(&running, request)?;
    if arguments.json {
        return Ok(format!("{answer:#}\n"));
    }
    Ok(describe(&answer))
}

fn fetch(running: &Running, request: &str) -> anyhow::Result<Value> {
    let control = format!("explain/{request}");
    let wall = Clock::system(std::time::Duration::ZERO).wall();
    let prove = |secret: &str| proof::make(secret, &Method::GET, &control, wall);
    let question = Question {
        method: Method::GET,
        path: &format!("/_fogbank/{control}"),
        body: None,
        proof: running.run_file().map(|run| prove(&run.root.secret_access_key)),
        secrecy: Secrecy::Open,
    };
    let (status, answer) = ask(&running.endpoint, &question)?;
    if status.is_success() { Ok(answer) } else { Err(refusal(&running.endpoint, status, &answer)) }
}

fn describe(answer: &Value) -> String {
    let word = |name: &str| answer[name].as_str().unwrap_or_default();
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        writeln!(text, "{name:<9} {value}").expect("writing to a string cannot fail");
    };
    line("request", &format!("{} at {}", word("request_id"), word("at")));
    line("caller", word("caller"));
    let operation = format!("{} {}", word("service"), word("operation"));
    let action = answer["action"].as_str().map(|action| format!("{action} ({operation})"));
    let place = format!("in {}, account {}", word("region"), word("account"));
    line("action", &format!("{} {place}", action.unwrap_or(operation)));
    line("outcome", &outcome(answer));
    for decision in list(answer, "decisions") {
        // The operation's own action was named above.
        if decision["action"] != answer["action"] {
            line("besides", decision["action"].as_str().unwrap_or_default());
        }
        let verdict = if decision["allowed"] == true { "allowed" } else { "refused" };
        line("resource", &format!("{}: {verdict}", decision["resource"].as_str().unwrap_or("*")));
        line("because", &because(decision, word("caller")));
        for statement in list(decision, "statements") {
            line("statement", &named(statement));
        }
    }
    for call in list(answer, "calls") {
        text += "\nfor it, a service called\n";
        text += &describe(call);
    }
    text
}

/// How the call ended, and what the decisions alone would not tell of it.
fn outcome(answer: &Value) -> String {
    let refused = answer["outcome"] == "refused";
    let error = answer["error"].as_str();
    let decisions = list(answer, "decisions");
    let refused_for_it = list(answer, "calls").iter().any(|call| call["outcome"] == "refused");
    let all_allowed = decisions.iter().all(|decision| decision["allowed"] == true);
    match (error, answer["needs_no_permission"].as_str()) {
        (Some(error), _) if refused && refused_for_it => {
            format!("refused with {error}, since a call that a service made for it was refused, see below")
        }
        (Some(error), _) if refused && all_allowed => format!(
            "refused with {error}: no policy of those below refused it. Either the operation needs a further permission, \
             which its message names, or such credentials may not call it at all"
        ),
        (Some(error), _) if refused => format!("refused with {error}"),
        (None, _) if refused => "refused".to_owned(),
        (error, Some(why)) => {
            let end = error.map(|error| format!(", and ended with {error}")).unwrap_or_default();
            format!("allowed{end}: this operation needs no permission, since {why}")
        }
        (Some(error), None) if decisions.is_empty() => {
            format!("ended with {error}, before any policy was asked")
        }
        (Some(error), None) => format!("allowed, and ended with {error} for other reasons"),
        (None, None) => "allowed".to_owned(),
    }
}

fn because(decision: &Value, caller: &str) -> String {
    let layer = decision["layer"].as_str().unwrap_or_default();
    let article = if layer.starts_with('i') { "an" } else { "a" };
    match decision["why"].as_str() {
        Some("explicit deny") => {
            format!("the statement below, of {article} {layer}, denies it, and a deny wins over every allow")
        }
        Some("no allow") => format!("no statement of {article} {layer} allows it; {}", way_out(layer)),
        _ if !list(decision, "statements").is_empty() => "every policy that has a say allows it".to_owned(),
        _ if caller.ends_with(":root") => {
            "the caller is the root of the account, which needs no statement that allows it".to_owned()
        }
        _ if caller.ends_with(".amazonaws.com") => {
            "a service acts within the account it works for".to_owned()
        }
        _ => "no policy stands in its way".to_owned(),
    }
}

/// What would have to be there.
fn way_out(layer: &str) -> &'static str {
    match layer {
        "identity-based policy" => "attach a policy that does to the user, one of its groups, or the role",
        "permissions boundary" => "the boundary of the user or role has to allow it as well",
        "session policy" => "the policies given when the session began have to allow it as well",
        "resource-based policy" => "the resource's own policy has to let the caller in",
        "service control policy" => {
            "on each level from the organisation's root to the account, one has to allow it as well"
        }
        "resource control policy" => {
            "on each level from the organisation's root to the resource's account, one has to allow it as well"
        }
        _ => "one has to",
    }
}

/// `Deny, the 2nd of arn:aws:iam::…:policy/limits (NoWrites), a service control policy`
fn named(statement: &Value) -> String {
    let word = |name: &str| statement[name].as_str().unwrap_or_default();
    let sid = statement["sid"].as_str().map(|sid| format!(" ({sid})")).unwrap_or_default();
    let number = statement["statement"].as_u64().unwrap_or_default();
    format!("{} by statement {number}{sid} of {}, {}", word("effect"), word("policy"), word("layer"))
}

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn answer(changes: Value) -> Value {
        let mut answer = json!({
            "request_id": "r-1", "at": "2026-01-01T00:00:00Z", "caller": "arn:aws:iam::123456789012:user/bob",
            "account": "123456789012", "region": "us-east-1", "service": "sqs", "operation": "SendMessageBatch",
            "action": "sqs:SendMessage", "outcome": "refused", "error": "AccessDenied",
            "needs_no_permission": null, "decisions": [],
        });
        for (name, value) in changes.as_object().unwrap() {
            answer[name] = value.clone();
        }
        answer
    }

    #[test]
    fn a_refusal_names_layer_statement_and_policy() {
        let denied = answer(json!({ "decisions": [{
            "action": "sqs:SendMessage", "resource": "arn:aws:sqs:us-east-1:123456789012:jobs", "allowed": false, "why": "explicit deny",
            "layer": "service control policy", "statements": [{
                "effect": "Deny", "policy": "p-1", "layer": "service control policy", "statement": 2, "sid": "NoWrites",
            }],
        }]}));
        let expected = "request   r-1 at 2026-01-01T00:00:00Z\n\
            caller    arn:aws:iam::123456789012:user/bob\n\
            action    sqs:SendMessage (sqs SendMessageBatch) in us-east-1, account 123456789012\n\
            outcome   refused with AccessDenied\n\
            resource  arn:aws:sqs:us-east-1:123456789012:jobs: refused\n\
            because   the statement below, of a service control policy, denies it, and a deny wins over every allow\n\
            statement Deny by statement 2 (NoWrites) of p-1, service control policy\n";
        assert_eq!(describe(&denied), expected);
    }

    #[test]
    fn further_permissions_and_calls_are_told_apart_from_the_operation() {
        let passing = json!([{
            "action": "iam:PassRole", "resource": "arn:aws:iam::123456789012:role/r", "allowed": false, "why": "no allow",
            "layer": "identity-based policy", "statements": [],
        }]);
        let told = describe(&answer(json!({ "decisions": passing })));
        assert!(
            told.contains("besides   iam:PassRole\nresource  arn:aws:iam::123456789012:role/r: refused"),
            "{told}"
        );
        let inner = answer(json!({ "service": "kms", "operation": "Decrypt", "action": "kms:Decrypt" }));
        let told = describe(&answer(json!({ "decisions": [], "calls": [inner] })));
        assert!(told.contains("a call that a service made for it was refused"), "{told}");
        assert!(told.contains("\nfor it, a service called\nrequest "), "{told}");
        assert!(told.contains("action    kms:Decrypt (kms Decrypt)"), "{told}");
    }

    #[test]
    fn what_is_not_allowed_comes_with_a_way_out() {
        for (layer, words) in [
            ("identity-based policy", "of an identity-based policy allows it; attach a policy"),
            ("permissions boundary", "of a permissions boundary allows it; the boundary"),
            ("resource-based policy", "let the caller in"),
            ("service control policy", "organisation"),
        ] {
            let decision = json!({ "allowed": false, "why": "no allow", "layer": layer, "statements": [] });
            let told = because(&decision, "arn:aws:iam::123456789012:user/bob");
            assert!(told.contains(words), "{told}");
        }
    }

    #[test]
    fn the_outcome_says_what_the_decisions_do_not() {
        let allowed =
            json!([{ "resource": "*", "allowed": true, "why": "allowed", "layer": null, "statements": [] }]);
        for (changes, words) in [
            (json!({ "decisions": allowed }), "a further permission"),
            (json!({ "outcome": "allowed", "error": null, "decisions": allowed }), "outcome   allowed\n"),
            (
                json!({ "outcome": "allowed", "error": "QueueDoesNotExist", "decisions": allowed }),
                "for other reasons",
            ),
            (json!({ "outcome": "allowed", "error": "ValidationError" }), "before any policy was asked"),
            (
                json!({ "outcome": "allowed", "error": null, "needs_no_permission": "it tells who calls" }),
                "allowed: this operation needs no permission, since it tells who calls",
            ),
        ] {
            let told = describe(&answer(changes));
            assert!(told.contains(words), "{told}");
        }
        let root = answer(json!({
            "caller": "arn:aws:iam::123456789012:root", "outcome": "allowed", "error": null, "decisions": allowed,
        }));
        assert!(describe(&root).contains("the root of the account"));
    }
}
