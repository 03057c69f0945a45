//! Faults as a client reads them.

use schema::{Document, Kind, Member, Protocol, Reader, Shape, Side, Structure, read_members};

use crate::format::Format;
use crate::malformed::Malformed;
use crate::message::Response;
use crate::names::Naming;
use crate::rest::read_response;
use crate::shared::Shared;
use crate::xml::{Place, Tree, XmlReader};

/// An error response, as far as every protocol has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReceivedFault {
    /// The name of the error, without namespaces: its code in the XML protocols.
    pub name: String,
    /// The code that Query clients know the error by, where the service sends it beside the name.
    pub query_code: Option<String>,
    pub message: String,
    pub side: Option<Side>,
    pub status: u16,
}

/// Reads an error response, and the members of the error it names into `detail` where that is known.
///
/// # Errors
/// If the body is not what the protocol sends.
pub fn read_fault(
    protocol: Protocol,
    response: &Response,
    detail: Option<&mut dyn Structure>,
) -> Result<ReceivedFault, Malformed> {
    let body = response.body.whole().unwrap_or_default();
    let format = Format::of(protocol);
    let header = |name: &str| response.headers.get(name).and_then(|value| value.to_str().ok());
    let known = received(format, &body)?;
    let name = header("x-amzn-errortype").map(str::to_owned).or(known.name);
    let query = header("x-amzn-query-error").and_then(|text| text.split_once(';'));
    let side = match query.map(|(_, side)| side).or(known.side.as_deref()) {
        Some("Sender") => Some(Side::Sender),
        Some("Receiver" | "Server") => Some(Side::Receiver),
        _ => None,
    };
    if let Some(detail) = detail {
        read_detail(protocol, format, response, &body, detail)?;
    }
    Ok(ReceivedFault {
        name: name.as_deref().map(plain_name).unwrap_or_default().to_owned(),
        query_code: query.map(|(code, _)| code.to_owned()).filter(|code| !code.is_empty()),
        message: known.message.unwrap_or_default(),
        side,
        status: response.status.as_u16(),
    })
}

/// `com.amazonaws.sqs#QueueDoesNotExist:http://…` is `QueueDoesNotExist`.
fn plain_name(name: &str) -> &str {
    let name = name.split(':').next().unwrap_or(name);
    name.rsplit('#').next().unwrap_or(name)
}

fn read_detail(
    protocol: Protocol,
    format: Format,
    response: &Response,
    body: &[u8],
    into: &mut dyn Structure,
) -> Result<(), Malformed> {
    let mut shared = Shared::default();
    let read = match protocol {
        Protocol::RestJson1 => {
            read_response(format, response, &mut shared, &mut |from| read_members(into, from, None))
        }
        _ if body.is_empty() => Ok(()),
        _ if format == Format::Xml => match Tree::parse(body) {
            Ok(tree) => {
                let naming = if protocol == Protocol::AwsQuery { Naming::Query } else { Naming::Wire };
                let at = Place::Element(error_element(&tree));
                let mut reader = XmlReader { tree: &tree, at, naming, shared: &mut shared };
                let read = read_members(into, &mut reader, None);
                read.and_then(|()| read_headers(response, into, &mut shared))
            }
            Err(error) => Err(shared.syntax(error)),
        },
        _ => format.read(body, &mut shared, &mut |from| read_members(into, from, None)),
    };
    shared.finish(read).map(drop)
}

/// The members of an error in restXml that are headers.
fn read_headers(
    response: &Response,
    into: &mut dyn Structure,
    shared: &mut Shared,
) -> Result<(), schema::Malformed> {
    let shape = into.shape();
    let headers_only =
        Response { status: response.status, headers: response.headers.clone(), body: crate::Body::empty() };
    read_response(Format::Xml, &headers_only, shared, &mut |from| {
        from.structure(shape, None, &mut |index, from| into.set(index, from))
    })
}

fn error_element(tree: &Tree) -> crate::xml::ElementId {
    let root = tree.root();
    let inner = tree.child(root, "Errors").unwrap_or(root);
    tree.child(inner, "Error").unwrap_or(root)
}

/// What the body says about the error, whatever it is.
#[derive(Default)]
pub(crate) struct Received {
    pub name: Option<String>,
    pub message: Option<String>,
    pub side: Option<String>,
}

static DOCUMENT: Shape = Shape::new("Document", Kind::Document);
static ANY: Member = Member::new("error", &DOCUMENT);

pub(crate) fn received(format: Format, body: &[u8]) -> Result<Received, Malformed> {
    if body.is_empty() {
        return Ok(Received::default());
    }
    if format == Format::Xml {
        let tree = Tree::parse(body).map_err(Malformed::Syntax)?;
        let error = error_element(&tree);
        let text = |name| tree.child(error, name).map(|child| tree.text(child).to_owned());
        let message = text("Message").or_else(|| text("message"));
        return Ok(Received { name: text("Code"), message, side: text("Type") });
    }
    let mut document = Document::Null;
    let mut shared = Shared::default();
    let read = format.read(body, &mut shared, &mut |from: &mut dyn Reader| {
        document = from.document(&ANY)?;
        Ok(())
    });
    shared.finish(read)?;
    let text = |names: [&str; 3]| {
        let found = names.into_iter().find_map(|name| document.get(name)?.as_str());
        found.map(str::to_owned)
    };
    Ok(Received {
        name: text(["__type", "code", "Code"]),
        message: text(["message", "Message", "errorMessage"]),
        side: None,
    })
}
