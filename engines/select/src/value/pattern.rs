//! The format patterns of TO_STRING and TO_TIMESTAMP: the symbols of the page "Date functions".

use jiff::civil::{Date, DateTime, Time};

use super::timestamp::{SqlTimestamp, nanoseconds, offset_text, parse_offset};
use crate::error::{Code, SelectError};

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// Two-digit years from here on are of the 20th century.
const CENTURY_PIVOT: i64 = 70;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern(Vec<Item>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Item {
    Literal(String),
    /// A letter, and how many times it stands there.
    Symbol(char, usize),
}

impl Pattern {
    pub(crate) fn parse(text: &str) -> Result<Pattern, SelectError> {
        let mut items: Vec<Item> = Vec::new();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            if first == '\'' {
                let (literal, after) = quoted(&rest[1..])?;
                push_literal(&mut items, &literal);
                rest = after;
            } else if first.is_ascii_alphabetic() {
                let count = rest.chars().take_while(|next| *next == first).count();
                items.push(symbol(first, count)?);
                rest = &rest[count..];
            } else {
                push_literal(&mut items, first.encode_utf8(&mut [0; 4]));
                rest = &rest[first.len_utf8()..];
            }
        }
        Ok(Pattern(items))
    }

    pub(crate) fn format(&self, timestamp: &SqlTimestamp) -> String {
        let mut out = String::new();
        for item in &self.0 {
            match item {
                Item::Literal(text) => out.push_str(text),
                Item::Symbol(letter, count) => out.push_str(&field(*letter, *count, timestamp)),
            }
        }
        out
    }

    /// Reads what [`Pattern::format`] writes.
    pub(crate) fn read(&self, text: &str) -> Result<SqlTimestamp, SelectError> {
        self.check_for_reading()?;
        self.read_fields(text).ok_or_else(|| Code::ValueParseFailure.into())
    }

    fn check_for_reading(&self) -> Result<(), SelectError> {
        let symbols: Vec<(char, usize)> = self
            .0
            .iter()
            .filter_map(|item| match item {
                Item::Symbol(letter, count) => Some((*letter, *count)),
                Item::Literal(_) => None,
            })
            .collect();
        let times = |letters: &[char]| symbols.iter().filter(|(letter, _)| letters.contains(letter)).count();
        if symbols.contains(&('M', 5)) {
            return Err(Code::EvaluatorInvalidTimestampFormatPatternSymbolForParsing.into());
        }
        let fields: [&[char]; 8] =
            [&['y'], &['M'], &['d'], &['h', 'H'], &['m'], &['s'], &['S', 'n'], &['x', 'X']];
        if fields.iter().any(|letters| times(letters) > 1) || times(&['a']) > 1 {
            return Err(Code::EvaluatorTimestampFormatPatternDuplicateFields.into());
        }
        if (times(&['h']) > 0) != (times(&['a']) > 0) {
            return Err(Code::EvaluatorTimestampFormatPatternHourClockAmPmMismatch.into());
        }
        // What is finer asks for all that is coarser.
        let present = [times(&['y']), times(&['M']), times(&['d']), times(&['h', 'H']), times(&['m'])];
        let coarser_first = present.windows(2).all(|pair| pair[0] >= pair[1]);
        let seconds = times(&['s']) > 0 || times(&['S', 'n']) > 0;
        if present[0] == 0 || !coarser_first || (seconds && present[4] == 0) {
            return Err(Code::EvaluatorInvalidTimestampFormatPattern.into());
        }
        Ok(())
    }

    fn read_fields(&self, text: &str) -> Option<SqlTimestamp> {
        let mut read = Fields::default();
        let mut rest = text;
        for item in &self.0 {
            rest = match item {
                Item::Literal(literal) => rest.strip_prefix(literal.as_str())?,
                Item::Symbol(letter, count) => read.field(*letter, *count, rest)?,
            };
        }
        if rest.is_empty() { read.timestamp() } else { None }
    }
}

/// Up to the closing quote; two quotes are one, and nothing between them is one too.
fn quoted(text: &str) -> Result<(String, &str), SelectError> {
    if let Some(after) = text.strip_prefix('\'') {
        return Ok((String::from("'"), after));
    }
    let mut literal = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        if character != '\'' {
            literal.push(character);
        } else if text[at + 1..].starts_with('\'') {
            literal.push('\'');
            characters.next();
        } else {
            return Ok((literal, &text[at + 1..]));
        }
    }
    Err(Code::EvaluatorUnterminatedTimestampFormatPatternToken.into())
}

fn push_literal(items: &mut Vec<Item>, text: &str) {
    match items.last_mut() {
        Some(Item::Literal(literal)) => literal.push_str(text),
        _ => items.push(Item::Literal(String::from(text))),
    }
}

fn symbol(letter: char, count: usize) -> Result<Item, SelectError> {
    let valid = match letter {
        'y' => matches!(count, 1 | 2 | 4),
        'M' | 'X' | 'x' => count <= 5,
        'd' | 'h' | 'H' | 'm' | 's' => count <= 2,
        'S' => count <= 9,
        'a' | 'n' => count == 1,
        _ => return Err(Code::EvaluatorInvalidTimestampFormatPatternSymbol.into()),
    };
    if valid {
        Ok(Item::Symbol(letter, count))
    } else {
        Err(Code::EvaluatorInvalidTimestampFormatPatternToken.into())
    }
}

fn field(letter: char, count: usize, timestamp: &SqlTimestamp) -> String {
    let at = timestamp.local();
    let padded = |value: i8| format!("{value:0count$}");
    let month = MONTHS[usize::from(at.month().unsigned_abs()) - 1];
    match (letter, count) {
        ('y', 2) => format!("{:02}", at.year() % 100),
        ('y', _) => format!("{:0count$}", at.year()),
        ('M', 3) => String::from(&month[..3]),
        ('M', 4) => String::from(month),
        ('M', 5) => String::from(&month[..1]),
        ('M', _) => padded(at.month()),
        ('d', _) => padded(at.day()),
        ('h', _) => padded((at.hour() + 11) % 12 + 1),
        ('H', _) => padded(at.hour()),
        ('a', _) => String::from(if at.hour() < 12 { "AM" } else { "PM" }),
        ('m', _) => padded(at.minute()),
        ('s', _) => padded(at.second()),
        ('S', _) => format!("{:09}", at.subsec_nanosecond())[..count].to_owned(),
        ('n', _) => at.subsec_nanosecond().to_string(),
        _ => offset_field(letter, count, timestamp.offset_minutes().unwrap_or(0)),
    }
}

/// The capital shows no offset as `Z`. One letter shows minutes only where there are some.
fn offset_field(letter: char, count: usize, minutes: i32) -> String {
    match count {
        _ if letter == 'X' && minutes == 0 => String::from("Z"),
        1 if minutes % 60 == 0 => offset_text(minutes, "")[..3].to_owned(),
        3 | 5 => offset_text(minutes, ":"),
        _ => offset_text(minutes, ""),
    }
}

/// What has been read so far.
#[derive(Default)]
struct Fields {
    year: Option<i64>,
    month: Option<i64>,
    day: Option<i64>,
    hour: Option<i64>,
    afternoon: Option<bool>,
    minute: Option<i64>,
    second: Option<i64>,
    nanosecond: i32,
    fraction_digits: usize,
    offset: Option<i32>,
}

impl Fields {
    /// Reads one field, and gives what follows it.
    fn field<'t>(&mut self, letter: char, count: usize, text: &'t str) -> Option<&'t str> {
        let (least, most) = if count == 1 { (1, 2) } else { (count, count) };
        let slot = match (letter, count) {
            ('y', 1) => return number(text, 1, 4).map(|(year, rest)| (self.year = Some(year), rest).1),
            ('y', 2) => {
                let (year, rest) = number(text, 2, 2)?;
                self.year = Some(year + if year >= CENTURY_PIVOT { 1900 } else { 2000 });
                return Some(rest);
            }
            ('y', _) => &mut self.year,
            ('M', 3 | 4) => {
                let (month, rest) = month(text, count)?;
                self.month = Some(month);
                return Some(rest);
            }
            ('M', _) => &mut self.month,
            ('d', _) => &mut self.day,
            ('h' | 'H', _) => &mut self.hour,
            ('m', _) => &mut self.minute,
            ('s', _) => &mut self.second,
            ('a', _) => {
                let half = text.get(..2)?;
                self.afternoon = Some(half.eq_ignore_ascii_case("PM"));
                return (self.afternoon == Some(true) || half.eq_ignore_ascii_case("AM")).then(|| &text[2..]);
            }
            ('S', _) => {
                self.nanosecond = nanoseconds(text.get(..count)?)?;
                self.fraction_digits = count;
                return Some(&text[count..]);
            }
            ('n', _) => {
                let (nanos, rest) = number(text, 1, 9)?;
                self.nanosecond = nanos as i32;
                self.fraction_digits = 9;
                return Some(rest);
            }
            _ => return self.read_offset(letter, count, text),
        };
        let (value, rest) = number(text, least, most)?;
        *slot = Some(value);
        Some(rest)
    }

    fn read_offset<'t>(&mut self, letter: char, count: usize, text: &'t str) -> Option<&'t str> {
        if letter == 'X' && text.starts_with('Z') {
            self.offset = Some(0);
            return Some(&text[1..]);
        }
        let digits = text.get(1..)?;
        let separated = digits.get(2..).is_some_and(|rest| rest.starts_with(':'));
        let minutes_at = if matches!(count, 3 | 5) && separated { 3 } else { 2 };
        let hours = digits.get(..2)?;
        let minutes = digits.get(minutes_at..minutes_at + 2).filter(|_| count != 1 || digits.len() >= 4);
        let minutes = minutes.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
        let length = if minutes.is_some() { 1 + minutes_at + 2 } else { 3 };
        if minutes.is_none() && count != 1 {
            return None;
        }
        let normal = format!("{}{hours}:{}", text.get(..1)?, minutes.unwrap_or("00"));
        self.offset = Some(parse_offset(&normal)?.unwrap_or(0));
        Some(&text[length..])
    }

    /// To the precision of the finest field.
    fn timestamp(self) -> Option<SqlTimestamp> {
        let year = self.year?;
        let Some(hour) = self.hour else {
            return SqlTimestamp::parse(&match (self.month, self.day) {
                (None, _) => format!("{year:04}T"),
                (Some(month), None) => format!("{year:04}-{month:02}T"),
                (Some(month), Some(day)) => format!("{year:04}-{month:02}-{day:02}T"),
            });
        };
        let hour = match self.afternoon {
            None => hour,
            Some(_) if !(1..=12).contains(&hour) => return None,
            Some(afternoon) => hour % 12 + if afternoon { 12 } else { 0 },
        };
        let date = Date::new(year as i16, self.month? as i8, self.day? as i8).ok()?;
        let (minute, second) = (self.minute.unwrap_or(0), self.second.unwrap_or(0));
        let time = Time::new(hour as i8, minute as i8, second as i8, self.nanosecond).ok()?;
        SqlTimestamp::new(DateTime::from_parts(date, time), self.fraction_digits, self.offset)
    }
}

fn number(text: &str, least: usize, most: usize) -> Option<(i64, &str)> {
    let length = text.bytes().take(most).take_while(u8::is_ascii_digit).count();
    if length < least {
        return None;
    }
    Some((text[..length].parse().ok()?, &text[length..]))
}

fn month(text: &str, count: usize) -> Option<(i64, &str)> {
    let named = |name: &str| {
        let name = if count == 3 { &name[..3] } else { name };
        text.get(..name.len()).filter(|start| start.eq_ignore_ascii_case(name)).map(str::len)
    };
    let (index, length) = MONTHS.iter().enumerate().find_map(|(index, name)| Some((index, named(name)?)))?;
    Some((index as i64 + 1, &text[length..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timestamp(text: &str) -> SqlTimestamp {
        SqlTimestamp::parse(text).expect("a timestamp")
    }

    /// The rows of the page "Date functions", and some more.
    #[test]
    fn a_timestamp_is_written_by_its_pattern() {
        for (at, pattern, expected) in [
            ("1969-07-20T20:18Z", "MMMM d, y", "July 20, 1969"),
            ("1969-07-20T20:18Z", "MMM d, yyyy", "Jul 20, 1969"),
            ("1969-07-20T20:18Z", "M-d-yy", "7-20-69"),
            ("1969-07-20T20:18Z", "MM-d-y", "07-20-1969"),
            ("1969-07-20T20:18Z", "MMMM d, y h:m a", "July 20, 1969 8:18 PM"),
            ("1969-07-20T20:18Z", "y-MM-dd'T'H:m:ssX", "1969-07-20T20:18:00Z"),
            ("1969-07-20T20:18+08:00", "y-MM-dd'T'H:m:ssXXXX", "1969-07-20T20:18:00+0800"),
            ("1969-07-20T20:18+08:00", "y-MM-dd'T'H:m:ssXXXXX", "1969-07-20T20:18:00+08:00"),
            ("1969-07-20T20:18+08:00", "X", "+08"),
            ("1969-07-20T20:18+05:30", "X", "+0530"),
            ("1969-07-20T20:18Z", "x xx xxx", "+00 +0000 +00:00"),
            ("1969-07-20T00:05:06.78Z", "hh:mm:ss.SSS a", "12:05:06.780 AM"),
            ("1969-07-20T12:05:06.78Z", "h a n", "12 PM 780000000"),
            ("1969-07-20T12:05Z", "MMMMM", "J"),
            ("1969-07-20T12:05Z", "'it''s' yyyy", "it's 1969"),
            ("1969-07-20T12:05Z", "''", "'"),
        ] {
            let pattern = Pattern::parse(pattern).expect("a pattern");
            assert_eq!(pattern.format(&timestamp(at)), expected, "{pattern:?}");
        }
    }

    #[test]
    fn a_text_is_read_by_its_pattern() {
        for (text, pattern, expected) in [
            ("July 20, 1969", "MMMM d, y", "1969-07-20"),
            ("7-20-69", "M-d-yy", "2069-07-20"),
            ("7-20-70", "M-d-yy", "1970-07-20"),
            ("July 20, 1969 8:18 PM", "MMMM d, y h:m a", "1969-07-20T20:18:00-00:00"),
            ("July 20, 1969 12:18 am", "MMMM d, y h:m a", "1969-07-20T00:18:00-00:00"),
            ("1969-07-20T20:18:00Z", "y-MM-dd'T'H:m:ssX", "1969-07-20T20:18:00Z"),
            ("1969-07-20T20:18:00.25+08:00", "y-MM-dd'T'H:m:ss.SSXXX", "1969-07-20T20:18:00.25+08:00"),
            ("1969-07-20T20:18:00-0330", "y-MM-dd'T'H:m:ssxx", "1969-07-20T20:18:00-03:30"),
            ("1969-07-20T20:18:00+08", "y-MM-dd'T'H:m:ssx", "1969-07-20T20:18:00+08:00"),
            ("1969", "yyyy", "1969T"),
            ("196907", "yyyyMM", "1969-07T"),
        ] {
            let read = Pattern::parse(pattern).and_then(|pattern| pattern.read(text));
            assert_eq!(read.expect("it fits").to_string(), expected, "{text} by {pattern}");
        }
    }

    #[test]
    fn patterns_that_say_nothing_sensible_are_refused_by_their_own_codes() {
        for (pattern, text, code) in [
            ("yyyyy", None, Code::EvaluatorInvalidTimestampFormatPatternToken),
            ("Q", None, Code::EvaluatorInvalidTimestampFormatPatternSymbol),
            ("y 'open", None, Code::EvaluatorUnterminatedTimestampFormatPatternToken),
            ("y MMMMM", Some("1969 J"), Code::EvaluatorInvalidTimestampFormatPatternSymbolForParsing),
            ("y yy", Some("1969 69"), Code::EvaluatorTimestampFormatPatternDuplicateFields),
            ("y-M-d h", Some("1969-1-1 1"), Code::EvaluatorTimestampFormatPatternHourClockAmPmMismatch),
            ("y-M-d H a", Some("1969-1-1 1 AM"), Code::EvaluatorTimestampFormatPatternHourClockAmPmMismatch),
            ("M-d", Some("1-1"), Code::EvaluatorInvalidTimestampFormatPattern),
            ("y-M-d", Some("1969-13-1"), Code::ValueParseFailure),
            ("y-M-d", Some("1969-1-1 and more"), Code::ValueParseFailure),
            ("y-M-dé", Some("1969-1-1é"), Code::ValueParseFailure),
        ] {
            let parsed = Pattern::parse(pattern);
            let result = parsed.and_then(|pattern| pattern.read(text.unwrap_or_default()));
            match result {
                Err(error) => assert_eq!(error.code(), code, "{pattern}"),
                Ok(_) => assert!(pattern.contains('é'), "{pattern} read {text:?}"),
            }
        }
    }
}
