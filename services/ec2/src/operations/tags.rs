//! CreateTags, DeleteTags, DescribeTags, for resources of every kind; and the tags that new resources are made with,
//! for which the caller needs `ec2:CreateTags` as well ("Grant permission to tag Amazon EC2 resources during creation").

use base::Arn;
use ec2_api::{
    CreateTagsInput, CreateTagsOutput, DeleteTagsInput, DeleteTagsOutput, DescribeTagsInput,
    DescribeTagsOutput, TagDescription, TagSpecification,
};
use service::{Ask, Call};
use store::{Select, Tx};

use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{INVALID_ID, INVALID_NEXT_TOKEN, INVALID_PARAMETER_VALUE, TAG_LIMIT_EXCEEDED};
use crate::kind::{self, IMAGE, Kind, SNAPSHOT};
use crate::limits::{PAGE_MAX, TAGGED_AT_ONCE_MAX, TAGS_OF_A_RESOURCE_MAX};
use crate::model::filter::{Filters, Values, one};
use crate::model::tags::{self, Tags};
use crate::operations::{authorise, images, snapshot_finding};
use crate::records::{Place, TAGS, TagsRecord, all};
use crate::resources;

/// The tags for a new resource of a kind, if the caller may tag such.
///
/// # Errors
/// What `model::tags::specified` says; `UnauthorizedOperation` where tags are given and CreateTags is not allowed.
pub async fn of_new(
    ec2: &Ec2,
    call: &Call,
    operation: &str,
    specifications: Option<&[TagSpecification]>,
    kind: &'static Kind,
    also: &[&Kind],
) -> Result<Tags, Error> {
    let tags = tags::specified(specifications, kind, also)?;
    if tags.is_empty() {
        return Ok(tags);
    }
    let arn = arn(call, kind, "*");
    let keys = [("ec2:CreateAction".to_owned(), vec![operation.to_owned()])];
    let input = CreateTagsInput { tags: tags::shown(&tags), ..CreateTagsInput::default() };
    let ask =
        Ask { prefix: "ec2", action: "CreateTags", resource: Some(&arn), keys: &keys, input: Some(&input) };
    authorise::require(ec2, call, &ask).await?;
    Ok(tags)
}

pub fn by_create(_: &Ec2, call: &Call, input: &CreateTagsInput) -> Result<Vec<Arn>, Error> {
    arns(call, &input.resources)
}

pub fn by_delete(_: &Ec2, call: &Call, input: &DeleteTagsInput) -> Result<Vec<Arn>, Error> {
    arns(call, &input.resources)
}

fn arns(call: &Call, ids: &[String]) -> Result<Vec<Arn>, Error> {
    if ids.len() > TAGGED_AT_ONCE_MAX {
        let message = format!("The maximum number of resources in one request is {TAGGED_AT_ONCE_MAX}");
        return Err(Error::new(&INVALID_PARAMETER_VALUE, message));
    }
    ids.iter()
        .map(|id| {
            let kind = kind_of(id)?;
            Ok(arn(call, kind, id))
        })
        .collect()
}

/// ARNs of images and of snapshots name no account.
fn arn(call: &Call, kind: &Kind, id: &str) -> Arn {
    match kind.name {
        name if name == IMAGE.name => images::arn(call, id),
        name if name == SNAPSHOT.name => snapshot_finding::arn(call, id),
        _ => kind.arn(call, id),
    }
}

fn kind_of(id: &str) -> Result<&'static Kind, Error> {
    let kind = kind::of_id(id);
    let kind = kind.ok_or_else(|| Error::new(&INVALID_ID, format!("The ID '{id}' is not valid")))?;
    kind.check(id)?;
    Ok(kind)
}

pub async fn create_tags(ec2: &Ec2, call: &Call, input: CreateTagsInput) -> Result<CreateTagsOutput, Error> {
    let added = &tags::given(Some(&input.tags))?;
    let (place, ids) = (call.scope(), &input.resources);
    let changed = ec2.store.transact(|tx| async move {
        for id in ids {
            check_there(&tx, &place, id).await?;
            let mut have = resources::tags(&tx, &place, id).await?;
            have.extend(added.clone());
            let own = have.keys().filter(|key| !key.starts_with("aws:")).count();
            if own > TAGS_OF_A_RESOURCE_MAX {
                let message = "The maximum number of Tags for a resource has been reached.";
                return Err(Error::new(&TAG_LIMIT_EXCEEDED, message));
            }
            resources::set_tags(&tx, &place, id, &have).await?;
        }
        Ok(())
    });
    changed.await.map(|()| CreateTagsOutput {})
}

async fn check_there(tx: &Tx, place: &Place, id: &str) -> Result<(), Error> {
    let kind = kind_of(id)?;
    match all::is_there(tx, place, kind, id).await? {
        true => Ok(()),
        false => Err(kind.missing(id)),
    }
}

/// A tag that is named with a value goes only if it has that value; without tags, all go but AWS's own.
pub async fn delete_tags(ec2: &Ec2, call: &Call, input: DeleteTagsInput) -> Result<DeleteTagsOutput, Error> {
    let unwanted = input.tags.as_deref();
    for tag in unwanted.unwrap_or_default() {
        let key = tag.key.as_deref().ok_or_else(|| Error::missing("Tag.Key"))?;
        if key.get(..4).is_some_and(|prefix| prefix.eq_ignore_ascii_case("aws:")) {
            let why = "Tag keys starting with 'aws:' are reserved for internal use";
            return Err(Error::invalid_value(format!(" {key} "), "key", why));
        }
    }
    let (place, ids) = (call.scope(), &input.resources);
    let changed = ec2.store.transact(|tx| async move {
        for id in ids {
            check_there(&tx, &place, id).await?;
            let mut have = resources::tags(&tx, &place, id).await?;
            have.retain(|key, value| match unwanted {
                None => key.starts_with("aws:"),
                Some(unwanted) => !unwanted.iter().any(|tag| {
                    tag.key.as_ref() == Some(key) && tag.value.as_ref().is_none_or(|given| given == value)
                }),
            });
            resources::set_tags(&tx, &place, id, &have).await?;
        }
        Ok::<_, Error>(())
    });
    changed.await.map(|()| DeleteTagsOutput {})
}

pub async fn describe_tags(
    ec2: &Ec2,
    call: &Call,
    input: DescribeTagsInput,
) -> Result<DescribeTagsOutput, Error> {
    const OPERATION: &str = "DescribeTags";
    let filters = &Filters::parse(input.filters)?;
    let known = |name: &str| matches!(name, "key" | "value" | "resource-id" | "resource-type").then(Vec::new);
    filters.check(&known)?;
    let limit = match input.max_results {
        None => PAGE_MAX,
        Some(wanted) if wanted < 5 => {
            let why = "Expecting a value greater than or equal to 5.";
            return Err(Error::invalid_value(format!(" {wanted} "), "maxResults", why));
        }
        Some(wanted) => usize::try_from(wanted).unwrap_or(PAGE_MAX).min(PAGE_MAX),
    };
    let after = match input.next_token.as_deref() {
        Some(token) => {
            let read = ec2.pages.read(OPERATION, call.account, token);
            read.map_err(|_| Error::new(&INVALID_NEXT_TOKEN, "The token is not valid"))?
        }
        None => String::new(),
    };
    let (place, after) = (call.scope(), &after);
    let mut found =
        ec2.store.read(|tx| async move { matching(&tx, &place, filters, after, limit).await }).await?;
    let more = found.len() > limit;
    found.truncate(limit);
    let last = found.last().map(position).filter(|_| more);
    let next_token = last.map(|last| ec2.pages.make(OPERATION, call.account, &last));
    Ok(DescribeTagsOutput { tags: Some(found), next_token })
}

/// Where a tag stands among all.
fn position(tag: &TagDescription) -> String {
    format!("{} {}", tag.resource_id.as_deref().unwrap_or_default(), tag.key.as_deref().unwrap_or_default())
}

/// Tags after a position, and one more than the page has.
async fn matching(
    tx: &Tx,
    place: &Place,
    filters: &Filters,
    after: &str,
    limit: usize,
) -> Result<Vec<TagDescription>, Error> {
    let (id, key) = after.split_once(' ').unwrap_or_default();
    let mut found = match TAGS.get(tx, place, id).await? {
        Some(record) if !id.is_empty() => listed(id, record, filters)?,
        _ => Vec::new(),
    };
    found.retain(|tag| tag.key.as_deref().unwrap_or_default() > key);
    let mut at = (!id.is_empty()).then(|| id.to_owned());
    while found.len() <= limit {
        let page = TAGS.scan(tx, place, Select::ALL.after(at.as_deref()), PAGE_MAX).await?;
        for (id, record) in page.records {
            found.extend(listed(&id, record, filters)?);
        }
        match page.next {
            Some(next) => at = Some(next),
            None => break,
        }
    }
    found.truncate(limit + 1);
    Ok(found)
}

/// The tags of one resource that pass.
fn listed(id: &str, record: TagsRecord, filters: &Filters) -> Result<Vec<TagDescription>, Error> {
    let Some(kind) = kind::of_id(id) else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for (key, value) in record.tags {
        let of = |name: &str| -> Values {
            match name {
                "key" => one(&key),
                "value" => one(&value),
                "resource-id" => one(id),
                "resource-type" => one(kind.name),
                _ => None,
            }
        };
        if filters.admit(&Tags::from([(key.clone(), value.clone())]), &of)? {
            found.push(TagDescription {
                key: Some(key.clone()),
                value: Some(value.clone()),
                resource_id: Some(id.to_owned()),
                resource_type: Some(kind.name.into()),
            });
        }
    }
    Ok(found)
}
