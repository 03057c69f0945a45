//! What a request says of a policy's details: default policies may have theirs in the body of the request, or in
//! `PolicyDetails`, "but not both".

use dlm_api::{
    CreateLifecyclePolicyInput, CrossRegionCopyTarget, DefaultPolicyTypeValues, Exclusions, PolicyDetails,
    PolicyLanguageValues, PolicyTypeValues, ResourceLocationValues, ResourceTypeValues,
    UpdateLifecyclePolicyInput,
};

use crate::error::Error;
use crate::limits::RETAIN_DAYS_DEFAULT;
use crate::model::kinds::{self, Kind};
use crate::model::schedules;

const NOT_BOTH: &str =
    "The parameters of a default policy can be specified in the request or in PolicyDetails, but not in both";

/// A default policy's fields in the body of a request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Given {
    create_interval: Option<i32>,
    retain_interval: Option<i32>,
    copy_tags: Option<bool>,
    extend_deletion: Option<bool>,
    cross_region_copy_targets: Option<Vec<CrossRegionCopyTarget>>,
    exclusions: Option<Exclusions>,
}

macro_rules! given_in {
    ($($input:ident)*) => {
        $(impl From<&$input> for Given {
            fn from(input: &$input) -> Given {
                Given {
                    create_interval: input.create_interval,
                    retain_interval: input.retain_interval,
                    copy_tags: input.copy_tags,
                    extend_deletion: input.extend_deletion,
                    cross_region_copy_targets: input.cross_region_copy_targets.clone(),
                    exclusions: input.exclusions.clone(),
                }
            }
        })*
    };
}

given_in! { CreateLifecyclePolicyInput UpdateLifecyclePolicyInput }

impl Given {
    fn is_nothing(&self) -> bool {
        *self == Given::default()
    }

    /// Changes what is given, and nothing else.
    fn apply(&self, details: &mut PolicyDetails) {
        let Given { create_interval, retain_interval, copy_tags, extend_deletion, .. } = self;
        details.create_interval = create_interval.or(details.create_interval);
        details.retain_interval = retain_interval.or(details.retain_interval);
        details.copy_tags = copy_tags.or(details.copy_tags);
        details.extend_deletion = extend_deletion.or(details.extend_deletion);
        if self.cross_region_copy_targets.is_some() {
            details.cross_region_copy_targets.clone_from(&self.cross_region_copy_targets);
        }
        if self.exclusions.is_some() {
            details.exclusions.clone_from(&self.exclusions);
        }
    }
}

/// The details of a new policy, not checked yet.
pub fn of_new(input: &CreateLifecyclePolicyInput) -> Result<PolicyDetails, Error> {
    let given = Given::from(input);
    let said = input.policy_details.clone();
    let kind = match &input.default_policy {
        None => None,
        Some(DefaultPolicyTypeValues::Volume) => Some(ResourceTypeValues::Volume),
        Some(DefaultPolicyTypeValues::Instance) => Some(ResourceTypeValues::Instance),
        Some(DefaultPolicyTypeValues::Unknown(other)) => {
            return Err(Error::InvalidValue("DefaultPolicy", kinds::quoted(other)));
        }
    };
    match (kind, said) {
        (None, None) if given.is_nothing() => Err(Error::Missing("PolicyDetails")),
        (None, None) => Err(Error::Missing("DefaultPolicy")),
        (None, Some(details)) if given.is_nothing() => Ok(details),
        (None, Some(details)) if kinds::is_default(&details) => Err(Error::Invalid(NOT_BOTH.into())),
        (None, Some(_)) => Err(Error::Missing("DefaultPolicy")),
        (Some(kind), None) => {
            let mut details = PolicyDetails {
                policy_language: Some(PolicyLanguageValues::Simplified),
                resource_type: Some(kind),
                ..PolicyDetails::default()
            };
            given.apply(&mut details);
            Ok(details)
        }
        (Some(kind), Some(details)) => in_details(kind, details, &given),
    }
}

/// A kind in the body, and all the rest in the details.
fn in_details(
    kind: ResourceTypeValues,
    details: PolicyDetails,
    given: &Given,
) -> Result<PolicyDetails, Error> {
    if !given.is_nothing() {
        return Err(Error::Invalid(NOT_BOTH.into()));
    }
    if details.policy_language == Some(PolicyLanguageValues::Standard) {
        return Err(Error::Invalid("A default policy has the policy language SIMPLIFIED".into()));
    }
    if details.resource_type.as_ref().is_some_and(|said| *said != kind) {
        return Err(Error::Invalid("DefaultPolicy and ResourceType do not match".into()));
    }
    Ok(PolicyDetails {
        policy_language: Some(PolicyLanguageValues::Simplified),
        resource_type: Some(kind),
        ..details
    })
}

/// The details of a policy that is changed, not checked yet; nothing if they stay.
pub fn of_changed(
    input: &UpdateLifecyclePolicyInput,
    before: &PolicyDetails,
) -> Result<Option<PolicyDetails>, Error> {
    let given = Given::from(input);
    let is_default = kinds::is_default(before);
    match &input.policy_details {
        None if given.is_nothing() => Ok(None),
        None if is_default => {
            let mut details = before.clone();
            given.apply(&mut details);
            Ok(Some(details))
        }
        _ if !is_default && !given.is_nothing() => {
            Err(Error::Invalid("The policy is no default policy".into()))
        }
        Some(_) if !given.is_nothing() => Err(Error::Invalid(NOT_BOTH.into())),
        Some(details) if is_default => Ok(Some(PolicyDetails {
            policy_language: details.policy_language.clone().or(Some(PolicyLanguageValues::Simplified)),
            resource_type: details.resource_type.clone().or(before.resource_type.clone()),
            ..details.clone()
        })),
        said => Ok(said.clone()),
    }
}

/// Refuses what would make another kind of policy.
pub fn stays_as_it_is(before: &PolicyDetails, after: &PolicyDetails) -> Result<(), Error> {
    let is_same =
        kinds::is_default(before) == kinds::is_default(after) && kinds::of(before)? == kinds::of(after)?;
    match is_same {
        true => Ok(()),
        false => Err(Error::Invalid("The policy type and the resource type cannot be updated".into())),
    }
}

/// What was left out is shown as it is meant.
pub fn complete(details: &mut PolicyDetails) -> Result<(), Error> {
    let kind = kinds::of(details)?;
    if kinds::is_default(details) {
        details.policy_type = Some(match kind {
            Kind::Images => PolicyTypeValues::ImageManagement,
            _ => PolicyTypeValues::EbsSnapshotManagement,
        });
        details.create_interval = Some(schedules::create_days(details));
        details.retain_interval.get_or_insert(RETAIN_DAYS_DEFAULT);
        details.copy_tags.get_or_insert(false);
        details.extend_deletion.get_or_insert(false);
        return Ok(());
    }
    details.policy_type.get_or_insert(PolicyTypeValues::EbsSnapshotManagement);
    if kind != Kind::Shared {
        details.resource_locations.get_or_insert_with(|| vec![ResourceLocationValues::Cloud]);
    }
    for schedule in details.schedules.iter_mut().flatten() {
        schedule.copy_tags.get_or_insert(false);
    }
    Ok(())
}
