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
