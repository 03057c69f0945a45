//! AWS's own prefix lists (DescribePrefixLists), which hold the addresses of services.

use ec2_api::*;
use service::Call;
use store::Tx;

use super::lookups;
use crate::Ec2;
use crate::error::Error;
use crate::error::codes::INVALID_PREFIX_LIST_ID_NOT_FOUND;
use crate::model::filter::{Filters, one};
use crate::model::vpcs::aws_lists;
use crate::operations::lists::{self, Asked};
use crate::records::prefix_lists::PrefixListRecord;

/// Whether there is such a list, AWS's or the account's.
pub async fn is_there(tx: &Tx, call: &Call, id: &str) -> Result<bool, Error> {
    if aws_lists::by_id(call.region, id).is_some() {
        return Ok(true);
    }
    Ok(lookups::made::<PrefixListRecord>(tx, &call.scope(), id).await?.is_some())
}

pub async fn describe_prefix_lists(
    ec2: &Ec2,
    call: &Call,
    input: DescribePrefixListsInput,
) -> Result<DescribePrefixListsOutput, Error> {
    let filters = Filters::parse(input.filters)?;
    let ids = input.prefix_list_ids.unwrap_or_default();
    let mut found = Vec::new();
    let all = aws_lists::all(call.region);
    if let Some(id) = ids.iter().find(|id| !all.iter().any(|list| list.id == **id)) {
        let message = format!("The prefix list ID '{id}' does not exist");
        return Err(Error::new(&INVALID_PREFIX_LIST_ID_NOT_FOUND, message));
    }
    for list in all {
        let of = |name: &str| match name {
            "prefix-list-id" => one(&list.id),
            "prefix-list-name" => one(&list.name),
            _ => None,
        };
        let is_named = ids.is_empty() || ids.contains(&list.id);
        if filters.admit(&std::collections::BTreeMap::new(), &of)? && is_named {
            found.push(PrefixList {
                cidrs: Some(vec![aws_lists::services(ec2.public_range).to_string()]),
                prefix_list_id: Some(list.id.clone()),
                prefix_list_name: Some(list.name.clone()),
            });
        }
    }
    let asked = Asked {
        operation: "DescribePrefixLists",
        max_results: input.max_results,
        next_token: input.next_token,
        least: 5,
    };
    let (found, next_token) =
        lists::page(ec2, call, asked, found, |list| list.prefix_list_id.clone().unwrap_or_default())?;
    Ok(DescribePrefixListsOutput { next_token, prefix_lists: Some(found) })
}
