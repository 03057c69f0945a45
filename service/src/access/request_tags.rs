//! The tags in a request, whatever shape a service gives them: `aws:RequestTag/key` and `aws:TagKeys`.
//!
//! A member called `Tags`, `tags` or the like is a map, or a list of structures with a key and a value; one called
//! `TagKeys` lists keys alone. That holds for all models, so services need not say it again.
//!
//! EC2's `TagSpecifications` name the type of resource that their tags are for, and each type is asked about with its
//! own tags only ("Grant permission to tag Amazon EC2 resources during creation").

use base::{Arn, Timestamp};
use schema::{ByteStream, Document, Entries, EventStream, Items, Member, Structure, Writer};

/// Keys with their values; a key that is only named (to be removed) has none.
#[derive(Default)]
pub(super) struct RequestTags(pub Vec<(String, Option<String>)>);

impl RequestTags {
    /// The tags that a request has for a resource, which matters where it makes several of different types.
    pub fn of(input: &dyn Structure, resource: Option<&Arn>) -> RequestTags {
        let mut tags = RequestTags::default();
        input.visit(&mut |member, value| {
            let is_tags = ["tags", "tagkeys", "tagset", "tagkeylist", "tagging"];
            if is_tags.iter().any(|name| member.name.eq_ignore_ascii_case(name)) {
                value.write(&mut Collector { tags: &mut tags, pair: None }, member);
            } else if member.name == "TagSpecifications" {
                let wanted = resource.and_then(|arn| arn.resource().split_once('/')).map(|(kind, _)| kind);
                value.write(&mut Specifications { tags: &mut tags, wanted, within: None }, member);
            }
        });
        tags
    }
}

/// A writer that reads a list of specifications, each a type of resource and a list of tags.
struct Specifications<'a> {
    tags: &'a mut RequestTags,
    /// The type whose tags are looked for; nothing for those of all.
    wanted: Option<&'a str>,
    /// Within a specification: its type, and its tags so far.
    within: Option<(String, RequestTags)>,
}

impl Writer for Specifications<'_> {
    fn string(&mut self, at: &'static Member, value: &str) {
        if let Some((kind, _)) = self.within.as_mut().filter(|_| at.name == "ResourceType") {
            value.clone_into(kind);
        }
    }

    fn structure(&mut self, _: &'static Member, value: &dyn Structure) {
        self.within = Some(Default::default());
        value.visit(&mut |member, value| value.write(self, member));
        if let Some((kind, found)) = self.within.take()
            && self.wanted.is_none_or(|wanted| wanted == kind)
        {
            self.tags.0.extend(found.0);
        }
    }

    fn list(&mut self, at: &'static Member, items: Items<'_>) {
        match &mut self.within {
            Some((_, tags)) => Collector { tags, pair: None }.list(at, items),
            None => items.each.for_each(|item| item.write(self, at.shape.element())),
        }
    }

    fn map(&mut self, _: &'static Member, _: Entries<'_>) {}
    fn null(&mut self, _: &'static Member) {}
    fn boolean(&mut self, _: &'static Member, _: bool) {}
    fn integer(&mut self, _: &'static Member, _: i64) {}
    fn float(&mut self, _: &'static Member, _: f32) {}
    fn double(&mut self, _: &'static Member, _: f64) {}
    fn blob(&mut self, _: &'static Member, _: &[u8]) {}
    fn timestamp(&mut self, _: &'static Member, _: Timestamp) {}
    fn document(&mut self, _: &'static Member, _: &Document) {}
    fn stream(&mut self, _: &'static Member, _: &ByteStream) {}
    fn events(&mut self, _: &'static Member, _: EventStream) {}
}

/// A writer that keeps strings and drops everything else.
struct Collector<'a> {
    tags: &'a mut RequestTags,
    /// Within a structure: the key and the value found so far.
    pair: Option<(Option<String>, Option<String>)>,
}

impl Writer for Collector<'_> {
    fn string(&mut self, at: &'static Member, value: &str) {
        match &mut self.pair {
            None => self.tags.0.push((value.to_owned(), None)),
            Some((key, held)) => {
                let name = at.name;
                if name.eq_ignore_ascii_case("key") || name.eq_ignore_ascii_case("tagkey") {
                    *key = Some(value.to_owned());
                } else if name.eq_ignore_ascii_case("value") || name.eq_ignore_ascii_case("tagvalue") {
                    *held = Some(value.to_owned());
                }
            }
        }
    }

    fn structure(&mut self, _: &'static Member, value: &dyn Structure) {
        let before = self.pair.replace((None, None));
        value.visit(&mut |member, value| value.write(self, member));
        if let Some((Some(key), value)) = std::mem::replace(&mut self.pair, before) {
            self.tags.0.push((key, Some(value.unwrap_or_default())));
        }
    }

    fn list(&mut self, at: &'static Member, items: Items<'_>) {
        // Nested structures hold their lists of tags outside any pair.
        let before = self.pair.take();
        items.each.for_each(|item| item.write(self, at.shape.element()));
        self.pair = before;
    }

    fn map(&mut self, at: &'static Member, entries: Entries<'_>) {
        let (_, value_at) = at.shape.entry();
        for (key, value) in entries.each {
            let mut one = Collector { tags: &mut RequestTags::default(), pair: None };
            value.write(&mut one, value_at);
            let value = one.tags.0.pop().map(|(value, _)| value).unwrap_or_default();
            self.tags.0.push((key.to_owned(), Some(value)));
        }
    }

    fn null(&mut self, _: &'static Member) {}
    fn boolean(&mut self, _: &'static Member, _: bool) {}
    fn integer(&mut self, _: &'static Member, _: i64) {}
    fn float(&mut self, _: &'static Member, _: f32) {}
    fn double(&mut self, _: &'static Member, _: f64) {}
    fn blob(&mut self, _: &'static Member, _: &[u8]) {}
    fn timestamp(&mut self, _: &'static Member, _: Timestamp) {}
    fn document(&mut self, _: &'static Member, _: &Document) {}
    fn stream(&mut self, _: &'static Member, _: &ByteStream) {}
    fn events(&mut self, _: &'static Member, _: EventStream) {}
}
