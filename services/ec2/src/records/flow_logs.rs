//! Flow logs: what is recorded of whose packets, and where it goes.

use serde::{Deserialize, Serialize};
use service::Kept;
use store::{Table, Versioned};

use super::{Place, Resource};
use crate::kind::{FLOW_LOG, Kind};
use crate::model::filter::{Values, maybe};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FlowLogRecord {
    pub log: Kept<ec2_api::FlowLog>,
}

impl Versioned for FlowLogRecord {
    const VERSION: u16 = 1;
}

impl FlowLogRecord {
    /// The VPC, subnet or interface whose packets are recorded.
    pub fn resource(&self) -> &str {
        self.log.resource_id.as_deref().unwrap_or_default()
    }

    pub fn accepted(&self) -> bool {
        self.log.traffic_type != Some(ec2_api::TrafficType::Reject)
    }

    pub fn rejected(&self) -> bool {
        self.log.traffic_type != Some(ec2_api::TrafficType::Accept)
    }
}

impl Resource for FlowLogRecord {
    const TABLE: Table<Place, FlowLogRecord> = Table::new("ec2.flow-logs");
    const KIND: &'static Kind = &FLOW_LOG;
    const FILTERS: &'static [&'static str] = &[
        "deliver-log-status",
        "log-destination-type",
        "flow-log-id",
        "log-group-name",
        "resource-id",
        "traffic-type",
    ];

    fn id(&self) -> &str {
        self.log.flow_log_id.as_deref().unwrap_or_default()
    }

    fn filter(&self, name: &str) -> Values {
        match name {
            "deliver-log-status" => maybe(self.log.deliver_logs_status.as_deref()),
            "log-destination-type" => maybe(self.log.log_destination_type.as_ref()),
            "flow-log-id" => maybe(self.log.flow_log_id.as_deref()),
            "log-group-name" => maybe(self.log.log_group_name.as_deref()),
            "resource-id" => maybe(self.log.resource_id.as_deref()),
            "traffic-type" => maybe(self.log.traffic_type.as_ref()),
            _ => None,
        }
    }
}
