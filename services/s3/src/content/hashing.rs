//! Computing checksums while content passes by, and putting together those of parts.

use std::hash::Hasher as _;

use aws_lc_rs::digest;
use crc_fast::CrcAlgorithm;
use md5::{Digest, Md5};
use twox_hash::{XxHash3_64, XxHash3_128, XxHash64};

use crate::model::checksum::{Algorithm, Checksum, Kind};

/// One checksum under way.
#[expect(clippy::large_enum_variant, reason = "the usual one is the largest, and moved less often than made")]
pub enum Hasher {
    Crc(crc_fast::Digest, usize),
    Sha(digest::Context),
    Md5(Md5),
    XxHash64(XxHash64),
    XxHash3(Box<XxHash3_64>),
    XxHash128(Box<XxHash3_128>),
}

impl Hasher {
    pub fn new(algorithm: Algorithm) -> Hasher {
        let sha = |algorithm| Hasher::Sha(digest::Context::new(algorithm));
        match algorithm {
            Algorithm::Crc32 | Algorithm::Crc32c | Algorithm::Crc64Nvme => {
                Hasher::Crc(crc_fast::Digest::new(crc(algorithm)), algorithm.bytes())
            }
            Algorithm::Sha1 => sha(&digest::SHA1_FOR_LEGACY_USE_ONLY),
            Algorithm::Sha256 => sha(&digest::SHA256),
            Algorithm::Sha512 => sha(&digest::SHA512),
            Algorithm::Md5 => Hasher::Md5(Md5::new()),
            Algorithm::XxHash64 => Hasher::XxHash64(XxHash64::with_seed(0)),
            Algorithm::XxHash3 => Hasher::XxHash3(Box::new(XxHash3_64::new())),
            Algorithm::XxHash128 => Hasher::XxHash128(Box::new(XxHash3_128::new())),
        }
    }

    pub fn update(&mut self, bytes: &[u8]) {
        match self {
            Hasher::Crc(digest, _) => digest.update(bytes),
            Hasher::Sha(context) => context.update(bytes),
            Hasher::Md5(md5) => md5.update(bytes),
            Hasher::XxHash64(hash) => hash.write(bytes),
            Hasher::XxHash3(hash) => hash.write(bytes),
            Hasher::XxHash128(hash) => hash.write(bytes),
        }
    }

    /// Big-endian, where it is a number.
    pub fn finish(self) -> Vec<u8> {
        match self {
            Hasher::Crc(digest, bytes) => digest.finalize().to_be_bytes()[8 - bytes..].to_vec(),
            Hasher::Sha(context) => context.finish().as_ref().to_vec(),
            Hasher::Md5(md5) => md5.finalize().to_vec(),
            Hasher::XxHash64(hash) => hash.finish().to_be_bytes().to_vec(),
            Hasher::XxHash3(hash) => hash.finish().to_be_bytes().to_vec(),
            Hasher::XxHash128(hash) => hash.finish_128().to_be_bytes().to_vec(),
        }
    }
}

fn crc(algorithm: Algorithm) -> CrcAlgorithm {
    match algorithm {
        Algorithm::Crc32 => CrcAlgorithm::Crc32IsoHdlc,
        Algorithm::Crc32c => CrcAlgorithm::Crc32Iscsi,
        _ => CrcAlgorithm::Crc64Nvme,
    }
}

/// The checksum of bytes that are at hand.
pub fn digest(algorithm: Algorithm, bytes: &[u8]) -> Vec<u8> {
    let mut hasher = Hasher::new(algorithm);
    hasher.update(bytes);
    hasher.finish()
}

/// The checksum of two contents, one after the other, from their own checksums: for the algorithms that can (CRCs).
/// `length` is that of the second.
pub fn combine(algorithm: Algorithm, first: &[u8], second: &[u8], length: u64) -> Option<Vec<u8>> {
    if !matches!(algorithm, Algorithm::Crc32 | Algorithm::Crc32c | Algorithm::Crc64Nvme) {
        return None;
    }
    let number = |bytes: &[u8]| bytes.iter().fold(0u64, |number, byte| number << 8 | u64::from(*byte));
    let combined = crc_fast::checksum_combine(crc(algorithm), number(first), number(second), length);
    Some(combined.to_be_bytes()[8 - algorithm.bytes()..].to_vec())
}

/// What is computed of a body: MD5 where its tag or its sender needs that, a checksum, and seldom another.
#[derive(Default)]
pub struct Hashes {
    pub md5: Option<Md5>,
    pub checksum: Option<(Algorithm, Hasher)>,
    pub besides: Option<(Algorithm, Hasher)>,
}

impl Hashes {
    pub fn new(md5: bool, checksum: Option<Algorithm>) -> Hashes {
        let checksum = checksum.map(|algorithm| (algorithm, Hasher::new(algorithm)));
        Hashes { md5: md5.then(Md5::new), checksum, besides: None }
    }

    #[must_use]
    pub fn and(self, besides: Option<Algorithm>) -> Hashes {
        Hashes { besides: besides.map(|algorithm| (algorithm, Hasher::new(algorithm))), ..self }
    }

    pub fn finish(self) -> Hashed {
        let finish = |(algorithm, hasher): (Algorithm, Hasher)| Checksum {
            algorithm,
            bytes: hasher.finish(),
            kind: Kind::FullObject,
        };
        Hashed {
            md5: self.md5.map(|md5| md5.finalize().into()),
            checksum: self.checksum.map(|(_, hasher)| hasher.finish()).unwrap_or_default(),
            besides: self.besides.map(finish),
        }
    }

    pub fn update(&mut self, bytes: &[u8]) {
        for (_, hasher) in self.checksum.iter_mut().chain(&mut self.besides) {
            hasher.update(bytes);
        }
        if let Some(md5) = &mut self.md5 {
            md5.update(bytes);
        }
    }
}

/// What was computed of a body.
pub struct Hashed {
    pub md5: Option<[u8; 16]>,
    /// Empty where none was asked for.
    pub checksum: Vec<u8>,
    pub besides: Option<Checksum>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The check values of the CRC catalogue, FIPS 180 and the xxHash specification.
    #[test]
    fn known_answers() {
        for (algorithm, answer) in [
            (Algorithm::Crc32, "cbf43926"),
            (Algorithm::Crc32c, "e3069283"),
            (Algorithm::Crc64Nvme, "ae8b14860a799888"),
            (Algorithm::Sha1, "f7c3bc1d808e04732adf679965ccc34ca7ae3441"),
            (Algorithm::Sha256, "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225"),
            (Algorithm::Md5, "25f9e794323b453885f5181f1b624d0b"),
            (Algorithm::XxHash64, "8cb841db40e6ae83"),
        ] {
            assert_eq!(hex(&digest(algorithm, b"123456789")), answer, "{algorithm:?}");
        }
        assert_eq!(hex(&digest(Algorithm::XxHash64, b"")), "ef46db3751d8e999");
        assert_eq!(hex(&digest(Algorithm::XxHash3, b"")), "2d06800538d394c2");
        assert_eq!(hex(&digest(Algorithm::XxHash128, b"")), "99aa06d3014798d86001c324468d497f");
    }

    #[test]
    fn every_algorithm_gives_values_of_its_length_in_any_number_of_pieces() {
        let bytes: Vec<u8> = (0..100_000u32).map(|at| (at * 7) as u8).collect();
        for algorithm in Algorithm::ALL {
            let mut hasher = Hasher::new(*algorithm);
            bytes.chunks(977).for_each(|piece| hasher.update(piece));
            let value = hasher.finish();
            assert_eq!(value.len(), algorithm.bytes());
            assert_eq!(value, digest(*algorithm, &bytes));
        }
    }

    #[test]
    fn the_checksums_of_parts_combine_to_that_of_the_whole() {
        let bytes: Vec<u8> = (0..50_000u32).map(|at| (at * 13) as u8).collect();
        for algorithm in [Algorithm::Crc32, Algorithm::Crc32c, Algorithm::Crc64Nvme] {
            for at in [0, 1, 20_000, 50_000] {
                let (one, other) = bytes.split_at(at);
                let (first, second) = (digest(algorithm, one), digest(algorithm, other));
                let combined = combine(algorithm, &first, &second, other.len() as u64);
                assert_eq!(combined, Some(digest(algorithm, &bytes)), "{algorithm:?} at {at}");
            }
        }
        assert_eq!(combine(Algorithm::Sha256, &[], &[], 0), None);
    }
}
