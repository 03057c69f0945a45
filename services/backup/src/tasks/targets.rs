//! Everything in an account and region that could be backed up: found as the service's own role does, with the tags that
//! the role of a selection may see of tables.

use std::collections::BTreeMap;

use base::Arn;
use dynamodb_api::{ListTables, ListTablesInput, ListTagsOfResource, ListTagsOfResourceInput};
use ec2_api::{DescribeVolumes, DescribeVolumesInput};
use service::{AsService, Call};

use super::{PRINCIPAL, role};
use crate::Backup;
use crate::error::Error;
use crate::limits::{TARGETS_MAX, TARGETS_PAGE};
use crate::model::arns::Kind;
use crate::model::selection::Candidate;
use crate::records::{Place, Tags};

pub async fn all(backup: &Backup, place: &Place, role: &str) -> Result<Vec<Candidate>, Error> {
    let cause = Call::of_service(PRINCIPAL, place.0, place.1, &backup.clock, &backup.ids);
    let client = backup.aws.as_service(PRINCIPAL, place.0, place.1, &cause);
    let mut found = volumes(&client, place).await?;
    let tables = tables(&client, place).await?;
    if tables.is_empty() {
        return Ok(found);
    }
    // A role that cannot be assumed sees no tags; its jobs will say why.
    let assumed = match role::assume(backup, place, role).await {
        Ok(assumed) => Some(assumed.client(place.1)),
        Err(Error::Other(_) | Error::Request(_)) => None,
        Err(error) => return Err(error),
    };
    for arn in tables {
        let tags = match &assumed {
            Some(client) => tags_of(client, &arn).await?,
            None => Tags::new(),
        };
        found.push(Candidate { arn, kind: Kind::DynamoDb, tags });
    }
    Ok(found)
}

async fn volumes(client: &AsService, place: &Place) -> Result<Vec<Candidate>, Error> {
    let (mut found, mut token) = (Vec::new(), None);
    loop {
        let input = DescribeVolumesInput {
            max_results: Some(TARGETS_PAGE),
            next_token: token,
            ..DescribeVolumesInput::default()
        };
        let output = client.call(DescribeVolumes, input).await?;
        for volume in output.volumes.into_iter().flatten() {
            let Some(id) = volume.volume_id else { continue };
            let arn = Arn::regional("ec2", place.1, place.0, format!("volume/{id}")).to_string();
            // Also `aws:` tags choose.
            found.push(Candidate { arn, kind: Kind::Ebs, tags: all_tags(volume.tags) });
        }
        token = output.next_token;
        if token.is_none() || found.len() >= TARGETS_MAX {
            return Ok(found);
        }
    }
}

fn all_tags(tags: Option<Vec<ec2_api::Tag>>) -> Tags {
    let tags = tags.into_iter().flatten();
    tags.filter_map(|tag| Some((tag.key?, tag.value.unwrap_or_default()))).collect()
}

/// Their ARNs.
async fn tables(client: &AsService, place: &Place) -> Result<Vec<String>, Error> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let input = ListTablesInput { exclusive_start_table_name: after, limit: None };
        let output = client.call(ListTables, input).await?;
        for name in output.table_names.into_iter().flatten() {
            found.push(Arn::regional("dynamodb", place.1, place.0, format!("table/{name}")).to_string());
        }
        after = output.last_evaluated_table_name;
        if after.is_none() || found.len() >= TARGETS_MAX {
            return Ok(found);
        }
    }
}

async fn tags_of(client: &AsService, arn: &str) -> Result<Tags, Error> {
    let (mut tags, mut token) = (BTreeMap::new(), None);
    loop {
        let input = ListTagsOfResourceInput { resource_arn: arn.to_owned(), next_token: token };
        let output = match client.call(ListTagsOfResource, input).await {
            Ok(output) => output,
            // A table may be gone since it was listed, or not be the role's to see: then it has no tags to be chosen by.
            Err(fault) if fault.status() < 500 => return Ok(tags),
            Err(fault) => return Err(fault.into()),
        };
        tags.extend(output.tags.into_iter().flatten().map(|tag| (tag.key, tag.value)));
        token = output.next_token;
        if token.is_none() {
            return Ok(tags);
        }
    }
}
