//! The cron expressions of rotation schedules: `cron(0 hours day-of-month month day-of-week *)`.
//!
//! "Rotation schedules" of the user guide: windows open on the hour, so the minutes are 0; the year is `*`; days are
//! named by month or by week, and the other field is `?`. Sunday is 1. All times are UTC.

use jiff::civil::Date;

/// When rotation windows open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cron {
    /// The hours of a day, ascending.
    pub hours: Vec<i8>,
    months: Vec<i8>,
    days: Days,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Days {
    OfMonth { days: Vec<i8>, last: bool },
    OfWeek { days: Vec<i8>, last: Vec<i8>, nth: Vec<(i8, i8)> },
}

const MONTHS: [&str; 12] =
    ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

impl Cron {
    /// Reads what stands between the parentheses.
    pub fn parse(text: &str) -> Option<Cron> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minutes, hours, of_month, month, of_week, year] = fields[..] else { return None };
        if minutes != "0" || year != "*" {
            return None;
        }
        let days = match (of_month, of_week) {
            ("?", "?") => return None,
            (of_month, "?") => days_of_month(of_month)?,
            ("?", of_week) => days_of_week(of_week)?,
            _ => return None,
        };
        let hours = Field { from: 0, to: 23, names: &[] }.read(hours)?;
        let months = Field { from: 1, to: 12, names: &MONTHS }.read(month)?;
        Some(Cron { hours, months, days })
    }

    /// Whether windows open on a day.
    pub fn is_on(&self, date: Date) -> bool {
        if !self.months.contains(&date.month()) {
            return false;
        }
        let days_left = date.days_in_month() - date.day();
        match &self.days {
            Days::OfMonth { days, last } => days.contains(&date.day()) || (*last && days_left == 0),
            Days::OfWeek { days, last, nth } => {
                let weekday = date.weekday().to_sunday_one_offset();
                days.contains(&weekday)
                    || (last.contains(&weekday) && days_left < 7)
                    || nth.contains(&(weekday, (date.day() - 1) / 7 + 1))
            }
        }
    }
}

fn days_of_month(text: &str) -> Option<Days> {
    let (last, rest): (Vec<&str>, Vec<&str>) = text.split(',').partition(|item| *item == "L");
    let field = Field { from: 1, to: 31, names: &[] };
    let days = if rest.is_empty() { Vec::new() } else { field.read(&rest.join(","))? };
    Some(Days::OfMonth { days, last: !last.is_empty() })
}

fn days_of_week(text: &str) -> Option<Days> {
    let field = Field { from: 1, to: 7, names: &WEEKDAYS };
    let (mut days, mut last, mut nth) = (Vec::new(), Vec::new(), Vec::new());
    for item in text.split(',') {
        if item == "L" {
            days.push(7);
        } else if let Some(day) = item.strip_suffix('L') {
            last.push(field.number(day)?);
        } else if let Some((day, number)) = item.split_once('#') {
            nth.push((field.number(day)?, Field { from: 1, to: 5, names: &[] }.number(number)?));
        } else {
            days.extend(field.read(item)?);
        }
    }
    Some(Days::OfWeek { days, last, nth })
}

/// What one field may hold.
struct Field {
    from: i8,
    to: i8,
    names: &'static [&'static str],
}

impl Field {
    /// `*`, numbers, ranges, increments, and lists of these; the numbers they stand for, ascending.
    fn read(&self, text: &str) -> Option<Vec<i8>> {
        let mut numbers = Vec::new();
        for item in text.split(',') {
            let (range, step) = match item.split_once('/') {
                Some((range, step)) => (range, Some(step.parse::<i8>().ok().filter(|step| *step > 0)?)),
                None => (item, None),
            };
            let (from, to) = match range.split_once('-') {
                _ if range == "*" => (self.from, self.to),
                Some((from, to)) => (self.number(from)?, self.number(to)?),
                // An increment goes on to the end of the field.
                None if step.is_some() => (self.number(range)?, self.to),
                None => (self.number(range)?, self.number(range)?),
            };
            if from > to {
                return None;
            }
            numbers.extend((from..=to).step_by(step.unwrap_or(1).unsigned_abs().into()));
        }
        numbers.sort_unstable();
        numbers.dedup();
        Some(numbers)
    }

    fn number(&self, text: &str) -> Option<i8> {
        let named = self.names.iter().position(|name| name.eq_ignore_ascii_case(text));
        let number = match named {
            Some(position) => i8::try_from(position).ok()? + 1,
            None => text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))?,
        };
        (self.from..=self.to).contains(&number).then_some(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(text: &str, year: i16, month: i8) -> Vec<i8> {
        let cron = Cron::parse(text).expect(text);
        let first = Date::constant(year, month, 1);
        (1..=first.days_in_month()).filter(|day| cron.is_on(Date::constant(year, month, *day))).collect()
    }

    #[test]
    fn days_are_found_by_month_and_by_week() {
        // November 2026 begins on a Sunday.
        for (text, expected) in [
            ("0 8 1,15 * ? *", vec![1, 15]),
            ("0 16 L * ? *", vec![30]),
            ("0 0 ? * SUN#1 *", vec![1]),
            ("0 0 ? * 6L *", vec![27]),
            ("0 0 ? * L *", vec![7, 14, 21, 28]),
            ("0 0 ? 11 MON-TUE *", vec![2, 3, 9, 10, 16, 17, 23, 24, 30]),
            ("0 10 ? JAN-FEB TUE#2 *", vec![]),
            ("0 8 1/7 * ? *", vec![1, 8, 15, 22, 29]),
        ] {
            assert_eq!(days(text, 2026, 11), expected, "{text}");
        }
    }

    #[test]
    fn hours_can_be_lists_ranges_and_increments() {
        for (hours, expected) in
            [("8/8", vec![8, 16]), ("2/10", vec![2, 12, 22]), ("1,5", vec![1, 5]), ("0-2", vec![0, 1, 2])]
        {
            assert_eq!(Cron::parse(&format!("0 {hours} * * ? *")).unwrap().hours, expected, "{hours}");
        }
        assert_eq!(Cron::parse("0 * * * ? *").unwrap().hours.len(), 24);
    }

    #[test]
    fn what_secrets_manager_has_no_windows_for_is_refused() {
        for bad in [
            "5 8 * * ? *",
            "* 8 * * ? *",
            "0 8 * * ? 2027",
            "0 8 * * * *",
            "0 8 ? * ? *",
            "0 24 * * ? *",
            "0 8 0 * ? *",
            "0 8 * 13 ? *",
            "0 8 ? * 8 *",
            "0 8 ? * MON#6 *",
            "0 8/0 * * ? *",
            "0 9-8 * * ? *",
            "0 8 * * ?",
            "",
        ] {
            assert_eq!(Cron::parse(bad), None, "{bad}");
        }
    }
}
