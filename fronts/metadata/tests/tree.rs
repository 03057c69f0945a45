//! Every place of the tree, and what it says: one row each, in `tree/*.txt`.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

mod fixture;

use std::net::Ipv4Addr;

use fogbank_metadata::InstanceView;
use fogbank_metadata::model::identity::identity_document;
use fogbank_metadata::model::path::{Target, VERSIONS, target};
use fogbank_metadata::model::tree::{Content, Found, find, leaves};

/// What a path of the tree says; nothing for a page that is not found.
fn ask(view: &InstanceView, path: &str) -> Option<String> {
    let Target::Tree { version, path, list } = target(path) else { return None };
    Some(match find(view, version, &path, list)? {
        Found::List(text) | Found::Content(Content::Text(text)) => text,
        Found::Content(Content::RoleCredentials(role)) => format!("<credentials of {role}>"),
        Found::Content(Content::IdentityDocument) => "<document>".to_owned(),
        Found::Content(Content::Signature(form)) => format!("<signature {form:?}>"),
    })
}

/// Rows of `path = what it says`, with `\n` for an end of line and `404` for nothing.
fn check(view: &InstanceView, rows: &str) -> usize {
    let mut count = 0;
    let mut wrong = Vec::new();
    for row in rows.lines().filter(|row| !row.is_empty() && !row.starts_with('#')) {
        let (path, expected) = row.split_once(" =").expect("a row has a path and what it says");
        let expected = expected.strip_prefix(' ').unwrap_or(expected);
        let said = ask(view, path).map_or("404".to_owned(), |text| text.replace('\n', "\\n"));
        if said != expected {
            wrong.push(format!("{path} says {said}, not {expected}"));
        }
        count += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    count
}

#[test]
fn an_instance_with_everything_has_every_place() {
    let count = check(&fixture::full(), include_str!("tree/full.txt"));
    assert!(count > 150, "{count} rows");
}

#[test]
fn an_instance_with_little_has_no_places_that_say_nothing() {
    let view = fixture::plain("i-0123456789abcdef0", Ipv4Addr::new(10, 0, 1, 5));
    check(&view, include_str!("tree/plain.txt"));
}

#[test]
fn older_versions_show_what_there_was_in_their_day() {
    check(&fixture::full(), include_str!("tree/versions.txt"));
}

#[test]
fn every_leaf_is_reached_through_the_lists_alone() {
    for view in [fixture::full(), fixture::plain("i-1", Ipv4Addr::new(10, 0, 1, 5))] {
        for version in VERSIONS {
            let mut reached = Vec::new();
            walk(&view, version, "", &mut reached);
            let mut expected: Vec<String> = leaves(&view)
                .into_iter()
                .filter(|leaf| leaf.since <= *version)
                .map(|leaf| leaf.path)
                .collect();
            expected.sort();
            reached.sort();
            assert_eq!(reached, expected, "{version}");
        }
    }
}

/// Follows lists down from `folder`, as a script would.
fn walk(view: &InstanceView, version: &str, folder: &str, reached: &mut Vec<String>) {
    let Some(Found::List(list)) = find(view, version, folder, true) else {
        panic!("{version}/{folder} is no list");
    };
    for entry in list.lines() {
        // Keys are listed by number and name.
        let entry = if folder == "meta-data/public-keys" { entry.split('=').next().unwrap() } else { entry };
        let path = [folder, entry.trim_end_matches('/')].join("/");
        let path = path.trim_start_matches('/');
        match find(view, version, path, false) {
            Some(Found::List(_)) => walk(view, version, path, reached),
            Some(Found::Content(_)) => reached.push(path.to_owned()),
            None if path == "user-data" => {}
            None => panic!("{version}/{path} is listed and not there"),
        }
    }
}

#[test]
fn tags_are_shown_only_where_they_are_switched_on() {
    let mut view = fixture::full();
    view.options.tags = false;
    assert_eq!(ask(&view, "/latest/meta-data/tags/instance/Name"), None);
    assert!(!ask(&view, "/latest/meta-data/").unwrap().contains("tags"));
}

#[test]
fn a_stop_of_a_spot_instance_has_no_termination_time() {
    let mut view = fixture::full();
    view.spot.as_mut().unwrap().action = "stop".to_owned();
    assert_eq!(ask(&view, "/latest/meta-data/spot/termination-time"), None);
    let action = r#"{"action":"stop","time":"2026-11-22T10:00:00Z"}"#;
    assert_eq!(ask(&view, "/latest/meta-data/spot/instance-action").as_deref(), Some(action));
}

#[test]
fn the_identity_document_is_laid_out_as_on_aws() {
    let view = fixture::plain("i-0123456789abcdef0", Ipv4Addr::new(10, 0, 1, 5));
    let expected = r#"{
  "accountId" : "123456789012",
  "architecture" : "x86_64",
  "availabilityZone" : "us-east-1a",
  "billingProducts" : null,
  "devpayProductCodes" : null,
  "marketplaceProductCodes" : null,
  "imageId" : "ami-0abcdef1234567890",
  "instanceId" : "i-0123456789abcdef0",
  "instanceType" : "t3.micro",
  "kernelId" : null,
  "pendingTime" : "2026-11-22T10:00:00Z",
  "privateIp" : "10.0.1.5",
  "ramdiskId" : null,
  "region" : "us-east-1",
  "version" : "2017-09-30"
}"#;
    assert_eq!(identity_document(&view), expected);
}
