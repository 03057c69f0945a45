//! Versions of the tree, and what a request's path means.

use percent_encoding::percent_decode_str;

/// The versions there are; each shows what there was in its day. As listed by AWS in 2025.
pub const VERSIONS: &[&str] = &[
    "1.0",
    "2007-01-19",
    "2007-03-01",
    "2007-08-29",
    "2007-10-10",
    "2007-12-15",
    "2008-02-01",
    "2008-09-01",
    "2009-04-04",
    "2011-01-01",
    "2011-05-01",
    "2012-01-12",
    "2014-02-25",
    "2014-11-05",
    "2015-10-20",
    "2016-04-19",
    "2016-06-30",
    "2016-09-02",
    "2018-03-28",
    "2018-08-17",
    "2018-09-24",
    "2019-10-01",
    "2020-10-27",
    "2021-01-03",
    "2021-03-23",
    "2021-07-15",
    "2022-09-24",
    "2024-04-11",
    LATEST,
];

/// Sorts behind all dates, and so has seen everything.
pub const LATEST: &str = "latest";

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// `/`: the list of versions.
    Versions,
    /// `/latest/api/token`
    Token,
    /// `/latest/user-data`
    UserData,
    /// Something in the tree of this version: `meta-data/ami-id`, `dynamic`, or nothing for its root.
    Tree {
        version: &'static str,
        path: String,
        /// The path ends in a slash, so that it can only be a list.
        list: bool,
    },
    /// Not even a version.
    Nowhere,
}

/// Reads a path as it was sent. Repeated slashes count as one.
pub fn target(path: &str) -> Target {
    let list = path.ends_with('/');
    let mut segments = path.split('/').filter(|segment| !segment.is_empty());
    let Some(version) = segments.next() else { return Target::Versions };
    let Some(version) = VERSIONS.iter().find(|known| **known == version) else { return Target::Nowhere };
    let mut decoded = Vec::new();
    for segment in segments {
        match percent_decode_str(segment).decode_utf8() {
            Ok(segment) => decoded.push(segment),
            Err(_) => return Target::Nowhere,
        }
    }
    let path = decoded.join("/");
    match path.as_str() {
        "api/token" if *version == LATEST && !list => Target::Token,
        "user-data" if !list => Target::UserData,
        _ => Target::Tree { version, path, list },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(version: &'static str, path: &str, list: bool) -> Target {
        Target::Tree { version, path: path.to_owned(), list }
    }

    #[test]
    fn paths_are_read_by_their_segments() {
        let rows = [
            ("/", Target::Versions),
            ("", Target::Versions),
            ("//", Target::Versions),
            ("/latest", tree("latest", "", false)),
            ("/latest/", tree("latest", "", true)),
            ("/latest/api/token", Target::Token),
            ("/latest//api/token", Target::Token),
            ("/latest/api/token/", tree("latest", "api/token", true)),
            ("/2021-03-23/api/token", tree("2021-03-23", "api/token", false)),
            ("/latest/user-data", Target::UserData),
            ("/1.0/user-data", Target::UserData),
            ("/latest/user-data/", tree("latest", "user-data", true)),
            ("/latest/meta-data/", tree("latest", "meta-data", true)),
            ("//latest/meta-data//ami-id", tree("latest", "meta-data/ami-id", false)),
            ("/latest/meta-data/tags/instance/a%2Bb", tree("latest", "meta-data/tags/instance/a+b", false)),
            ("/2009-04-04/meta-data/mac", tree("2009-04-04", "meta-data/mac", false)),
            ("/2009-04-05/meta-data/mac", Target::Nowhere),
            ("/Latest/", Target::Nowhere),
            ("/latest/meta-data/%ff", Target::Nowhere),
            ("/favicon.ico", Target::Nowhere),
        ];
        for (path, expected) in rows {
            assert_eq!(target(path), expected, "{path}");
        }
    }

    #[test]
    fn versions_are_in_order() {
        assert!(VERSIONS.is_sorted());
    }
}
