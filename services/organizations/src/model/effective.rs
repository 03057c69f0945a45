//! The effective policy: what the management policies from the root down to an account come to.
//!
//! Each level changes what it inherits by operators, as far as the levels above allow. Surprising, and kept: of two
//! policies on the same entity the one that was attached *first* wins, what a policy allows its children does not
//! bind its neighbours, and a restriction can never be loosened further down. Reference: "Inheritance operators" and
//! "Inheritance examples" in the user guide, whose examples are the tests below.

use serde_json::{Map, Value};

use super::policy_document::{APPEND, ASSIGN, CONTROL, REMOVE};

/// Merges documents: one entry a level, root first, and in each the documents in the order of their attachment.
/// Nothing is left of names that came to hold no value.
pub fn merge(levels: &[Vec<Value>]) -> Value {
    let mut top = Node::default();
    for (level, documents) in levels.iter().enumerate() {
        for document in documents {
            if let Value::Object(members) = document {
                top.apply(members, level, Operators::ALL);
            }
        }
        top.close_level();
    }
    top.into_value().unwrap_or_else(|| Value::Object(Map::new()))
}

/// The operators a child may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Operators {
    assign: bool,
    append: bool,
    remove: bool,
}

impl Operators {
    const ALL: Operators = Operators { assign: true, append: true, remove: true };

    fn parse(control: &Value) -> Operators {
        let names: Vec<&str> = control.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let has = |name: &str| names.contains(&"@@all") || names.contains(&name);
        Operators { assign: has(ASSIGN), append: has(APPEND), remove: has(REMOVE) }
    }

    fn and(self, other: Operators) -> Operators {
        Operators {
            assign: self.assign && other.assign,
            append: self.append && other.append,
            remove: self.remove && other.remove,
        }
    }
}

struct Node {
    value: Option<Value>,
    /// In the order in which the names came up.
    members: Vec<(String, Node)>,
    /// What the levels above allow this one.
    allowed: Operators,
    /// What this level allows the next ones besides.
    allowed_below: Operators,
    /// The level whose policy set the value; within it, the first one counts.
    set_at: Option<usize>,
}

impl Default for Node {
    fn default() -> Node {
        Node {
            value: None,
            members: Vec::new(),
            allowed: Operators::ALL,
            allowed_below: Operators::ALL,
            set_at: None,
        }
    }
}

impl Node {
    /// Applies one document's view of this node. `above` is what may be done to names that are new here.
    fn apply(&mut self, changes: &Map<String, Value>, level: usize, above: Operators) {
        let allowed = self.allowed.and(above);
        // The order of operators within one node is fixed, whatever order the document has them in.
        if let Some(value) = changes.get(ASSIGN).filter(|_| allowed.assign && self.set_at != Some(level)) {
            self.value = Some(value.clone());
            self.set_at = Some(level);
        }
        if let Some(Value::Array(added)) = changes.get(APPEND).filter(|_| allowed.append) {
            self.append(added);
            self.set_at = Some(level);
        }
        if let Some(Value::Array(removed)) = changes.get(REMOVE).filter(|_| allowed.remove)
            && let Some(Value::Array(values)) = &mut self.value
        {
            values.retain(|value| !removed.contains(value));
        }
        if let Some(control) = changes.get(CONTROL) {
            self.allowed_below = self.allowed_below.and(Operators::parse(control));
        }
        for (name, inner) in changes.iter().filter(|(name, _)| !name.starts_with("@@")) {
            if let Value::Object(inner) = inner {
                let own = self.allowed;
                match self.members.iter_mut().find(|(known, _)| known == name) {
                    Some((_, node)) => node.apply(inner, level, Operators::ALL),
                    None => {
                        // What keeps a new name out now keeps it out further down as well.
                        let mut node = Node { allowed: own.and(above), ..Node::default() };
                        node.apply(inner, level, own.and(above));
                        self.members.push((name.clone(), node));
                    }
                }
            }
        }
    }

    fn append(&mut self, added: &[Value]) {
        let mut values = match self.value.take() {
            Some(Value::Array(values)) => values,
            Some(single) => vec![single],
            None => Vec::new(),
        };
        for value in added {
            if !values.contains(value) {
                values.push(value.clone());
            }
        }
        self.value = Some(Value::Array(values));
    }

    fn close_level(&mut self) {
        self.allowed = self.allowed.and(self.allowed_below);
        self.allowed_below = Operators::ALL;
        self.members.iter_mut().for_each(|(_, node)| node.close_level());
    }

    fn into_value(self) -> Option<Value> {
        if let Some(value) = self.value {
            return Some(value).filter(|value| value.as_array().is_none_or(|values| !values.is_empty()));
        }
        let members: Map<String, Value> =
            self.members.into_iter().filter_map(|(name, node)| Some((name, node.into_value()?))).collect();
        (!members.is_empty()).then_some(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(levels: &[&[Value]], expected: Value) {
        let levels: Vec<Vec<Value>> = levels.iter().map(|documents| documents.to_vec()).collect();
        assert_eq!(merge(&levels), expected);
    }

    fn policy_a() -> Value {
        json!({"tags": {"costcenter": {
            "tag_key": {"@@assign": "CostCenter"},
            "tag_value": {"@@assign": ["Development", "Support"]}
        }}})
    }

    fn policy_c() -> Value {
        json!({"tags": {"costcenter": {
            "tag_key": {"@@assign": "CostCenter"},
            "tag_value": {"@@append": ["Marketing"]},
            "enforced_for": {"@@append": ["redshift:*", "dynamodb:table"]}
        }}})
    }

    #[test]
    fn a_child_overwrites_with_assign() {
        let b = json!({"tags": {"costcenter": {
            "tag_key": {"@@assign": "CostCenter"},
            "tag_value": {"@@assign": ["Sandbox"]},
            "enforced_for": {"@@assign": ["redshift:*", "dynamodb:table"]}
        }}});
        let effective = json!({"tags": {"costcenter": {
            "tag_key": "CostCenter",
            "tag_value": ["Sandbox"],
            "enforced_for": ["redshift:*", "dynamodb:table"]
        }}});
        check(&[&[policy_a()], &[b]], effective);
    }

    #[test]
    fn a_child_adds_with_append() {
        let effective = json!({"tags": {"costcenter": {
            "tag_key": "CostCenter",
            "tag_value": ["Development", "Support", "Marketing"],
            "enforced_for": ["redshift:*", "dynamodb:table"]
        }}});
        check(&[&[policy_a()], &[policy_c()]], effective);
    }

    #[test]
    fn what_a_child_removes_to_the_last_is_gone() {
        let d = json!({"tags": {"costcenter": {
            "tag_value": {"@@remove": ["Development", "Marketing"]},
            "enforced_for": {"@@remove": ["redshift:*", "dynamodb:table"]}
        }}});
        let effective = json!({"tags": {"costcenter": {"tag_key": "CostCenter", "tag_value": ["Support"]}}});
        check(&[&[policy_a()], &[policy_c()], &[d]], effective);
    }

    #[test]
    fn a_parent_restricts_what_its_children_may_do() {
        let e = json!({"tags": {"project": {
            "tag_key": {"@@operators_allowed_for_child_policies": ["@@none"], "@@assign": "Project"},
            "tag_value": {
                "@@operators_allowed_for_child_policies": ["@@append"],
                "@@assign": ["Maintenance", "Escalations"]
            }
        }}});
        let f = json!({"tags": {"project": {
            "tag_key": {"@@assign": "PROJECT"},
            "tag_value": {"@@append": ["Escalations - research"]}
        }}});
        let effective = json!({"tags": {"project": {
            "tag_key": "Project",
            "tag_value": ["Maintenance", "Escalations", "Escalations - research"]
        }}});
        check(&[&[e], &[f]], effective);
    }

    #[test]
    fn neighbours_restrictions_are_intersected_and_bind_the_next_level() {
        let g = json!({"tags": {"project": {"tag_value": {
            "@@operators_allowed_for_child_policies": ["@@append"],
            "@@assign": ["Maintenance"]
        }}}});
        let h = json!({"tags": {"project": {"tag_value": {
            "@@operators_allowed_for_child_policies": ["@@append", "@@remove"]
        }}}});
        let child = json!({"tags": {"project": {"tag_value": {
            "@@append": ["More"], "@@remove": ["Maintenance"]
        }}}});
        let effective = json!({"tags": {"project": {"tag_value": ["Maintenance", "More"]}}});
        check(&[&[g, h], &[child]], effective);
    }

    #[test]
    fn of_neighbours_the_first_attached_wins() {
        let j = json!({"tags": {"project": {
            "tag_key": {"@@assign": "PROJECT"}, "tag_value": {"@@append": ["Maintenance"]}
        }}});
        let k = json!({"tags": {"project": {
            "tag_key": {"@@assign": "project"}, "tag_value": {"@@append": ["Escalations"]}
        }}});
        let effective = json!({"tags": {"project": {
            "tag_key": "PROJECT", "tag_value": ["Maintenance", "Escalations"]
        }}});
        check(&[&[j, k]], effective);
    }

    #[test]
    fn a_restriction_is_never_loosened_and_keeps_new_names_out() {
        let locked = json!({"tags": {
            "@@operators_allowed_for_child_policies": ["@@none"],
            "a": {"tag_key": {"@@assign": "A"}}
        }});
        let loosens = json!({"tags": {
            "@@operators_allowed_for_child_policies": ["@@all"],
            "b": {"tag_key": {"@@assign": "B"}}
        }});
        let again = json!({"tags": {"b": {"tag_key": {"@@assign": "B"}}}});
        check(&[&[locked], &[loosens], &[again]], json!({"tags": {"a": {"tag_key": "A"}}}));
    }

    #[test]
    fn without_documents_there_is_nothing() {
        check(&[&[], &[]], json!({}));
    }
}
