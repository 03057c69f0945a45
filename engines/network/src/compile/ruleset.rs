//! A namespace's rules as a value, and the difference between two of them as one atomic change.
//!
//! Chains and sets are compared by name: whatever is the same stays untouched in the kernel, so that a change costs what
//! it changes. Connections survive all of it: they are kept by the kernel's connection tracking, not by the rules.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::expression::Rule;
use crate::names::TABLE;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ruleset {
    pub sets: BTreeMap<String, Set>,
    pub chains: BTreeMap<String, Chain>,
}

/// A named set, or a map when it has `values`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Set {
    /// The types of the key's parts.
    pub key: Vec<&'static str>,
    /// The type of what a map holds.
    pub values: Option<&'static str>,
    /// Whether elements are ranges and prefixes.
    pub interval: bool,
    /// Filled by rules, with counters.
    pub recording: bool,
    /// By the element's text, so that two sets are compared quickly. A map's element is `[key, value]`.
    pub elements: BTreeMap<String, Value>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Chain {
    pub base: Option<Base>,
    pub rules: Vec<Rule>,
}

/// Where a chain hangs in the packet's way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base {
    pub kind: &'static str,
    pub hook: &'static str,
    pub priority: i32,
    pub policy: &'static str,
}

impl Set {
    pub fn of(key: &[&'static str]) -> Set {
        Set { key: key.to_vec(), ..Set::default() }
    }

    pub fn map(key: &'static str, values: &'static str) -> Set {
        Set { key: vec![key], values: Some(values), ..Set::default() }
    }

    pub fn ranges(key: &[&'static str]) -> Set {
        Set { key: key.to_vec(), interval: true, ..Set::default() }
    }

    pub fn insert(&mut self, element: impl Into<Value>) {
        let element = element.into();
        self.elements.insert(element.to_string(), element);
    }
}

impl Ruleset {
    pub fn set(&mut self, name: impl Into<String>, set: Set) -> &mut Set {
        self.sets.entry(name.into()).or_insert(set)
    }

    pub fn chain(&mut self, name: impl Into<String>, rules: Vec<Rule>) {
        self.chains.insert(name.into(), Chain { base: None, rules });
    }

    pub fn base(&mut self, name: &str, base: Base, rules: Vec<Rule>) {
        self.chains.insert(name.to_owned(), Chain { base: Some(base), rules });
    }

    /// The commands that turn `old` into this, to be run as one transaction; none when nothing differs. Without an
    /// `old` (nobody knows what is there) whatever is there is replaced, still in one transaction.
    pub fn since(&self, old: Option<&Ruleset>) -> Vec<Value> {
        let nothing = Ruleset::default();
        let mut commands = Vec::new();
        if old.is_none() {
            commands.extend(["add", "delete", "add"].map(|verb| json!({ verb: { "table": table() } })));
        }
        let old = old.unwrap_or(&nothing);
        self.declare(old, &mut commands);
        self.fill(old, &mut commands);
        self.remove(old, &mut commands);
        commands
    }

    /// New chains (empty yet) and new sets. What changed its nature is removed under its old name by the caller's
    /// naming: names say the nature.
    fn declare(&self, old: &Ruleset, commands: &mut Vec<Value>) {
        for (name, chain) in self.chains.iter().filter(|(name, _)| !old.chains.contains_key(*name)) {
            let mut declaration = json!({ "family": "inet", "table": TABLE, "name": name });
            if let Some(base) = &chain.base {
                declaration["type"] = base.kind.into();
                declaration["hook"] = base.hook.into();
                declaration["prio"] = base.priority.into();
                declaration["policy"] = base.policy.into();
            }
            commands.push(json!({ "add": { "chain": declaration } }));
        }
        for (name, set) in self.sets.iter().filter(|(name, _)| !old.sets.contains_key(*name)) {
            commands.push(set.declaration(name));
        }
    }

    fn fill(&self, old: &Ruleset, commands: &mut Vec<Value>) {
        let none = Set::default();
        for (name, set) in &self.sets {
            set.changes(name, old.sets.get(name).unwrap_or(&none), commands);
        }
        for (name, chain) in &self.chains {
            let before = old.chains.get(name);
            if before.is_some_and(|before| before.rules == chain.rules) {
                continue;
            }
            if before.is_some() {
                commands.push(flush_chain(name));
            }
            for rule in &chain.rules {
                let rule = json!({ "family": "inet", "table": TABLE, "chain": name, "expr": rule });
                commands.push(json!({ "add": { "rule": rule } }));
            }
        }
    }

    /// Chains first empty, then away, since they may jump to each other; sets last, since rules name them.
    fn remove(&self, old: &Ruleset, commands: &mut Vec<Value>) {
        let gone: Vec<_> = old.chains.keys().filter(|name| !self.chains.contains_key(*name)).collect();
        commands.extend(gone.iter().map(|name| flush_chain(name)));
        for (name, _) in old.sets.iter().filter(|(name, _)| !self.sets.contains_key(*name)) {
            commands.push(json!({ "delete": { "set": named(name) } }));
        }
        commands.extend(gone.iter().map(|name| json!({ "delete": { "chain": named(name) } })));
    }
}

impl Set {
    fn declaration(&self, name: &str) -> Value {
        let mut declaration = named(name);
        let mut flags = Vec::new();
        declaration["type"] = match self.key.as_slice() {
            [one] => (*one).into(),
            many => many.to_vec().into(),
        };
        if self.interval {
            flags.push("interval");
        }
        if self.recording {
            // A time-out makes the kernel choose a kind of set that rules can add to.
            flags.push("timeout");
            declaration["timeout"] = crate::limits::FLOW_SECONDS_MAX.into();
            declaration["size"] = crate::limits::FLOWS_MAX.into();
        }
        if !flags.is_empty() {
            declaration["flags"] = flags.into();
        }
        match self.values {
            Some(values) => {
                declaration["map"] = values.into();
                json!({ "add": { "map": declaration } })
            }
            None => json!({ "add": { "set": declaration } }),
        }
    }

    fn changes(&self, name: &str, old: &Set, commands: &mut Vec<Value>) {
        if self.elements == old.elements {
            return;
        }
        let with = |elements: Vec<&Value>| {
            let mut body = named(name);
            body["elem"] = elements.into_iter().cloned().collect::<Vec<_>>().into();
            json!({ "element": body })
        };
        // Ranges are taken out and put in as a whole: a removed and an added range that overlap refuse each other.
        let (gone, new): (Vec<_>, Vec<_>) = if self.interval {
            if !old.elements.is_empty() {
                commands.push(json!({ "flush": { "set": named(name) } }));
            }
            (Vec::new(), self.elements.values().collect())
        } else {
            let gone = old.elements.iter().filter(|(key, _)| !self.elements.contains_key(*key));
            let new = self.elements.iter().filter(|(key, _)| !old.elements.contains_key(*key));
            (gone.map(|(_, element)| element).collect(), new.map(|(_, element)| element).collect())
        };
        if !gone.is_empty() {
            commands.push(json!({ "delete": with(gone) }));
        }
        if !new.is_empty() {
            commands.push(json!({ "add": with(new) }));
        }
    }
}

fn table() -> Value {
    json!({ "family": "inet", "name": TABLE })
}

fn named(name: &str) -> Value {
    json!({ "family": "inet", "table": TABLE, "name": name })
}

fn flush_chain(name: &str) -> Value {
    json!({ "flush": { "chain": named(name) } })
}

#[cfg(test)]
mod tests {
    use super::super::expression::{accept, drop, jump};
    use super::*;

    fn sample() -> Ruleset {
        let mut rules = Ruleset::default();
        rules.chain("a", vec![vec![jump("b")]]);
        rules.chain("b", vec![vec![accept()]]);
        rules.set("s", Set::of(&["ifname"])).insert("e1");
        rules
    }

    fn verbs(commands: &[Value]) -> Vec<String> {
        let verb = |command: &Value| {
            let (verb, body) = command.as_object().and_then(|o| o.iter().next()).expect("one verb");
            let (thing, body) = body.as_object().and_then(|o| o.iter().next()).expect("one thing");
            let name = body.get("name").or(body.get("chain")).and_then(Value::as_str).unwrap_or_default();
            format!("{verb} {thing} {name}")
        };
        commands.iter().map(verb).collect()
    }

    #[test]
    fn what_is_the_same_costs_nothing() {
        assert_eq!(sample().since(Some(&sample())), Vec::<Value>::new());
    }

    #[test]
    fn what_is_unknown_is_replaced_as_a_whole() {
        let commands = verbs(&sample().since(None));
        assert_eq!(commands[..3], ["add table fogbank", "delete table fogbank", "add table fogbank"]);
        assert!(commands.contains(&"add chain a".to_owned()));
    }

    #[test]
    fn only_the_changed_chain_is_written_again() {
        let mut new = sample();
        new.chain("b", vec![vec![drop()]]);
        assert_eq!(verbs(&new.since(Some(&sample()))), ["flush chain b", "add rule b"]);
    }

    #[test]
    fn a_chain_goes_after_the_rules_that_name_it() {
        let mut new = sample();
        new.chains.remove("b");
        new.chain("a", vec![vec![drop()]]);
        let commands = verbs(&new.since(Some(&sample())));
        assert_eq!(commands, ["flush chain a", "add rule a", "flush chain b", "delete chain b"]);
    }

    #[test]
    fn elements_come_and_go_one_by_one_and_ranges_as_a_whole() {
        let mut new = sample();
        new.sets.get_mut("s").expect("there").elements.clear();
        new.set("s", Set::default()).insert("e2");
        assert_eq!(verbs(&new.since(Some(&sample()))), ["delete element s", "add element s"]);
        let (mut old, mut new) = (sample(), sample());
        old.set("r", Set::ranges(&["ipv4_addr"])).insert("10.0.0.0");
        new.set("r", Set::ranges(&["ipv4_addr"])).insert("10.0.0.1");
        assert_eq!(verbs(&new.since(Some(&old))), ["flush set r", "add element r"]);
    }
}
