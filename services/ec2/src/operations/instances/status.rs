//! What the real machines say: status checks, the console, passwords.

use std::collections::BTreeMap;

use base::Timestamp;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ec2_api::*;
use service::Call;

use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{INVALID_PARAMETER_COMBINATION, UNSUPPORTED_OPERATION};
use crate::ground::machines::Health;
use crate::limits::STATUS_CHECK_TIME;
use crate::model::filter::{Filters, Values, maybe, one};
use crate::model::instances::State;
use crate::operations::lists::{self, Asked};
use crate::records::instances::InstanceRecord;
use crate::resources;

/// As DescribeInstanceStatus lists them.
const FILTERS: &[&str] = &[
    "application-status.status",
    "attached-ebs-status.status",
    "availability-zone",
    "availability-zone-id",
    "event.code",
    "event.description",
    "event.instance-event-id",
    "event.not-after",
    "event.not-before",
    "event.not-before-deadline",
    "instance-state-code",
    "instance-state-name",
    "instance-status.reachability",
    "instance-status.status",
    "operator.managed",
    "operator.principal",
    "system-status.reachability",
    "system-status.status",
];

pub async fn describe_instance_status(
    ec2: &Ec2,
    call: &Call,
    input: DescribeInstanceStatusInput,
) -> Result<DescribeInstanceStatusOutput, Error> {
    let filters = Filters::parse(input.filters)?;
    filters.check(&|name| FILTERS.contains(&name).then(Vec::new))?;
    let ids = input.instance_ids.unwrap_or_default();
    if !ids.is_empty() && input.max_results.is_some() {
        let message = "The parameter instancesSet cannot be used with the parameter maxResults";
        return Err(Error::new(&INVALID_PARAMETER_COMBINATION, message));
    }
    let (place, named) = (&call.scope(), &ids);
    let found = ec2.store.read(|tx| async move {
        match named.is_empty() {
            true => resources::all::<InstanceRecord>(&tx, place).await,
            false => super::all_of(&tx, place, named).await,
        }
    });
    let all = input.include_all_instances == Some(true);
    let down = ec2.zones_down().await?;
    let mut shown = Vec::new();
    for record in found.await?.into_iter().filter(|record| all || record.state == State::Running) {
        let failed_at = down.get(record.zone()).copied();
        let status = status_of(ec2, call, &record, failed_at).await;
        if filters.admit(&BTreeMap::new(), &|name| value(&status, name))? {
            shown.push(status);
        }
    }
    let asked = Asked {
        operation: "DescribeInstanceStatus",
        max_results: input.max_results,
        next_token: input.next_token,
        least: 5,
    };
    let position = |status: &InstanceStatus| status.instance_id.clone().unwrap_or_default();
    let (instance_statuses, next_token) = lists::page(ec2, call, asked, shown, position)?;
    Ok(DescribeInstanceStatusOutput { instance_statuses: Some(instance_statuses), next_token })
}

/// `failed_at`: since when its zone is down, which shows at once.
async fn status_of(
    ec2: &Ec2,
    call: &Call,
    record: &InstanceRecord,
    failed_at: Option<Timestamp>,
) -> InstanceStatus {
    let health = match (&ec2.machine_driver, record.state) {
        (_, State::Running) if failed_at.is_some() => Some(Health { system: false, guest: false }),
        (Some(driver), State::Running) => Some(driver.health(&record.id).await),
        (None, State::Running) => Some(Health { system: false, guest: false }),
        _ => None,
    };
    let is_new = failed_at.is_none() && call.now.since(record.since) < STATUS_CHECK_TIME;
    let since = failed_at.unwrap_or(record.since);
    let check = |of: fn(&Health) -> bool| summary(health.as_ref().map(of), is_new, since);
    InstanceStatus {
        availability_zone: Some(record.zone().to_owned()),
        availability_zone_id: record
            .shown
            .placement
            .as_ref()
            .and_then(|place| place.availability_zone_id.clone()),
        operator: Some(OperatorResponse { managed: Some(false), ..OperatorResponse::default() }),
        events: None,
        instance_id: Some(record.id.clone()),
        instance_state: Some(record.state.shown()),
        instance_status: Some(check(|health| health.guest)),
        system_status: Some(check(|health| health.system)),
        attached_ebs_status: Some(EbsStatusSummary {
            details: None,
            status: Some(match record.state {
                State::Running => SummaryStatus::Ok,
                _ => SummaryStatus::NotApplicable,
            }),
        }),
        ..InstanceStatus::default()
    }
}

/// A guest that does not answer yet is given some time before it is called impaired.
fn summary(passed: Option<bool>, is_new: bool, since: Timestamp) -> InstanceStatusSummary {
    let (status, detail) = match passed {
        None => return InstanceStatusSummary { status: Some(SummaryStatus::NotApplicable), details: None },
        Some(true) => (SummaryStatus::Ok, StatusType::Passed),
        Some(false) if is_new => (SummaryStatus::Initializing, StatusType::Initializing),
        Some(false) => (SummaryStatus::Impaired, StatusType::Failed),
    };
    let impaired_since = (detail == StatusType::Failed).then_some(since);
    InstanceStatusSummary {
        status: Some(status),
        details: Some(vec![InstanceStatusDetails {
            impaired_since,
            name: Some(StatusName::Reachability),
            status: Some(detail),
        }]),
    }
}

fn value(status: &InstanceStatus, name: &str) -> Values {
    let summary = |of: &Option<InstanceStatusSummary>| maybe(of.as_ref().and_then(|it| it.status.clone()));
    let reachability = |of: &Option<InstanceStatusSummary>| {
        let details = of.iter().flat_map(|it| it.details.iter().flatten());
        Some(details.filter_map(|detail| detail.status.as_ref()).map(ToString::to_string).collect())
    };
    match name {
        "availability-zone" => maybe(status.availability_zone.as_ref()),
        "availability-zone-id" => maybe(status.availability_zone_id.as_ref()),
        "instance-state-code" => maybe(status.instance_state.as_ref().and_then(|state| state.code)),
        "instance-state-name" => maybe(status.instance_state.as_ref().and_then(|state| state.name.as_ref())),
        "instance-status.status" => summary(&status.instance_status),
        "system-status.status" => summary(&status.system_status),
        "instance-status.reachability" => reachability(&status.instance_status),
        "system-status.reachability" => reachability(&status.system_status),
        "attached-ebs-status.status" => {
            maybe(status.attached_ebs_status.as_ref().and_then(|it| it.status.as_ref()))
        }
        "operator.managed" => one(false),
        // There are no events, and no applications report their state.
        other => FILTERS.contains(&other).then(Vec::new),
    }
}

async fn get(ec2: &Ec2, call: &Call, id: &str) -> Result<InstanceRecord, Error> {
    let place = &call.scope();
    ec2.store.read(|tx| async move { resources::get::<InstanceRecord>(&tx, place, id).await }).await
}

pub async fn get_console_output(
    ec2: &Ec2,
    call: &Call,
    input: GetConsoleOutputInput,
) -> Result<GetConsoleOutputOutput, Error> {
    let record = get(ec2, call, &input.instance_id).await?;
    let bytes = match &ec2.machine_driver {
        Some(driver) if !record.state.is_over() => driver.console(&record.id).await,
        _ => Vec::new(),
    };
    Ok(GetConsoleOutputOutput {
        instance_id: Some(record.id),
        timestamp: Some(call.now),
        output: (!bytes.is_empty()).then(|| STANDARD.encode(bytes)),
    })
}

/// Machines here have no screen.
pub async fn get_console_screenshot(
    ec2: &Ec2,
    call: &Call,
    input: GetConsoleScreenshotInput,
) -> Result<GetConsoleScreenshotOutput, Error> {
    let record = get(ec2, call, &input.instance_id).await?;
    let message =
        format!("The instance '{}' has no screen: its console is text (GetConsoleOutput).", record.id);
    Err(Error::new(&UNSUPPORTED_OPERATION, message))
}

/// Only Windows has a password to give, and there is no Windows here; for other instances AWS answers with nothing.
pub async fn get_password_data(
    ec2: &Ec2,
    call: &Call,
    input: GetPasswordDataInput,
) -> Result<GetPasswordDataOutput, Error> {
    let record = get(ec2, call, &input.instance_id).await?;
    Ok(GetPasswordDataOutput {
        instance_id: Some(record.id),
        timestamp: Some(call.now),
        password_data: Some(String::new()),
    })
}

pub async fn report_instance_status(
    ec2: &Ec2,
    call: &Call,
    input: ReportInstanceStatusInput,
) -> Result<ReportInstanceStatusOutput, Error> {
    let (place, ids) = (&call.scope(), &input.instances);
    let found = ec2.store.read(|tx| async move { super::all_of(&tx, place, ids).await }).await?;
    let reported: Vec<&str> = found.iter().map(|record| record.id.as_str()).collect();
    tracing::info!(?reported, status = %input.status, "instances were reported");
    Ok(ReportInstanceStatusOutput::default())
}
