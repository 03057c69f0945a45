//! Lists in headers: commas between items, quotes around items that hold commas or quotes.

use std::borrow::Cow;

use schema::{Kind, Member, TimestampFormat};

/// Splits the value of a header into the items of a list.
pub(crate) fn split<'v>(value: &'v str, element: &Member) -> Vec<Cow<'v, str>> {
    let dates = matches!(element.shape.kind, Kind::Timestamp(_))
        && element.timestamp_format_or(TimestampFormat::HttpDate) == TimestampFormat::HttpDate;
    if dates { split_dates(value) } else { split_quoted(value) }
}

/// A date holds one comma itself, behind the day's name.
fn split_dates(value: &str) -> Vec<Cow<'_, str>> {
    let mut items = Vec::new();
    let mut rest = value;
    while !rest.trim().is_empty() {
        let end = rest.match_indices(',').nth(1).map_or(rest.len(), |(index, _)| index);
        items.push(Cow::Borrowed(rest[..end].trim()));
        rest = rest[end..].strip_prefix(',').unwrap_or("");
    }
    items
}

fn split_quoted(value: &str) -> Vec<Cow<'_, str>> {
    let mut items = Vec::new();
    let mut rest = value.trim();
    while !rest.is_empty() {
        let (item, behind) = match rest.strip_prefix('"') {
            Some(quoted) => unquote(quoted),
            None => rest.split_once(',').map_or((Cow::Borrowed(rest.trim()), ""), |(item, behind)| {
                (Cow::Borrowed(item.trim()), behind)
            }),
        };
        items.push(item);
        rest = behind.trim_start();
    }
    items
}

/// Reads up to the closing quote, and returns what stands behind the next comma.
fn unquote(quoted: &str) -> (Cow<'_, str>, &str) {
    let mut item = String::new();
    let mut chars = quoted.char_indices();
    while let Some((index, char)) = chars.next() {
        match char {
            '"' => {
                let behind = quoted[index + 1..].trim_start();
                return (Cow::Owned(item), behind.strip_prefix(',').unwrap_or(behind));
            }
            '\\' => item.extend(chars.next().map(|(_, escaped)| escaped)),
            other => item.push(other),
        }
    }
    (Cow::Owned(item), "")
}

/// Joins the items of a list of an element's kind.
pub(crate) fn join(items: &[String], element: &Member) -> String {
    let quotable = matches!(element.shape.kind, Kind::String | Kind::Enum(_));
    let quoted = items.iter().map(|item| {
        if quotable && item.contains(['"', ',']) {
            Cow::Owned(format!("\"{}\"", item.replace('\\', "\\\\").replace('"', "\\\"")))
        } else {
            Cow::Borrowed(item.as_str())
        }
    });
    quoted.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use schema::Shape;

    use super::*;

    static STRING: Shape = Shape::new("String", Kind::String);
    static MOMENT: Shape = Shape::new("Moment", Kind::Timestamp(None));
    static TEXT: Member = Member::new("member", &STRING);
    static DATE: Member = Member::new("member", &MOMENT);

    #[test]
    fn quoted_items_keep_their_commas() {
        assert_eq!(split(r#"a, "b,c", "\"def\"",g"#, &TEXT), ["a", "b,c", "\"def\"", "g"]);
        assert_eq!(split("", &TEXT), Vec::<String>::new());
        assert_eq!(split("\"open", &TEXT), ["open"]);
        let items = ["a", "b,c", "d\"e", "f"].map(str::to_owned);
        assert_eq!(split(&join(&items, &TEXT), &TEXT), items);
    }

    #[test]
    fn dates_are_split_at_every_second_comma() {
        let date = "Mon, 16 Dec 2019 23:48:18 GMT";
        assert_eq!(split(&format!("{date}, {date}"), &DATE), [date, date]);
    }
}
