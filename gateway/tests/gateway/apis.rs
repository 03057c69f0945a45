//! Three services written by hand, so that all protocols are covered without a service of the product:
//! *post* (JSON, Query and CBOR, like SQS), *shelf* (XML and streams, like S3), *desk* (REST with JSON).

use schema::{
    Auth, ByteStream, ErrorCode, Kind, Limits, Malformed, Member, Operation, Place, Protocol, ReadValue,
    Reader, Service, Shape, Signing, Structure, WriteValue,
};

macro_rules! structure {
    ($name:ident { $($field:ident: $type:ty),* } $members:ident $shape:ident $listed:expr) => {
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct $name { $(pub $field: $type),* }

        pub static $members: &[Member] = $listed;
        pub static $shape: Shape = Shape {
            name: stringify!($name),
            kind: Kind::Structure { members: $members },
            limits: Limits::NONE,
            sensitive: false,
        };

        impl Structure for $name {
            fn shape(&self) -> &'static Shape {
                &$shape
            }

            fn visit<'a>(&'a self, visitor: &mut dyn FnMut(&'static Member, &'a dyn WriteValue)) {
                let mut members = $members.iter();
                $(present(&self.$field, members.next().unwrap(), visitor);)*
            }

            #[allow(unused_assignments, reason = "the counter's last step is not read")]
            fn set(&mut self, index: usize, from: &mut dyn Reader) -> Result<(), Malformed> {
                let mut at = 0;
                $(
                    if at == index {
                        self.$field = ReadValue::read(from, &$members[index])?;
                    }
                    at += 1;
                )*
                Ok(())
            }

            fn into_any(self: Box<Self>) -> Box<dyn std::any::Any + Send + Sync> {
                self
            }

            fn as_any(&self) -> &dyn std::any::Any {
                self
            }
        }
    };
}

fn present<'a, T: WriteValue + 'static>(
    value: &'a T,
    member: &'static Member,
    visitor: &mut dyn FnMut(&'static Member, &'a dyn WriteValue),
) {
    let any: &dyn std::any::Any = value;
    if any.downcast_ref::<Option<String>>().is_none_or(Option::is_some) {
        visitor(member, value);
    }
}

static TEXT: Shape = Shape { name: "Text", kind: Kind::String, limits: Limits::NONE, sensitive: false };
static SHORT: Shape = Shape {
    name: "Short",
    kind: Kind::String,
    limits: Limits { min: None, max: Some(20.0), pattern: None },
    sensitive: false,
};
static BYTES: Shape = Shape { name: "Bytes", kind: Kind::Blob, limits: Limits::NONE, sensitive: false };

structure! { Letter { text: Option<String>, mode: Option<String>, queue_url: Option<String> } LETTER_MEMBERS LETTER &[
    Member::new("Text", &TEXT),
    Member::new("Mode", &SHORT),
    Member::new("QueueUrl", &TEXT),
] }

structure! { Book {
    shelf: String, title: String, encoding: Option<String>, length: Option<String>, label: Option<String>,
    content: ByteStream
} BOOK_MEMBERS BOOK &[
    Member { place: Place::Label, required: true, ..Member::new("Shelf", &TEXT) },
    Member { place: Place::Label, required: true, ..Member::new("Title", &TEXT) },
    Member { place: Place::Header, wire_name: "Content-Encoding", ..Member::new("Encoding", &TEXT) },
    Member { place: Place::Header, wire_name: "Content-Length", ..Member::new("Length", &TEXT) },
    Member { place: Place::Header, wire_name: "x-amz-label", ..Member::new("Label", &TEXT) },
    Member { payload: true, streaming: true, ..Member::new("Content", &BYTES) },
] }

structure! { Wish { shelf: String, title: String } WISH_MEMBERS WISH &[
    Member { place: Place::Label, required: true, ..Member::new("Shelf", &TEXT) },
    Member { place: Place::Label, required: true, ..Member::new("Title", &TEXT) },
] }

structure! { Copied { content: ByteStream, caller: Option<String>, status: Option<String> } COPIED_MEMBERS COPIED &[
    Member { payload: true, streaming: true, ..Member::new("Content", &BYTES) },
    Member { place: Place::Header, wire_name: "x-amz-caller", ..Member::new("Caller", &TEXT) },
    Member { place: Place::Status, ..Member::new("StatusCode", &TEXT) },
] }

structure! { Look { length: Option<String> } LOOK_MEMBERS LOOK &[
    Member { place: Place::Header, wire_name: "Content-Length", ..Member::new("Length", &TEXT) },
] }

structure! { Shelved { shelf: String } SHELVED_MEMBERS SHELVED &[
    Member { place: Place::Label, required: true, ..Member::new("Shelf", &TEXT) },
] }

structure! { Stored {
    length: Option<String>, announced: Option<String>, trailers: Option<String>, encoding: Option<String>,
    label: Option<String>, etag: Option<String>
} STORED_MEMBERS STORED &[
    Member { place: Place::Header, wire_name: "x-amz-length", ..Member::new("Length", &TEXT) },
    Member { place: Place::Header, wire_name: "x-amz-announced", ..Member::new("Announced", &TEXT) },
    Member { place: Place::Header, wire_name: "x-amz-trailers", ..Member::new("Trailers", &TEXT) },
    Member { place: Place::Header, wire_name: "x-amz-encoding", ..Member::new("Encoding", &TEXT) },
    Member { place: Place::Header, wire_name: "x-amz-label", ..Member::new("Label", &TEXT) },
    Member { place: Place::Header, wire_name: "ETag", ..Member::new("ETag", &TEXT) },
] }

structure! { Memo { name: String, text: Option<String> } MEMO_MEMBERS MEMO &[
    Member { place: Place::Label, required: true, ..Member::new("Name", &TEXT) },
    Member::new("Text", &TEXT),
] }

structure! { Filed { text: Option<String> } FILED_MEMBERS FILED &[Member::new("Text", &TEXT)] }

macro_rules! operation {
    ($name:ident $spec:ident $input:ident $input_shape:ident $output:ident $output_shape:ident { $($fact:ident: $value:expr),* }) => {
        pub struct $name;

        impl schema::OperationType for $name {
            type Input = crate::apis::$input;
            type Output = crate::apis::$output;
            const SPEC: &'static Operation = &$spec;
        }

        pub static $spec: Operation = Operation {
            name: stringify!($name),
            service: &SERVICE,
            input: &crate::apis::$input_shape,
            output: &crate::apis::$output_shape,
            $($fact: $value,)*
            ..crate::apis::plain(&SERVICE)
        };
    };
}

/// An operation with nothing special.
pub const fn plain(service: &'static Service) -> Operation {
    Operation {
        name: "",
        service,
        method: "POST",
        uri: "/",
        status: 200,
        input: &LETTER,
        output: &LETTER,
        errors: &[],
        input_root: None,
        result_wrapper: None,
        host_prefix: None,
        auth: Auth::SigV4,
        read_only: false,
    }
}

pub static NO_SUCH_THING: ErrorCode = ErrorCode {
    name: "ThingDoesNotExist",
    code: "AWS.Post.NonExistentThing",
    status: 400,
    side: schema::Side::Sender,
};

pub mod post_api {
    use super::*;

    pub static SERVICE: Service = Service {
        name: "post",
        id: "Post",
        signing_name: "post",
        endpoint_prefix: "post",
        target_prefix: "AmazonPost",
        api_version: "2012-11-05",
        protocols: &[Protocol::AwsJson1_0, Protocol::AwsQuery, Protocol::RpcV2Cbor],
        xml_namespace: "http://post.amazonaws.com/doc/2012-11-05/",
        query_compatible: true,
        path_parameter: Some("QueueUrl"),
        host_aliases: &["mail"],
        signing: Signing::Lenient,
        operations: &["Echo", "Greet", "Unmade"],
        ..Service::BLANK
    };

    operation! { Echo ECHO Letter LETTER Letter LETTER { result_wrapper: Some("EchoResult") } }
    operation! { Greet GREET Letter LETTER Letter LETTER { auth: Auth::None } }
}

pub mod shelf_api {
    use super::*;

    pub static SERVICE: Service = Service {
        name: "shelf",
        id: "Shelf",
        signing_name: "shelf",
        endpoint_prefix: "shelf",
        api_version: "2006-03-01",
        protocols: &[Protocol::RestXml],
        signing: Signing::Declared,
        signing_aliases: &["shelfexpress"],
        buckets: true,
        operations: &["FindShelf", "GetBook", "LookAtBook", "PutBook"],
        ..Service::BLANK
    };

    operation! { PutBook PUT_BOOK Book BOOK Stored STORED { method: "PUT", uri: "/{Shelf}/{Title+}" } }
    operation! { LookAtBook LOOK_AT_BOOK Wish WISH Look LOOK { method: "HEAD", uri: "/{Shelf}/{Title+}" } }
    operation! { FindShelf FIND_SHELF Shelved SHELVED Filed FILED { method: "GET", uri: "/{Shelf}" } }
    operation! { GetBook GET_BOOK Wish WISH Copied COPIED { method: "GET", uri: "/{Shelf}/{Title+}" } }
}

pub mod desk_api {
    use super::*;

    pub static SERVICE: Service = Service {
        name: "desk",
        id: "Desk",
        signing_name: "desk",
        endpoint_prefix: "desk",
        api_version: "2020-01-01",
        protocols: &[Protocol::RestJson1],
        operations: &["FileMemo"],
        ..Service::BLANK
    };

    operation! { FileMemo FILE_MEMO Memo MEMO Filed FILED { uri: "/memos/{Name}" } }
}
