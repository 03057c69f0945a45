//! Entity tags: the MD5 of the content, of the parts' MD5s, or (where that would tell about the content of what is
//! encrypted with other keys than S3's) an opaque value of the same shape.

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ETag {
    /// MD5 of the content, or as many random bytes.
    Whole([u8; 16]),
    /// MD5 of the MD5s of so many parts.
    Parts { md5: [u8; 16], parts: u16 },
}

impl ETag {
    /// As it stands in headers and lists, with its quotes.
    pub fn quoted(&self) -> String {
        format!("\"{self}\"")
    }

    /// Whether a client means this one, with or without quotes.
    pub fn is(&self, text: &str) -> bool {
        let text = text.trim();
        let bare = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
        bare.eq_ignore_ascii_case(&self.to_string())
    }
}

impl std::fmt::Display for ETag {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (ETag::Whole(md5) | ETag::Parts { md5, .. }) = self;
        let mut digits = [0; 32];
        HEXLOWER.encode_mut(md5, &mut digits);
        f.write_str(std::str::from_utf8(&digits).expect("hexadecimal digits are text"))?;
        match self {
            ETag::Whole(_) => Ok(()),
            ETag::Parts { parts, .. } => write!(f, "-{parts}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_compared_with_and_without_quotes() {
        let tag = ETag::Parts { md5: [0xab; 16], parts: 3 };
        assert_eq!(tag.quoted(), format!("\"{}-3\"", "ab".repeat(16)));
        assert!(tag.is(&tag.quoted()) && tag.is(&tag.to_string()) && !tag.is("\"ab\""));
    }
}
