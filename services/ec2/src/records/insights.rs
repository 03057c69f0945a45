//! Paths whose reachability was asked for, and what was found.

use ec2_api::{NetworkInsightsAnalysis, NetworkInsightsPath};
use serde::{Deserialize, Serialize};
use service::Kept;
use store::{Table, Versioned};

use super::{Place, Resource};
use crate::kind::{Kind, NETWORK_INSIGHTS_ANALYSIS, NETWORK_INSIGHTS_PATH};
use crate::model::filter::{Values, maybe};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InsightsPathRecord {
    pub path: Kept<NetworkInsightsPath>,
}

impl Versioned for InsightsPathRecord {
    const VERSION: u16 = 1;
}

impl Resource for InsightsPathRecord {
    const TABLE: Table<Place, InsightsPathRecord> = Table::new("ec2.network-insights-paths");
    const KIND: &'static Kind = &NETWORK_INSIGHTS_PATH;
    const FILTERS: &'static [&'static str] = &[
        "destination",
        "filter-at-destination.destination-address",
        "filter-at-destination.source-address",
        "filter-at-source.destination-address",
        "filter-at-source.source-address",
        "protocol",
        "source",
    ];

    fn id(&self) -> &str {
        self.path.network_insights_path_id.as_deref().unwrap_or_default()
    }

    fn filter(&self, name: &str) -> Values {
        let (at_source, at_destination) =
            (self.path.filter_at_source.as_ref(), self.path.filter_at_destination.as_ref());
        match name {
            "destination" => maybe(self.path.destination.as_deref()),
            "protocol" => maybe(self.path.protocol.as_ref()),
            "source" => maybe(self.path.source.as_deref()),
            "filter-at-source.source-address" => maybe(at_source.and_then(|it| it.source_address.as_deref())),
            "filter-at-source.destination-address" => {
                maybe(at_source.and_then(|it| it.destination_address.as_deref()))
            }
            "filter-at-destination.source-address" => {
                maybe(at_destination.and_then(|it| it.source_address.as_deref()))
            }
            "filter-at-destination.destination-address" => {
                maybe(at_destination.and_then(|it| it.destination_address.as_deref()))
            }
            _ => None,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InsightsAnalysisRecord {
    pub analysis: Kept<NetworkInsightsAnalysis>,
}

impl Versioned for InsightsAnalysisRecord {
    const VERSION: u16 = 1;
}

impl Resource for InsightsAnalysisRecord {
    const TABLE: Table<Place, InsightsAnalysisRecord> = Table::new("ec2.network-insights-analyses");
    const KIND: &'static Kind = &NETWORK_INSIGHTS_ANALYSIS;
    const FILTERS: &'static [&'static str] = &["path-found", "status"];

    fn id(&self) -> &str {
        self.analysis.network_insights_analysis_id.as_deref().unwrap_or_default()
    }

    fn filter(&self, name: &str) -> Values {
        match name {
            "path-found" => maybe(self.analysis.network_path_found),
            "status" => maybe(self.analysis.status.as_ref()),
            _ => None,
        }
    }
}
