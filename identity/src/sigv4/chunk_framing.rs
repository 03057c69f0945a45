//! The `aws-chunked` encoding, taken apart piece by piece.
//!
//! `size;chunk-signature=…` CRLF data CRLF, until a chunk of size zero; then trailers; then an empty line. S3
//! answers whatever is malformed with `IncompleteBody`, so that there are few kinds of error here.

use aws_lc_rs::digest;
use bytes::Bytes;

use super::chunk_signature::ChunkChain;
use super::error::AuthError;
use super::hex;
use super::limits::{
    CHUNK_BYTES_MAX, CHUNK_BYTES_MIN, CHUNK_HEADER_BYTES_MAX, TRAILER_BYTES_MAX, TRAILERS_MAX,
};
use super::payload::Trailers;
use super::verify::sha256;

/// Decodes a chunked body and checks what protects it. Memory is bounded by one line.
pub struct ChunkVerifier {
    state: State,
    /// The line that is being gathered.
    line: Vec<u8>,
    /// How long the payload is said to be, and how much of it the chunks so far announced.
    decoded_bytes: u64,
    announced_bytes: u64,
    chunk: u64,
    chunk_bytes: u64,
    signature: String,
    hash: digest::Context,
    chain: Option<ChunkChain>,
    expects_trailers: bool,
    expected_trailers: Vec<String>,
    trailers: Trailers,
    trailer_signature: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Header,
    Data { left_bytes: u64 },
    DataEnd,
    Trailer,
    Done,
    Failed,
}

impl ChunkVerifier {
    /// A body whose chunks are not signed (`STREAMING-UNSIGNED-PAYLOAD-TRAILER`): only framing, length and the
    /// names of the trailers are checked. `trailer_names` is the `x-amz-trailer` header.
    pub fn unsigned(decoded_bytes: u64, trailer_names: &str) -> ChunkVerifier {
        ChunkVerifier::new(decoded_bytes, trailer_names, true, None)
    }

    pub(crate) fn new(
        decoded_bytes: u64,
        trailer_names: &str,
        expects_trailers: bool,
        chain: Option<ChunkChain>,
    ) -> ChunkVerifier {
        let names = trailer_names.split(',').map(|name| name.trim().to_ascii_lowercase());
        let mut expected_trailers: Vec<String> = names.filter(|name| !name.is_empty()).collect();
        expected_trailers.sort_unstable();
        ChunkVerifier {
            state: State::Header,
            line: Vec::new(),
            decoded_bytes,
            announced_bytes: 0,
            chunk: 0,
            chunk_bytes: 0,
            signature: String::new(),
            hash: digest::Context::new(&digest::SHA256),
            chain,
            expects_trailers,
            expected_trailers,
            trailers: Trailers::default(),
            trailer_signature: None,
        }
    }

    /// How long the payload is said to be.
    pub fn decoded_bytes(&self) -> u64 {
        self.decoded_bytes
    }

    /// The names of the trailers that are to come, in lower case.
    pub fn announced_trailers(&self) -> &[String] {
        &self.expected_trailers
    }

    /// Takes the next piece of the body, of any size, and gives the payload in it to `sink`, without copying.
    /// After an error nothing more is taken.
    pub fn push(&mut self, piece: Bytes, sink: &mut dyn FnMut(Bytes)) -> Result<(), AuthError> {
        let outcome = self.take(piece, sink);
        if outcome.is_err() {
            self.state = State::Failed;
        }
        outcome
    }

    /// The body has ended: was it all there?
    pub fn finish(self) -> Result<Trailers, AuthError> {
        match self.state {
            State::Done => Ok(self.trailers),
            _ => Err(AuthError::IncompleteBody),
        }
    }

    fn take(&mut self, mut piece: Bytes, sink: &mut dyn FnMut(Bytes)) -> Result<(), AuthError> {
        while !piece.is_empty() {
            match self.state {
                State::Header => {
                    if self.gather(&mut piece, CHUNK_HEADER_BYTES_MAX)? {
                        self.begin_chunk()?;
                    }
                }
                State::Data { left_bytes } => {
                    let taken = usize::try_from(left_bytes).unwrap_or(usize::MAX).min(piece.len());
                    let part = piece.split_to(taken);
                    if self.chain.is_some() {
                        self.hash.update(&part);
                    }
                    sink(part);
                    let left_bytes = left_bytes - taken as u64;
                    self.state = if left_bytes == 0 { State::DataEnd } else { State::Data { left_bytes } };
                }
                State::DataEnd => {
                    if self.gather(&mut piece, 0)? {
                        self.end_chunk()?;
                        self.state = State::Header;
                    }
                }
                State::Trailer => {
                    if self.gather(&mut piece, TRAILER_BYTES_MAX)? {
                        self.read_trailer()?;
                    }
                }
                State::Done | State::Failed => return Err(AuthError::IncompleteBody),
            }
        }
        Ok(())
    }

    /// Moves bytes into the line until it ends in CRLF, which is then cut off. True when it is whole.
    fn gather(&mut self, piece: &mut Bytes, line_bytes_max: usize) -> Result<bool, AuthError> {
        loop {
            let end = piece.iter().position(|byte| *byte == b'\n');
            let room = (line_bytes_max + 2).saturating_sub(self.line.len());
            let taken = end.map_or(piece.len(), |at| at + 1);
            if taken > room {
                return Err(AuthError::IncompleteBody);
            }
            self.line.extend_from_slice(&piece.split_to(taken));
            if self.line.ends_with(b"\r\n") {
                self.line.truncate(self.line.len() - 2);
                return Ok(true);
            }
            if piece.is_empty() {
                return Ok(false);
            }
        }
    }

    fn begin_chunk(&mut self) -> Result<(), AuthError> {
        let line = std::mem::take(&mut self.line);
        let (bytes, signature) = read_chunk_header(&line).ok_or(AuthError::IncompleteBody)?;
        self.chunk += 1;
        if self.chunk > 1 && bytes > 0 && self.chunk_bytes < CHUNK_BYTES_MIN {
            let bad_chunk_bytes = self.chunk_bytes;
            return Err(AuthError::InvalidChunkSize { chunk: self.chunk, bad_chunk_bytes });
        }
        self.announced_bytes = self.announced_bytes.saturating_add(bytes);
        if self.announced_bytes > self.decoded_bytes {
            return Err(AuthError::IncompleteBody);
        }
        if self.chain.is_some() {
            self.signature = signature.ok_or(AuthError::IncompleteBody)?.to_owned();
        }
        self.chunk_bytes = bytes;
        if bytes > 0 {
            self.state = State::Data { left_bytes: bytes };
            return Ok(());
        }
        if self.announced_bytes != self.decoded_bytes {
            return Err(AuthError::IncompleteBody);
        }
        self.state = State::Trailer;
        self.check_chunk()
    }

    fn end_chunk(&mut self) -> Result<(), AuthError> {
        if !std::mem::take(&mut self.line).is_empty() {
            return Err(AuthError::IncompleteBody);
        }
        self.check_chunk()
    }

    fn check_chunk(&mut self) -> Result<(), AuthError> {
        let Some(chain) = &mut self.chain else { return Ok(()) };
        let context = std::mem::replace(&mut self.hash, digest::Context::new(&digest::SHA256));
        let mut data_sha256 = [0; 32];
        data_sha256.copy_from_slice(context.finish().as_ref());
        let message = chain.chunk_message(&data_sha256);
        chain.advance(&message, &self.signature)
    }

    fn read_trailer(&mut self) -> Result<(), AuthError> {
        let line = std::mem::take(&mut self.line);
        if line.is_empty() {
            self.state = State::Done;
            return self.check_trailers();
        }
        let text = std::str::from_utf8(&line).map_err(|_| AuthError::MalformedTrailer)?;
        let (name, value) = text.split_once(':').ok_or(AuthError::MalformedTrailer)?;
        let (name, value) = (name.trim().to_ascii_lowercase(), value.trim());
        let token = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if name.is_empty() || !name.bytes().all(token) || self.trailers.0.len() >= TRAILERS_MAX {
            return Err(AuthError::MalformedTrailer);
        }
        if name == "x-amz-trailer-signature" {
            if self.trailer_signature.replace(value.to_owned()).is_some() {
                return Err(AuthError::MalformedTrailer);
            }
        } else {
            self.trailers.0.push((name, value.to_owned()));
        }
        Ok(())
    }

    /// The trailers must be those that the header announced, and signed if the chunks are.
    fn check_trailers(&mut self) -> Result<(), AuthError> {
        let mut names: Vec<&str> = self.trailers.0.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        if names != self.expected_trailers {
            return Err(AuthError::MalformedTrailer);
        }
        let signed = self.expects_trailers && self.chain.is_some();
        if signed != self.trailer_signature.is_some() {
            return Err(AuthError::MalformedTrailer);
        }
        if let (Some(chain), Some(signature)) = (&mut self.chain, &self.trailer_signature) {
            let lines = self.trailers.0.iter().map(|(name, value)| format!("{name}:{value}\n"));
            let message = chain.trailer_message(&sha256(lines.collect::<String>().as_bytes()));
            chain.advance(&message, signature)?;
        }
        Ok(())
    }
}

/// Reads `400;chunk-signature=ab…`. Extensions that we do not know are skipped.
fn read_chunk_header(line: &[u8]) -> Option<(u64, Option<&str>)> {
    let text = std::str::from_utf8(line).ok()?;
    let mut parts = text.split(';');
    let size = parts.next()?.trim();
    if size.is_empty() || size.len() > 16 {
        return None;
    }
    let mut bytes = 0_u64;
    for byte in size.bytes() {
        bytes = bytes << 4 | u64::from(hex::digit(byte)?);
    }
    let signature = parts.find_map(|part| part.trim().strip_prefix("chunk-signature="));
    (bytes <= CHUNK_BYTES_MAX).then_some((bytes, signature))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(body: &str, decoded_bytes: u64) -> Result<(Vec<u8>, Trailers), AuthError> {
        let mut verifier = ChunkVerifier::unsigned(decoded_bytes, "x-amz-checksum-crc32");
        let mut decoded = Vec::new();
        for byte in body.as_bytes() {
            verifier.push(Bytes::copy_from_slice(&[*byte]), &mut |part| decoded.extend_from_slice(&part))?;
        }
        verifier.finish().map(|trailers| (decoded, trailers))
    }

    #[test]
    fn an_unsigned_body_with_a_checksum_is_decoded() {
        for body in [
            "4\r\ndata\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n",
            "04\r\ndata\r\n000\r\nX-Amz-Checksum-Crc32: AAAAAA== \r\n\r\n",
            "4;name=value\r\ndata\r\n0;x\r\nx-amz-checksum-crc32:AAAAAA==\n\r\n\r\n",
        ] {
            let (decoded, trailers) = decode(body, 4).unwrap_or_else(|error| panic!("{body:?}: {error:?}"));
            assert_eq!(decoded, b"data");
            assert_eq!(trailers.get("x-amz-checksum-crc32"), Some("AAAAAA=="));
        }
    }

    #[test]
    fn malformed_framing_is_an_incomplete_body() {
        let end = "x-amz-checksum-crc32:AAAAAA==\r\n\r\n";
        for body in [
            "".to_owned(),
            "4\r\ndata\r\n".to_owned(),
            "4\r\ndata\r\n0\r\n".to_owned(),
            format!("4\r\ndata\r\n0\r\n{end}x"),
            format!("4\r\ndataX0\r\n{end}"),
            format!("4\ndata\r\n0\r\n{end}"),
            format!("\r\ndata\r\n0\r\n{end}"),
            format!("-4\r\ndata\r\n0\r\n{end}"),
            format!("3\r\ndat\r\n0\r\n{end}"),
            format!("5\r\ndata!\r\n0\r\n{end}"),
            format!("ffffffffffffffff\r\ndata\r\n0\r\n{end}"),
            format!("10000000000000000\r\ndata\r\n0\r\n{end}"),
            format!("4;{}\r\ndata\r\n0\r\n{end}", "x".repeat(CHUNK_HEADER_BYTES_MAX)),
            format!("4\r\ndata\r\n0\r\nx:{}\r\n\r\n", "x".repeat(TRAILER_BYTES_MAX)),
        ] {
            assert_eq!(decode(&body, 4), Err(AuthError::IncompleteBody), "{body:?}");
        }
    }

    #[test]
    fn trailers_are_those_that_were_announced() {
        let many = "x:1\r\n".repeat(TRAILERS_MAX + 1);
        for trailers in [
            "",
            "x-amz-checksum-crc32\r\n",
            "x-amz-checksum-sha1:AAAA\r\n",
            "x-amz-checksum-crc32:A\r\nx-amz-checksum-crc32:B\r\n",
            "x-amz-checksum-crc32:A\r\nx-amz-trailer-signature:00\r\n",
            "x y:A\r\n",
            &many,
        ] {
            let body = format!("4\r\ndata\r\n0\r\n{trailers}\r\n");
            assert_eq!(decode(&body, 4), Err(AuthError::MalformedTrailer), "{trailers:?}");
        }
    }

    #[test]
    fn only_the_last_chunk_may_be_small() {
        let small = "4\r\ndata\r\n4\r\ndata\r\n0\r\n";
        let expected = AuthError::InvalidChunkSize { chunk: 2, bad_chunk_bytes: 4 };
        assert_eq!(decode(small, 8), Err(expected));
        let large = "x".repeat(8192);
        let body = format!("2000\r\n{large}\r\n4\r\ndata\r\n0\r\nx-amz-checksum-crc32:A\r\n\r\n");
        assert_eq!(decode(&body, 8196).unwrap().0.len(), 8196);
    }

    #[test]
    fn after_an_error_nothing_is_taken() {
        let mut verifier = ChunkVerifier::unsigned(4, "");
        let mut sink = |_| panic!("nothing is decoded");
        assert!(verifier.push(Bytes::from_static(b"zz\r\n"), &mut sink).is_err());
        assert!(verifier.push(Bytes::from_static(b"4\r\ndata\r\n"), &mut sink).is_err());
        assert!(verifier.finish().is_err());
    }
}
