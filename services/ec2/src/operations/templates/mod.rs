//! Launch templates: made, listed, deleted, and applied to launches.

pub mod versions;

use base::Arn;
use ec2_api::*;
use service::{Call, Kept};
use store::{Select, Tx, ordered};

use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{
    INVALID_LAUNCH_TEMPLATE_ID_NOT_FOUND, INVALID_LAUNCH_TEMPLATE_ID_VERSION_NOT_FOUND,
    INVALID_LAUNCH_TEMPLATE_NAME_ALREADY_EXISTS, INVALID_LAUNCH_TEMPLATE_NAME_NOT_FOUND,
    INVALID_PARAMETER_COMBINATION, INVALID_PARAMETER_VALUE, INVALID_USER_DATA_MALFORMED,
};
use crate::kind::LAUNCH_TEMPLATE;
use crate::limits::PAGE_MAX;
use crate::model::tags::{Tags, shown as shown_tags};
use crate::model::{instances, templates};
use crate::operations::vpcs::tokens::Token;
use crate::operations::{image_aliases, tags};
use crate::records::keys::NamedRecord;
use crate::records::templates::{TEMPLATE_NAMES, TEMPLATE_VERSIONS, TemplateRecord, VersionRecord};
use crate::records::{Place, Resource};
use crate::resources::{self, Wanted};

/// Inputs that name a template by its id or its name.
pub trait ByTemplate {
    fn id(&self) -> Option<&str>;
    fn name(&self) -> Option<&str>;
}

macro_rules! by_template {
    ($($input:ident)*) => {
        $(impl ByTemplate for $input {
            fn id(&self) -> Option<&str> {
                self.launch_template_id.as_deref()
            }

            fn name(&self) -> Option<&str> {
                self.launch_template_name.as_deref()
            }
        })*
    };
}

by_template! {
    CreateLaunchTemplateVersionInput DeleteLaunchTemplateInput DeleteLaunchTemplateVersionsInput
    DescribeLaunchTemplateVersionsInput LaunchTemplateSpecification ModifyLaunchTemplateInput
}

/// The id's ARN; a name does not tell the id.
pub fn by_template(_: &Ec2, call: &Call, input: &impl ByTemplate) -> Result<Vec<Arn>, Error> {
    Ok(vec![LAUNCH_TEMPLATE.arn(call, input.id().unwrap_or("*"))])
}

pub fn to_make(_: &Ec2, call: &Call, _: &CreateLaunchTemplateInput) -> Result<Vec<Arn>, Error> {
    Ok(vec![LAUNCH_TEMPLATE.any(call)])
}

/// The template that an input names.
///
/// # Errors
/// `MissingParameter` for none, `InvalidParameterCombination` for both ways, and those for what is not there.
pub async fn find(tx: &Tx, place: &Place, input: &impl ByTemplate) -> Result<TemplateRecord, Error> {
    match (input.id(), input.name()) {
        (Some(_), Some(_)) => {
            let message = "You must specify either the launch template ID or the launch template name in the request, but not both.";
            Err(Error::new(&INVALID_PARAMETER_COMBINATION, message))
        }
        (Some(id), None) => by_id(tx, place, id).await,
        (None, Some(name)) => {
            let named = TEMPLATE_NAMES.get(tx, place, name).await?.ok_or_else(|| {
                let message =
                    format!("The specified launch template, with template name {name}, does not exist.");
                Error::new(&INVALID_LAUNCH_TEMPLATE_NAME_NOT_FOUND, message)
            })?;
            by_id(tx, place, &named.id).await
        }
        (None, None) => Err(Error::missing("LaunchTemplateId or LaunchTemplateName")),
    }
}

async fn by_id(tx: &Tx, place: &Place, id: &str) -> Result<TemplateRecord, Error> {
    LAUNCH_TEMPLATE.check(id)?;
    TemplateRecord::TABLE.get(tx, place, id).await?.ok_or_else(|| {
        let message = format!("The specified launch template, with template ID {id}, does not exist.");
        Error::new(&INVALID_LAUNCH_TEMPLATE_ID_NOT_FOUND, message)
    })
}

pub fn version_key(id: &str, number: i64) -> String {
    format!("{id}/{}", ordered(number.unsigned_abs()))
}

/// The number that `$Latest`, `$Default` or digits mean.
pub fn number(template: &TemplateRecord, version: &str) -> Result<i64, Error> {
    match version {
        "$Latest" => Ok(template.latest_version()),
        "$Default" => Ok(template.default_version()),
        digits => digits.parse::<i64>().ok().filter(|number| *number > 0).ok_or_else(|| {
            let message = format!("Invalid launch template version: '{digits}'. The version must be a number, $Latest or $Default.");
            Error::new(&INVALID_PARAMETER_VALUE, message)
        }),
    }
}

/// One version of a template.
///
/// # Errors
/// `InvalidLaunchTemplateId.VersionNotFound`
pub async fn version(
    tx: &Tx,
    place: &Place,
    template: &TemplateRecord,
    version: &str,
) -> Result<VersionRecord, Error> {
    let key = version_key(template.id(), number(template, version)?);
    TEMPLATE_VERSIONS.get(tx, place, &key).await?.ok_or_else(|| {
        let message = format!(
            "Could not find the specified version {version} for the launch template with ID {}.",
            template.id()
        );
        Error::new(&INVALID_LAUNCH_TEMPLATE_ID_VERSION_NOT_FOUND, message)
    })
}

/// A launch with the template that it names applied: the request as it acts, and the template's id and version.
pub async fn applied(
    ec2: &Ec2,
    place: &Place,
    input: RunInstancesInput,
) -> Result<(RunInstancesInput, Option<(String, String)>), Error> {
    let Some(specification) = input.launch_template.clone() else { return Ok((input, None)) };
    let specification = &specification;
    let found = ec2.store.read(|tx| async move {
        let template = find(&tx, place, specification).await?;
        let wanted = specification.version.as_deref().unwrap_or("$Default");
        version(&tx, place, &template, wanted).await
    });
    let VersionRecord { shown: Kept(found) } = found.await?;
    let data = found.launch_template_data.unwrap_or_default();
    let id = found.launch_template_id.unwrap_or_default();
    let number = found.version_number.unwrap_or(1).to_string();
    Ok((templates::applied(&data, &input), Some((id, number))))
}

/// What is wrong with a template is told when it is made: user data, and images by parameters that lead to none.
///
/// # Errors
/// `InvalidUserData.Malformed`, `SsmInvalidParameter`
pub async fn check(ec2: &Ec2, call: &Call, data: &ResponseLaunchTemplateData) -> Result<(), Error> {
    if let Some(Err(Error::Refused { message, .. })) = data.user_data.as_deref().map(instances::user_data) {
        return Err(Error::new(&INVALID_USER_DATA_MALFORMED, message));
    }
    image_aliases::resolved(ec2, call, data.clone()).await.map(drop)
}

/// Who made something, as templates show it.
pub fn creator(call: &Call) -> String {
    call.principal.arn.clone()
}

pub async fn create_launch_template(
    ec2: &Ec2,
    call: &Call,
    input: CreateLaunchTemplateInput,
) -> Result<CreateLaunchTemplateOutput, Error> {
    let specifications = input.tag_specifications.as_deref();
    let given =
        &tags::of_new(ec2, call, "CreateLaunchTemplate", specifications, &LAUNCH_TEMPLATE, &[]).await?;
    let token = &Token::new(
        "ec2.CreateLaunchTemplate",
        input.client_token.as_deref(),
        (&input.launch_template_name, &input.version_description, &input.launch_template_data),
    );
    let id = LAUNCH_TEMPLATE.new_id(&ec2.ids);
    let template = &TemplateRecord {
        shown: Kept(LaunchTemplate {
            launch_template_id: Some(id.clone()),
            launch_template_name: Some(input.launch_template_name.clone()),
            create_time: Some(call.now),
            created_by: Some(creator(call)),
            default_version_number: Some(1),
            latest_version_number: Some(1),
            operator: Some(OperatorResponse { managed: Some(false), ..OperatorResponse::default() }),
            tags: None,
        }),
    };
    let data = templates::kept(&input.launch_template_data);
    check(ec2, call, &data).await?;
    let first = &versions::record(call, template, 1, input.version_description.clone(), data);
    let (place, id) = (&call.scope(), id.as_str());
    let made = ec2.store.transact(|tx| async move {
        if let Some(earlier) = token.earlier(&tx, call).await? {
            return Ok((by_id(&tx, place, &earlier).await?, resources::tags(&tx, place, &earlier).await?));
        }
        if TEMPLATE_NAMES.get(&tx, place, template.name()).await?.is_some() {
            let message = "Launch template name already in use.";
            return Err(Error::new(&INVALID_LAUNCH_TEMPLATE_NAME_ALREADY_EXISTS, message));
        }
        TEMPLATE_NAMES.put(&tx, place, template.name(), &NamedRecord { id: id.to_owned() }).await?;
        TEMPLATE_VERSIONS.put(&tx, place, &version_key(id, 1), first).await?;
        resources::create(&tx, place, template, given).await?;
        token.remember(&tx, call, id).await?;
        Ok((template.clone(), given.clone()))
    });
    let (template, tags) = made.await?;
    Ok(CreateLaunchTemplateOutput { launch_template: Some(shown(template, &tags)), warning: None })
}

fn shown(template: TemplateRecord, tags: &Tags) -> LaunchTemplate {
    LaunchTemplate { tags: Some(shown_tags(tags)), ..template.shown.0 }
}

pub async fn modify_launch_template(
    ec2: &Ec2,
    call: &Call,
    input: ModifyLaunchTemplateInput,
) -> Result<ModifyLaunchTemplateOutput, Error> {
    let (place, input) = (&call.scope(), &input);
    let changed = ec2.store.transact(|tx| async move {
        let mut template = find(&tx, place, input).await?;
        if let Some(wanted) = &input.default_version {
            let found = version(&tx, place, &template, wanted).await?;
            template.shown.0.default_version_number = Some(found.number());
            resources::put(&tx, place, &template).await?;
        }
        let tags = resources::tags(&tx, place, template.id()).await?;
        Ok::<_, Error>((template, tags))
    });
    let (template, tags) = changed.await?;
    Ok(ModifyLaunchTemplateOutput { launch_template: Some(shown(template, &tags)) })
}

pub async fn delete_launch_template(
    ec2: &Ec2,
    call: &Call,
    input: DeleteLaunchTemplateInput,
) -> Result<DeleteLaunchTemplateOutput, Error> {
    let (place, input) = (&call.scope(), &input);
    let deleted = ec2.store.transact(|tx| async move {
        let template = find(&tx, place, input).await?;
        let prefix = format!("{}/", template.id());
        loop {
            let page = TEMPLATE_VERSIONS.scan(&tx, place, Select::prefix(&prefix), PAGE_MAX).await?;
            for (key, _) in &page.records {
                TEMPLATE_VERSIONS.delete(&tx, place, key).await?;
            }
            if page.next.is_none() {
                break;
            }
        }
        TEMPLATE_NAMES.delete(&tx, place, template.name()).await?;
        let tags = resources::tags(&tx, place, template.id()).await?;
        resources::remove::<TemplateRecord>(&tx, place, template.id()).await?;
        Ok::<_, Error>((template, tags))
    });
    let (template, tags) = deleted.await?;
    Ok(DeleteLaunchTemplateOutput { launch_template: Some(shown(template, &tags)) })
}

pub async fn describe_launch_templates(
    ec2: &Ec2,
    call: &Call,
    input: DescribeLaunchTemplatesInput,
) -> Result<DescribeLaunchTemplatesOutput, Error> {
    let place = &call.scope();
    let mut ids = input.launch_template_ids.unwrap_or_default();
    let names = &input.launch_template_names.unwrap_or_default();
    let given = &ids;
    let named = ec2.store.read(|tx| async move {
        for id in given {
            by_id(&tx, place, id).await?;
        }
        let mut found = Vec::new();
        for name in names {
            let wanted = LaunchTemplateSpecification {
                launch_template_name: Some(name.clone()),
                ..Default::default()
            };
            found.push(find(&tx, place, &wanted).await?.id().to_owned());
        }
        Ok::<_, Error>(found)
    });
    let named = named.await?;
    ids.extend(named);
    let wanted = Wanted {
        operation: "DescribeLaunchTemplates",
        ids: Some(ids),
        filters: input.filters,
        max_results: input.max_results,
        next_token: input.next_token,
        least: 1,
        ..Wanted::default()
    };
    let page = resources::describe::<TemplateRecord>(ec2, call, wanted).await?;
    let templates = page.resources.into_iter().map(|(record, tags)| shown(record, &tags));
    Ok(DescribeLaunchTemplatesOutput {
        launch_templates: Some(templates.collect()),
        next_token: page.next_token,
    })
}
