//! Paths with labels, and the router of the protocols that put operations into paths.
//!
//! Among templates that match, the more literal one wins, step by step from the left: a literal before a
//! label, a label before a greedy one; then the one with more fixed query parameters. (Smithy's "HTTP binding
//! traits", "URI templates" and "query string".)

use std::borrow::Cow;
use std::cmp::Reverse;

use http::Method;
use schema::Binding;

use crate::text;

/// What stood at the labels of a path, decoded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels(Vec<(&'static str, String)>);

impl Labels {
    /// How many there are: the fewer, the more of the path is literal.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(label, _)| *label == name).map(|(_, value)| value.as_str())
    }
}

/// The path of an operation: `/{Bucket}/{Key+}?uploads`.
#[derive(Debug)]
pub struct Template {
    steps: Vec<Step>,
    /// One of the steps takes several of a path's.
    greedy: bool,
    /// Parameters that must be there, with this value if they have one.
    query: Vec<(&'static str, Option<&'static str>)>,
}

#[derive(Debug, PartialEq, Eq)]
enum Step {
    Literal(&'static str),
    /// A label, and the fixed text around it, which is nearly always empty.
    Label {
        before: &'static str,
        name: &'static str,
        after: &'static str,
    },
    /// Takes all steps up to those behind it, with their slashes.
    Greedy(&'static str),
}

/// Sorts the more literal step first.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Literal,
    Label(Reverse<usize>),
    Greedy,
}

impl Template {
    pub fn parse(uri: &'static str) -> Template {
        let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
        let steps: Vec<Step> = steps_of(path).map(Step::parse).collect();
        let greedy = steps.iter().any(|step| matches!(step, Step::Greedy(_)));
        let parameters = query.split('&').filter(|parameter| !parameter.is_empty());
        let parameters = parameters.map(|parameter| match parameter.split_once('=') {
            Some((key, value)) => (key, Some(value)),
            None => (parameter, None),
        });
        // This one tells operations apart in the models only; clients are free to leave it out.
        let query = parameters.filter(|(key, _)| *key != "x-id").collect();
        Template { steps, greedy, query }
    }

    /// Matches a path and a query as they were sent. A slash at the end makes no difference.
    pub fn matches(&self, path: &str, query: &str) -> Option<Labels> {
        let steps: Vec<&str> = steps_of(path).collect();
        self.matches_steps(&steps, has_last_slash(path), &Parameters::of(query))
    }

    /// What is cheap is looked at first: a router asks dozens of templates, and labels are copied out of the path.
    fn matches_steps(&self, steps: &[&str], last_slash: bool, query: &Parameters<'_>) -> Option<Labels> {
        let fits =
            if self.greedy { self.steps.len() <= steps.len() } else { self.steps.len() == steps.len() };
        let has = |(key, value): &(&str, Option<&str>)| match (query.get(key), value) {
            (Some(found), Some(wanted)) => found == *wanted,
            (found, None) => found.is_some(),
            (None, Some(_)) => false,
        };
        if !fits || !self.query.iter().all(has) {
            return None;
        }
        match_steps(&self.steps, steps, last_slash)
    }

    /// Smaller for what must be tried earlier.
    fn order(&self) -> (Vec<Rank>, Reverse<usize>) {
        let ranks = self.steps.iter().map(|step| match step {
            Step::Literal(_) => Rank::Literal,
            Step::Label { before, after, .. } => Rank::Label(Reverse(before.len() + after.len())),
            Step::Greedy(_) => Rank::Greedy,
        });
        (ranks.collect(), Reverse(self.query.len()))
    }
}

impl Step {
    fn parse(text: &'static str) -> Step {
        let label = text.find('{').zip(text.rfind('}')).filter(|(open, close)| open < close);
        let Some((open, close)) = label else { return Step::Literal(text) };
        let name = &text[open + 1..close];
        match name.strip_suffix('+') {
            Some(name) => Step::Greedy(name),
            None => Step::Label { before: &text[..open], name, after: &text[close + 1..] },
        }
    }
}

/// The steps between slashes, without the empty ones at both ends.
fn steps_of(path: &str) -> impl Iterator<Item = &str> {
    let path = path.strip_prefix('/').unwrap_or(path);
    let path = path.strip_suffix('/').unwrap_or(path);
    path.split('/').skip(usize::from(path.is_empty()))
}

fn has_last_slash(path: &str) -> bool {
    path.len() > 1 && path.ends_with('/')
}

fn match_steps(template: &[Step], path: &[&str], last_slash: bool) -> Option<Labels> {
    let mut labels = Labels::default();
    let mut rest = path;
    for (index, step) in template.iter().enumerate() {
        if let Step::Greedy(name) = step {
            // There is one greedy label at most, so what stands behind it has a fixed length.
            let behind = template.len() - index - 1;
            let (taken, after) = rest.split_at_checked(rest.len().checked_sub(behind)?)?;
            let slash = behind == 0 && last_slash && !taken.is_empty();
            let mut taken = taken.join("/");
            if slash {
                // A key may end in a slash, and folders of object stores do.
                taken.push('/');
            }
            if taken.is_empty() {
                return None;
            }
            labels.0.push((name, text::percent_decode(&taken, false)?.into_owned()));
            rest = after;
            continue;
        }
        let (first, others) = rest.split_first()?;
        rest = others;
        match step {
            Step::Literal(literal) if literal == first => {}
            Step::Label { before, name, after } => {
                let value = first.strip_prefix(before)?.strip_suffix(after)?;
                if value.is_empty() {
                    return None;
                }
                labels.0.push((name, text::percent_decode(value, false)?.into_owned()));
            }
            _ => return None,
        }
    }
    rest.is_empty().then_some(labels)
}

/// The parameters of a query, decoded once for all templates that ask for them. Most requests have none.
struct Parameters<'q>(Vec<(Cow<'q, str>, Cow<'q, str>)>);

impl<'q> Parameters<'q> {
    fn of(query: &'q str) -> Parameters<'q> {
        let pieces = query.split('&').filter(|piece| !piece.is_empty());
        let decoded = pieces.filter_map(|piece| {
            let (key, value) = piece.split_once('=').unwrap_or((piece, ""));
            Some((text::percent_decode(key, true)?, text::percent_decode(value, true)?))
        });
        Parameters(decoded.collect())
    }

    /// The first value.
    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| &**value)
    }
}

/// Finds the operation that a method and a path mean.
#[derive(Debug, Default)]
pub struct Router {
    /// Of each method, the more literal first.
    methods: Vec<(Method, Vec<Route>)>,
}

#[derive(Debug)]
struct Route {
    template: Template,
    header: Option<&'static str>,
    operation: &'static str,
}

impl Router {
    /// Where nothing tells two operations apart, the first wins.
    pub fn new(bindings: impl IntoIterator<Item = Binding>) -> Router {
        let mut methods: Vec<(Method, Vec<Route>)> = Vec::new();
        for binding in bindings {
            let method =
                Method::from_bytes(binding.method.as_bytes()).expect("the models hold valid methods");
            let template = Template::parse(binding.uri);
            let route = Route { template, header: binding.header, operation: binding.operation };
            match methods.iter_mut().find(|(known, _)| *known == method) {
                Some((_, routes)) => routes.push(route),
                None => methods.push((method, vec![route])),
            }
        }
        for (_, routes) in &mut methods {
            routes.sort_by_cached_key(|route| (route.template.order(), route.header.is_none()));
        }
        Router { methods }
    }

    /// The operation's name, and what stands at the labels of its path.
    pub fn find(
        &self,
        method: &Method,
        path: &str,
        query: &str,
        has_header: impl Fn(&str) -> bool,
    ) -> Option<(&'static str, Labels)> {
        let (_, routes) = self.methods.iter().find(|(known, _)| known == method)?;
        let (steps, query): (Vec<&str>, _) = (steps_of(path).collect(), Parameters::of(query));
        let last_slash = has_last_slash(path);
        // Most templates ask for a parameter, and most requests have none.
        let asked = routes.iter().filter(|route| route.template.query.is_empty() || !query.0.is_empty());
        let mut fitting = asked.filter(|route| route.header.is_none_or(&has_header));
        fitting.find_map(|route| {
            Some((route.operation, route.template.matches_steps(&steps, last_slash, &query)?))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(template: &'static str, path: &str, query: &str, expected: Option<&[(&str, &str)]>) {
        let found = Template::parse(template).matches(path, query);
        let found = found.map(|Labels(labels)| labels);
        let expected = expected.map(|labels| {
            labels.iter().map(|(name, value)| (*name, (*value).to_owned())).collect::<Vec<_>>()
        });
        assert_eq!(found, expected, "{template} {path} {query}");
    }

    #[test]
    fn labels_take_one_step_and_greedy_ones_all() {
        check("/", "/", "", Some(&[]));
        check("/", "/a", "", None);
        check("/{A}", "/x%2Fy", "", Some(&[("A", "x/y")]));
        check("/{A}", "/x/", "", Some(&[("A", "x")]));
        check("/{A}", "/", "", None);
        check("/{B}/{K+}", "/b/a//c%20d/", "", Some(&[("B", "b"), ("K", "a//c d/")]));
        check("/{B}/{K+}", "/b/", "", None);
        check("/{B}/{K+}", "/b//x", "", Some(&[("B", "b"), ("K", "/x")]));
        check("/p/{K+}/end", "/p/a/b/end", "", Some(&[("K", "a/b")]));
        check("/p/{K+}/end", "/p/end", "", None);
        check("/functions/", "/functions", "", Some(&[]));
        check("/v{A}.json", "/v1.json", "", Some(&[("A", "1")]));
    }

    #[test]
    fn fixed_parameters_must_be_there_but_for_the_one_that_only_names() {
        check("/{B}?uploads", "/b", "uploads", Some(&[("B", "b")]));
        check("/{B}?uploads", "/b", "uploads=", Some(&[("B", "b")]));
        check("/{B}?uploads", "/b", "", None);
        check("/{B}?list-type=2", "/b", "list-type=2&x=y", Some(&[("B", "b")]));
        check("/{B}?list-type=2", "/b", "list-type=1", None);
        check("/{B}?x-id=Get", "/b", "", Some(&[("B", "b")]));
    }

    #[test]
    fn the_more_literal_template_is_tried_first() {
        let mut uris = ["/{B}/{K+}", "/{B}", "/a/{K+}", "/a/b", "/{B}?acl", "/a/{C}", "/v{B}"];
        uris.sort_by_cached_key(|uri| Template::parse(uri).order());
        assert_eq!(uris, ["/a/b", "/a/{C}", "/a/{K+}", "/v{B}", "/{B}?acl", "/{B}", "/{B}/{K+}"]);
    }

    #[test]
    fn a_parameter_or_a_header_tells_operations_of_one_path_apart() {
        let key = |method, operation| Binding::new(method, "/{B}/{K+}", operation);
        let part = |operation| Binding::new("PUT", "/{B}/{K+}?part", operation);
        let router = Router::new([
            key("PUT", "Put"),
            key("PUT", "Copy").with_header("source"),
            part("Part"),
            part("PartCopy").with_header("source"),
            key("GET", "Get"),
            key("GET", "GetLater"),
        ]);
        let find = |method, query, header| {
            let found = router.find(&method, "/b/k", query, |name| name == header);
            found.map(|(operation, _)| operation)
        };
        assert_eq!(find(Method::PUT, "", ""), Some("Put"));
        assert_eq!(find(Method::PUT, "", "source"), Some("Copy"));
        assert_eq!(find(Method::PUT, "part=1", ""), Some("Part"));
        assert_eq!(find(Method::PUT, "part=1", "source"), Some("PartCopy"));
        assert_eq!(find(Method::GET, "", ""), Some("Get"));
        assert_eq!(find(Method::DELETE, "", ""), None);
    }
}
