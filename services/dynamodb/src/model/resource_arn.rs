//! ARNs of what has tags and policies: tables and streams.

use base::{Arn, Region};

use super::table_name::is_name;
use crate::error::Error;

/// What a resource's ARN names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resource {
    Table { name: String },
    Stream { table: String, label: String },
}

/// Checks an ARN of this region, in DynamoDB's order and words.
pub fn parse(region: Region, text: &str) -> Result<Arn, Error> {
    if !text.starts_with("arn:") {
        return Err(Error::invalid_values(format_args!("ARNs must start with 'arn:': {text}")));
    }
    let not_ours =
        || Error::invalid_values(format_args!("Provided Arn is not a DynamoDB resource arn: {text}"));
    let arn: Arn = text.parse().map_err(|_| not_ours())?;
    if arn.service() != "dynamodb" || arn.account().is_none() {
        return Err(not_ours());
    }
    if arn.region() != Some(region) {
        return Err(Error::Validation(format!(
            "Invalid TableArn: Invalid ResourceArn provided as input {text}"
        )));
    }
    match kind(&arn) {
        Some(_) => Ok(arn),
        None if arn.resource().contains("/index/") => Err(Error::invalid_values(format_args!(
            "Invalid resource arn provided, only table or stream is accepted. Provided resource arn: {text}"
        ))),
        None => Err(not_ours()),
    }
}

pub fn kind(arn: &Arn) -> Option<Resource> {
    let path = arn.resource().strip_prefix("table/")?;
    match path.split_once('/') {
        None => is_name(path).then(|| Resource::Table { name: path.to_owned() }),
        Some((table, below)) => {
            let label = below.strip_prefix("stream/").filter(|label| !label.is_empty() && is_name(table))?;
            Some(Resource::Stream { table: table.to_owned(), label: label.to_owned() })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_and_streams_have_tags_and_policies() {
        let table = "arn:aws:dynamodb:us-east-1:123456789012:table/Music";
        for (text, is_good) in [
            (table.to_owned(), true),
            (format!("{table}/stream/2026-11-22T10:00:00.000"), true),
            (format!("{table}/index/ByYear"), false),
            (format!("{table}/backup/01"), false),
            ("arn:aws:dynamodb:eu-west-1:123456789012:table/Music".to_owned(), false),
            ("arn:aws:s3:::bucket".to_owned(), false),
            ("Music".to_owned(), false),
        ] {
            assert_eq!(parse(Region::US_EAST_1, &text).is_ok(), is_good, "{text}");
        }
    }
}
