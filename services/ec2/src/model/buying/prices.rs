//! Prices as facts: those of us-east-1, each with its source in the file it lies in. What has none there has no price;
//! nothing is made up, and usage elsewhere is told at these prices and said to be.
//!
//! Money is counted in billionths of a dollar: prices have six decimals at most, and products of them stay whole.

const ON_DEMAND: &str = include_str!("on_demand.txt");
const OTHER: &str = include_str!("other.txt");

/// Where the prices are of.
pub const REGION: &str = "us-east-1";

/// Billionths of a US dollar.
pub type Nanos = u64;

const DECIMALS: usize = 9;

/// What one unit costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    pub unit: Unit,
    pub nanos: Nanos,
}

/// What a price is for: one of something for an hour or for a month, or a gigabyte moved once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Hour,
    Month(&'static str),
    Gigabyte,
}

impl Unit {
    pub const fn name(self) -> &'static str {
        match self {
            Unit::Hour => "hours",
            Unit::Month(name) => name,
            Unit::Gigabyte => "GB",
        }
    }
}

/// The price of an hour of Linux on this type.
pub fn on_demand(instance_type: &str) -> Option<Nanos> {
    let (family, size) = instance_type.split_once('.')?;
    let line = facts(ON_DEMAND).find(|line| line.split(' ').next() == Some(family))?;
    let sizes = line.split(' ').skip(1).filter_map(|word| word.split_once('='));
    sizes.filter(|(known, _)| *known == size).find_map(|(_, price)| parse(price))
}

/// The types that have a price, family by family.
pub fn types() -> impl Iterator<Item = String> {
    facts(ON_DEMAND).flat_map(|line| {
        let family = line.split(' ').next().unwrap_or_default();
        let sizes = line.split(' ').skip(1).filter_map(|word| word.split_once('='));
        sizes.map(move |(size, _)| format!("{family}.{size}"))
    })
}

/// The price of what is no instance: `volume:gp3`, `address:public`.
pub fn rate(item: &str) -> Option<Rate> {
    let mut words = facts(OTHER).find(|line| line.split(' ').next() == Some(item))?.split(' ').skip(1);
    let unit = match words.next()? {
        "hour" => Unit::Hour,
        "GB" => Unit::Gigabyte,
        month => Unit::Month(month),
    };
    Some(Rate { unit, nanos: parse(words.next()?)? })
}

fn facts(text: &'static str) -> impl Iterator<Item = &'static str> {
    text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// Dollars as a decimal fraction. Finer digits than billionths are cut.
pub fn parse(text: &str) -> Option<Nanos> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty()) || !is_number(whole) || !is_number(fraction) {
        return None;
    }
    let digits: String = fraction.chars().chain("000000000".chars()).take(DECIMALS).collect();
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    whole.checked_mul(1_000_000_000)?.checked_add(digits.parse().ok()?)
}

/// `0.003100`, the way prices are written in answers.
pub fn shown(nanos: Nanos) -> String {
    format!("{}.{:06}", nanos / 1_000_000_000, nanos % 1_000_000_000 / 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::types::InstanceTypes;

    #[test]
    fn what_was_looked_up_has_a_price_and_nothing_else_has() {
        for (name, expected) in [
            ("t3.micro", Some(10_400_000)),
            ("m5.large", Some(96_000_000)),
            ("p4d.24xlarge", Some(21_957_642_000)),
            ("c7i-flex.large", Some(84_790_000)),
            ("t3.pico", None),
            ("mac1.metal", None),
            ("t3", None),
        ] {
            assert_eq!(on_demand(name), expected, "{name}");
        }
        assert_eq!(rate("volume:gp3"), Some(Rate { unit: Unit::Month("GB-month"), nanos: 80_000_000 }));
        assert_eq!(rate("address:public").unwrap().unit, Unit::Hour);
        assert_eq!(rate("volume:gp9"), None);
    }

    #[test]
    fn every_price_is_of_a_type_that_exists() {
        let known = InstanceTypes::default();
        let all: Vec<String> = types().collect();
        assert!(all.len() > 400, "{}", all.len());
        // Those AWS has retired since are still priced; they are few.
        let gone: Vec<&String> = all.iter().filter(|name| !known.has(name)).collect();
        assert!(gone.len() < 40, "{gone:?}");
        assert!(all.iter().all(|name| on_demand(name).is_some_and(|price| price > 0)));
    }

    #[test]
    fn decimal_fractions_are_read_exactly() {
        for (text, expected) in [
            ("0.0104", Some(10_400_000)),
            ("1", Some(1_000_000_000)),
            (".5", Some(500_000_000)),
            ("21.957642", Some(21_957_642_000)),
            ("0.00000000099", Some(0)),
            ("", None),
            (".", None),
            ("-1", None),
            ("1e3", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(parse(text), expected, "{text}");
        }
        assert_eq!(shown(3_100_000), "0.003100");
    }
}
