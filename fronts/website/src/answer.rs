//! One request, from its path to an object, a redirect or a page.

use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use s3_api::{GetObject, GetObjectInput, GetObjectOutput, HeadObject, HeadObjectInput, WebsiteConfiguration};
use schema::{Fault, OperationType, Protocol};
use service::{Call, Notes, Principal, Source};
use wire::{Body, Response};

use crate::page::{Problem, mark, page};
use crate::rules::{Moved, all_elsewhere, as_folder, key_of, object_elsewhere, routed};
use crate::{SiteRequest, Websites};

/// Everything that is known of a request.
struct Visit<'a> {
    websites: &'a Websites,
    request: &'a SiteRequest<'a>,
    call: Call,
}

pub async fn answer(websites: &Websites, request: &SiteRequest<'_>) -> Response {
    let own = |problem: Problem| page(&problem, request.request_id, None);
    let site = match websites.sites.site(request.bucket).await {
        Ok(Some(site)) => site,
        Ok(None) => return own(no_such_bucket(request.bucket)),
        Err(fault) => return own(fault.into()),
    };
    if request.region.is_some_and(|region| region != site.region) {
        let message = "The specified bucket exists in another region. Please direct requests to the specified endpoint.";
        let endpoint = format!("{}.s3-website-{}.amazonaws.com", request.bucket, site.region);
        return own(Problem::new(400, "IncorrectEndpoint", message).with("Endpoint", &endpoint));
    }
    let Some(configuration) = &site.configuration else {
        let message = "The specified bucket does not have a website configuration";
        let problem = Problem::new(404, "NoSuchWebsiteConfiguration", message);
        return own(problem.with("BucketName", request.bucket));
    };
    if *request.method != Method::GET && *request.method != Method::HEAD {
        let message = "The specified method is not allowed against this resource.";
        let problem = Problem::new(405, "MethodNotAllowed", message);
        return own(problem.with("Method", request.method.as_str()).with("ResourceType", "OBJECT"));
    }
    let visit = Visit { websites, request, call: visitor(websites, request, site.region) };
    visit.show(configuration).await
}

/// Somebody who has signed nothing.
fn visitor(websites: &Websites, request: &SiteRequest<'_>, region: base::Region) -> Call {
    let principal = Principal::anonymous();
    let text = |name| request.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let scheme = if request.secure_transport { "https" } else { "http" };
    Call {
        request_id: request.request_id.to_owned(),
        account: principal.account,
        principal,
        region,
        source: Source {
            ip: Some(request.peer),
            user_agent: text(header::USER_AGENT),
            endpoint: format!("{scheme}://{}", request.host),
            secure_transport: request.secure_transport,
            ..Source::default()
        },
        now: websites.clock.now(),
        depth: 0,
        notes: Notes::default(),
    }
}

fn no_such_bucket(bucket: &str) -> Problem {
    Problem::new(404, "NoSuchBucket", "The specified bucket does not exist").with("BucketName", bucket)
}

impl Visit<'_> {
    async fn show(&self, configuration: &WebsiteConfiguration) -> Response {
        let request = self.request;
        if let Some(moved) = all_elsewhere(configuration, request) {
            return redirect(&moved);
        }
        let Some(named) = key_of(request.path) else {
            let problem = Problem::new(400, "InvalidURI", "Couldn't parse the specified URI.");
            return page(&problem, request.request_id, None);
        };
        if let Some(moved) = routed(configuration, request, &named, None) {
            return redirect(&moved);
        }
        let index = configuration.index_document.as_ref().map(|index| index.suffix.as_str());
        let is_folder = named.is_empty() || named.ends_with('/');
        let key = if is_folder { format!("{named}{}", index.unwrap_or_default()) } else { named.clone() };
        let fault = match self.get(&key).await {
            Ok(object) => return self.object(object),
            Err(fault) => fault,
        };
        if fault.status() < 400 {
            // Nothing has changed since the visitor was here.
            return self.bare(&fault);
        }
        let problem = Problem::from(fault);
        if let Some(moved) = routed(configuration, request, &named, Some(problem.status)) {
            return redirect(&moved);
        }
        if let Some(index) = index.filter(|_| !is_folder && matches!(problem.status, 403 | 404))
            && self.exists(&format!("{named}/{index}")).await
        {
            return redirect(&as_folder(&named));
        }
        self.refuse(configuration, &problem).await
    }

    /// The site's own error document, for what is the visitor's fault; else a page of ours.
    async fn refuse(&self, configuration: &WebsiteConfiguration, problem: &Problem) -> Response {
        let own = configuration.error_document.as_ref().filter(|_| (400..500).contains(&problem.status));
        let Some(document) = own else { return page(problem, self.request.request_id, None) };
        let input = self.input(&document.key, false);
        match self.websites.aws.as_caller(&self.call).call(GetObject, input).await {
            Ok(object) => {
                let mut response = self.object(object);
                response.status = StatusCode::from_u16(problem.status).unwrap_or(response.status);
                mark(&mut response.headers, problem);
                response
            }
            Err(fault) => page(problem, self.request.request_id, Some(&fault.into())),
        }
    }

    async fn get(&self, key: &str) -> Result<GetObjectOutput, Fault> {
        self.websites.aws.as_caller(&self.call).call(GetObject, self.input(key, true)).await
    }

    async fn exists(&self, key: &str) -> bool {
        let input = HeadObjectInput {
            bucket: self.request.bucket.to_owned(),
            key: key.to_owned(),
            ..HeadObjectInput::default()
        };
        self.websites.aws.as_caller(&self.call).call(HeadObject, input).await.is_ok()
    }

    /// What the visitor's headers ask for goes along, but not for error documents.
    fn input(&self, key: &str, with_headers: bool) -> GetObjectInput {
        let text = |name| {
            let value = self.request.headers.get(name).filter(|_| with_headers)?;
            value.to_str().ok().map(str::to_owned)
        };
        let time = |name| text(name).as_deref().and_then(base::Timestamp::parse_http_date);
        GetObjectInput {
            bucket: self.request.bucket.to_owned(),
            key: key.to_owned(),
            range: text(header::RANGE),
            if_match: text(header::IF_MATCH),
            if_none_match: text(header::IF_NONE_MATCH),
            if_modified_since: time(header::IF_MODIFIED_SINCE),
            if_unmodified_since: time(header::IF_UNMODIFIED_SINCE),
            ..GetObjectInput::default()
        }
    }

    fn object(&self, object: GetObjectOutput) -> Response {
        if let Some(location) = &object.website_redirect_location {
            return redirect(&object_elsewhere(location));
        }
        wire::write_output(Protocol::RestXml, GetObject::SPEC, &object, self.request.request_id)
    }

    /// An answer without a page, such as `304 Not Modified`.
    fn bare(&self, fault: &Fault) -> Response {
        wire::write_bare_xml_fault(fault, self.request.request_id, self.request.request_id)
    }
}

fn redirect(moved: &Moved) -> Response {
    let mut headers = HeaderMap::new();
    // What a header cannot hold was encoded; an object's own location may be anything.
    if let Ok(location) = HeaderValue::try_from(&moved.location) {
        headers.insert(header::LOCATION, location);
    }
    let status = StatusCode::from_u16(moved.status).unwrap_or(StatusCode::MOVED_PERMANENTLY);
    Response { status, headers, body: Body::empty() }
}
