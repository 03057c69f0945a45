//! How a call was decided, for `GET /_fogbank/explain/REQUEST-ID`: who asked for what, and which statement of which
//! policy said yes or no.

use base::Arn;
use identity::policy::{Effect, Layer, Matched, Why};
use schema::Auth;
use serde_json::{Value, json};
use service::{AUDIT_EVENTS_MAX, Asked, AuditEvent, Dispatcher};

/// What is asked for instead of a request's id: the latest call that was refused.
pub const LAST: &str = "last";

/// Errors that are a refusal by policy, also where an operation asked for one more permission by itself.
const REFUSALS: [&str; 3] = ["AccessDenied", "AccessDeniedException", "UnauthorizedOperation"];

/// What is known of a call; nothing if it is not among the latest ones.
pub fn explain(dispatcher: &Dispatcher, request: &str) -> Option<Value> {
    let events = match request {
        LAST => {
            let refused = dispatcher.audit.latest(AUDIT_EVENTS_MAX).into_iter().find(is_refused)?;
            dispatcher.audit.find(&refused.request_id)
        }
        id => dispatcher.audit.find(id),
    };
    let (own, for_it) = events.split_first()?;
    let mut told = describe(dispatcher, own);
    // The last one was found first.
    told["calls"] = for_it.iter().rev().map(|event| describe(dispatcher, event)).collect();
    Some(told)
}

fn is_refused(event: &AuditEvent) -> bool {
    event.error.as_deref().is_some_and(|error| REFUSALS.contains(&error))
        || (event.error.is_some() && event.decisions.iter().any(|asked| !asked.decision.allowed))
}

fn describe(dispatcher: &Dispatcher, event: &AuditEvent) -> Value {
    let target = dispatcher.find(event.service, event.operation);
    let action = target.map(|target| format!("{}:{}", target.service.spec().signing_name, target.row.action));
    let free = target.and_then(|target| match target.row.operation.auth {
        Auth::None => Some("it is for those who have no credentials yet"),
        _ => target.row.free,
    });
    json!({
        "request_id": event.request_id,
        "at": event.at.to_iso8601(),
        "caller": event.principal_arn,
        "account": event.account.to_string(),
        "region": event.region.as_str(),
        "service": event.service,
        "operation": event.operation,
        "action": action,
        "resources": event.resources.iter().map(Arn::as_str).collect::<Vec<_>>(),
        "outcome": if is_refused(event) { "refused" } else { "allowed" },
        "error": event.error,
        "needs_no_permission": free,
        "decisions": event.decisions.iter().map(decided).collect::<Vec<_>>(),
    })
}

/// One decision, on one resource; without a resource it is about all of them (`*`).
fn decided(asked: &Asked) -> Value {
    let Asked { action, resource, decision } = asked;
    let (why, layer) = match decision.why {
        Why::Allowed => ("allowed", None),
        Why::ExplicitDeny(layer) => ("explicit deny", Some(layer)),
        Why::NoAllow(layer) => ("no allow", Some(layer)),
    };
    json!({
        "action": action,
        "resource": resource.as_ref().map_or("*", Arn::as_str),
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
    use identity::policy::Decision;

    fn matched(layer: Layer, effect: Effect) -> Matched {
        Matched { layer, policy: "limits".to_owned(), statement: 1, sid: Some("NoWrites".to_owned()), effect }
    }

    #[test]
    fn a_decision_names_the_layer_and_the_statement() {
        let queue: Arn = "arn:aws:sqs:us-east-1:123456789012:jobs".parse().unwrap();
        let decision = Decision {
            allowed: false,
            why: Why::ExplicitDeny(Layer::ServiceControl),
            statements: vec![matched(Layer::ServiceControl, Effect::Deny)],
        };
        let denied = Asked { action: "sqs:SendMessage".to_owned(), resource: Some(queue), decision };
        let expected = json!({
            "action": "sqs:SendMessage",
            "resource": "arn:aws:sqs:us-east-1:123456789012:jobs",
            "allowed": false,
            "why": "explicit deny",
            "layer": "service control policy",
            "statements": [{
                "effect": "Deny", "policy": "limits", "layer": "service control policy", "statement": 2,
                "sid": "NoWrites",
            }],
        });
        assert_eq!(decided(&denied), expected);
        let decision = Decision { allowed: true, why: Why::Allowed, statements: Vec::new() };
        let told = decided(&Asked { action: "sqs:ListQueues".to_owned(), resource: None, decision });
        assert_eq!((&told["resource"], &told["layer"]), (&json!("*"), &Value::Null));
    }
}
