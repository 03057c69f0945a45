//! Services and operations, as the models describe them.

use crate::{ErrorCode, Shape, Structure};

/// The protocols clients speak. A service may have several; each request uses one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    AwsJson1_0,
    AwsJson1_1,
    RestJson1,
    RestXml,
    AwsQuery,
    Ec2Query,
    RpcV2Cbor,
}

/// What a model says about a whole service.
#[derive(Debug)]
pub struct Service {
    /// The name of the crate and of the model's folder: `sqs`.
    pub name: &'static str,
    /// The model's service id, as clients derive settings from it: `SQS`, `DynamoDB Streams`.
    pub id: &'static str,
    /// The name in the credential scope of a signature, and the prefix of actions.
    pub signing_name: &'static str,
    /// The first label of the host name.
    pub endpoint_prefix: &'static str,
    /// What stands before the operation in X-Amz-Target: `AmazonSQS`. Empty where there is none.
    pub target_prefix: &'static str,
    pub api_version: &'static str,
    /// All protocols the service answers in; the first is what current clients choose.
    pub protocols: &'static [Protocol],
    pub xml_namespace: &'static str,
    /// Errors carry the code of the Query protocol in a header of their own (awsQueryCompatible).
    pub query_compatible: bool,
    /// In awsQuery, a path other than `/` stands for this parameter where it is missing: `QueueUrl`.
    pub path_parameter: Option<&'static str>,
    /// First labels of host names that older clients use instead of the endpoint prefix: `queue`.
    pub host_aliases: &'static [&'static str],
    /// Errors in XML end with an empty `<Detail/>`, as the oldest services have it.
    pub error_detail: bool,
    pub signing: Signing,
    /// Further names that its signatures may be scoped to: `s3express`.
    pub signing_aliases: &'static [&'static str],
    /// Its resources are buckets, which brings along what only S3 has: buckets in host names, calls without a
    /// signature, signatures of version 2, uploads by forms, cross-origin rules of each bucket, errors without an
    /// envelope.
    pub buckets: bool,
    /// Every operation of the model, generated or not, sorted.
    pub operations: &'static [&'static str],
}

impl Service {
    /// A service without facts, to be completed with struct update syntax where a test writes one by hand.
    pub const BLANK: Service = Service {
        name: "",
        id: "",
        signing_name: "",
        endpoint_prefix: "",
        target_prefix: "",
        api_version: "",
        protocols: &[],
        xml_namespace: "",
        query_compatible: false,
        path_parameter: None,
        host_aliases: &[],
        error_detail: false,
        signing: Signing::Standard,
        signing_aliases: &[],
        buckets: false,
        operations: &[],
    };
}

impl PartialEq for Service {
    fn eq(&self, other: &Service) -> bool {
        self.name == other.name
    }
}

/// How a service reads signatures. The rules themselves are in `identity`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Signing {
    /// The clocks may be five minutes apart.
    #[default]
    Standard,
    /// The oldest services allow fifteen minutes.
    Lenient,
    /// As S3 has it: fifteen minutes, raw paths, payload hashes that the caller declares.
    Declared,
}

/// What is known of a service without its types: enough to name the operation that a request means.
#[derive(Debug)]
pub struct CatalogEntry {
    pub service: Service,
    /// Where the operations are in HTTP; empty unless paths tell them apart.
    pub bindings: &'static [Binding],
}

/// Where one operation is in HTTP, as precisely as is needed to tell it from all others of its service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Binding {
    pub method: &'static str,
    /// As [`Operation::uri`], with the parameters that must be there where those alone tell operations apart.
    pub uri: &'static str,
    /// A header that must be there, in lower case.
    pub header: Option<&'static str>,
    pub operation: &'static str,
}

impl Binding {
    pub const fn new(method: &'static str, uri: &'static str, operation: &'static str) -> Binding {
        Binding { method, uri, header: None, operation }
    }

    pub const fn with_header(self, name: &'static str) -> Binding {
        Binding { header: Some(name), ..self }
    }
}

/// What a model says about one operation.
#[derive(Debug)]
pub struct Operation {
    pub name: &'static str,
    pub service: &'static Service,
    /// `POST`, `GET` and so on; `POST` and `/` except for HTTP-bound protocols.
    pub method: &'static str,
    /// The path with labels (`/{Bucket}/{Key+}`), and fixed query parameters behind a question mark.
    pub uri: &'static str,
    /// The status of a success.
    pub status: u16,
    pub input: &'static Shape,
    pub output: &'static Shape,
    pub errors: &'static [&'static ErrorCode],
    /// The root element of an XML input, where the model names one, with its namespace.
    pub input_root: Option<(&'static str, Option<&'static str>)>,
    /// The element around an awsQuery result: `SendMessageResult`.
    pub result_wrapper: Option<&'static str>,
    /// A prefix for the host name, possibly with labels: `{AccountId}.`
    pub host_prefix: Option<&'static str>,
    pub auth: Auth,
    /// The model calls it read-only.
    pub read_only: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Auth {
    SigV4,
    /// Signed, but the body need not be.
    UnsignedBody,
    /// Anyone may call it.
    None,
}

/// Ties the types of an operation to its description; generated as an empty struct, one an operation.
pub trait OperationType: Send + Sync + 'static {
    type Input: Structure + Default;
    type Output: Structure + Default;
    const SPEC: &'static Operation;
}
