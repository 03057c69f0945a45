//! The identity document: what an instance can prove of itself.
//!
//! Reference: "Instance identity documents for Amazon EC2 instances" of the EC2 guide.

use serde_json::{Value, json};

use super::InstanceView;
use super::page::document;

/// The document, with the version that AWS has written since 2017.
pub fn identity_document(view: &InstanceView) -> String {
    let private = view.primary().and_then(|interface| interface.addresses.first());
    let codes = match view.product_codes.as_slice() {
        [] => Value::Null,
        codes => json!(codes),
    };
    document(&[
        ("accountId", json!(view.account.to_string())),
        ("architecture", json!(view.architecture)),
        ("availabilityZone", json!(view.zone)),
        ("billingProducts", Value::Null),
        ("devpayProductCodes", Value::Null),
        ("marketplaceProductCodes", codes),
        ("imageId", json!(view.image_id)),
        ("instanceId", json!(view.instance_id)),
        ("instanceType", json!(view.instance_type)),
        ("kernelId", json!(view.kernel_id)),
        ("pendingTime", json!(base::Timestamp::from_secs(view.pending_time.as_secs()).to_iso8601())),
        ("privateIp", json!(private.map(ToString::to_string))),
        ("ramdiskId", json!(view.ramdisk_id)),
        ("region", json!(view.region.as_str())),
        ("version", json!("2017-09-30")),
    ])
}
