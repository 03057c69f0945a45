//! `cargo xtask new-service NAME`: a new service with the rooms that every service has, ready for its first row.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::{codegen, workspace};

#[derive(Debug, clap::Args)]
pub struct Options {
    /// The service's name in models/: `sns`.
    name: String,
}

/// The files of a new service. In them `{{name}}`, `{{api}}`, `{{Type}}` and `{{id}}` stand for the service's own.
const FILES: &[(&str, &str)] = &[
    ("Cargo.toml", include_str!("new_service/Cargo.toml.txt")),
    ("BEHAVIOURS.md", include_str!("new_service/BEHAVIOURS.md.txt")),
    ("src/lib.rs", include_str!("new_service/lib.rs.txt")),
    ("src/error.rs", include_str!("new_service/error.rs.txt")),
    ("src/operations/mod.rs", include_str!("new_service/operations.rs.txt")),
];

pub fn run(options: &Options) -> Result<()> {
    let root = workspace::root();
    let name = &options.name;
    let folder = root.join("services").join(name);
    ensure!(!folder.exists(), "services/{name} is there already");
    let model = root.join("models").join(format!("{name}.json"));
    let text = std::fs::read_to_string(&model);
    let text = text
        .with_context(|| format!("models/ has no {name}: add it to `services` in models/PIN.toml first"))?;
    let model: Value = serde_json::from_str(&text)?;
    let id = model["service"]["id"].as_str().context("the model's service id")?;
    for (path, template) in FILES {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().expect("every file has a folder"))?;
        std::fs::write(path, fill(template, name, id))?;
    }
    edit(&root.join("Cargo.toml"), |text| add_dependencies(text, name))?;
    edit(&root.join("models").join("PIN.toml"), |text| add_to_generated(text, name))?;
    codegen::generate_from_models()?;
    println!("services/{name} and api/{name}-api are there. Next:");
    println!("- services/{name}/src/operations/: the first operation, and its row in src/lib.rs");
    println!("- fogbank/: the service in the composition root; testkit/: the same for tests");
    Ok(())
}

fn fill(template: &str, name: &str, id: &str) -> String {
    let api = format!("{}_api", name.replace('-', "_"));
    let type_name = struct_name(id);
    template
        .replace("{{name}}", name)
        .replace("{{api}}", &api)
        .replace("{{Type}}", &type_name)
        .replace("{{id}}", id)
}

/// `SNS` is `Sns`, `DynamoDB Streams` is `DynamoDBStreams`.
fn struct_name(id: &str) -> String {
    let word = |word: &str| -> String {
        let shouted = !word.chars().any(|c| c.is_ascii_lowercase());
        let (first, rest) = word.split_at(word.len().min(1));
        first.to_ascii_uppercase() + &if shouted { rest.to_ascii_lowercase() } else { rest.to_owned() }
    };
    id.split(|c: char| !c.is_ascii_alphanumeric()).map(word).collect()
}

fn edit(path: &Path, change: impl Fn(&str) -> Result<String>) -> Result<()> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    std::fs::write(path, change(&text)?)?;
    Ok(())
}

/// Adds the two crates to the workspace's dependencies, each behind the last of its kind.
fn add_dependencies(text: &str, name: &str) -> Result<String> {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for (folder, key) in [("services", name.to_owned()), ("api", format!("{name}-api"))] {
        let line = format!("{key} = {{ package = \"fogbank-{key}\", path = \"{folder}/{key}\" }}");
        if lines.contains(&line) {
            continue;
        }
        let last = lines.iter().rposition(|line| line.contains(&format!("path = \"{folder}/")));
        let last = last.with_context(|| format!("Cargo.toml names no crate in {folder}/"))?;
        lines.insert(last + 1, line);
    }
    Ok(lines.join("\n") + "\n")
}

/// Adds the service to `generate` in models/PIN.toml.
fn add_to_generated(text: &str, name: &str) -> Result<String> {
    let (before, rest) = text.split_once("\ngenerate = [").context("models/PIN.toml has `generate`")?;
    let (list, behind) = rest.split_once(']').context("the list of `generate` ends")?;
    let mut names: Vec<&str> =
        list.split(',').map(|item| item.trim().trim_matches('"')).filter(|item| !item.is_empty()).collect();
    names.push(name);
    names.sort_unstable();
    names.dedup();
    let list = names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>();
    let mut line = list.join(", ");
    if line.len() > 90 {
        line = format!("\n    {},\n", list.join(",\n    "));
    }
    Ok(format!("{before}\ngenerate = [{line}]{behind}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_filled_completely() {
        for (path, template) in FILES {
            let text = fill(template, "application-autoscaling", "Application Auto Scaling");
            assert!(!text.contains("{{"), "{path}");
        }
        let lib = fill(FILES[2].1, "sns", "SNS");
        assert!(lib.contains("service! { Sns: sns_api, principal \"sns.amazonaws.com\", error Error;"));
        assert_eq!(struct_name("DynamoDB Streams"), "DynamoDBStreams");
    }

    #[test]
    fn the_workspace_and_the_pin_gain_a_line() {
        let toml = "a = { path = \"services/a\" }\na-api = { path = \"api/a-api\" }\n\nx = \"1\"\n";
        let added = add_dependencies(toml, "b").unwrap();
        assert_eq!(
            added,
            "a = { path = \"services/a\" }\nb = { package = \"fogbank-b\", path = \"services/b\" }\n\
             a-api = { path = \"api/a-api\" }\nb-api = { package = \"fogbank-b-api\", path = \"api/b-api\" }\n\n\
             x = \"1\"\n"
        );
        assert_eq!(add_dependencies(&added, "b").unwrap(), added);
        let pin = "services = [\"a\"]\ngenerate = [\"sqs\", \"sts\"]\n\n[botocore]\n";
        let pin = add_to_generated(pin, "sns").unwrap();
        assert_eq!(pin, "services = [\"a\"]\ngenerate = [\"sns\", \"sqs\", \"sts\"]\n\n[botocore]\n");
    }
}
