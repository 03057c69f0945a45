//! Many instances: what is asked of a few must not cost what there are of all.
//!
//! Times are of an unoptimised build on a shared machine, so the bounds are wide; they catch work that grows with the
//! square of the instances. `cargo nextest run --release` tells real figures (`--no-capture`).

#![expect(clippy::print_stdout, reason = "the figures are what somebody runs it for")]

use std::time::{Duration, Instant};

use ec2_api::*;
use testkit::Cloud;

use crate::instances::{request, run};
use crate::support::default_subnets;

async fn timed<T>(what: &str, work: impl Future<Output = T>) -> (T, Duration) {
    let begun = Instant::now();
    let done = work.await;
    println!("{what}: {:?}", begun.elapsed());
    (done, begun.elapsed())
}

async fn page(cloud: &Cloud, next_token: Option<String>) -> DescribeInstancesOutput {
    let input = DescribeInstancesInput { max_results: Some(1000), next_token, ..Default::default() };
    cloud.call(DescribeInstances, input).await.unwrap()
}

fn count(output: &DescribeInstancesOutput) -> usize {
    output.reservations.iter().flatten().filter_map(|one| one.instances.as_ref()).map(Vec::len).sum()
}

#[tokio::test]
async fn many_instances_are_listed_in_pages_of_a_thousand() {
    let cloud = Cloud::new(91).await;
    let subnet = default_subnets(&cloud).await.remove(0);
    let input = RunInstancesInput { subnet_id: Some(subnet), ..request(&cloud, 200).await };
    for _ in 0..6 {
        timed("200 instances launched", run(&cloud, input.clone())).await;
        timed("their machines started", cloud.settle()).await;
    }
    let (first, took) = timed("a page of 1000", page(&cloud, None)).await;
    assert_eq!(count(&first), 1000);
    assert!(took < Duration::from_secs(5), "{took:?}");
    let (second, _) = timed("the second page", page(&cloud, first.next_token.clone())).await;
    assert_eq!((count(&second), second.next_token), (200, None));
    let one = RunInstancesInput { min_count: 1, max_count: 1, ..input };
    let (made, took) = timed("one more launched", run(&cloud, one)).await;
    assert!(took < Duration::from_secs(1), "{took:?}");
    let by_id = DescribeInstancesInput { instance_ids: Some(made), ..DescribeInstancesInput::default() };
    let (_, took) = timed("one described", cloud.call(DescribeInstances, by_id)).await;
    assert!(took < Duration::from_millis(200), "{took:?}");
}
