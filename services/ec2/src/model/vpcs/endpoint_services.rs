//! Services that endpoints lead to: those of this cloud, by gateway or by an interface in a subnet.

use base::Region;
use ec2_api::VpcEndpointType;

use super::aws_lists::{GATEWAY_SERVICES, reversed_suffix};
use crate::error::Error;
use crate::error::codes::{INVALID_PARAMETER, INVALID_SERVICE_NAME};

/// Services with interface endpoints, with the host name that stands for them inside.
const INTERFACE_SERVICES: &[&str] =
    &["ec2", "kms", "organizations", "s3", "secretsmanager", "sqs", "ssm", "sts"];

/// What every endpoint allows unless its policy says otherwise.
pub const OPEN_POLICY: &str = r#"{"Version":"2008-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}"#;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointService {
    /// `sqs`
    pub short: &'static str,
    /// `com.amazonaws.us-east-1.sqs`
    pub name: String,
    pub kind: VpcEndpointType,
}

impl EndpointService {
    /// The same in every account.
    pub fn id(&self, region: Region) -> String {
        let seed = format!("{region}/{}/{}", self.short, self.kind);
        let hash = seed.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        format!("vpce-svc-0{hash:016x}")
    }

    /// `sqs.us-east-1.amazonaws.com`
    pub fn host(&self, region: Region) -> String {
        format!("{}.{region}.{}", self.short, region.dns_suffix())
    }
}

pub fn all(region: Region) -> Vec<EndpointService> {
    let make = |short: &'static str, kind: VpcEndpointType| EndpointService {
        short,
        name: format!("{}.{region}.{short}", reversed_suffix(region)),
        kind,
    };
    let gateways = GATEWAY_SERVICES.into_iter().map(|short| make(short, VpcEndpointType::Gateway));
    let interfaces = INTERFACE_SERVICES.iter().map(|short| make(short, VpcEndpointType::Interface));
    gateways.chain(interfaces).collect()
}

/// The service that a request names, by an endpoint of this kind.
pub fn find(region: Region, name: &str, kind: &VpcEndpointType) -> Result<EndpointService, Error> {
    let named: Vec<EndpointService> =
        all(region).into_iter().filter(|service| service.name == name).collect();
    if named.is_empty() {
        let message = format!("The Vpc Endpoint Service '{name}' does not exist");
        return Err(Error::new(&INVALID_SERVICE_NAME, message));
    }
    let kinds: Vec<String> = named.iter().map(|service| service.kind.to_string()).collect();
    named.into_iter().find(|service| service.kind == *kind).ok_or_else(|| {
        let kinds = kinds.join(", ");
        let message = format!("Endpoint type ({kind}) does not match available service types ([{kinds}]).");
        Error::new(&INVALID_PARAMETER, message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_are_found_by_name_and_kind() {
        let name = |short: &str| format!("com.amazonaws.us-east-1.{short}");
        for (short, kind, good) in [
            ("s3", VpcEndpointType::Gateway, true),
            ("s3", VpcEndpointType::Interface, true),
            ("sqs", VpcEndpointType::Interface, true),
            ("sqs", VpcEndpointType::Gateway, false),
            ("nothing", VpcEndpointType::Gateway, false),
        ] {
            assert_eq!(find(Region::US_EAST_1, &name(short), &kind).is_ok(), good, "{short} {kind}");
        }
        let sqs = find(Region::US_EAST_1, &name("sqs"), &VpcEndpointType::Interface).unwrap();
        assert_eq!(sqs.host(Region::US_EAST_1), "sqs.us-east-1.amazonaws.com");
    }
}
