//! Dependencies go down, never sideways: the table of edges that are allowed.

use std::path::Path;

use anyhow::{Context, Result};
use cargo_metadata::{Dependency, DependencyKind, MetadataCommand};

use super::Problem;

/// A folder of crates, and what these may depend on: a folder, or a single crate of it.
struct Layer {
    folder: &'static str,
    may: &'static [&'static str],
    /// In tests as well.
    tests_may: &'static [&'static str],
}

const LAYERS: &[Layer] = &[
    Layer { folder: "foundation/base", may: &[], tests_may: &[] },
    Layer { folder: "foundation", may: &["foundation/base"], tests_may: &[] },
    Layer { folder: "identity", may: &["foundation"], tests_may: &[] },
    // Names no service, not even in its tests.
    Layer { folder: "wire", may: &["foundation"], tests_may: &[] },
    Layer { folder: "api", may: &["foundation/base", "foundation/schema"], tests_may: &[] },
    // The facts about actions are of all services, so that knowing them is knowing none.
    Layer {
        folder: "service",
        may: &["foundation", "identity", "api/iam-facts"],
        tests_may: &["api", "testkit"],
    },
    // Engines see neither policies nor generated types.
    Layer {
        folder: "engines",
        may: &["foundation/base", "foundation/store", "foundation/blobs", "foundation/medium"],
        tests_may: &[],
    },
    Layer {
        folder: "services",
        may: &["foundation", "identity", "api", "service", "engines"],
        tests_may: &["testkit", "wire"],
    },
    Layer {
        folder: "fronts",
        may: &["foundation", "identity", "wire", "api", "service", "engines"],
        tests_may: &["testkit"],
    },
    // Names no service.
    Layer {
        folder: "gateway",
        may: &["foundation", "identity", "wire", "service"],
        tests_may: &["api", "testkit"],
    },
    Layer {
        folder: "testkit",
        may: &[
            "foundation",
            "identity",
            "wire",
            "api",
            "service",
            "engines",
            "services",
            "fronts",
            "gateway",
        ],
        tests_may: &[],
    },
    Layer {
        folder: "fogbank",
        may: &[
            "foundation",
            "identity",
            "wire",
            "api",
            "service",
            "engines",
            "services",
            "fronts",
            "gateway",
        ],
        tests_may: &["testkit"],
    },
    Layer {
        folder: "bench",
        may: &[
            "foundation",
            "identity",
            "wire",
            "api",
            "service",
            "engines",
            "services",
            "gateway",
            "testkit",
        ],
        tests_may: &[],
    },
    Layer { folder: "conformance", may: &["foundation", "api", "services", "testkit"], tests_may: &[] },
    Layer { folder: "xtask", may: &[], tests_may: &[] },
];

/// Third parties that only some folders may use: the crates, and the folders that may.
const RESTRICTED: &[(&[&str], &[&str])] = &[
    (
        &["hyper", "hyper-util", "http-body", "http-body-util", "tower"],
        &["engines/outbound", "gateway", "fronts", "fogbank", "bench", "conformance", "testkit"],
    ),
    (&["redb"], &["foundation/store"]),
    (&["lsm-tree"], &["engines/table"]),
];

pub fn check(root: &Path) -> Result<Vec<Problem>> {
    let metadata = MetadataCommand::new().current_dir(root).no_deps().exec().context("cargo metadata")?;
    let mut problems = Vec::new();
    for package in metadata.workspace_packages() {
        let manifest = package.manifest_path.strip_prefix(root).unwrap_or(&package.manifest_path);
        let folder = manifest.parent().map(ToString::to_string).unwrap_or_default();
        for dependency in &package.dependencies {
            let target = dependency.path.as_ref().and_then(|path| path.strip_prefix(root).ok());
            let broken = match target {
                Some(target) => {
                    !allowed(&folder, target.as_str(), dependency.kind == DependencyKind::Development)
                }
                None => restricted(&folder, dependency),
            };
            if broken {
                let to = target.map_or(dependency.name.as_str(), |target| target.as_str());
                problems.push(Problem::new(manifest.as_str(), 0, format!("{folder} may not depend on {to}")));
            }
        }
    }
    Ok(problems)
}

/// Whether the crate in `from` may depend on the one in `to`. The first layer that fits counts.
fn allowed(from: &str, to: &str, test: bool) -> bool {
    let Some(layer) = LAYERS.iter().find(|layer| within(from, layer.folder)) else { return false };
    layer.may.iter().any(|may| within(to, may)) || (test && layer.tests_may.iter().any(|may| within(to, may)))
}

fn restricted(from: &str, dependency: &Dependency) -> bool {
    let free = dependency.kind == DependencyKind::Development;
    let forbids = |(names, folders): &(&[&str], &[&str])| {
        names.contains(&dependency.name.as_str()) && !folders.iter().any(|folder| within(from, folder))
    };
    !free && RESTRICTED.iter().any(forbids)
}

fn within(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dependencies_go_down_and_never_sideways() {
        for (from, to, test, expected) in [
            ("services/sqs", "api/sqs-api", false, true),
            ("services/sqs", "services/sts", false, false),
            ("services/sqs", "testkit", false, false),
            ("services/sqs", "testkit", true, true),
            ("services/sqs", "service", false, true),
            ("service", "services/sqs", false, false),
            ("service", "api/iam-facts", false, true),
            ("service", "api/sqs-api", false, false),
            ("engines/queue", "foundation/base", false, true),
            ("engines/queue", "foundation/schema", false, false),
            ("engines/queue", "api/sqs-api", false, false),
            ("wire", "api/sqs-api", true, false),
            ("gateway", "services/sqs", true, false),
            ("foundation/store", "foundation/base", false, true),
            ("foundation/base", "foundation/store", false, false),
            ("fogbank", "services/sqs", false, true),
            ("elsewhere", "foundation/base", false, false),
        ] {
            assert_eq!(allowed(from, to, test), expected, "{from} -> {to}");
        }
    }
}
