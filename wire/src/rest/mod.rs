//! restJson1 and restXml: members in paths, queries, headers and the status, and what is left in the body.

mod header;
mod part;
mod payload;
mod read;
mod write;

use schema::{Member, Place};

pub(crate) use part::{Part, PartReader};
pub(crate) use payload::PayloadWriter;
pub(crate) use read::{read_request, read_response};
pub(crate) use write::{write_request, write_response};

/// A shape may serve as input and as output; a place that its direction does not have is the body.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Input,
    Output,
}

impl Direction {
    fn place(self, member: &Member) -> Place {
        match (self, member.place) {
            (Direction::Input, Place::Status) => Place::Body,
            (Direction::Output, Place::Query | Place::QueryMap | Place::Label) => Place::Body,
            (_, place) => place,
        }
    }

    /// Whether a member is one of those that make up the body's document.
    fn in_document(self) -> fn(&Member) -> bool {
        match self {
            Direction::Input => |member| Direction::Input.place(member) == Place::Body && !member.payload,
            Direction::Output => |member| Direction::Output.place(member) == Place::Body && !member.payload,
        }
    }
}
