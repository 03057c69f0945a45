//! How a call was decided, for `GET /_fogbank/explain/REQUEST-ID`: who asked for what, and which statement of which
//! policy said yes or no.

use base::Arn;
use identity::policy::{Decision, Effect, Layer, Matched, Why};
use schema::Auth;
use serde_json::{Value, json};
use service::{AUDIT_EVENTS_MAX, AuditEvent, Dispatcher};

/// What is asked for instead of a request's id: the latest call that was refused.
pub const LAST: &str = "last";

/// Errors that are a refusal by policy, also where an operation asked for one more permission by itself.
const REFUSALS: [&str; 3] = ["AccessDenied", "AccessDeniedException", "UnauthorizedOperation"];

/// What is known of a call; nothing if it is not among the latest ones.
pub fn explain(dispatcher: &Dispatcher, request: &str) -> Option<Value> {
    let event = match request {
        LAST => dispatcher.audit.latest(AUDIT_EVENTS_MAX).into_iter().find(is_refused)?,
        id => dispatcher.audit.find(id)?,
    };
    Some(describe(dispatcher, &event))
}

fn is_refused(event: &AuditEvent) -> bool {
    event.decisions.iter().any(|decision| !decision.allowed)
        || event.error.as_deref().is_some_and(|error| REFUSALS.contains(&error))
}

fn describe(dispatcher: &Dispatcher, event: &AuditEvent) -> Value {
    let target = dispatcher.find(event.service, event.operation);
    let action = target.map(|target| format!("{}:{}", target.service.spec().signing_name, target.row.action));
    let free = target.and_then(|target| match target.row.operation.auth {
        Auth::None => Some("it is for those who have no credentials yet"),
        _ => target.row.free,
    });
    let (resources, decisions) = (&event.resources, &event.decisions);
    let decisions = decisions.iter().enumerate().map(|(at, decision)| decided(resources.get(at), decision));
    json!({
        "request_id": event.request_id,
        "at": event.at.to_iso8601(),
        "caller": event.principal_arn,
        "account": event.account.to_string(),
        "region": event.region.as_str(),
        "service": event.service,
        "operation": event.operation,
        "action": action,
        "resources": resources.iter().map(Arn::as_str).collect::<Vec<_>>(),
        "outcome": if is_refused(event) { "refused" } else { "allowed" },
        "error": event.error,
        "needs_no_permission": free,
        "decisions": decisions.collect::<Vec<_>>(),
    })
}

/// One decision, on one resource; without a resource it is about all of them (`*`).
fn decided(resource: Option<&Arn>, decision: &Decision) -> Value {
    let (why, layer) = match decision.why {
        Why::Allowed => ("allowed", None),
        Why::ExplicitDeny(layer) => ("explicit deny", Some(layer)),
        Why::NoAllow(layer) => ("no allow", Some(layer)),
    };
    json!({
        "resource": resource.map_or("*", Arn::as_str),
        "allowed": decision.allowed,
        "why": why,
        "layer": layer.map(words),
        "statements": decision.statements.iter().map(statement).collect::<Vec<_>>(),
    })
}

fn statement(matched: &Matched) -> Value {
    json!({
        "effect": match matched.effect { Effect::Allow => "Allow", Effect::Deny => "Deny" },
        "policy": matched.policy,
        "layer": words(matched.layer),
        // People count from one.
        "statement": matched.statement + 1,
        "sid": matched.sid,
    })
}

fn words(layer: Layer) -> String {
    layer.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matched(layer: Layer, effect: Effect) -> Matched {
        Matched { layer, policy: "limits".to_owned(), statement: 1, sid: Some("NoWrites".to_owned()), effect }
    }

    #[test]
    fn a_decision_names_the_layer_and_the_statement() {
        let queue: Arn = "arn:aws:sqs:us-east-1:123456789012:jobs".parse().unwrap();
        let denied = Decision {
            allowed: false,
            why: Why::ExplicitDeny(Layer::ServiceControl),
            statements: vec![matched(Layer::ServiceControl, Effect::Deny)],
        };
        let expected = json!({
            "resource": "arn:aws:sqs:us-east-1:123456789012:jobs",
            "allowed": false,
            "why": "explicit deny",
            "layer": "service control policy",
            "statements": [{
                "effect": "Deny", "policy": "limits", "layer": "service control policy", "statement": 2,
                "sid": "NoWrites",
            }],
        });
        assert_eq!(decided(Some(&queue), &denied), expected);
        let allowed = Decision { allowed: true, why: Why::Allowed, statements: Vec::new() };
        let told = decided(None, &allowed);
        assert_eq!((&told["resource"], &told["layer"]), (&json!("*"), &Value::Null));
    }
}
