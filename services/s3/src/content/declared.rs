//! What the sender of a body said it would be, and whether it was: its length, its MD5, its checksum.
//!
//! A checksum is in a header, or in a trailer after the body. Where there is neither, S3 computes CRC64NVME and keeps
//! that ("Checking object integrity in Amazon S3" of the S3 guide).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use schema::{ByteStream, Structure};

use super::members::checksum_headers;
use crate::error::{BAD_DIGEST, ENTITY_TOO_LARGE, Error, INVALID_DIGEST, INVALID_REQUEST};
use crate::limits::PUT_BYTES_MAX;
use crate::model::checksum::{Algorithm, Checksum, Kind};

/// What S3 adds by itself.
pub const DEFAULT_ALGORITHM: Algorithm = Algorithm::Crc64Nvme;

/// What a request declares of its body. The default declares nothing.
#[derive(Clone, Debug, Default)]
pub struct Declared {
    content_md5: Option<[u8; 16]>,
    checksum: Option<DeclaredChecksum>,
    /// What to compute of content whose sender declared no checksum: that of the upload or of the copied object.
    instead: Option<Algorithm>,
    /// What to compute besides: what an upload needs of its parts.
    besides: Option<Algorithm>,
}

#[derive(Clone, Debug)]
struct DeclaredChecksum {
    algorithm: Algorithm,
    /// Nothing where it follows the body.
    value: Option<Vec<u8>>,
}

impl Declared {
    /// Reads the headers of a request that brings a body. `input` has the checksum members; `algorithm` is
    /// `x-amz-sdk-checksum-algorithm`.
    pub fn parse(
        input: &dyn Structure,
        content_md5: Option<&str>,
        algorithm: Option<&str>,
        body: &ByteStream,
    ) -> Result<Declared, Error> {
        // Whoever puts without a length is refused by the gateway; a browser's form does not tell.
        if let Some(length) = body.length().filter(|length| *length > PUT_BYTES_MAX) {
            return Err(too_large(length));
        }
        let content_md5 = content_md5.map(parse_md5).transpose()?;
        let checksum = parse_checksum(checksum_headers(input), body.announced_trailers(), algorithm)?;
        Ok(Declared { content_md5, checksum, instead: None, besides: None })
    }

    /// Computes this algorithm where nothing else is declared.
    #[must_use]
    pub fn or_compute(self, algorithm: Algorithm) -> Declared {
        Declared { instead: Some(algorithm), ..self }
    }

    /// Computes this algorithm in any case, beside what is declared.
    #[must_use]
    pub fn and_compute(self, algorithm: Algorithm) -> Declared {
        Declared { besides: Some(algorithm), ..self }
    }

    /// A further algorithm to compute.
    pub fn besides(&self) -> Option<Algorithm> {
        self.besides.filter(|algorithm| *algorithm != self.algorithm())
    }

    pub fn has_md5(&self) -> bool {
        self.content_md5.is_some()
    }

    /// Whether the request says how to tell that its body is whole: what locked objects need.
    pub fn is_checked(&self) -> bool {
        self.content_md5.is_some() || self.checksum.is_some()
    }

    /// The declared algorithm, in a header or in a trailer.
    pub fn declared_algorithm(&self) -> Option<Algorithm> {
        self.checksum.as_ref().map(|checksum| checksum.algorithm)
    }

    pub fn algorithm(&self) -> Algorithm {
        self.declared_algorithm().or(self.instead).unwrap_or(DEFAULT_ALGORITHM)
    }

    /// Compares what came with what was declared. `trailers` are what followed the body.
    pub fn check(
        &self,
        md5: Option<[u8; 16]>,
        computed: Vec<u8>,
        trailers: &[(String, String)],
    ) -> Result<Checksum, Error> {
        if let Some(expected) = self.content_md5
            && md5 != Some(expected)
        {
            return Err(md5_differs(expected, md5));
        }
        let algorithm = self.algorithm();
        let header = algorithm.header();
        let followed = trailers.iter().find(|(name, _)| *name == header);
        let followed = followed.map(|(_, value)| parse_value(algorithm, value)).transpose()?;
        let expected = match &self.checksum {
            Some(DeclaredChecksum { value: None, .. }) if followed.is_none() => return Err(none_found()),
            Some(DeclaredChecksum { value: Some(value), .. }) => Some(value),
            _ => followed.as_ref(),
        };
        if expected.is_some_and(|expected| *expected != computed) {
            return Err(differs(algorithm));
        }
        Ok(Checksum { algorithm, bytes: computed, kind: Kind::FullObject })
    }
}

pub fn too_large(length: u64) -> Error {
    let error = Error::new(&ENTITY_TOO_LARGE).with("ProposedSize", length.to_string());
    error.with("MaxSizeAllowed", PUT_BYTES_MAX.to_string())
}

/// `BadDigest`, in the words for checksums.
pub fn differs(algorithm: Algorithm) -> Error {
    let name = algorithm.as_str();
    Error::worded(&BAD_DIGEST, format!("The {name} you specified did not match the calculated checksum."))
}

fn md5_differs(expected: [u8; 16], computed: Option<[u8; 16]>) -> Error {
    let computed = computed.unwrap_or_default();
    let hex = |bytes: [u8; 16]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let error = Error::new(&BAD_DIGEST).with("ExpectedDigest", hex(expected));
    error.with("CalculatedDigest", STANDARD.encode(computed))
}

fn parse_md5(header: &str) -> Result<[u8; 16], Error> {
    let decoded = STANDARD.decode(header.trim()).ok().and_then(|bytes| bytes.try_into().ok());
    decoded.ok_or_else(|| Error::new(&INVALID_DIGEST).with("Content-MD5", header))
}

/// The value of a checksum as it stands in a header.
pub fn parse_value(algorithm: Algorithm, text: &str) -> Result<Vec<u8>, Error> {
    let decoded = STANDARD.decode(text).ok().filter(|bytes| bytes.len() == algorithm.bytes());
    decoded.ok_or_else(|| {
        Error::worded(&INVALID_REQUEST, format!("Value for {} header is invalid.", algorithm.header()))
    })
}

fn none_found() -> Error {
    Error::worded(
        &INVALID_REQUEST,
        "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers \
         were found.",
    )
}

/// At most one checksum may be declared, in a header or for a trailer; the algorithm's own header must agree, in
/// whichever case it is written.
fn parse_checksum(
    headers: Vec<(Algorithm, String)>,
    trailers: &[String],
    algorithm: Option<&str>,
) -> Result<Option<DeclaredChecksum>, Error> {
    let invalid =
        || Error::worded(&INVALID_REQUEST, "Value for x-amz-sdk-checksum-algorithm header is invalid.");
    let named = match algorithm {
        Some(name) => Some(Algorithm::parse(&name.to_ascii_uppercase()).ok_or_else(invalid)?),
        None => None,
    };
    let is_announced = |algorithm: &&Algorithm| trailers.contains(&algorithm.header());
    let announced = Algorithm::ALL.iter().filter(is_announced).map(|algorithm| (*algorithm, None));
    let given = headers.into_iter().map(|(algorithm, text)| (algorithm, Some(text)));
    let mut all = given.chain(announced.collect::<Vec<_>>());
    let Some((algorithm, text)) = all.next() else {
        return if named.is_some() { Err(none_found()) } else { Ok(None) };
    };
    if all.next().is_some() {
        return Err(Error::worded(
            &INVALID_REQUEST,
            "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.",
        ));
    }
    if named.is_some_and(|named| named != algorithm) {
        return Err(invalid());
    }
    let value = text.map(|text| parse_value(algorithm, &text)).transpose()?;
    Ok(Some(DeclaredChecksum { algorithm, value }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::hashing::digest;
    use s3_api::PutObjectInput;
    use schema::LateTrailers;

    const CRC32: &str = "y/Q5Jg==";

    fn parse(input: &PutObjectInput, md5: Option<&str>, algorithm: Option<&str>) -> Result<Declared, String> {
        parse_with(input, md5, algorithm, &[])
    }

    fn parse_with(
        input: &PutObjectInput,
        md5: Option<&str>,
        algorithm: Option<&str>,
        trailers: &[&str],
    ) -> Result<Declared, String> {
        let trailers = LateTrailers::announcing(trailers.iter().map(|name| (*name).to_owned()).collect());
        let body = ByteStream::from(bytes::Bytes::from_static(b"123456789")).with_trailers(trailers);
        Declared::parse(input, md5, algorithm, &body).map_err(|error| error.to_string())
    }

    fn with_crc32(value: &str) -> PutObjectInput {
        PutObjectInput { checksum_crc32: Some(value.to_owned()), ..PutObjectInput::default() }
    }

    #[test]
    fn one_checksum_is_declared_at_most_and_its_names_agree() {
        let none = PutObjectInput::default();
        assert_eq!(parse(&none, None, None).unwrap().algorithm(), Algorithm::Crc64Nvme);
        let trailer = &["x-amz-checksum-sha256"];
        assert_eq!(parse_with(&none, None, Some("sha256"), trailer).unwrap().algorithm(), Algorithm::Sha256);
        assert_eq!(parse_with(&none, None, None, trailer).unwrap().algorithm(), Algorithm::Sha256);
        assert!(parse_with(&with_crc32(CRC32), None, None, trailer).is_err());
        assert!(parse_with(&none, None, Some("CRC32"), trailer).is_err());
        assert_eq!(parse(&with_crc32(CRC32), None, Some("CRC32")).unwrap().algorithm(), Algorithm::Crc32);
        let two = PutObjectInput { checksum_sha1: Some(String::new()), ..with_crc32(CRC32) };
        for (input, md5, algorithm, said) in [
            (two, None, None, "Expecting a single x-amz-checksum- header."),
            (with_crc32(CRC32), None, Some("SHA1"), "x-amz-sdk-checksum-algorithm header is invalid"),
            (none.clone(), None, Some("SHA3"), "x-amz-sdk-checksum-algorithm header is invalid"),
            (with_crc32("AAAA"), None, None, "Value for x-amz-checksum-crc32 header is invalid."),
            (with_crc32("!"), None, None, "Value for x-amz-checksum-crc32 header is invalid."),
            (none.clone(), None, Some("CRC32"), "no corresponding x-amz-checksum-*"),
            (none, Some("AAAA"), None, "The Content-MD5 you specified was invalid"),
        ] {
            let error = parse(&input, md5, algorithm).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
    }

    fn check(declared: &Declared, content: &[u8], trailers: &[(&str, &str)]) -> Result<Vec<u8>, String> {
        let trailers: Vec<(String, String)> =
            trailers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let md5 = digest(Algorithm::Md5, content).try_into().unwrap();
        let checked = declared.check(Some(md5), digest(declared.algorithm(), content), &trailers);
        checked.map(|checksum| checksum.bytes).map_err(|error| error.to_string())
    }

    #[test]
    fn what_came_must_be_what_was_declared() {
        let content = b"123456789";
        let declared = parse(&with_crc32(CRC32), Some("JfnnlDI7RTiF9RgfG2JNCw=="), None).unwrap();
        assert_eq!(check(&declared, content, &[]).unwrap(), STANDARD.decode(CRC32).unwrap());
        let error = check(&declared, b"12345678", &[]).unwrap_err();
        assert!(error.contains("The Content-MD5 you specified did not match"), "{error}");
        let declared = parse(&with_crc32("AAAAAA=="), None, None).unwrap();
        let error = check(&declared, content, &[]).unwrap_err();
        assert!(error.contains("The CRC32 you specified did not match the calculated checksum."), "{error}");
    }

    #[test]
    fn a_trailer_that_was_announced_must_come() {
        let trailer = "x-amz-checksum-crc32";
        let declared = parse_with(&PutObjectInput::default(), None, None, &[trailer]).unwrap();
        assert!(check(&declared, b"123456789", &[(trailer, CRC32)]).is_ok());
        assert!(check(&declared, b"123456789", &[(trailer, "AAAAAA==")]).is_err());
        let error = check(&declared, b"123456789", &[]).unwrap_err();
        assert!(error.contains("no corresponding x-amz-checksum-*"), "{error}");
    }
}
