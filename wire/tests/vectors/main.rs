//! Every protocol vector of botocore's source distribution, in both directions.
//!
//! The vectors are not ours to copy: the test finds them by the variable FOGBANK_BOTOCORE, the folder of an
//! unpacked distribution, and is skipped without it. What cannot pass is listed with its reason in
//! `vectors_ignored.toml`, and a listed case that passes is an error too.

#![allow(clippy::print_stdout, reason = "the count of vectors is what the log is read for")]

mod compare;
mod input;
mod output;

#[path = "../dynamic/mod.rs"]
mod dynamic;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;

/// What one direction of one case came to: nothing, or a sentence on what is wrong.
pub type Outcome = Result<(), String>;

/// Results by `file:case: direction`.
pub type Report = BTreeMap<String, Outcome>;

#[derive(serde::Deserialize)]
struct Ignored {
    case: String,
    reason: String,
}

#[derive(serde::Deserialize)]
struct IgnoredList {
    ignored: Vec<Ignored>,
}

#[expect(clippy::disallowed_methods, reason = "a test's data comes from outside of the repository")]
fn folder() -> Option<PathBuf> {
    let botocore = std::env::var("FOGBANK_BOTOCORE").ok()?;
    Some(Path::new(&botocore).join("tests/unit/protocols"))
}

#[test]
fn every_vector_of_botocore_passes_or_is_listed_with_its_reason() {
    let Some(folder) = folder() else {
        println!("skipped: FOGBANK_BOTOCORE names no unpacked source distribution of botocore");
        return;
    };
    let mut report = Report::new();
    for side in ["input", "output", "legacy/input", "legacy/output"] {
        let files = std::fs::read_dir(folder.join(side)).expect("the distribution has this folder");
        let mut files: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
        files.sort();
        for file in files {
            let name = format!("{side}/{}", file.file_stem().unwrap().to_str().unwrap());
            run_file(&name, &std::fs::read(&file).unwrap(), &mut report);
        }
    }
    judge(&report);
}

fn run_file(name: &str, bytes: &[u8], report: &mut Report) {
    let suites: Vec<Json> = serde_json::from_slice(bytes).expect("vectors are JSON");
    for (suite_index, suite) in suites.iter().enumerate() {
        for (case_index, case) in suite["cases"].as_array().expect("a suite has cases").iter().enumerate() {
            let id = match case["id"].as_str() {
                Some(id) => format!("{name}:{id}"),
                None => format!("{name}:{suite_index}.{case_index}"),
            };
            let mut add = |direction: &str, outcome: Outcome| {
                report.insert(format!("{id}: {direction}"), outcome);
            };
            if name.contains("input") {
                input::run(suite, case, &mut add);
            } else {
                output::run(suite, case, &mut add);
            }
        }
    }
}

fn judge(report: &Report) {
    let list = include_str!("../vectors_ignored.toml");
    let list: IgnoredList = toml::from_str(list).expect("the list is TOML");
    let mut wrong = Vec::new();
    let mut ignored = 0;
    for Ignored { case, reason } in &list.ignored {
        assert!(!reason.is_empty(), "{case} is ignored without a reason");
        match report.get(case) {
            Some(Err(_)) => ignored += 1,
            Some(Ok(())) => wrong.push(format!("{case}\n    passes, and is listed as ignored")),
            None => wrong.push(format!("{case}\n    is listed as ignored, and does not exist")),
        }
    }
    for (case, outcome) in report {
        if let Err(problem) = outcome
            && !list.ignored.iter().any(|ignored| ignored.case == *case)
        {
            wrong.push(format!("{case}\n    {problem}"));
        }
    }
    let passed = report.values().filter(|outcome| outcome.is_ok()).count();
    println!("{passed} vectors passed, {ignored} ignored");
    assert!(wrong.is_empty(), "{} vectors are wrong:\n{}", wrong.len(), wrong.join("\n"));
}
