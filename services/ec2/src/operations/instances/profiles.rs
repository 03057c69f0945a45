//! Instance profiles of instances: found in IAM, passed by those who may, associated and replaced.

use base::Arn;
use ec2_api::*;
use service::{Ask, Call};

use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{
    INCORRECT_INSTANCE_STATE, INCORRECT_STATE, INVALID_ASSOCIATION_ID_NOT_FOUND, INVALID_PARAMETER_VALUE,
    UNAUTHORIZED_OPERATION,
};
use crate::kind::INSTANCE;
use crate::model::filter::{Filters, one};
use crate::model::instances::State;
use crate::operations::lists::{self, Asked};
use crate::records::Place;
use crate::records::instances::{InstanceRecord, Profile};
use crate::resources;

const ASSOCIATION_PREFIX: &str = "iip-assoc-";

/// The profile that a request names, if the caller may pass its role to EC2.
///
/// # Errors
/// `InvalidParameterValue` for one that does not exist; `UnauthorizedOperation` without `iam:PassRole`.
pub async fn resolve(
    ec2: &Ec2,
    call: &Call,
    given: Option<&IamInstanceProfileSpecification>,
) -> Result<Option<Profile>, Error> {
    let Some(given) = given else { return Ok(None) };
    let (name, what, value) = match (&given.arn, &given.name) {
        (Some(arn), _) => (arn.rsplit('/').next().unwrap_or_default().to_owned(), "arn", arn.clone()),
        (None, Some(name)) => (name.clone(), "name", name.clone()),
        (None, None) => return Ok(None),
    };
    let invalid = || {
        let noun = if what == "arn" { "ARN" } else { "name" };
        Error::invalid_value(
            &value,
            &format!("iamInstanceProfile.{what}"),
            &format!("Invalid IAM Instance Profile {noun}"),
        )
    };
    let input = iam_api::GetInstanceProfileInput { instance_profile_name: name };
    let iam = ec2.aws.as_service("ec2.amazonaws.com", call.account, call.region, call);
    let found = iam.call(iam_api::GetInstanceProfile, input).await.map_err(|fault| match fault.status() {
        400..=499 => invalid(),
        _ => Error::Other(fault),
    })?;
    let profile = found.instance_profile;
    if given.arn.as_ref().is_some_and(|arn| *arn != profile.arn) {
        return Err(invalid());
    }
    let Some(role) = profile.roles.first() else {
        return Err(Error::invalid_value(
            &value,
            &format!("iamInstanceProfile.{what}"),
            "IAM Instance Profile has no associated IAM Roles",
        ));
    };
    pass(ec2, call, &role.arn, "ec2.amazonaws.com").await?;
    Ok(Some(Profile {
        association_id: format!("{ASSOCIATION_PREFIX}0{}", ec2.ids.hex(16)),
        arn: profile.arn.clone(),
        id: profile.instance_profile_id.clone(),
        role_arn: role.arn.clone(),
        since: call.now,
    }))
}

/// The caller hands the role on to a service, for which it needs a permission of its own.
pub async fn pass(ec2: &Ec2, call: &Call, role: &str, service: &str) -> Result<(), Error> {
    let arn: Arn = role.parse().map_err(|_| Error::Internal(format!("{role} is no ARN").into()))?;
    let keys = [("iam:PassedToService".to_owned(), vec![service.to_owned()])];
    let ask = Ask { prefix: "iam", action: "PassRole", resource: Some(&arn), keys: &keys, input: None };
    ec2.aws.require(call, &ask).await.map_err(|fault| match fault.status() {
        403 => {
            let message = format!("You are not authorized to perform this operation. {}", fault.message());
            Error::new(&UNAUTHORIZED_OPERATION, message)
        }
        _ => Error::Other(fault),
    })
}

pub fn to_associate(
    _: &Ec2,
    call: &Call,
    input: &AssociateIamInstanceProfileInput,
) -> Result<Vec<Arn>, Error> {
    Ok(vec![INSTANCE.arn(call, &input.instance_id)])
}

pub fn any_instance<I>(_: &Ec2, call: &Call, _: &I) -> Result<Vec<Arn>, Error> {
    Ok(vec![INSTANCE.any(call)])
}

pub async fn associate_iam_instance_profile(
    ec2: &Ec2,
    call: &Call,
    input: AssociateIamInstanceProfileInput,
) -> Result<AssociateIamInstanceProfileOutput, Error> {
    let profile = resolve(ec2, call, Some(&input.iam_instance_profile)).await?;
    let profile = &profile.ok_or_else(|| Error::missing("IamInstanceProfile.Name"))?;
    let (place, id) = (&call.scope(), input.instance_id.as_str());
    let associated = ec2.store.transact(|tx| async move {
        let mut record = resources::get::<InstanceRecord>(&tx, place, id).await?;
        if !matches!(record.state, State::Pending | State::Running | State::Stopping | State::Stopped) {
            let message = format!("The instance '{id}' is not in the 'running' or 'stopped' states.");
            return Err(Error::new(&INCORRECT_INSTANCE_STATE, message));
        }
        if record.profile.is_some() {
            let message = format!("There is an existing association for instance {id}");
            return Err(Error::new(&INCORRECT_STATE, message));
        }
        record.profile = Some(profile.clone());
        resources::put(&tx, place, &record).await?;
        Ok(record)
    });
    let shown = shown(&associated.await?, IamInstanceProfileAssociationState::Associating);
    Ok(AssociateIamInstanceProfileOutput { iam_instance_profile_association: shown })
}

fn shown(
    record: &InstanceRecord,
    state: IamInstanceProfileAssociationState,
) -> Option<IamInstanceProfileAssociation> {
    let profile = record.profile.as_ref()?;
    Some(IamInstanceProfileAssociation {
        association_id: Some(profile.association_id.clone()),
        instance_id: Some(record.id.clone()),
        iam_instance_profile: Some(IamInstanceProfile {
            arn: Some(profile.arn.clone()),
            id: Some(profile.id.clone()),
        }),
        state: Some(state),
        timestamp: Some(profile.since),
    })
}

/// The instance with this association.
async fn holder(tx: &store::Tx, place: &Place, association: &str) -> Result<InstanceRecord, Error> {
    if !association.starts_with(ASSOCIATION_PREFIX) {
        return Err(Error::invalid_value(association, "AssociationId", "Malformed"));
    }
    let all = resources::all::<InstanceRecord>(tx, place).await?;
    let has = |record: &InstanceRecord| {
        record.profile.as_ref().is_some_and(|profile| profile.association_id == association)
    };
    all.into_iter().find(has).ok_or_else(|| {
        let message = format!("An invalid association-id of '{association}' was given");
        Error::new(&INVALID_ASSOCIATION_ID_NOT_FOUND, message)
    })
}

pub async fn disassociate_iam_instance_profile(
    ec2: &Ec2,
    call: &Call,
    input: DisassociateIamInstanceProfileInput,
) -> Result<DisassociateIamInstanceProfileOutput, Error> {
    let (place, id) = (&call.scope(), input.association_id.as_str());
    let removed = ec2.store.transact(|tx| async move {
        let mut record = holder(&tx, place, id).await?;
        let before = record.clone();
        record.profile = None;
        resources::put(&tx, place, &record).await?;
        Ok::<_, Error>(before)
    });
    let shown = shown(&removed.await?, IamInstanceProfileAssociationState::Disassociating);
    Ok(DisassociateIamInstanceProfileOutput { iam_instance_profile_association: shown })
}

pub async fn replace_iam_instance_profile_association(
    ec2: &Ec2,
    call: &Call,
    input: ReplaceIamInstanceProfileAssociationInput,
) -> Result<ReplaceIamInstanceProfileAssociationOutput, Error> {
    let profile = resolve(ec2, call, Some(&input.iam_instance_profile)).await?;
    let profile = &profile.ok_or_else(|| Error::missing("IamInstanceProfile.Name"))?;
    let (place, id) = (&call.scope(), input.association_id.as_str());
    let replaced = ec2.store.transact(|tx| async move {
        let mut record = holder(&tx, place, id).await?;
        if record.state != State::Running {
            let message = format!("The instance '{}' is not in the 'running' state.", record.id);
            return Err(Error::new(&INCORRECT_INSTANCE_STATE, message));
        }
        record.profile = Some(profile.clone());
        resources::put(&tx, place, &record).await?;
        Ok(record)
    });
    let shown = shown(&replaced.await?, IamInstanceProfileAssociationState::Associating);
    Ok(ReplaceIamInstanceProfileAssociationOutput { iam_instance_profile_association: shown })
}

pub async fn describe_iam_instance_profile_associations(
    ec2: &Ec2,
    call: &Call,
    input: DescribeIamInstanceProfileAssociationsInput,
) -> Result<DescribeIamInstanceProfileAssociationsOutput, Error> {
    const FILTERS: &[&str] = &["instance-id", "state"];
    let filters = Filters::parse(input.filters)?;
    filters.check(&|name| FILTERS.contains(&name).then(Vec::new))?;
    let ids = input.association_ids.unwrap_or_default();
    let place = &call.scope();
    let all = ec2.store.read(|tx| async move { resources::all::<InstanceRecord>(&tx, place).await }).await?;
    if let Some(id) = ids.iter().find(|id| !id.starts_with(ASSOCIATION_PREFIX)) {
        let message = format!("Invalid id: \"{id}\"");
        return Err(Error::new(&INVALID_PARAMETER_VALUE, message));
    }
    let mut found = Vec::new();
    for record in all.iter().filter(|record| !record.state.is_over()) {
        let Some(association) = shown(record, IamInstanceProfileAssociationState::Associated) else {
            continue;
        };
        let wanted = ids.is_empty() || association.association_id.as_ref().is_some_and(|id| ids.contains(id));
        let of = |name: &str| match name {
            "instance-id" => one(&record.id),
            "state" => one("associated"),
            _ => None,
        };
        if wanted && filters.admit(&std::collections::BTreeMap::new(), &of)? {
            found.push(association);
        }
    }
    let asked = Asked {
        operation: "DescribeIamInstanceProfileAssociations",
        max_results: input.max_results,
        next_token: input.next_token,
        least: 5,
    };
    let (page, next_token) =
        lists::page(ec2, call, asked, found, |one| one.instance_id.clone().unwrap_or_default())?;
    Ok(DescribeIamInstanceProfileAssociationsOutput {
        iam_instance_profile_associations: Some(page),
        next_token,
    })
}
