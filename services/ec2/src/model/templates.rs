//! What launch templates hold. Their structures have the same members as the request that launches instances, under
//! several type names, so that one is turned into another by the members' names.

use ec2_api::{RequestLaunchTemplateData, ResponseLaunchTemplateData, RunInstancesInput};
use schema::Structure;
use serde_json::{Map, Value};
use service::Kept;

/// Members whose names differ: a template's, and a request's.
const RENAMED: &[(&str, &str)] =
    &[("RamDiskId", "RamdiskId"), ("ElasticGpuSpecifications", "ElasticGpuSpecification")];
const TAGS: &str = "TagSpecifications";

fn opened<T: Structure + Clone>(value: &T) -> Map<String, Value> {
    match serde_json::to_value(Kept(value.clone())) {
        Ok(Value::Object(members)) => members,
        _ => Map::new(),
    }
}

fn closed<T: Structure + Default>(members: Map<String, Value>) -> T {
    let kept: Result<Kept<T>, _> = serde_json::from_value(Value::Object(members));
    kept.map(|kept| kept.0).unwrap_or_default()
}

/// What a version keeps and shows of what was asked for.
pub fn kept(asked: &RequestLaunchTemplateData) -> ResponseLaunchTemplateData {
    closed(opened(asked))
}

/// A new version from an older one: what is asked for stands in place of the same member there.
pub fn over(
    source: &ResponseLaunchTemplateData,
    asked: &RequestLaunchTemplateData,
) -> ResponseLaunchTemplateData {
    let mut members = opened(source);
    members.extend(opened(asked));
    closed(members)
}

/// A launch from a template. What the request says itself goes before; tags of both are given.
pub fn applied(template: &ResponseLaunchTemplateData, request: &RunInstancesInput) -> RunInstancesInput {
    let mut members = opened(template);
    for (of_template, of_request) in RENAMED {
        if let Some(value) = members.remove(*of_template) {
            members.insert((*of_request).to_owned(), value);
        }
    }
    let mut own = opened(request);
    let tags = tags(members.remove(TAGS), own.remove(TAGS));
    members.extend(own);
    if !tags.is_empty() {
        members.insert(TAGS.to_owned(), Value::Array(tags));
    }
    closed(members)
}

/// The tags of both by the type of resource; where both have a key, the request's value stands.
fn tags(of_template: Option<Value>, of_request: Option<Value>) -> Vec<Value> {
    let list = |value: Option<Value>| match value {
        Some(Value::Array(list)) => list,
        _ => Vec::new(),
    };
    let mut all: Vec<Value> = list(of_request);
    for specification in list(of_template) {
        let Some(known) = all.iter_mut().find(|known| known["ResourceType"] == specification["ResourceType"])
        else {
            all.push(specification);
            continue;
        };
        let own = list(known.get("Tags").cloned());
        let more = list(specification.get("Tags").cloned());
        let mut tags = own.clone();
        tags.extend(more.into_iter().filter(|tag| !own.iter().any(|known| known["Key"] == tag["Key"])));
        known["Tags"] = Value::Array(tags);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use ec2_api::*;

    fn tagged<T>(
        make: impl Fn(Option<String>, Option<Vec<Tag>>) -> T,
        tags: &[(&str, &str)],
    ) -> Option<Vec<T>> {
        let tag = |(key, value): &(&str, &str)| Tag {
            key: Some((*key).to_owned()),
            value: Some((*value).to_owned()),
        };
        Some(vec![make(Some("instance".to_owned()), Some(tags.iter().map(tag).collect()))])
    }

    #[test]
    fn a_request_goes_before_its_template() {
        let asked = RequestLaunchTemplateData {
            image_id: Some("ami-1".to_owned()),
            instance_type: Some("t3.micro".to_owned()),
            user_data: Some("IyEvYmluL3No".to_owned()),
            security_group_ids: Some(vec!["sg-1".to_owned()]),
            tag_specifications: tagged(
                |resource_type, tags| LaunchTemplateTagSpecificationRequest { resource_type, tags },
                &[("a", "template"), ("b", "template")],
            ),
            ..RequestLaunchTemplateData::default()
        };
        let request = RunInstancesInput {
            instance_type: Some("t3.small".to_owned()),
            min_count: 1,
            max_count: 2,
            tag_specifications: tagged(
                |resource_type, tags| TagSpecification { resource_type, tags },
                &[("a", "own")],
            ),
            ..RunInstancesInput::default()
        };
        let launch = applied(&kept(&asked), &request);
        assert_eq!(launch.image_id.as_deref(), Some("ami-1"));
        assert_eq!(launch.instance_type.as_deref(), Some("t3.small"));
        assert_eq!(launch.user_data.as_deref(), Some("IyEvYmluL3No"));
        assert_eq!(launch.security_group_ids, Some(vec!["sg-1".to_owned()]));
        assert_eq!((launch.min_count, launch.max_count), (1, 2));
        let tags = launch.tag_specifications.unwrap().remove(0).tags.unwrap();
        let pairs: Vec<_> =
            tags.iter().map(|tag| (tag.key.as_deref().unwrap(), tag.value.as_deref().unwrap())).collect();
        assert_eq!(pairs, [("a", "own"), ("b", "template")]);
    }

    #[test]
    fn a_version_from_another_changes_what_is_named() {
        let first = RequestLaunchTemplateData {
            image_id: Some("ami-1".to_owned()),
            key_name: Some("web".to_owned()),
            ..RequestLaunchTemplateData::default()
        };
        let second = RequestLaunchTemplateData { image_id: Some("ami-2".to_owned()), ..Default::default() };
        let made = over(&kept(&first), &second);
        assert_eq!((made.image_id.as_deref(), made.key_name.as_deref()), (Some("ami-2"), Some("web")));
    }
}
