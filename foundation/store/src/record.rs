//! Records: typed values that carry the version they were written in.
//!
//! A stored record is its version in two bytes, big-endian, and then JSON. JSON, because records are small and
//! named fields let most changes (a new field with a default) go without a new version, because any tool can
//! read a damaged store, and because it costs about a microsecond where a sync costs a hundred. Bulk bytes such as
//! message bodies are no records: they are stored raw, through [`crate::Tx`].
//!
//! Records of which there are millions ([`Versioned::COMPACT`]) are written in postcard instead: without names, so that
//! a new field is a new version, and at a third of the size.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::StoreError;

/// A record with its current version, and the way from the previous one.
///
/// ```
/// # use fogbank_store::{StoreError, Versioned, previous};
/// # use serde::{Serialize, Deserialize};
/// #[derive(Serialize, Deserialize)]
/// struct QueueV1 { delay: u32 }
/// impl Versioned for QueueV1 { const VERSION: u16 = 1; }
///
/// #[derive(Serialize, Deserialize)]
/// struct Queue { delay_seconds: u32, fifo: bool }
/// impl Versioned for Queue {
///     const VERSION: u16 = 2;
///     fn upgrade(version: u16, bytes: &[u8]) -> Result<Self, StoreError> {
///         let old: QueueV1 = previous(version, bytes)?;
///         Ok(Queue { delay_seconds: old.delay, fifo: false })
///     }
/// }
/// ```
pub trait Versioned: Serialize + DeserializeOwned + Send + Sync + 'static {
    const VERSION: u16;

    /// Written without the names of its fields. Every change of its shape is then a new version.
    const COMPACT: bool = false;

    /// Reads what an earlier version wrote; `bytes` is what it wrote. Only called with versions below the current.
    fn upgrade(version: u16, bytes: &[u8]) -> Result<Self, StoreError> {
        let _ = bytes;
        let kind = std::any::type_name::<Self>();
        Err(StoreError::Corrupt(format!("a {kind} of version {version}, which never existed")))
    }
}

/// Reads a record of version `version` as the previous type, upgrading from even older ones on the way.
pub fn previous<R: Versioned>(version: u16, bytes: &[u8]) -> Result<R, StoreError> {
    if version > R::VERSION {
        let what = format!("a {}", std::any::type_name::<R>());
        return Err(StoreError::NewerVersion { what, found: version.into(), known: R::VERSION.into() });
    }
    if version < R::VERSION {
        return R::upgrade(version, bytes);
    }
    let corrupt = |error: String| StoreError::Corrupt(format!("a {}: {error}", std::any::type_name::<R>()));
    if R::COMPACT {
        return postcard::from_bytes(bytes).map_err(|error| corrupt(error.to_string()));
    }
    serde_json::from_slice(bytes).map_err(|error| corrupt(error.to_string()))
}

pub(crate) fn encode<R: Versioned>(record: &R) -> Vec<u8> {
    let bytes = R::VERSION.to_be_bytes().to_vec();
    if R::COMPACT {
        return postcard::to_extend(record, bytes).expect("records are of plain types and memory takes them");
    }
    let mut bytes = bytes;
    serde_json::to_writer(&mut bytes, record).expect("records have string keys and write to memory");
    bytes
}

pub(crate) fn decode<R: Versioned>(bytes: &[u8]) -> Result<R, StoreError> {
    let Some((version, json)) = bytes.split_first_chunk::<2>() else {
        return Err(StoreError::Corrupt(format!("a {} without a version", std::any::type_name::<R>())));
    };
    previous(u16::from_be_bytes(*version), json)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    struct First(u32);
    impl Versioned for First {
        const VERSION: u16 = 1;
    }

    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    struct Second {
        count: u32,
    }
    impl Versioned for Second {
        const VERSION: u16 = 2;
        fn upgrade(version: u16, bytes: &[u8]) -> Result<Self, StoreError> {
            previous::<First>(version, bytes).map(|First(count)| Second { count })
        }
    }

    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    struct Third {
        count: u32,
        name: String,
    }
    impl Versioned for Third {
        const VERSION: u16 = 3;
        fn upgrade(version: u16, bytes: &[u8]) -> Result<Self, StoreError> {
            previous::<Second>(version, bytes).map(|Second { count }| Third { count, name: "none".into() })
        }
    }

    #[test]
    fn a_record_of_any_earlier_version_is_read_as_the_current_one() {
        let current = Third { count: 7, name: "none".into() };
        assert_eq!(decode::<Third>(&encode(&First(7))).unwrap(), current);
        assert_eq!(decode::<Third>(&encode(&Second { count: 7 })).unwrap(), current);
        assert_eq!(decode::<Third>(&encode(&current)).unwrap(), current);
    }

    #[test]
    fn a_record_of_a_newer_version_is_refused_with_the_way_out() {
        let error = decode::<Second>(&encode(&Third { count: 1, name: String::new() })).unwrap_err();
        assert!(matches!(error, StoreError::NewerVersion { found: 3, known: 2, .. }), "{error}");
        assert!(error.to_string().contains("use a newer Fogbank"), "{error}");
    }

    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    struct Compact {
        count: u32,
        name: Option<String>,
    }
    impl Versioned for Compact {
        const VERSION: u16 = 1;
        const COMPACT: bool = true;
    }

    #[test]
    fn a_compact_record_has_no_names_and_reads_back() {
        let record = Compact { count: 7, name: Some("none".into()) };
        let bytes = encode(&record);
        assert!(bytes.len() == 9 && !bytes.windows(5).any(|window| window == b"count"), "{bytes:?}");
        assert_eq!(decode::<Compact>(&bytes).unwrap(), record);
        assert!(matches!(decode::<Compact>(&bytes[..6]), Err(StoreError::Corrupt(_))));
    }

    #[test]
    fn damage_is_an_error_and_no_panic() {
        for bytes in [&b""[..], b"\0", b"\0\x01", b"\0\x01{", b"\0\0{}"] {
            assert!(matches!(decode::<First>(bytes), Err(StoreError::Corrupt(_))), "{bytes:?}");
        }
    }
}
