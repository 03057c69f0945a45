//! Flow logs. A request makes one for each resource it names, and says for each whether that worked.

use base::Arn;
use ec2_api::*;
use service::{Call, Kept};
use store::Tx;

use super::flow_destinations::trouble;
use super::tags;
use super::vpcs::tokens::Token;
use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{
    FLOW_LOG_ALREADY_EXISTS, INVALID_PARAMETER, INVALID_PARAMETER_VALUE, MISSING_PARAMETER,
    UNSUPPORTED_OPERATION,
};
use crate::kind::{
    FLOW_LOG, Kind, NETWORK_INTERFACE, SUBNET, TRANSIT_GATEWAY, TRANSIT_GATEWAY_ATTACHMENT, VPC,
};
use crate::limits::FLOW_LOG_RESOURCES_MAX;
use crate::model::flow_logs::{DEFAULT_FORMAT, check_format};
use crate::model::tags::{Tags, shown};
use crate::records::flow_logs::FlowLogRecord;
use crate::records::{Place, Resource, all};
use crate::resources::{self, Wanted};

pub fn by_create(_: &Ec2, call: &Call, input: &CreateFlowLogsInput) -> Result<Vec<Arn>, Error> {
    let resources = match kind_of(&input.resource_type) {
        Some(kind) => input.resource_ids.iter().map(|id| kind.arn(call, id)).collect(),
        None => Vec::new(),
    };
    Ok([FLOW_LOG.any(call)].into_iter().chain(resources).collect())
}

pub fn by_delete(_: &Ec2, call: &Call, input: &DeleteFlowLogsInput) -> Result<Vec<Arn>, Error> {
    Ok(input.flow_log_ids.iter().map(|id| FLOW_LOG.arn(call, id)).collect())
}

fn kind_of(resource_type: &FlowLogsResourceType) -> Option<&'static Kind> {
    match resource_type {
        FlowLogsResourceType::Vpc => Some(&VPC),
        FlowLogsResourceType::Subnet => Some(&SUBNET),
        FlowLogsResourceType::NetworkInterface => Some(&NETWORK_INTERFACE),
        FlowLogsResourceType::TransitGateway => Some(&TRANSIT_GATEWAY),
        FlowLogsResourceType::TransitGatewayAttachment => Some(&TRANSIT_GATEWAY_ATTACHMENT),
        _ => None,
    }
}

pub async fn create_flow_logs(
    ec2: &Ec2,
    call: &Call,
    input: CreateFlowLogsInput,
) -> Result<CreateFlowLogsOutput, Error> {
    let kind = kind_of(&input.resource_type).ok_or_else(|| {
        let why = "Flow logs of this resource type are not supported.";
        Error::invalid_value(&input.resource_type, "resourceType", why)
    })?;
    if input.resource_ids.len() > FLOW_LOG_RESOURCES_MAX {
        let message = format!("At most {FLOW_LOG_RESOURCES_MAX} resources can be specified.");
        return Err(Error::new(&INVALID_PARAMETER_VALUE, message));
    }
    let log = &template(call, &input, kind)?;
    let specifications = input.tag_specifications.as_deref();
    let tags = &tags::of_new(ec2, call, "CreateFlowLogs", specifications, &FLOW_LOG, &[]).await?;
    let parameters = (&input.resource_ids, log, tags);
    let token = &Token::new("ec2.CreateFlowLogs", input.client_token.as_deref(), parameters);
    let input = &input;
    if let Some(error) = trouble(ec2, call, log).await? {
        return Ok(nothing_made(input, &error, token.shown()));
    }
    let made = ec2.store.transact(|tx| async move {
        if let Some(ids) = token.earlier(&tx, call).await? {
            return Ok((ids.split(' ').map(str::to_owned).collect(), Vec::new()));
        }
        let (mut made, mut failed) = (Vec::new(), Vec::new());
        for resource in &input.resource_ids {
            match one(ec2, &tx, call, kind, log, resource, tags).await {
                Ok(id) => made.push(id),
                Err(Error::Refused { code, message }) => failed.push(UnsuccessfulItem {
                    error: Some(UnsuccessfulItemError {
                        code: Some(code.name.to_owned()),
                        message: Some(message),
                    }),
                    resource_id: Some(resource.clone()),
                }),
                Err(other) => return Err(other),
            }
        }
        if !made.is_empty() {
            token.remember(&tx, call, &made.join(" ")).await?;
        }
        Ok((made, failed))
    });
    let (made, failed): (Vec<String>, Vec<UnsuccessfulItem>) = made.await?;
    ec2.networks.nudge();
    Ok(CreateFlowLogsOutput {
        client_token: token.shown(),
        flow_log_ids: Some(made),
        unsuccessful: Some(failed),
    })
}

/// The answer where no resource gets a log.
fn nothing_made(
    input: &CreateFlowLogsInput,
    error: &UnsuccessfulItemError,
    client_token: Option<String>,
) -> CreateFlowLogsOutput {
    let failed = |resource: &String| UnsuccessfulItem {
        error: Some(error.clone()),
        resource_id: Some(resource.clone()),
    };
    let unsuccessful = Some(input.resource_ids.iter().map(failed).collect());
    CreateFlowLogsOutput { client_token, flow_log_ids: Some(Vec::new()), unsuccessful }
}

/// What the logs of a request have in common, looked over.
fn template(call: &Call, input: &CreateFlowLogsInput, kind: &Kind) -> Result<FlowLog, Error> {
    let is_transit = kind.prefix.starts_with("tgw");
    let traffic = match (&input.traffic_type, is_transit) {
        (Some(TrafficType::Unknown(other)), _) => {
            return Err(Error::invalid_value(other, "trafficType", ""));
        }
        (Some(_), true) => {
            let message = "TrafficType is not supported for transit gateway resource types";
            return Err(Error::new(&INVALID_PARAMETER, message));
        }
        (None, false) => return Err(Error::missing("trafficType")),
        (given, _) => given.clone(),
    };
    let interval = input.max_aggregation_interval.unwrap_or(if is_transit { 60 } else { 600 });
    if !matches!(interval, 60 | 600) || (is_transit && interval != 60) {
        return Err(Error::invalid_value(interval, "maxAggregationInterval", "It must be 60 or 600."));
    }
    let format = input.log_format.clone().unwrap_or_else(|| DEFAULT_FORMAT.to_owned());
    check_format(&format)?;
    let mut log = FlowLog {
        creation_time: Some(call.now),
        deliver_logs_permission_arn: input.deliver_logs_permission_arn.clone(),
        deliver_cross_account_role: input.deliver_cross_account_role.clone(),
        flow_log_status: Some("ACTIVE".to_owned()),
        traffic_type: traffic,
        log_format: Some(format),
        max_aggregation_interval: Some(interval),
        ..FlowLog::default()
    };
    destination(call, input, &mut log)?;
    if is_transit {
        let message = "This cloud records the packets of interfaces, not those of transit gateways.";
        return Err(Error::new(&UNSUPPORTED_OPERATION, message));
    }
    log.tag_field_specifications = input.tag_field_specifications.as_ref().map(|all| {
        let kept = all.iter().map(|it| TagFieldSpecificationResponse {
            tag_keys: it.tag_keys.clone(),
            resource_type: it.resource_type.clone(),
        });
        kept.collect()
    });
    Ok(log)
}

fn destination(call: &Call, input: &CreateFlowLogsInput, log: &mut FlowLog) -> Result<(), Error> {
    let kind = input.log_destination_type.clone().unwrap_or(LogDestinationType::CloudWatchLogs);
    let target = input.log_destination.as_deref();
    match &kind {
        LogDestinationType::CloudWatchLogs => {
            if input.deliver_logs_permission_arn.is_none() {
                let message =
                    "DeliverLogsPermissionArn can't be empty if LogDestinationType is cloud-watch-logs.";
                return Err(Error::new(&INVALID_PARAMETER, message));
            }
            if target.is_none() && input.log_group_name.is_none() {
                let message = "LogDestination can't be empty if LogGroupName is not provided.";
                return Err(Error::new(&INVALID_PARAMETER, message));
            }
            let message = "This cloud has no CloudWatch Logs yet; flow logs can be published to Amazon S3.";
            return Err(Error::new(&UNSUPPORTED_OPERATION, message));
        }
        LogDestinationType::S3 => {
            let prefix = format!("arn:{}:s3:::", call.region.partition().as_str());
            let target = target.ok_or_else(|| {
                Error::new(&MISSING_PARAMETER, "LogDestination can't be empty if LogDestinationType is s3.")
            })?;
            let bucket = target.strip_prefix(&prefix).unwrap_or_default();
            if bucket.is_empty() || bucket.split('/').any(|part| part == "AWSLogs") {
                return Err(Error::new(
                    &INVALID_PARAMETER,
                    format!("LogDestination: {target} is not valid."),
                ));
            }
            if input.deliver_logs_permission_arn.is_some() {
                let message = "DeliverLogsPermissionArn is not applicable for s3 delivery";
                return Err(Error::new(&INVALID_PARAMETER, message));
            }
            let options = input.destination_options.as_ref();
            if let Some(DestinationFileFormat::Unknown(other)) =
                options.and_then(|options| options.file_format.as_ref())
            {
                return Err(Error::invalid_value(other, "fileFormat", "It must be plain-text or parquet."));
            }
            log.deliver_logs_status = Some("SUCCESS".to_owned());
        }
        LogDestinationType::KinesisDataFirehose => {
            let target = target.ok_or_else(|| Error::missing("logDestination"))?;
            if !target.contains(":firehose:") {
                return Err(Error::new(
                    &INVALID_PARAMETER,
                    format!("LogDestination: {target} is not valid."),
                ));
            }
            let message =
                "This cloud has no Amazon Data Firehose yet; flow logs can be published to Amazon S3.";
            return Err(Error::new(&UNSUPPORTED_OPERATION, message));
        }
        LogDestinationType::Unknown(other) => {
            return Err(Error::invalid_value(other, "logDestinationType", ""));
        }
    }
    log.log_destination = target.map(str::to_owned);
    log.log_destination_type = Some(kind);
    log.destination_options = input.destination_options.as_ref().map(|it| DestinationOptionsResponse {
        file_format: it.file_format.clone(),
        hive_compatible_partitions: it.hive_compatible_partitions,
        per_hour_partition: it.per_hour_partition,
    });
    Ok(())
}

/// One resource's log.
async fn one(
    ec2: &Ec2,
    tx: &Tx,
    call: &Call,
    kind: &'static Kind,
    template: &FlowLog,
    resource: &str,
    tags: &Tags,
) -> Result<String, Error> {
    let place: Place = call.scope();
    kind.check(resource)?;
    if !all::is_there(tx, &place, kind, resource).await? {
        return Err(kind.missing(resource));
    }
    let known: Vec<FlowLogRecord> = resources::all(tx, &place).await?;
    let same = |record: &FlowLogRecord| {
        record.resource() == resource
            && record.log.traffic_type == template.traffic_type
            && record.log.log_destination == template.log_destination
            && record.log.log_group_name == template.log_group_name
    };
    if known.iter().any(same) {
        let message = "Error. There is an existing Flow Log with the same configuration and log destination.";
        return Err(Error::new(&FLOW_LOG_ALREADY_EXISTS, message));
    }
    let id = FLOW_LOG.new_id(&ec2.ids);
    let log =
        FlowLog { flow_log_id: Some(id.clone()), resource_id: Some(resource.to_owned()), ..template.clone() };
    resources::create(tx, &place, &FlowLogRecord { log: Kept(log) }, tags).await?;
    Ok(id)
}

pub async fn delete_flow_logs(
    ec2: &Ec2,
    call: &Call,
    input: DeleteFlowLogsInput,
) -> Result<DeleteFlowLogsOutput, Error> {
    let (place, ids) = (call.scope(), &input.flow_log_ids);
    let gone = ec2.store.transact(|tx| async move {
        let mut failed = Vec::new();
        for id in ids {
            FLOW_LOG.check(id)?;
            match FlowLogRecord::TABLE.get(&tx, &place, id).await? {
                Some(_) => resources::remove::<FlowLogRecord>(&tx, &place, id).await?,
                None => failed.push(UnsuccessfulItem {
                    error: Some(UnsuccessfulItemError {
                        code: Some(FLOW_LOG.not_found.name.to_owned()),
                        message: Some(format!("The flow log {id} does not exist")),
                    }),
                    resource_id: Some(id.clone()),
                }),
            }
        }
        Ok::<_, Error>(failed)
    });
    let failed = gone.await?;
    ec2.networks.nudge();
    Ok(DeleteFlowLogsOutput { unsuccessful: Some(failed) })
}

pub async fn describe_flow_logs(
    ec2: &Ec2,
    call: &Call,
    input: DescribeFlowLogsInput,
) -> Result<DescribeFlowLogsOutput, Error> {
    let wanted = Wanted {
        operation: "DescribeFlowLogs",
        ids: input.flow_log_ids,
        filters: input.filter,
        max_results: input.max_results,
        next_token: input.next_token,
        least: 1,
        ..Wanted::default()
    };
    let page = resources::describe::<FlowLogRecord>(ec2, call, wanted).await?;
    let logs =
        page.resources.into_iter().map(|(record, tags)| FlowLog { tags: Some(shown(&tags)), ..record.log.0 });
    Ok(DescribeFlowLogsOutput { flow_logs: Some(logs.collect()), next_token: page.next_token })
}
