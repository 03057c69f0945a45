//! The static description of AWS's APIs, and the two small traits that typed values speak.
//!
//! A [`Shape`] says what a value is, a [`Member`] where it goes on the wire, an [`Operation`] ties an input to an
//! output. Values know their shape and no protocol; protocols (in `wire`) know shapes and no service.
//! The shapes themselves are generated into `api/` from the public models.

mod document;
mod fault;
mod operation;
mod pattern;
mod read;
mod shape;
mod stream;
mod violation;
mod write;

pub use document::Document;
pub use fault::{ErrorCode, Fault, Side};
pub use operation::{Auth, Binding, CatalogEntry, Operation, OperationType, Protocol, Service, Signing};
pub use pattern::Pattern;
pub use read::{Each, EachEntry, EachItem, Malformed, ReadValue, Reader, read_members};
pub use shape::{Kind, Limits, Member, Place, Shape, TimestampFormat};
pub use stream::{ByteStream, EventStream, Events, IncomingEvent, IncomingEvents, LateTrailers};
pub use violation::{Notes, Violation, Why};
pub use write::{Entries, Items, WriteValue, Writer};

/// A structure or a union: the typed side of [`Kind::Structure`] and [`Kind::Union`].
pub trait Structure: std::any::Any + Send + Sync {
    fn shape(&self) -> &'static Shape;

    /// Calls `visitor` for each member that is present, in the model's order.
    fn visit<'a>(&'a self, visitor: &mut dyn FnMut(&'static Member, &'a dyn WriteValue));

    /// Reads the member at `index` of the shape's members.
    fn set(&mut self, index: usize, from: &mut dyn Reader) -> Result<(), Malformed>;

    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any + Send + Sync>;

    fn as_any(&self) -> &dyn std::any::Any;
}

/// A boxed structure is one itself, which is what recursive members need.
impl<T: Structure> Structure for Box<T> {
    fn shape(&self) -> &'static Shape {
        (**self).shape()
    }

    fn visit<'a>(&'a self, visitor: &mut dyn FnMut(&'static Member, &'a dyn WriteValue)) {
        (**self).visit(visitor);
    }

    fn set(&mut self, index: usize, from: &mut dyn Reader) -> Result<(), Malformed> {
        (**self).set(index, from)
    }

    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any + Send + Sync> {
        self
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}
