//! Ten thousand random operations agree with a simple model of a table, with restarts between.
//!
//! The model is a sorted map and a few lines a rule; what it is of is the whole path from the dispatcher to the log of
//! the table engine and back, opened anew from its files every few hundred operations. What happens follows from the
//! seed, and a failure names the seed and the step.

mod calls;
mod model;
mod steps;

use base::Ids;
use table_engine::{Settings, TableEngine};
use testkit::Cloud;

use calls::Table;
use model::Model;

/// Of each of four seeds.
const OPERATIONS: u64 = 2_500;
const STEPS_BETWEEN_RESTARTS: u64 = 350;

async fn open(folder: &std::path::Path) -> TableEngine {
    // Small, so that tables go to files in between.
    let settings = Settings { memtable_bytes: 64 << 10, ..Settings::default() };
    TableEngine::open(folder, settings).await.expect("the folder is free")
}

async fn run(seed: u64) {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let mut cloud = Cloud::with_tables(seed, open(folder.path()).await).await;
    calls::create_table(&cloud).await;
    let chance = Ids::seeded(seed);
    let mut model = Model::default();
    for step in 0..OPERATIONS {
        if step % STEPS_BETWEEN_RESTARTS == STEPS_BETWEEN_RESTARTS - 1 {
            let stopped = cloud.stop().await;
            cloud = stopped.start(open(folder.path()).await).await;
        }
        let table = Table { cloud: &cloud, place: format!("seed {seed}, step {step}") };
        steps::step(&table, &mut model, &chance).await;
    }
    let table = Table { cloud: &cloud, place: format!("seed {seed}, the end") };
    assert!(!model.things.is_empty(), "{}: nothing was written", table.place);
    steps::compare_everything(&table, &model).await;
}

// One test a seed, so that they run side by side.

#[tokio::test]
async fn ten_thousand_random_operations_agree_with_a_simple_model_first_quarter() {
    run(1).await;
}

#[tokio::test]
async fn ten_thousand_random_operations_agree_with_a_simple_model_second_quarter() {
    run(2).await;
}

#[tokio::test]
async fn ten_thousand_random_operations_agree_with_a_simple_model_third_quarter() {
    run(3).await;
}

#[tokio::test]
async fn ten_thousand_random_operations_agree_with_a_simple_model_fourth_quarter() {
    run(4).await;
}
