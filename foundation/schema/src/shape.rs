//! Shapes and members: what values are, and where they go on the wire.

use crate::Pattern;

/// One shape of a model. Shapes are statics, so recursive ones may point at each other.
#[derive(Debug)]
pub struct Shape {
    pub name: &'static str,
    pub kind: Kind,
    pub limits: Limits,
    /// Values of this shape are left out of messages and logs.
    pub sensitive: bool,
}

#[derive(Debug)]
pub enum Kind {
    Boolean,
    /// Eight, sixteen and thirty-two bits are all `Integer`: no model bounds them below 32 bits.
    Integer,
    Long,
    Float,
    Double,
    String,
    /// A string with a closed list of values in the model, and an open one in practice.
    Enum(&'static [&'static str]),
    Blob,
    Timestamp(Option<TimestampFormat>),
    /// Any JSON value.
    Document,
    List {
        element: &'static Member,
        flattened: bool,
        sparse: bool,
    },
    Map {
        key: &'static Member,
        value: &'static Member,
        flattened: bool,
        sparse: bool,
    },
    Structure {
        members: &'static [Member],
    },
    /// Exactly one member is set.
    Union {
        members: &'static [Member],
    },
    /// A union whose members are the events of a stream.
    Events {
        members: &'static [Member],
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimestampFormat {
    /// Seconds since 1970, with a fraction where there is one.
    EpochSeconds,
    /// `2026-11-21T22:50:53Z`
    Iso8601,
    /// `Sat, 21 Nov 2026 22:50:53 GMT`
    HttpDate,
}

/// A member of a structure, the element of a list, or the key or value of a map.
#[derive(Debug)]
pub struct Member {
    /// The name in the model.
    pub name: &'static str,
    /// The name on the wire (the model's `locationName`), which is `name` unless it says otherwise.
    pub wire_name: &'static str,
    /// The name in awsQuery and ec2Query where it differs from `wire_name`.
    pub query_name: Option<&'static str>,
    pub shape: &'static Shape,
    pub place: Place,
    pub required: bool,
    /// The member fills the whole body.
    pub payload: bool,
    /// The body streams: the value is a [`crate::ByteStream`].
    pub streaming: bool,
    /// A list or map without a wrapping element, where the member says so rather than the shape.
    pub flattened: bool,
    pub xml_attribute: bool,
    /// Namespace, and its prefix where it has one.
    pub xml_namespace: Option<(&'static str, Option<&'static str>)>,
    pub timestamp_format: Option<TimestampFormat>,
    /// A client fills this in by itself when it is missing; the server uses it to recognise a repetition.
    pub idempotency_token: bool,
    /// A string that holds JSON, sent as base64 in headers.
    pub json_value: bool,
    /// Where a member of an event goes: into its headers, or alone into its payload.
    pub event_header: bool,
    pub event_payload: bool,
}

impl Member {
    /// A member with nothing special, to be completed with struct update syntax.
    pub const fn new(name: &'static str, shape: &'static Shape) -> Member {
        Member {
            name,
            wire_name: name,
            query_name: None,
            shape,
            place: Place::Body,
            required: false,
            payload: false,
            streaming: false,
            flattened: false,
            xml_attribute: false,
            xml_namespace: None,
            timestamp_format: None,
            idempotency_token: false,
            json_value: false,
            event_header: false,
            event_payload: false,
        }
    }

    /// How a timestamp at this place is written, given the default of the protocol at hand.
    pub fn timestamp_format_or(&self, default: TimestampFormat) -> TimestampFormat {
        match (self.timestamp_format, &self.shape.kind) {
            (Some(format), _) => format,
            (None, Kind::Timestamp(Some(format))) => *format,
            _ => default,
        }
    }

    /// Whether a list or map at this place has no wrapping element.
    pub fn is_flattened(&self) -> bool {
        let by_shape =
            matches!(self.shape.kind, Kind::List { flattened: true, .. } | Kind::Map { flattened: true, .. });
        self.flattened || by_shape
    }
}

/// Where the HTTP-bound protocols put a member. Other protocols put everything into the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Body,
    Header,
    /// A map whose entries become headers; `wire_name` is their common prefix.
    HeaderPrefix,
    Query,
    /// A map whose entries become query parameters.
    QueryMap,
    Label,
    Status,
}

impl Shape {
    pub const fn new(name: &'static str, kind: Kind) -> Shape {
        Shape { name, kind, limits: Limits::NONE, sensitive: false }
    }

    /// The members of a structure or a union; nothing for other kinds.
    pub const fn members(&self) -> &'static [Member] {
        match &self.kind {
            Kind::Structure { members } | Kind::Union { members } | Kind::Events { members } => members,
            _ => &[],
        }
    }

    /// The element of a list.
    ///
    /// # Panics
    /// If the shape is no list, which would be a mistake in generated code.
    pub fn element(&self) -> &'static Member {
        match &self.kind {
            Kind::List { element, .. } => element,
            _ => panic!("{} is no list", self.name),
        }
    }

    /// The key and the value of a map.
    ///
    /// # Panics
    /// If the shape is no map, which would be a mistake in generated code.
    pub fn entry(&self) -> (&'static Member, &'static Member) {
        match &self.kind {
            Kind::Map { key, value, .. } => (key, value),
            _ => panic!("{} is no map", self.name),
        }
    }

    /// Whether this stands for an input or output that the model does not have, rather than for an empty one.
    pub fn is_unit(&self) -> bool {
        self.name == "Unit" && self.members().is_empty()
    }

    /// Whether values of this shape are made of others.
    pub const fn is_structured(&self) -> bool {
        matches!(
            self.kind,
            Kind::List { .. }
                | Kind::Map { .. }
                | Kind::Structure { .. }
                | Kind::Union { .. }
                | Kind::Events { .. }
        )
    }

    /// Finds a member by its name on the wire. Structures are small, so a scan beats a table.
    pub fn member_by_wire_name(&self, wire_name: &str) -> Option<usize> {
        self.members().iter().position(|member| member.wire_name == wire_name)
    }

    pub const fn is_union(&self) -> bool {
        matches!(self.kind, Kind::Union { .. } | Kind::Events { .. })
    }
}

/// The constraints a model puts on a value. Lengths of strings are in characters, of blobs in bytes.
#[derive(Debug)]
pub struct Limits {
    pub min: Option<f64>,
    pub max: Option<f64>,
    pub pattern: Option<&'static Pattern>,
}

impl Limits {
    pub const NONE: Limits = Limits { min: None, max: None, pattern: None };
}
