//! Writes the parameters of awsQuery and ec2Query, as a client does.

use std::fmt::{Display, Write};

use base::Timestamp;
use schema::{ByteStream, Document, Entries, EventStream, Items, Member, Structure, TimestampFormat, Writer};

use crate::names::{Naming, ec2_parameter};
use crate::text;

/// The form of one request.
pub(crate) fn write(action: &str, version: &str, ec2: bool, input: &dyn Structure) -> String {
    let mut form = QueryWriter { out: String::new(), prefix: String::new(), ec2 };
    form.pair("Action", action);
    form.pair("Version", version);
    form.members(input);
    form.out
}

struct QueryWriter {
    out: String,
    /// The name of the value that is written next.
    prefix: String,
    ec2: bool,
}

impl QueryWriter {
    fn pair(&mut self, name: &str, value: &str) {
        let separator = if self.out.is_empty() { "" } else { "&" };
        let (name, value) = (text::percent_encode(name), text::percent_encode(value));
        write!(self.out, "{separator}{name}={value}").expect("memory takes text");
    }

    fn value(&mut self, value: &str) {
        let name = std::mem::take(&mut self.prefix);
        self.pair(&name, value);
        self.prefix = name;
    }

    /// Writes what is one or more steps further down.
    fn below(&mut self, step: impl Display, write: impl FnOnce(&mut QueryWriter)) {
        let length = self.prefix.len();
        let dot = if length == 0 { "" } else { "." };
        write!(self.prefix, "{dot}{step}").expect("memory takes text");
        write(self);
        self.prefix.truncate(length);
    }

    fn members(&mut self, value: &dyn Structure) {
        value.visit(&mut |member, value| {
            if self.ec2 {
                self.below(ec2_parameter(member), |to| value.write(to, member));
            } else {
                self.below(Naming::Query.in_structure(member), |to| value.write(to, member));
            }
        });
    }
}

impl Writer for QueryWriter {
    fn null(&mut self, _: &'static Member) {
        self.value("");
    }

    fn boolean(&mut self, _: &'static Member, value: bool) {
        self.value(if value { "true" } else { "false" });
    }

    fn integer(&mut self, _: &'static Member, value: i64) {
        self.value(&value.to_string());
    }

    fn float(&mut self, _: &'static Member, value: f32) {
        self.value(&text::format_float(value));
    }

    fn double(&mut self, _: &'static Member, value: f64) {
        self.value(&text::format_double(value));
    }

    fn string(&mut self, _: &'static Member, value: &str) {
        self.value(value);
    }

    fn blob(&mut self, _: &'static Member, value: &[u8]) {
        self.value(&text::base64(value));
    }

    fn timestamp(&mut self, at: &'static Member, value: Timestamp) {
        self.value(&text::format_timestamp(value, at.timestamp_format_or(TimestampFormat::Iso8601)));
    }

    fn document(&mut self, _: &'static Member, value: &Document) {
        self.value(&value.to_string());
    }

    fn structure(&mut self, _: &'static Member, value: &dyn Structure) {
        self.members(value);
    }

    /// awsQuery sends an empty list as an empty parameter; ec2Query does not send it.
    fn list(&mut self, at: &'static Member, items: Items<'_>) {
        let element = at.shape.element();
        if items.len == 0 && !self.ec2 {
            self.value("");
        }
        for (index, item) in items.each.enumerate() {
            let number = index + 1;
            if self.ec2 || at.is_flattened() {
                self.below(number, |to| item.write(to, element));
            } else {
                let name = Naming::Query.of(element);
                self.below(format_args!("{name}.{number}"), |to| item.write(to, element));
            }
        }
    }

    fn map(&mut self, at: &'static Member, entries: Entries<'_>) {
        let (key_at, value_at) = at.shape.entry();
        let wrapper = if self.ec2 || at.is_flattened() { "" } else { "entry." };
        for (index, (key, value)) in entries.each.enumerate() {
            let number = index + 1;
            let (key_name, value_name) = (Naming::Query.of(key_at), Naming::Query.of(value_at));
            self.below(format_args!("{wrapper}{number}.{key_name}"), |to| to.value(key));
            self.below(format_args!("{wrapper}{number}.{value_name}"), |to| value.write(to, value_at));
        }
    }

    fn stream(&mut self, at: &'static Member, value: &ByteStream) {
        let bytes = value.whole().expect("only a payload streams, and Query has none");
        self.blob(at, &bytes);
    }

    fn events(&mut self, at: &'static Member, _: EventStream) {
        unreachable!("{} cannot be sent by the Query protocols", at.name);
    }
}
