//! Which statements of a policy can apply to a request: by the service of the action, then by a glance.
//!
//! A statement is spread over a dozen allocations. A thousand of them do not fit a cache, and looking at each in
//! turn costs mostly waiting for memory. So each service has a flat list of what is needed to rule a statement out:
//! with which letters its actions start, and eight bytes of the fixed start and of the fixed end of its resource.

use super::decision::Effect;
use super::resource::ResourcePattern;
use super::statement::{Listed, Statement, Subject};

#[derive(Debug)]
pub(super) struct Index {
    /// Sorted by service; statements about every service are in each.
    services: Box<[(Box<str>, Candidates)]>,
    /// For the services that the policy does not name.
    others: Candidates,
}

/// Statements by effect, in the order of the policy.
#[derive(Debug, Default)]
struct Candidates {
    denying: Box<[Glance]>,
    allowing: Box<[Glance]>,
}

/// One statement with one of its resources, at a glance.
#[derive(Debug)]
struct Glance {
    /// The last eight bytes of the fixed start of the resource, which ends at `end`; zero is no such start.
    resource: u64,
    /// One bit for each first letter of an action's name.
    initials: u32,
    end: u16,
    statement: u16,
    /// The last bytes of the fixed end of the resource, up to eight, and which of them count.
    tail: u64,
    tail_mask: u64,
}

const WINDOW: usize = size_of::<u64>();

impl Index {
    pub(super) fn new(statements: &[Statement]) -> Index {
        let mut names: Vec<&str> = statements
            .iter()
            .filter(|statement| !statement.actions.not)
            .flat_map(|statement| statement.actions.patterns.iter())
            .filter_map(|pattern| pattern.service.as_deref())
            .collect();
        names.sort_unstable();
        names.dedup();
        let services = names.iter().map(|name| ((*name).into(), Candidates::new(statements, Some(name))));
        Index { services: services.collect(), others: Candidates::new(statements, None) }
    }

    /// The statements with this effect that a glance does not rule out.
    pub(super) fn candidates(&self, subject: &Subject<'_>, effect: Effect) -> impl Iterator<Item = usize> {
        let service = subject.action.service;
        let candidates = match self.services.binary_search_by(|(name, _)| (**name).cmp(service)) {
            Ok(at) => &self.services[at].1,
            Err(_) => &self.others,
        };
        let glances = match effect {
            Effect::Allow => &candidates.allowing,
            Effect::Deny => &candidates.denying,
        };
        let resource = subject.request.resource.as_bytes();
        let (initial, tail) = (initial(subject.action.name), tail(resource).0);
        let mut last = None;
        glances
            .iter()
            .filter(move |glance| {
                glance.initials & initial != 0 && glance.has_end_of(tail) && glance.has_start_of(resource)
            })
            .map(|glance| glance.statement)
            // One for each resource of a statement is enough to look at it, once.
            .filter(move |statement| last.replace(*statement) != Some(*statement))
            .map(usize::from)
    }
}

impl Candidates {
    fn new(statements: &[Statement], service: Option<&str>) -> Candidates {
        let of = |effect| {
            let mut glances = Vec::new();
            for (index, statement) in statements.iter().enumerate() {
                let initials = initials(statement, service);
                if statement.effect == effect && initials != 0 {
                    let index = u16::try_from(index).expect("a policy has at most STATEMENTS_MAX of them");
                    glances.extend(edges(statement).map(|edges| Glance::new(index, initials, edges)));
                }
            }
            glances.into()
        };
        Candidates { denying: of(Effect::Deny), allowing: of(Effect::Allow) }
    }
}

impl Glance {
    fn new(statement: u16, initials: u32, (start, fixed_end): (&str, &str)) -> Glance {
        let window = u16::try_from(start.len()).ok().zip(window(start.as_bytes(), start.len()));
        let (end, resource) = window.unwrap_or_default();
        let (tail, tail_mask) = tail(fixed_end.as_bytes());
        Glance { resource, initials, end, statement, tail, tail_mask }
    }

    fn has_end_of(&self, tail: u64) -> bool {
        (tail ^ self.tail) & self.tail_mask == 0
    }

    fn has_start_of(&self, resource: &[u8]) -> bool {
        self.end == 0 || window(resource, usize::from(self.end)) == Some(self.resource)
    }
}

/// The bytes before `end`, if there are as many.
fn window(text: &[u8], end: usize) -> Option<u64> {
    let bytes = text.get(end.checked_sub(WINDOW)?..end)?;
    Some(u64::from_le_bytes(bytes.try_into().expect("of this length")))
}

/// The last bytes of a text, the last one highest, and a mask of those there are.
fn tail(text: &[u8]) -> (u64, u64) {
    let last = &text[text.len().saturating_sub(WINDOW)..];
    last.iter().rev().zip((0..WINDOW).rev()).fold((0, 0), |(bytes, mask), (byte, at)| {
        (bytes | u64::from(*byte) << (8 * at), mask | 0xff << (8 * at))
    })
}

/// The fixed start and the fixed end of each resource.
fn edges(statement: &Statement) -> impl Iterator<Item = (&str, &str)> {
    let (listed, anything): (&[ResourcePattern], _) = match &statement.resources {
        Some(Listed { not: false, patterns }) => (patterns, None),
        Some(Listed { not: true, .. }) | None => (&[], Some(("", ""))),
    };
    listed.iter().map(|pattern| (pattern.fixed_start(), pattern.fixed_end())).chain(anything)
}

/// The first letters of the names of the actions of this service, or of one that no statement names.
fn initials(statement: &Statement, service: Option<&str>) -> u32 {
    if statement.actions.not {
        return u32::MAX;
    }
    let concerns = |own: &Option<Box<str>>| own.is_none() || (service.is_some() && own.as_deref() == service);
    let patterns = statement.actions.patterns.iter().filter(|pattern| concerns(&pattern.service));
    patterns.fold(0, |initials, pattern| {
        let start = pattern.fixed_start();
        initials | if start.is_empty() { u32::MAX } else { initial(start) }
    })
}

/// A bit for the first letter, and one for everything else.
fn initial(name: &str) -> u32 {
    match name.as_bytes().first() {
        Some(letter @ b'a'..=b'z') => 1 << (letter - b'a'),
        _ => 1 << 26,
    }
}
