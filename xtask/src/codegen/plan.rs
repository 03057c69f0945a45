//! What a service's crate will hold: which shapes are reached, how they are named, and where recursion needs a box.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use anyhow::{Context, Result};

use super::facts::{Facts, MemberFacts, OperationFacts, ShapeFacts, Type};
use super::names::{static_name, type_name, unique};

/// Longer lists of values become plain strings: the type would cost more than it says.
const ENUM_VALUES_MAX: usize = 100;

/// Names that generated code uses for something else.
const RESERVED: &[&str] = &[
    "Option",
    "Some",
    "None",
    "String",
    "Vec",
    "Box",
    "Default",
    "Clone",
    "Debug",
    "PartialEq",
    "From",
    "Result",
    "Ok",
    "Err",
    "BTreeMap",
    "Bytes",
    "ByteStream",
    "Timestamp",
    "Document",
    "Events",
    "Structure",
    "Member",
    "Malformed",
    "Reader",
    "ReadValue",
    "Writer",
    "WriteValue",
    "Drop",
    "Fn",
    "FnMut",
    "Send",
    "Sync",
    "Iterator",
];

pub struct Plan<'a> {
    pub facts: &'a Facts,
    pub operations: Vec<Planned<'a>>,
    /// Structures, unions and events, by the name of their Rust type.
    pub structures: BTreeMap<String, Structure<'a>>,
    /// Enumerations, by the name of their Rust type.
    pub enums: BTreeMap<String, &'a str>,
    /// Everything that has no members, by the name in the model.
    pub simple: BTreeSet<&'a str>,
    /// For each shape of the model: its Rust type, where it has one of its own.
    types: HashMap<&'a str, String>,
    statics: HashMap<&'a str, String>,
    /// For each structure of the model, a number that it shares with those it recurses through.
    cycles: HashMap<&'a str, usize>,
}

pub struct Planned<'a> {
    pub name: &'a str,
    pub facts: &'a OperationFacts,
}

/// A structure to generate. An operation's own has a shape of the model only where the model gives it one.
pub struct Structure<'a> {
    pub model: Option<&'a str>,
    pub static_name: String,
}

impl<'a> Plan<'a> {
    /// Plans the operations in `chosen`, or all of them.
    pub fn new(facts: &'a Facts, chosen: Option<&[String]>) -> Result<Plan<'a>> {
        let mut plan = Plan {
            facts,
            operations: Vec::new(),
            structures: BTreeMap::new(),
            enums: BTreeMap::new(),
            simple: BTreeSet::new(),
            types: HashMap::new(),
            statics: HashMap::new(),
            cycles: HashMap::new(),
        };
        match chosen {
            None => {
                plan.operations.extend(facts.operations.iter().map(|(name, facts)| Planned { name, facts }))
            }
            Some(names) => {
                for name in names {
                    let found = facts.operations.get_key_value(name);
                    let (name, facts) = found.with_context(|| format!("there is no operation {name}"))?;
                    plan.operations.push(Planned { name, facts });
                }
            }
        }
        let reached = plan.reach()?;
        plan.name(&reached);
        plan.find_cycles(&reached);
        Ok(plan)
    }

    pub fn shape(&self, name: &str) -> &'a ShapeFacts {
        &self.facts.shapes[name]
    }

    /// The Rust type of a shape that has one of its own.
    pub fn type_of(&self, shape: &str) -> &str {
        &self.types[shape]
    }

    pub fn static_of(&self, shape: &str) -> &str {
        &self.statics[shape]
    }

    pub fn is_enum(&self, shape: &str) -> bool {
        let facts = self.shape(shape);
        facts.kind == Type::String && !facts.values.is_empty() && facts.values.len() <= ENUM_VALUES_MAX
    }

    /// Whether a member of `owner` leads back to it without a list or a map between.
    pub fn recurses(&self, owner: Option<&str>, member: &MemberFacts) -> bool {
        let cycle = |name: &str| self.cycles.get(name);
        owner.and_then(cycle).is_some_and(|number| cycle(&member.shape) == Some(number))
    }

    /// Whether a value must not be shown: it is sensitive, or a list or map of what is.
    pub fn is_secret(&self, shape: &str) -> bool {
        let facts = self.shape(shape);
        let parts = [&facts.element, &facts.value];
        facts.sensitive || parts.into_iter().flatten().any(|part| self.is_secret(&part.shape))
    }

    /// The shapes that the operations use, and the errors that say more than a message.
    fn reach(&self) -> Result<BTreeSet<&'a str>> {
        let mut reached = BTreeSet::new();
        let mut open: Vec<&'a str> = Vec::new();
        for operation in &self.operations {
            for own in [&operation.facts.input, &operation.facts.output].into_iter().flatten() {
                open.extend(members(self.facts.shape(own)?).map(|member| member.shape.as_str()));
            }
        }
        for (name, shape) in &self.facts.shapes {
            if shape.error.is_some() && has_detail(shape) {
                open.push(name);
            }
        }
        while let Some(name) = open.pop() {
            if reached.insert(name) {
                open.extend(members(self.facts.shape(name)?).map(|member| member.shape.as_str()));
            }
        }
        Ok(reached)
    }

    fn name(&mut self, reached: &BTreeSet<&'a str>) {
        let mut types: HashSet<String> = RESERVED.iter().map(|name| (*name).to_owned()).collect();
        types.extend(self.operations.iter().map(|operation| operation.name.to_owned()));
        let mut statics: HashSet<String> = HashSet::new();
        for operation in &self.operations {
            let own =
                [("Input", operation.facts.input.as_deref()), ("Output", operation.facts.output.as_deref())];
            for (suffix, model) in own {
                let name = format!("{}{suffix}", operation.name);
                let static_name = unique_static(static_name(&name), &mut statics);
                types.insert(name.clone());
                if let Some(model) = model.filter(|model| *model == name) {
                    self.types.insert(model, name.clone());
                    self.statics.insert(model, static_name.clone());
                }
                self.structures.insert(name, Structure { model, static_name });
            }
        }
        for &model in reached {
            let shape = self.shape(model);
            if !self.statics.contains_key(model) {
                self.statics.insert(model, unique_static(static_name(model), &mut statics));
            }
            if !shape.kind.is_structure() {
                self.simple.insert(model);
            }
            if self.types.contains_key(model) || !(shape.kind.is_structure() || self.is_enum(model)) {
                continue;
            }
            let mut name = type_name(model);
            if types.contains(&name) {
                name.push_str("Shape");
            }
            let name = unique(name, &mut types);
            self.types.insert(model, name.clone());
            if shape.kind.is_structure() {
                let static_name = self.statics[model].clone();
                self.structures.insert(name, Structure { model: Some(model), static_name });
            } else {
                self.enums.insert(name, model);
            }
        }
    }

    /// Finds the structures that hold each other directly. The models are small enough for the plain way: two
    /// structures belong together when each reaches the other.
    fn find_cycles(&mut self, reached: &BTreeSet<&'a str>) {
        let direct = |name: &str| -> Vec<&'a str> {
            let members = self.facts.shapes[name].members.values().map(|member| member.shape.as_str());
            members.filter(|shape| self.facts.shapes[*shape].kind.is_structure()).collect()
        };
        let reach = |from: &'a str| -> HashSet<&'a str> {
            let (mut seen, mut open) = (HashSet::new(), direct(from));
            while let Some(name) = open.pop() {
                if seen.insert(name) {
                    open.extend(direct(name));
                }
            }
            seen
        };
        let structures = reached.iter().copied().filter(|name| self.facts.shapes[*name].kind.is_structure());
        let reaches: BTreeMap<&'a str, HashSet<&'a str>> =
            structures.map(|name| (name, reach(name))).collect();
        let mut cycles = HashMap::new();
        for (number, (name, reached)) in reaches.iter().enumerate() {
            if reached.contains(name) && !cycles.contains_key(name) {
                let fellows = reached.iter().filter(|fellow| reaches[*fellow].contains(name));
                cycles.extend(fellows.map(|fellow| (*fellow, number)));
            }
        }
        self.cycles = cycles;
    }
}

/// Makes a static's name unique, along with those of the statics beside it.
fn unique_static(name: String, taken: &mut HashSet<String>) -> String {
    let beside = |name: &str| ["_MEMBERS", "_PATTERN"].map(|suffix| format!("{name}{suffix}"));
    let mut candidate = name.clone();
    let mut number = 2;
    while taken.contains(&candidate) || beside(&candidate).iter().any(|name| taken.contains(name)) {
        candidate = format!("{name}{number}");
        number += 1;
    }
    taken.extend(beside(&candidate));
    taken.insert(candidate.clone());
    candidate
}

/// The members, element, key and value of a shape.
pub fn members(shape: &ShapeFacts) -> impl Iterator<Item = &MemberFacts> {
    let parts = [&shape.element, &shape.key, &shape.value];
    shape.members.values().chain(parts.into_iter().flatten())
}

/// Whether an error has members besides its message.
pub fn has_detail(shape: &ShapeFacts) -> bool {
    shape.members.keys().any(|name| !name.eq_ignore_ascii_case("message"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statics_keep_clear_of_their_neighbours() {
        let mut taken = HashSet::new();
        assert_eq!(unique_static("GROUP".to_owned(), &mut taken), "GROUP");
        assert_eq!(unique_static("GROUP_MEMBERS".to_owned(), &mut taken), "GROUP_MEMBERS2");
        assert_eq!(unique_static("GROUP".to_owned(), &mut taken), "GROUP2");
    }
}
