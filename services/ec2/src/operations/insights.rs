//! Reachability Analyzer: paths, and analyses of them over the plan that makes the rules.

use std::collections::BTreeMap;

use base::Arn;
use ec2_api::*;
use service::{Call, Kept};
use store::Tx;

use super::interfaces::attachments;
use super::tags;
use super::vpcs::tokens::Token;
use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{DEPENDENCY_VIOLATION, INVALID_PARAMETER_VALUE};
use crate::ground::network;
use crate::kind::{
    INSTANCE, INTERNET_GATEWAY, Kind, NETWORK_INSIGHTS_ANALYSIS, NETWORK_INSIGHTS_PATH, NETWORK_INTERFACE,
    SUBNET, of_id,
};
use crate::model::addresses::parse;
use crate::model::insights::{End, Found, Hop, Question, analyse};
use crate::model::tags::shown;
use crate::records::gateways::InternetGatewayRecord;
use crate::records::insights::{InsightsAnalysisRecord, InsightsPathRecord};
use crate::records::interfaces::InterfaceRecord;
use crate::records::transit::TransitAttachmentRecord;
use crate::records::{Place, Resource, all};
use crate::resources::{self, Wanted};
use crate::tasks::networks;

pub fn by_create(_: &Ec2, call: &Call, _: &CreateNetworkInsightsPathInput) -> Result<Vec<Arn>, Error> {
    Ok(vec![NETWORK_INSIGHTS_PATH.any(call)])
}

pub fn by_delete(_: &Ec2, call: &Call, input: &DeleteNetworkInsightsPathInput) -> Result<Vec<Arn>, Error> {
    Ok(vec![NETWORK_INSIGHTS_PATH.arn(call, &input.network_insights_path_id)])
}

pub fn by_start(_: &Ec2, call: &Call, input: &StartNetworkInsightsAnalysisInput) -> Result<Vec<Arn>, Error> {
    let path = NETWORK_INSIGHTS_PATH.arn(call, &input.network_insights_path_id);
    Ok(vec![NETWORK_INSIGHTS_ANALYSIS.any(call), path])
}

pub fn by_delete_analysis(
    _: &Ec2,
    call: &Call,
    input: &DeleteNetworkInsightsAnalysisInput,
) -> Result<Vec<Arn>, Error> {
    Ok(vec![NETWORK_INSIGHTS_ANALYSIS.arn(call, &input.network_insights_analysis_id)])
}

/// The kind of an end of a path; ARNs are taken by their ids.
fn end(text: &str) -> Result<(&'static Kind, String), Error> {
    let id = text.rsplit_once('/').map_or(text, |(_, id)| id);
    let known = of_id(id).filter(|kind| {
        [INSTANCE.name, INTERNET_GATEWAY.name, NETWORK_INTERFACE.name].contains(&kind.name) && kind.is_id(id)
    });
    let message = format!("The resource {text} is not one that a path can begin or end at.");
    known.map(|kind| (kind, id.to_owned())).ok_or_else(|| Error::new(&INVALID_PARAMETER_VALUE, message))
}

fn filter_kept(asked: PathRequestFilter) -> PathFilter {
    let ports = |range: RequestFilterPortRange| FilterPortRange {
        from_port: range.from_port,
        to_port: range.to_port,
    };
    PathFilter {
        source_address: asked.source_address,
        source_port_range: asked.source_port_range.map(ports),
        destination_address: asked.destination_address,
        destination_port_range: asked.destination_port_range.map(ports),
    }
}

pub async fn create_network_insights_path(
    ec2: &Ec2,
    call: &Call,
    input: CreateNetworkInsightsPathInput,
) -> Result<CreateNetworkInsightsPathOutput, Error> {
    if !matches!(input.protocol, Protocol::Tcp | Protocol::Udp) {
        return Err(Error::invalid_value(&input.protocol, "protocol", "It must be tcp or udp."));
    }
    if input.destination_port.is_some_and(|port| !(0..=65_535).contains(&port)) {
        return Err(Error::invalid_value(input.destination_port.unwrap_or_default(), "destinationPort", ""));
    }
    for address in [&input.source_ip, &input.destination_ip].into_iter().flatten() {
        parse(address)?;
    }
    if input.destination.is_none() && input.destination_ip.is_none() && input.filter_at_source.is_none() {
        return Err(Error::missing("Destination"));
    }
    let specifications = input.tag_specifications.as_deref();
    let (operation, kind) = ("CreateNetworkInsightsPath", &NETWORK_INSIGHTS_PATH);
    let tags = &tags::of_new(ec2, call, operation, specifications, kind, &[]).await?;
    let ends: Vec<(&Kind, String)> = [Some(&input.source), input.destination.as_ref()]
        .into_iter()
        .flatten()
        .map(|text| end(text))
        .collect::<Result<_, _>>()?;
    let arn = |(kind, id): &(&Kind, String)| kind.arn(call, id).to_string();
    let id = kind.new_id(&ec2.ids);
    let path = NetworkInsightsPath {
        network_insights_path_arn: Some(kind.arn(call, &id).to_string()),
        network_insights_path_id: Some(id),
        created_date: Some(call.now),
        source: ends.first().map(|(_, id)| id.clone()),
        destination: ends.get(1).map(|(_, id)| id.clone()),
        source_arn: ends.first().map(arn),
        destination_arn: ends.get(1).map(arn),
        source_ip: input.source_ip,
        destination_ip: input.destination_ip,
        protocol: Some(input.protocol),
        destination_port: input.destination_port,
        filter_at_source: input.filter_at_source.map(filter_kept),
        filter_at_destination: input.filter_at_destination.map(filter_kept),
        tags: None,
    };
    let parameters = (&path.source, &path.destination, &path.destination_port, &path.protocol, tags);
    let token = &Token::new("ec2.CreateNetworkInsightsPath", Some(&input.client_token), parameters);
    let (place, ends, fresh) = (call.scope(), &ends, &InsightsPathRecord { path: Kept(path.clone()) });
    let made = ec2.store.transact(|tx| async move {
        if let Some(id) = token.earlier(&tx, call).await? {
            return resources::get::<InsightsPathRecord>(&tx, &place, &id).await;
        }
        for (kind, id) in ends {
            if !all::is_there(&tx, &place, kind, id).await? {
                let message = format!("The {} '{id}' does not exist", kind.noun);
                return Err(Error::new(&kind.not_found, message));
            }
        }
        resources::create(&tx, &place, fresh, tags).await?;
        token.remember(&tx, call, fresh.id()).await?;
        Ok(fresh.clone())
    });
    let path = NetworkInsightsPath { tags: Some(shown(tags)), ..made.await?.path.0 };
    Ok(CreateNetworkInsightsPathOutput { network_insights_path: Some(path) })
}

pub async fn delete_network_insights_path(
    ec2: &Ec2,
    call: &Call,
    input: DeleteNetworkInsightsPathInput,
) -> Result<DeleteNetworkInsightsPathOutput, Error> {
    let (place, id) = (call.scope(), &input.network_insights_path_id);
    let gone = ec2.store.transact(|tx| async move {
        resources::get::<InsightsPathRecord>(&tx, &place, id).await?;
        let analyses: Vec<InsightsAnalysisRecord> = resources::all(&tx, &place).await?;
        if analyses.iter().any(|it| it.analysis.network_insights_path_id.as_ref() == Some(id)) {
            let message = format!("The network insights path {id} has analyses.");
            return Err(Error::new(&DEPENDENCY_VIOLATION, message));
        }
        resources::remove::<InsightsPathRecord>(&tx, &place, id).await
    });
    gone.await?;
    Ok(DeleteNetworkInsightsPathOutput { network_insights_path_id: Some(input.network_insights_path_id) })
}

pub async fn describe_network_insights_paths(
    ec2: &Ec2,
    call: &Call,
    input: DescribeNetworkInsightsPathsInput,
) -> Result<DescribeNetworkInsightsPathsOutput, Error> {
    let wanted = Wanted {
        operation: "DescribeNetworkInsightsPaths",
        ids: input.network_insights_path_ids,
        filters: input.filters,
        max_results: input.max_results,
        next_token: input.next_token,
        least: 1,
        ..Wanted::default()
    };
    let page = resources::describe::<InsightsPathRecord>(ec2, call, wanted).await?;
    let paths = page
        .resources
        .into_iter()
        .map(|(record, tags)| NetworkInsightsPath { tags: Some(shown(&tags)), ..record.path.0 });
    Ok(DescribeNetworkInsightsPathsOutput {
        network_insights_paths: Some(paths.collect()),
        next_token: page.next_token,
    })
}

pub async fn start_network_insights_analysis(
    ec2: &Ec2,
    call: &Call,
    input: StartNetworkInsightsAnalysisInput,
) -> Result<StartNetworkInsightsAnalysisOutput, Error> {
    let specifications = input.tag_specifications.as_deref();
    let (operation, kind) = ("StartNetworkInsightsAnalysis", &NETWORK_INSIGHTS_ANALYSIS);
    let tags = &tags::of_new(ec2, call, operation, specifications, kind, &[]).await?;
    let parameters = (&input.network_insights_path_id, &input.filter_in_arns, tags);
    let token = &Token::new("ec2.StartNetworkInsightsAnalysis", Some(&input.client_token), parameters);
    let (place, input) = (call.scope(), &input);
    let made = ec2.store.transact(|tx| async move {
        if let Some(id) = token.earlier(&tx, call).await? {
            return resources::get::<InsightsAnalysisRecord>(&tx, &place, &id).await;
        }
        let path: InsightsPathRecord = resources::get(&tx, &place, &input.network_insights_path_id).await?;
        let id = kind.new_id(&ec2.ids);
        let mut analysis = NetworkInsightsAnalysis {
            network_insights_analysis_arn: Some(kind.arn(call, &id).to_string()),
            network_insights_analysis_id: Some(id),
            network_insights_path_id: Some(path.id().to_owned()),
            additional_accounts: input.additional_accounts.clone(),
            filter_in_arns: input.filter_in_arns.clone(),
            filter_out_arns: input.filter_out_arns.clone(),
            start_date: Some(call.now),
            ..NetworkInsightsAnalysis::default()
        };
        run(ec2, &tx, call, &path, &mut analysis).await?;
        let record = InsightsAnalysisRecord { analysis: Kept(analysis) };
        resources::create(&tx, &place, &record, tags).await?;
        token.remember(&tx, call, record.id()).await?;
        Ok(record)
    });
    let analysis = made.await?.analysis.0;
    // AWS tells of it while it runs; the next Describe finds what it found.
    let running = NetworkInsightsAnalysis {
        status: Some(AnalysisStatus::Running),
        network_path_found: None,
        forward_path_components: None,
        explanations: None,
        tags: Some(shown(tags)),
        ..analysis
    };
    Ok(StartNetworkInsightsAnalysisOutput { network_insights_analysis: Some(running) })
}

/// Where an end lies: the VPC, and the end in its plan.
async fn placed(
    tx: &Tx,
    place: &Place,
    id: &str,
    address: Option<&str>,
) -> Result<Option<(String, End)>, Error> {
    let (kind, id) = end(id)?;
    if kind.name == INTERNET_GATEWAY.name {
        let gateway = InternetGatewayRecord::TABLE.get(tx, place, &id).await?;
        let address = address.map(parse).transpose()?;
        let vpc = gateway.and_then(|gateway| gateway.vpc().map(str::to_owned));
        return Ok(vpc.map(|vpc| (vpc, End::Internet(address))));
    }
    let interface = match kind.name == INSTANCE.name {
        true => attachments::of_instance(tx, place, &id).await?.into_iter().next(),
        false => InterfaceRecord::TABLE.get(tx, place, &id).await?,
    };
    Ok(interface.map(|it| (it.vpc().to_owned(), End::Interface(it.id().to_owned()))))
}

/// Both ends of a path in one VPC's plan; an address alone is beyond the internet gateway.
async fn run(
    ec2: &Ec2,
    tx: &Tx,
    call: &Call,
    path: &InsightsPathRecord,
    analysis: &mut NetworkInsightsAnalysis,
) -> Result<(), Error> {
    let place = call.scope();
    let path = &path.path;
    let from =
        placed(tx, &place, path.source.as_deref().unwrap_or_default(), path.source_ip.as_deref()).await?;
    let to = match &path.destination {
        Some(id) => placed(tx, &place, id, path.destination_ip.as_deref()).await?,
        None => {
            let filtered = path.filter_at_source.as_ref().and_then(|it| it.destination_address.as_deref());
            let address = path.destination_ip.as_deref().or(filtered).map(parse).transpose()?;
            from.as_ref().map(|(vpc, _)| (vpc.clone(), End::Internet(address)))
        }
    };
    let (Some((vpc, from)), Some((other, to))) = (from, to) else {
        analysis.status = Some(AnalysisStatus::Failed);
        analysis.status_message =
            Some("The source or the destination does not exist or is not attached.".to_owned());
        return Ok(());
    };
    analysis.status = Some(AnalysisStatus::Succeeded);
    let attachments: Vec<TransitAttachmentRecord> = resources::all(tx, &place).await?;
    let records = networks::load(ec2, tx, &place, &attachments).await?;
    let plan = records.vpcs.iter().find(|record| record.id() == vpc);
    let plan = plan.map(|record| network::plan(&records, record, call.region, &BTreeMap::new()));
    let Some(plan) = plan.filter(|_| vpc == other) else {
        // Paths between VPCs are not followed.
        analysis.network_path_found = Some(false);
        analysis.explanations = Some(vec![explanation("NO_PATH", None, true)]);
        return Ok(());
    };
    let question = Question {
        from,
        to,
        tcp: path.protocol == Some(Protocol::Tcp),
        port: path.destination_port.and_then(|port| u16::try_from(port).ok()),
    };
    let Found { hops, stop } = analyse(&plan, &question);
    analysis.network_path_found = Some(stop.is_none());
    match stop {
        None => {
            let components = hops.iter().zip(1..).map(|(hop, number)| component(call, hop, number));
            analysis.forward_path_components = Some(components.collect());
        }
        Some(stop) => {
            let at = named(call, &stop.component);
            analysis.explanations = Some(vec![explanation(stop.code, Some(at), stop.egress)]);
        }
    }
    Ok(())
}

fn explanation(code: &str, component: Option<AnalysisComponent>, egress: bool) -> Explanation {
    Explanation {
        explanation_code: Some(code.to_owned()),
        direction: Some(if egress { "egress" } else { "ingress" }.to_owned()),
        component,
        ..Explanation::default()
    }
}

fn named(call: &Call, id: &str) -> AnalysisComponent {
    AnalysisComponent {
        id: Some(id.to_owned()),
        arn: of_id(id).map(|kind| kind.arn(call, id).to_string()),
        name: None,
    }
}

fn component(call: &Call, hop: &Hop, number: i32) -> PathComponent {
    let mut shown = PathComponent { sequence_number: Some(number), ..PathComponent::default() };
    match hop {
        Hop::Interface(id) | Hop::NatGateway(id) => shown.component = Some(named(call, id)),
        Hop::Group { id, egress } => {
            shown.component = Some(named(call, id));
            shown.security_group_rule = Some(AnalysisSecurityGroupRule {
                direction: Some(if *egress { "egress" } else { "ingress" }.to_owned()),
                security_group_id: Some(id.clone()),
                ..AnalysisSecurityGroupRule::default()
            });
        }
        Hop::Acl { id, egress, rule } => {
            shown.component = Some(named(call, id));
            shown.acl_rule = Some(AnalysisAclRule {
                cidr: Some(rule.cidr.to_string()),
                egress: Some(*egress),
                rule_action: Some(if rule.allow { "allow" } else { "deny" }.to_owned()),
                rule_number: Some(i32::from(rule.number)),
                ..AnalysisAclRule::default()
            });
        }
        Hop::Route { table_of, route } => {
            // A table of a gateway's is told with the gateway.
            match of_id(table_of).is_some_and(|kind| kind.name == SUBNET.name) {
                true => shown.subnet = Some(named(call, table_of)),
                false => shown.component = Some(named(call, table_of)),
            }
            shown.route_table_route = Some(AnalysisRouteTableRoute {
                destination_cidr: Some(route.to.to_string()),
                state: Some("active".to_owned()),
                ..AnalysisRouteTableRoute::default()
            });
        }
        Hop::InternetGateway => {
            shown.component = Some(AnalysisComponent {
                name: Some("internet-gateway".to_owned()),
                ..AnalysisComponent::default()
            });
        }
    }
    shown
}

pub async fn describe_network_insights_analyses(
    ec2: &Ec2,
    call: &Call,
    input: DescribeNetworkInsightsAnalysesInput,
) -> Result<DescribeNetworkInsightsAnalysesOutput, Error> {
    let wanted = Wanted {
        operation: "DescribeNetworkInsightsAnalyses",
        ids: input.network_insights_analysis_ids,
        filters: input.filters,
        max_results: input.max_results,
        next_token: input.next_token,
        least: 1,
        ..Wanted::default()
    };
    let page = resources::describe::<InsightsAnalysisRecord>(ec2, call, wanted).await?;
    let (path, after, before) =
        (input.network_insights_path_id, input.analysis_start_time, input.analysis_end_time);
    let is_wanted = |analysis: &NetworkInsightsAnalysis| {
        path.as_ref().is_none_or(|path| analysis.network_insights_path_id.as_ref() == Some(path))
            && after.is_none_or(|after| analysis.start_date.is_some_and(|start| start >= after))
            && before.is_none_or(|before| analysis.start_date.is_some_and(|start| start <= before))
    };
    let analyses = page.resources.into_iter().filter(|(record, _)| is_wanted(&record.analysis));
    let analyses = analyses
        .map(|(record, tags)| NetworkInsightsAnalysis { tags: Some(shown(&tags)), ..record.analysis.0 });
    Ok(DescribeNetworkInsightsAnalysesOutput {
        network_insights_analyses: Some(analyses.collect()),
        next_token: page.next_token,
    })
}

pub async fn delete_network_insights_analysis(
    ec2: &Ec2,
    call: &Call,
    input: DeleteNetworkInsightsAnalysisInput,
) -> Result<DeleteNetworkInsightsAnalysisOutput, Error> {
    let (place, id) = (call.scope(), &input.network_insights_analysis_id);
    let gone = ec2.store.transact(|tx| async move {
        resources::get::<InsightsAnalysisRecord>(&tx, &place, id).await?;
        resources::remove::<InsightsAnalysisRecord>(&tx, &place, id).await
    });
    gone.await?;
    let network_insights_analysis_id = Some(input.network_insights_analysis_id);
    Ok(DeleteNetworkInsightsAnalysisOutput { network_insights_analysis_id })
}
