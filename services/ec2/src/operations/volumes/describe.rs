//! DescribeVolumes.

use ec2_api::*;
use service::Call;

use super::shown;
use crate::Ec2;
use crate::error::Error;
use crate::records::volumes::VolumeRecord;
use crate::resources::{self, Wanted};

pub async fn describe_volumes(
    ec2: &Ec2,
    call: &Call,
    input: DescribeVolumesInput,
) -> Result<DescribeVolumesOutput, Error> {
    let wanted = Wanted {
        operation: "DescribeVolumes",
        ids: input.volume_ids,
        filters: input.filters,
        max_results: input.max_results,
        next_token: input.next_token,
        least: 1,
        ..Wanted::default()
    };
    let page = resources::describe::<VolumeRecord>(ec2, call, wanted).await?;
    let volumes = page.resources.iter().map(|(record, tags)| shown(record, tags));
    Ok(DescribeVolumesOutput { volumes: Some(volumes.collect()), next_token: page.next_token })
}
