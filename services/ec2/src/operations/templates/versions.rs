//! Versions of launch templates: added, listed, deleted; and what a template for an instance would hold.

use ec2_api::*;
use schema::Structure;
use service::{Call, Kept};
use store::{Select, Tx};

use super::{creator, find, number, version, version_key};
use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{INVALID_LAUNCH_TEMPLATE_ID_VERSION_NOT_FOUND, INVALID_PARAMETER_VALUE};
use crate::limits::PAGE_MAX;
use crate::model::filter::{Filters, Values, maybe, one};
use crate::model::templates;
use crate::operations::image_aliases;
use crate::operations::instances::{ByInstance, interfaces_of};
use crate::operations::lists::{self, Asked};
use crate::operations::vpcs::tokens::Token;
use crate::records::instances::InstanceRecord;
use crate::records::templates::{TEMPLATE_VERSIONS, TemplateRecord, VersionRecord};
use crate::records::{Place, Resource};
use crate::resources;

/// As DescribeLaunchTemplateVersions lists them.
const FILTERS: &[&str] = &[
    "create-time",
    "ebs-optimized",
    "host-resource-group-arn",
    "http-endpoint",
    "http-protocol-ipv4",
    "http-tokens",
    "iam-instance-profile",
    "image-id",
    "instance-type",
    "is-default-version",
    "kernel-id",
    "license-configuration-arn",
    "network-card-index",
    "ram-disk-id",
];
/// DeleteLaunchTemplateVersions: "You can specify up to 200 launch template version numbers."
const VERSIONS_DELETED_AT_ONCE_MAX: usize = 200;

pub fn record(
    call: &Call,
    template: &TemplateRecord,
    number: i64,
    description: Option<String>,
    data: ResponseLaunchTemplateData,
) -> VersionRecord {
    VersionRecord {
        shown: Kept(LaunchTemplateVersion {
            launch_template_id: template.shown.launch_template_id.clone(),
            launch_template_name: template.shown.launch_template_name.clone(),
            version_number: Some(number),
            version_description: description,
            create_time: Some(call.now),
            created_by: Some(creator(call)),
            default_version: None,
            launch_template_data: Some(data),
            operator: Some(OperatorResponse { managed: Some(false), ..OperatorResponse::default() }),
        }),
    }
}

fn shown(record: &VersionRecord, default: i64) -> LaunchTemplateVersion {
    LaunchTemplateVersion { default_version: Some(record.number() == default), ..record.shown.0.clone() }
}

pub async fn create_launch_template_version(
    ec2: &Ec2,
    call: &Call,
    input: CreateLaunchTemplateVersionInput,
) -> Result<CreateLaunchTemplateVersionOutput, Error> {
    let token = &Token::new(
        "ec2.CreateLaunchTemplateVersion",
        input.client_token.as_deref(),
        (&input.launch_template_id, &input.launch_template_name, &input.launch_template_data),
    );
    super::check(ec2, call, &templates::kept(&input.launch_template_data)).await?;
    let (place, input) = (&call.scope(), &input);
    let made = ec2.store.transact(|tx| async move {
        let mut template = find(&tx, place, input).await?;
        if let Some(earlier) = token.earlier(&tx, call).await? {
            let found = version(&tx, place, &template, &earlier).await?;
            return Ok(shown(&found, template.default_version()));
        }
        let data = match &input.source_version {
            Some(source) => {
                let source = version(&tx, place, &template, source).await?.shown.0;
                templates::over(&source.launch_template_data.unwrap_or_default(), &input.launch_template_data)
            }
            None => templates::kept(&input.launch_template_data),
        };
        let number = template.latest_version() + 1;
        template.shown.0.latest_version_number = Some(number);
        let made = record(call, &template, number, input.version_description.clone(), data);
        TEMPLATE_VERSIONS.put(&tx, place, &version_key(template.id(), number), &made).await?;
        resources::put(&tx, place, &template).await?;
        token.remember(&tx, call, &number.to_string()).await?;
        Ok::<_, Error>(shown(&made, template.default_version()))
    });
    let made = with_image(ec2, call, made.await?, input.resolve_alias).await?;
    Ok(CreateLaunchTemplateVersionOutput { launch_template_version: Some(made), warning: None })
}

/// A version with the id of its image in the place of a parameter's name, if that is wished for.
async fn with_image(
    ec2: &Ec2,
    call: &Call,
    version: LaunchTemplateVersion,
    wished: Option<bool>,
) -> Result<LaunchTemplateVersion, Error> {
    match (version.launch_template_data, wished) {
        (Some(data), Some(true)) => {
            let data = image_aliases::resolved(ec2, call, data).await?;
            Ok(LaunchTemplateVersion { launch_template_data: Some(data), ..version })
        }
        (data, _) => Ok(LaunchTemplateVersion { launch_template_data: data, ..version }),
    }
}

pub async fn delete_launch_template_versions(
    ec2: &Ec2,
    call: &Call,
    input: DeleteLaunchTemplateVersionsInput,
) -> Result<DeleteLaunchTemplateVersionsOutput, Error> {
    if input.versions.len() > VERSIONS_DELETED_AT_ONCE_MAX {
        let message =
            format!("At most {VERSIONS_DELETED_AT_ONCE_MAX} versions can be deleted in one request");
        return Err(Error::new(&INVALID_PARAMETER_VALUE, message));
    }
    let (place, input) = (&call.scope(), &input);
    let deleted = ec2.store.transact(|tx| async move {
        let template = find(&tx, place, input).await?;
        let (mut gone, mut kept) = (Vec::new(), Vec::new());
        for wanted in &input.versions {
            let number = number(&template, wanted)?;
            if number == template.default_version() {
                let message = "The default launch template version cannot be deleted.";
                kept.push(refused(&template, number, LaunchTemplateErrorCode::UnexpectedError, message));
                continue;
            }
            let key = version_key(template.id(), number);
            if TEMPLATE_VERSIONS.get(&tx, place, &key).await?.is_none() {
                let code = LaunchTemplateErrorCode::LaunchTemplateVersionDoesNotExist;
                let message = "The specified launch template version does not exist.";
                kept.push(refused(&template, number, code, message));
                continue;
            }
            TEMPLATE_VERSIONS.delete(&tx, place, &key).await?;
            gone.push(DeleteLaunchTemplateVersionsResponseSuccessItem {
                launch_template_id: template.shown.launch_template_id.clone(),
                launch_template_name: template.shown.launch_template_name.clone(),
                version_number: Some(number),
            });
        }
        Ok::<_, Error>((gone, kept))
    });
    let (gone, kept) = deleted.await?;
    Ok(DeleteLaunchTemplateVersionsOutput {
        successfully_deleted_launch_template_versions: Some(gone),
        unsuccessfully_deleted_launch_template_versions: Some(kept),
    })
}

fn refused(
    template: &TemplateRecord,
    number: i64,
    code: LaunchTemplateErrorCode,
    message: &str,
) -> DeleteLaunchTemplateVersionsResponseErrorItem {
    DeleteLaunchTemplateVersionsResponseErrorItem {
        launch_template_id: template.shown.launch_template_id.clone(),
        launch_template_name: template.shown.launch_template_name.clone(),
        version_number: Some(number),
        response_error: Some(ResponseError { code: Some(code), message: Some(message.to_owned()) }),
    }
}

pub async fn describe_launch_template_versions(
    ec2: &Ec2,
    call: &Call,
    input: DescribeLaunchTemplateVersionsInput,
) -> Result<DescribeLaunchTemplateVersionsOutput, Error> {
    let filters = Filters::parse(input.filters.clone())?;
    filters.check(&|name| FILTERS.contains(&name).then(Vec::new))?;
    let (place, asked) = (&call.scope(), &input);
    let found = ec2.store.read(|tx| async move {
        // Without a template, `$Latest` and `$Default` versions of all are listed.
        let named = asked.launch_template_id.is_some() || asked.launch_template_name.is_some();
        let listed = match named {
            true => vec![find(&tx, place, asked).await?],
            false => resources::all::<TemplateRecord>(&tx, place).await?,
        };
        let mut found = Vec::new();
        for template in listed {
            found.extend(of_template(&tx, place, &template, asked).await?);
        }
        Ok::<_, Error>(found)
    });
    let mut admitted = Vec::new();
    for version in found.await? {
        let none = std::collections::BTreeMap::new();
        if filters.admit(&none, &|name| value(&version, name))? {
            admitted.push(version);
        }
    }
    let asked = Asked {
        operation: "DescribeLaunchTemplateVersions",
        max_results: input.max_results,
        next_token: input.next_token,
        least: 1,
    };
    let position = |version: &LaunchTemplateVersion| {
        let id = version.launch_template_id.as_deref().unwrap_or_default();
        version_key(id, version.version_number.unwrap_or(1))
    };
    let (page, next_token) = lists::page(ec2, call, asked, admitted, position)?;
    let mut versions = Vec::with_capacity(page.len());
    for version in page {
        versions.push(with_image(ec2, call, version, input.resolve_alias).await?);
    }
    Ok(DescribeLaunchTemplateVersionsOutput { launch_template_versions: Some(versions), next_token })
}

async fn of_template(
    tx: &Tx,
    place: &Place,
    template: &TemplateRecord,
    asked: &DescribeLaunchTemplateVersionsInput,
) -> Result<Vec<LaunchTemplateVersion>, Error> {
    let default = template.default_version();
    if let Some(wanted) = asked.versions.as_ref().filter(|wanted| !wanted.is_empty()) {
        let mut found = Vec::new();
        for one in wanted {
            found.push(shown(&version(tx, place, template, one).await?, default));
        }
        found.sort_by_key(|version| version.version_number);
        found.dedup_by_key(|version| version.version_number);
        return Ok(found);
    }
    let bound = |text: &Option<String>| text.as_deref().map(|text| number(template, text)).transpose();
    let (min, max) = (bound(&asked.min_version)?, bound(&asked.max_version)?);
    let prefix = format!("{}/", template.id());
    let (mut found, mut after) = (Vec::new(), None::<String>);
    loop {
        let select = Select::prefix(&prefix).after(after.as_deref());
        let page = TEMPLATE_VERSIONS.scan(tx, place, select, PAGE_MAX).await?;
        let within = |record: &&VersionRecord| {
            min.is_none_or(|min| record.number() >= min) && max.is_none_or(|max| record.number() <= max)
        };
        let records = page.records.iter().map(|(_, record)| record);
        found.extend(records.filter(within).map(|record| shown(record, default)));
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    if found.is_empty() && (min.is_some() || max.is_some()) {
        let message = format!(
            "Could not find a version in the given range for the launch template with ID {}.",
            template.id()
        );
        return Err(Error::new(&INVALID_LAUNCH_TEMPLATE_ID_VERSION_NOT_FOUND, message));
    }
    Ok(found)
}

fn value(version: &LaunchTemplateVersion, name: &str) -> Values {
    let data = version.launch_template_data.clone().unwrap_or_default();
    let metadata = data.metadata_options.unwrap_or_default();
    match name {
        "create-time" => maybe(version.create_time.map(|at| at.to_iso8601())),
        "ebs-optimized" => one(data.ebs_optimized.unwrap_or(false)),
        "http-endpoint" | "http-protocol-ipv4" => maybe(metadata.http_endpoint),
        "http-tokens" => maybe(metadata.http_tokens),
        "iam-instance-profile" => {
            maybe(data.iam_instance_profile.and_then(|profile| profile.arn.or(profile.name)))
        }
        "image-id" => maybe(data.image_id),
        "instance-type" => maybe(data.instance_type),
        "is-default-version" => one(version.default_version == Some(true)),
        "kernel-id" => maybe(data.kernel_id),
        "ram-disk-id" => maybe(data.ram_disk_id),
        "host-resource-group-arn" => {
            maybe(data.placement.and_then(|placement| placement.host_resource_group_arn))
        }
        "license-configuration-arn" => Some(
            data.license_specifications
                .iter()
                .flatten()
                .filter_map(|it| it.license_configuration_arn.clone())
                .collect(),
        ),
        "network-card-index" => {
            let cards = data.network_interfaces.unwrap_or_default();
            Some(
                cards
                    .iter()
                    .filter_map(|card| card.network_card_index)
                    .map(|index| index.to_string())
                    .collect(),
            )
        }
        _ => None,
    }
}

impl ByInstance for GetLaunchTemplateDataInput {
    fn instance_id(&self) -> &str {
        &self.instance_id
    }
}

/// A template that would launch another instance like this one.
pub async fn get_launch_template_data(
    ec2: &Ec2,
    call: &Call,
    input: GetLaunchTemplateDataInput,
) -> Result<GetLaunchTemplateDataOutput, Error> {
    let (place, id) = (&call.scope(), input.instance_id.as_str());
    let found = ec2.store.read(|tx| async move {
        let record: InstanceRecord = resources::get(&tx, place, id).await?;
        let cards = interfaces_of(&tx, place, id).await?;
        let tags = resources::tags(&tx, place, id).await?;
        Ok::<_, Error>((record, cards, tags))
    });
    let (record, cards, tags) = found.await?;
    let instance = record.shown.0.clone();
    let cards = cards.iter().map(|card| {
        let attachment = card.interface.attachment.clone().unwrap_or_default();
        LaunchTemplateInstanceNetworkInterfaceSpecification {
            delete_on_termination: attachment.delete_on_termination,
            device_index: attachment.device_index,
            network_card_index: attachment.network_card_index,
            description: card.interface.description.clone(),
            groups: Some(card.groups().map(str::to_owned).collect()),
            subnet_id: card.interface.subnet_id.clone(),
            ..LaunchTemplateInstanceNetworkInterfaceSpecification::default()
        }
    });
    let specification = LaunchTemplateTagSpecification {
        resource_type: Some("instance".to_owned()),
        tags: Some(crate::model::tags::shown(&tags)),
    };
    let data = ResponseLaunchTemplateData {
        ebs_optimized: instance.ebs_optimized,
        image_id: instance.image_id,
        instance_type: instance.instance_type,
        key_name: instance.key_name,
        placement: instance.placement.map(renamed),
        metadata_options: instance.metadata_options.map(renamed),
        monitoring: Some(LaunchTemplatesMonitoring {
            enabled: instance.monitoring.map(|it| it.state == Some(MonitoringState::Enabled)),
            ..LaunchTemplatesMonitoring::default()
        }),
        cpu_options: instance.cpu_options.map(renamed),
        network_interfaces: Some(cards.collect()),
        user_data: record.user_data,
        disable_api_termination: Some(record.termination_protected),
        disable_api_stop: Some(record.stop_protected),
        instance_initiated_shutdown_behavior: Some(match record.ends_on_shutdown {
            true => ShutdownBehavior::Terminate,
            false => ShutdownBehavior::Stop,
        }),
        tag_specifications: (!tags.is_empty()).then(|| vec![specification]),
        ..ResponseLaunchTemplateData::default()
    };
    Ok(GetLaunchTemplateDataOutput { launch_template_data: Some(data) })
}

/// The same members under another type's name.
fn renamed<A: Structure, B: Structure + Default>(from: A) -> B {
    let value = serde_json::to_value(Kept(from)).unwrap_or_default();
    serde_json::from_value::<Kept<B>>(value).map(|kept| kept.0).unwrap_or_default()
}
