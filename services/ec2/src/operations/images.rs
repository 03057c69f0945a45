//! Images: registered, copied, listed, taken away. Everyone sees those of the cloud itself, their own and those that
//! others let them launch from.

use base::{AccountId, Arn, Region};
use ec2_api::*;
use service::Call;
use store::{Select, Tx};

use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{
    AUTH_FAILURE, INVALID_AMI_ID_NOT_FOUND, INVALID_AMI_ID_UNAVAILABLE, INVALID_AMI_NAME_DUPLICATE,
    INVALID_AMI_NAME_MALFORMED, INVALID_NEXT_TOKEN, INVALID_PARAMETER_COMBINATION, INVALID_PARAMETER_VALUE,
    INVALID_USER_ID_MALFORMED, RESOURCE_LIMIT_EXCEEDED,
};
use crate::kind::IMAGE;
use crate::limits::{IMAGES_MAX, PAGE_MAX, PUBLIC_IMAGES_MAX};
use crate::model::filter::{Filters, with_millis};
use crate::model::images::{self, Root, catalogue};
use crate::model::tags::{self, Tags};
use crate::operations::image_mappings;
use crate::records::images::{IMAGE_PLACES, IMPORTS, ImageRecord, ImportRecord, SHARED_IMAGES, hold};
use crate::records::instances::PlaceRecord;
use crate::records::recycle_bin::bin;
use crate::records::{Place, Resource};
use crate::resources;

/// An image as one account sees it.
#[derive(Clone, Debug)]
pub struct Found {
    pub image: Image,
    pub root: Root,
    /// Nothing for the cloud's own.
    pub owner: Option<AccountId>,
    pub tags: Tags,
}

/// ARNs of images name no account.
pub fn arn(call: &Call, id: &str) -> Arn {
    let text = format!("arn:{}:ec2:{}::image/{id}", call.region.partition().as_str(), call.region);
    text.parse().expect("an id has no colon, and the rest is well-formed")
}

/// Inputs that name one image.
pub trait ByImage {
    fn image_id(&self) -> &str;
}

macro_rules! by_image {
    ($($input:ident)*) => {
        $(impl ByImage for $input {
            fn image_id(&self) -> &str {
                &self.image_id
            }
        })*
    };
}

by_image! {
    DeregisterImageInput DescribeImageAttributeInput DisableImageDeprecationInput DisableImageInput
    EnableImageDeprecationInput EnableImageInput ModifyImageAttributeInput ResetImageAttributeInput
}

pub fn by_id(_: &Ec2, call: &Call, input: &impl ByImage) -> Result<Vec<Arn>, Error> {
    IMAGE.check(input.image_id())?;
    Ok(vec![arn(call, input.image_id())])
}

pub fn to_make<I>(_: &Ec2, call: &Call, _: &I) -> Result<Vec<Arn>, Error> {
    Ok(vec![arn(call, "*")])
}

pub fn not_found(id: &str) -> Error {
    Error::new(&INVALID_AMI_ID_NOT_FOUND, format!("The image id '[{id}]' does not exist"))
}

/// The image of that id, if the account may launch from it.
///
/// # Errors
/// `InvalidAMIID.Malformed`, `InvalidAMIID.NotFound`
pub async fn find(tx: &Tx, account: AccountId, region: Region, id: &str) -> Result<Found, Error> {
    IMAGE.check(id)?;
    if let Some((image, root)) = catalogue::find(region, id) {
        return Ok(Found { image, root, owner: None, tags: Tags::new() });
    }
    if let Some(record) = ImageRecord::TABLE.get(tx, &(account, region), id).await? {
        return found(tx, &(account, region), record).await;
    }
    let shared = SHARED_IMAGES.get(tx, &(), &shared_key(region, id)).await?.ok_or_else(|| not_found(id))?;
    let place = (shared.owner, region);
    let record = ImageRecord::TABLE.get(tx, &place, id).await?;
    let record = record.filter(|record| images::may_launch(&record.permissions(), account));
    Ok(Found { tags: Tags::new(), ..found(tx, &place, record.ok_or_else(|| not_found(id))?).await? })
}

/// The image of that id, if it can be launched now.
///
/// # Errors
/// Those of [`find`], and `InvalidAMIID.Unavailable`.
pub async fn find_available(tx: &Tx, account: AccountId, region: Region, id: &str) -> Result<Found, Error> {
    let found = find(tx, account, region, id).await?;
    if found.image.state == Some(ImageState::Available) {
        return Ok(found);
    }
    Err(Error::new(&INVALID_AMI_ID_UNAVAILABLE, format!("The image ID '{id}' is not available")))
}

/// An image as it is on this host: where instances cannot have volumes, the cloud's own are none of volumes.
pub fn on_this_host(ec2: &Ec2, found: Found) -> Found {
    match found.owner {
        None if ec2.lacking_for_root_volumes().is_some() => {
            Found { image: catalogue::without_volumes(found.image), ..found }
        }
        _ => found,
    }
}

async fn found(tx: &Tx, place: &Place, record: ImageRecord) -> Result<Found, Error> {
    let tags = resources::tags(tx, place, &record.id).await?;
    Ok(Found { image: record.shown.0, root: record.root, owner: Some(place.0), tags })
}

pub fn shared_key(region: Region, id: &str) -> String {
    format!("{region}/{id}")
}

/// An image of the caller's own.
///
/// # Errors
/// As [`find`]; `AuthFailure` for one that belongs to somebody else.
pub async fn own(tx: &Tx, call: &Call, id: &str) -> Result<ImageRecord, Error> {
    if let Some(record) = ImageRecord::TABLE.get(tx, &call.scope(), id).await? {
        return Ok(record);
    }
    find(tx, call.account, call.region, id).await?;
    Err(Error::new(&AUTH_FAILURE, format!("Not authorized for image:{id}")))
}

pub fn check_name(name: &str) -> Result<(), Error> {
    if images::is_name(name) {
        return Ok(());
    }
    let message = "AMI names must be between 3 and 128 characters long, and may contain letters, numbers, and the following characters: '(', ')', '[', ']', ' ', '.', '/', '-', ''', '@' and '_'";
    Err(Error::new(&INVALID_AMI_NAME_MALFORMED, message))
}

/// Keeps a new image; with `import`, one whose archive is still to be brought in.
///
/// # Errors
/// `InvalidAMIName.Duplicate`
pub async fn save_new(
    ec2: &Ec2,
    call: &Call,
    record: &ImageRecord,
    given: &Tags,
    import: Option<&ImportRecord>,
) -> Result<(), Error> {
    let place = &call.scope();
    let saved = ec2.store.transact(|tx| async move {
        check_name_is_free(&tx, place, &record.shown).await?;
        if record.root == Root::Volume {
            image_mappings::check_snapshots(&tx, call, &record.shown).await?;
        }
        if let Some(import) = import {
            IMPORTS.put(&tx, &(), &record.id, import).await?;
        }
        if let Some(root) = record.root.imported() {
            hold(&tx, root, &record.id).await?;
        }
        keep(&tx, place, record, given).await
    });
    saved.await
}

/// Writes a new image down.
///
/// # Errors
/// `ResourceLimitExceeded`
pub async fn keep(tx: &Tx, place: &Place, record: &ImageRecord, given: &Tags) -> Result<(), Error> {
    check_room(tx, place).await?;
    IMAGE_PLACES.put(tx, &(), &record.id, &PlaceRecord::of(place)).await?;
    resources::create(tx, place, record, given).await
}

/// "These include available, pending, and disabled AMIs, and AMIs in the Recycle Bin."
async fn check_room(tx: &Tx, place: &Place) -> Result<(), Error> {
    let mut count =
        bin::<ImageRecord>().scan(tx, place, Select::prefix("ami-"), IMAGES_MAX).await?.records.len();
    let mut after: Option<String> = None;
    loop {
        let page = ImageRecord::TABLE.scan(tx, place, Select::ALL.after(after.as_deref()), PAGE_MAX).await?;
        count += page.records.len();
        if count >= IMAGES_MAX {
            let message = format!("You have reached the quota of {IMAGES_MAX} AMIs in this Region.");
            return Err(Error::new(&RESOURCE_LIMIT_EXCEEDED, message));
        }
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(()),
        }
    }
}

/// How many public images an account has in a region, with those in the recycle bin and without this one.
///
/// # Errors
/// `ResourceLimitExceeded` if another one would be too many
pub async fn check_public(tx: &Tx, place: &Place, but: &str) -> Result<(), Error> {
    let binned = bin::<ImageRecord>().scan(tx, place, Select::prefix("ami-"), IMAGES_MAX).await?.records;
    let binned = binned.into_iter().map(|(_, binned)| binned.record);
    let all = resources::all::<ImageRecord>(tx, place).await?.into_iter().chain(binned);
    let others = all.filter(|image| image.id != but && image.shown.public == Some(true)).count();
    if others < PUBLIC_IMAGES_MAX {
        return Ok(());
    }
    let message = format!("You have reached the quota of {PUBLIC_IMAGES_MAX} public AMIs in this Region.");
    Err(Error::new(&RESOURCE_LIMIT_EXCEEDED, message))
}

/// Takes an image away for good. Its snapshots stay.
pub async fn remove(tx: &Tx, place: &Place, id: &str) -> Result<(), Error> {
    IMAGE_PLACES.delete(tx, &(), id).await?;
    SHARED_IMAGES.delete(tx, &(), &shared_key(place.1, id)).await?;
    resources::remove::<ImageRecord>(tx, place, id).await
}

/// # Errors
/// `InvalidAMIName.Duplicate`
pub async fn check_name_is_free(tx: &Tx, place: &Place, image: &Image) -> Result<(), Error> {
    let others = resources::all::<ImageRecord>(tx, place).await?;
    match others.iter().find(|other| other.shown.name == image.name) {
        None => Ok(()),
        Some(other) => {
            let name = image.name.as_deref().unwrap_or_default();
            let message = format!("AMI name {name} is already in use by AMI {}", other.id);
            Err(Error::new(&INVALID_AMI_NAME_DUPLICATE, message))
        }
    }
}

pub async fn describe_images(
    ec2: &Ec2,
    call: &Call,
    input: DescribeImagesInput,
) -> Result<DescribeImagesOutput, Error> {
    let filters = Filters::parse(input.filters.clone())?;
    filters.check(&|name| images::FILTERS.contains(&name).then(Vec::new))?;
    let ids = input.image_ids.clone().unwrap_or_default();
    if !ids.is_empty() && input.max_results.is_some() {
        let message =
            "The parameter MaxResults cannot be used with the parameter ImageId in the same request";
        return Err(Error::new(&INVALID_PARAMETER_COMBINATION, message));
    }
    let scope = Scope::parse(&input)?;
    let (account, region, ids) = (call.account, call.region, &ids);
    let found = ec2.store.read(|tx| async move {
        if ids.is_empty() {
            return visible(&tx, account, region).await;
        }
        let mut found = Vec::with_capacity(ids.len());
        for id in ids {
            found.push(find(&tx, account, region, id).await?);
        }
        Ok(found)
    });
    let now = with_millis(call.now);
    let mut kept = Vec::new();
    for found in found.await? {
        let found = on_this_host(ec2, found);
        let named = !ids.is_empty();
        if scope.holds(call, &found, named, &now)
            && filters.admit(&found.tags, &|name| images::value(&found.image, name))?
        {
            kept.push(Image { tags: Some(tags::shown(&found.tags)), ..found.image });
        }
    }
    kept.sort_by(|one, other| one.image_id.cmp(&other.image_id));
    page(ec2, call, &input, kept)
}

fn page(
    ec2: &Ec2,
    call: &Call,
    input: &DescribeImagesInput,
    mut images: Vec<Image>,
) -> Result<DescribeImagesOutput, Error> {
    const OPERATION: &str = "DescribeImages";
    if let Some(token) = input.next_token.as_deref() {
        let after = ec2.pages.read(OPERATION, call.account, token);
        let after = after.map_err(|_| Error::new(&INVALID_NEXT_TOKEN, "The token is not valid"))?;
        images.retain(|image| image.image_id.as_deref() > Some(after.as_str()));
    }
    let limit = match input.max_results {
        None => PAGE_MAX,
        Some(wanted) => usize::try_from(wanted).ok().filter(|wanted| *wanted > 0).ok_or_else(|| {
            let message = format!(
                "Value ( {wanted} ) for parameter maxResults is invalid. Expecting a value greater than 0."
            );
            Error::new(&INVALID_PARAMETER_VALUE, message)
        })?,
    };
    let is_more = images.len() > limit;
    images.truncate(limit);
    let last = images.last().filter(|_| is_more).and_then(|image| image.image_id.clone());
    let next_token = last.map(|last| ec2.pages.make(OPERATION, call.account, &last));
    Ok(DescribeImagesOutput { next_token, images: Some(images) })
}

/// All that an account sees.
async fn visible(tx: &Tx, account: AccountId, region: Region) -> Result<Vec<Found>, Error> {
    let own = |(image, root)| Found { image, root, owner: None, tags: Tags::new() };
    let mut all: Vec<Found> = catalogue::images(region).map(own).collect();
    let place = (account, region);
    for record in resources::all::<ImageRecord>(tx, &place).await? {
        all.push(found(tx, &place, record).await?);
    }
    let prefix = shared_key(region, "");
    let shared = SHARED_IMAGES.scan(tx, &(), Select::prefix(&prefix), PAGE_MAX).await?;
    for (key, record) in shared.records {
        let id = &key[prefix.len()..];
        if record.owner == account {
            continue;
        }
        match find(tx, account, region, id).await {
            Ok(image) => all.push(image),
            Err(Error::Refused { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(all)
}

/// Which of the visible images are meant.
struct Scope<'a> {
    owners: &'a [String],
    users: &'a [String],
    deprecated: bool,
    disabled: bool,
}

impl Scope<'_> {
    fn parse(input: &DescribeImagesInput) -> Result<Scope<'_>, Error> {
        let owners = input.owners.as_deref().unwrap_or_default();
        let aliases = ["self", "amazon", "aws-marketplace", "aws-backup-vault"];
        let is_number = |owner: &str| owner.len() == 12 && owner.bytes().all(|byte| byte.is_ascii_digit());
        if let Some(bad) = owners.iter().find(|owner| !aliases.contains(&owner.as_str()) && !is_number(owner))
        {
            return Err(Error::new(&INVALID_USER_ID_MALFORMED, format!("Invalid user id: \"{bad}\"")));
        }
        let users = input.executable_users.as_deref().unwrap_or_default();
        let known = |user: &str| user == "self" || user == "all" || is_number(user);
        if let Some(bad) = users.iter().find(|user| !known(user)) {
            return Err(Error::new(&INVALID_USER_ID_MALFORMED, format!("Invalid user id: \"{bad}\"")));
        }
        let deprecated = input.include_deprecated == Some(true);
        let disabled = input.include_disabled == Some(true);
        Ok(Scope { owners, users, deprecated, disabled })
    }

    fn holds(&self, call: &Call, found: &Found, named: bool, now: &str) -> bool {
        let image = &found.image;
        let is_own = found.owner == Some(call.account);
        let number = image.owner_id.as_deref().unwrap_or_default();
        let owned = self.owners.is_empty()
            || self.owners.iter().any(|owner| match owner.as_str() {
                "self" => is_own,
                alias if image.image_owner_alias.as_deref() == Some(alias) => true,
                other => other == number,
            });
        let is_public = image.public == Some(true);
        let account = call.account.to_string();
        let executable = self.users.is_empty()
            || self.users.iter().any(|user| match user.as_str() {
                "all" => is_public,
                user if user == "self" || user == account => !is_own && !is_public,
                _ => false,
            });
        let old = !named && !is_own && !self.deprecated && images::is_deprecated(image, now);
        let off = !named && !self.disabled && image.state == Some(ImageState::Disabled);
        owned && executable && !old && !off
    }
}
