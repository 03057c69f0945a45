//! The checksum members that many inputs and outputs have, found by their names: ten in each, one for every algorithm.

use base::Timestamp;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use schema::{
    ByteStream, Document, Each, EachEntry, EachItem, Entries, EventStream, Items, Malformed, Member, Notes,
    Reader, Shape, Structure, Writer,
};

use crate::model::checksum::{Algorithm, Checksum, Kind};

const PREFIX: &str = "Checksum";

/// The checksums in an input, as they were sent.
pub fn checksum_headers(input: &dyn Structure) -> Vec<(Algorithm, String)> {
    let mut found = Vec::new();
    input.visit(&mut |member, value| {
        let name = member.name.strip_prefix(PREFIX);
        if let Some(algorithm) = name.and_then(Algorithm::parse) {
            let mut text = Text::default();
            value.write(&mut text, member);
            found.extend(text.0.map(|text| (algorithm, text)));
        }
    });
    found
}

/// Shows a checksum in an output that has members for it, with its type if there is one for that.
pub fn show_checksum(output: &mut dyn Structure, checksum: &Checksum) {
    let value = STANDARD.encode(&checksum.bytes);
    let (value, kind) = match checksum.kind {
        Kind::FullObject => (value, "FULL_OBJECT"),
        Kind::Composite { parts } => (format!("{value}-{parts}"), "COMPOSITE"),
    };
    for (index, member) in output.shape().members().iter().enumerate() {
        let text = match member.name.strip_prefix(PREFIX) {
            Some("Type") => kind,
            Some(name) if name == checksum.algorithm.as_str() => value.as_str(),
            _ => continue,
        };
        let set = output.set(index, &mut Given { text, notes: Notes::default() });
        set.expect("a checksum's members are strings");
    }
}

/// Takes the text of one member.
#[derive(Default)]
struct Text(Option<String>);

impl Writer for Text {
    fn string(&mut self, _: &'static Member, value: &str) {
        self.0 = Some(value.to_owned());
    }

    fn null(&mut self, _: &'static Member) {}
    fn boolean(&mut self, _: &'static Member, _: bool) {}
    fn integer(&mut self, _: &'static Member, _: i64) {}
    fn float(&mut self, _: &'static Member, _: f32) {}
    fn double(&mut self, _: &'static Member, _: f64) {}
    fn blob(&mut self, _: &'static Member, _: &[u8]) {}
    fn timestamp(&mut self, _: &'static Member, _: Timestamp) {}
    fn document(&mut self, _: &'static Member, _: &Document) {}
    fn structure(&mut self, _: &'static Member, _: &dyn Structure) {}
    fn list(&mut self, _: &'static Member, _: Items<'_>) {}
    fn map(&mut self, _: &'static Member, _: Entries<'_>) {}
    fn stream(&mut self, _: &'static Member, _: &ByteStream) {}
    fn events(&mut self, _: &'static Member, _: EventStream) {}
}

/// Gives the text of one member.
struct Given<'a> {
    text: &'a str,
    notes: Notes,
}

fn no_text<T>(at: &'static Member) -> Result<T, Malformed> {
    Err(Malformed(format!("{} is no string", at.name)))
}

impl Reader for Given<'_> {
    fn is_null(&self) -> bool {
        false
    }

    fn string(&mut self, _: &'static Member) -> Result<String, Malformed> {
        Ok(self.text.to_owned())
    }

    fn boolean(&mut self, at: &'static Member) -> Result<bool, Malformed> {
        no_text(at)
    }

    fn integer(&mut self, at: &'static Member) -> Result<i64, Malformed> {
        no_text(at)
    }

    fn double(&mut self, at: &'static Member) -> Result<f64, Malformed> {
        no_text(at)
    }

    fn blob(&mut self, at: &'static Member) -> Result<Bytes, Malformed> {
        no_text(at)
    }

    fn timestamp(&mut self, at: &'static Member) -> Result<Timestamp, Malformed> {
        no_text(at)
    }

    fn document(&mut self, at: &'static Member) -> Result<Document, Malformed> {
        no_text(at)
    }

    fn stream(&mut self, at: &'static Member) -> Result<ByteStream, Malformed> {
        no_text(at)
    }

    fn structure(
        &mut self,
        shape: &'static Shape,
        _: Option<&'static Member>,
        _: Each<'_>,
    ) -> Result<(), Malformed> {
        Err(Malformed(format!("{} is no string", shape.name)))
    }

    fn list(&mut self, at: &'static Member, _: EachItem<'_>) -> Result<(), Malformed> {
        no_text(at)
    }

    fn map(&mut self, at: &'static Member, _: EachEntry<'_>) -> Result<(), Malformed> {
        no_text(at)
    }

    fn notes(&mut self) -> &mut Notes {
        &mut self.notes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_algorithm_has_its_member() {
        for algorithm in Algorithm::ALL {
            let bytes = vec![7; algorithm.bytes()];
            let checksum = Checksum { algorithm: *algorithm, bytes: bytes.clone(), kind: Kind::FullObject };
            let mut output = s3_api::GetObjectOutput::default();
            show_checksum(&mut output, &checksum);
            assert_eq!(checksum_headers(&output), [(*algorithm, STANDARD.encode(&bytes))]);
            assert_eq!(output.checksum_type, Some(s3_api::ChecksumType::FullObject));
        }
    }

    #[test]
    fn checksums_of_checksums_tell_how_many_parts_there_are() {
        let kind = Kind::Composite { parts: 3 };
        let checksum = Checksum { algorithm: Algorithm::Crc32, bytes: vec![0; 4], kind };
        let mut output = s3_api::GetObjectOutput::default();
        show_checksum(&mut output, &checksum);
        assert_eq!(output.checksum_crc32.as_deref(), Some("AAAAAA==-3"));
        assert_eq!(output.checksum_type, Some(s3_api::ChecksumType::Composite));
    }
}
