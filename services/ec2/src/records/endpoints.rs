//! VPC endpoints: ways to services that do not lead over the internet.

use serde::{Deserialize, Serialize};
use service::Kept;
use store::{Table, Versioned};

use super::{Place, Resource};
use crate::kind::{Kind, VPC_ENDPOINT};
use crate::model::filter::{Values, maybe};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EndpointRecord {
    pub endpoint: Kept<ec2_api::VpcEndpoint>,
}

impl Versioned for EndpointRecord {
    const VERSION: u16 = 1;
}

impl EndpointRecord {
    pub fn vpc(&self) -> &str {
        self.endpoint.vpc_id.as_deref().unwrap_or_default()
    }

    pub fn is_gateway(&self) -> bool {
        self.endpoint.vpc_endpoint_type == Some(ec2_api::VpcEndpointType::Gateway)
    }

    /// Whether it is reached by this name. Private names of S3 are those of its buckets, too.
    pub fn has_name(&self, name: &str) -> bool {
        let mut entries =
            self.endpoint.dns_entries.iter().flatten().filter_map(|entry| entry.dns_name.as_deref());
        entries.any(|entry| {
            name == entry || name.strip_suffix(entry).is_some_and(|before| before.ends_with('.'))
        })
    }

    /// The zone that one of its names is for: `vpce-0a1-b2-us-east-1a.sqs.us-east-1.vpce.amazonaws.com`.
    pub fn zone_of_name<'n>(&self, name: &'n str) -> Option<&'n str> {
        let label = name.split('.').find(|label| label.starts_with(self.id()))?;
        let rest = label[self.id().len()..].strip_prefix('-')?;
        rest.split_once('-').map(|(_, zone)| zone)
    }

    pub fn service(&self) -> &str {
        self.endpoint.service_name.as_deref().unwrap_or_default()
    }
}

impl Resource for EndpointRecord {
    const TABLE: Table<Place, EndpointRecord> = Table::new("ec2.vpc-endpoints");
    const KIND: &'static Kind = &VPC_ENDPOINT;
    const FILTERS: &'static [&'static str] = &[
        "ip-address-type",
        "service-name",
        "service-region",
        "vpc-id",
        "vpc-endpoint-id",
        "vpc-endpoint-state",
        "vpc-endpoint-type",
    ];

    fn id(&self) -> &str {
        self.endpoint.vpc_endpoint_id.as_deref().unwrap_or_default()
    }

    fn filter(&self, name: &str) -> Values {
        let endpoint = &self.endpoint;
        match name {
            "ip-address-type" => maybe(endpoint.ip_address_type.as_ref()),
            "service-name" => maybe(endpoint.service_name.as_deref()),
            "service-region" => maybe(endpoint.service_region.as_deref()),
            "vpc-id" => maybe(endpoint.vpc_id.as_deref()),
            "vpc-endpoint-id" => maybe(endpoint.vpc_endpoint_id.as_deref()),
            "vpc-endpoint-state" => maybe(endpoint.state.as_ref()),
            "vpc-endpoint-type" => maybe(endpoint.vpc_endpoint_type.as_ref()),
            _ => None,
        }
    }
}
