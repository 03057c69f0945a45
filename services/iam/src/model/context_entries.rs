//! The condition keys that a simulation is given, checked against the types they are said to have.

use std::collections::BTreeMap;
use std::net::IpAddr;

use base::Timestamp;
use base64::Engine;
use iam_api::{ContextEntry, ContextKeyTypeEnum};

use crate::error::Error;
use crate::model::simulation::ContextValue;

/// By key in lower case. Of a key that is there twice the later entry counts.
pub fn read(entries: &[ContextEntry]) -> Result<BTreeMap<String, ContextValue>, Error> {
    let mut context = BTreeMap::new();
    for entry in entries {
        let name = entry.context_key_name.as_deref().filter(|name| name.contains(':'));
        let name = name.ok_or_else(|| {
            let name = entry.context_key_name.as_deref().unwrap_or_default();
            Error::InvalidInput(format!("Invalid context key name: {name}"))
        })?;
        let values = entry.context_key_values.clone().unwrap_or_default();
        context.insert(name.to_ascii_lowercase(), value(name, values, entry.context_key_type.as_ref())?);
    }
    Ok(context)
}

fn value(name: &str, values: Vec<String>, kind: Option<&ContextKeyTypeEnum>) -> Result<ContextValue, Error> {
    let kind = kind.unwrap_or(&ContextKeyTypeEnum::String);
    let (is_list, reads): (bool, fn(&str) -> bool) = match kind {
        ContextKeyTypeEnum::String => (false, |_| true),
        ContextKeyTypeEnum::StringList => (true, |_| true),
        ContextKeyTypeEnum::Numeric => (false, is_number),
        ContextKeyTypeEnum::NumericList => (true, is_number),
        ContextKeyTypeEnum::Boolean => (false, is_boolean),
        ContextKeyTypeEnum::BooleanList => (true, is_boolean),
        ContextKeyTypeEnum::Ip => (false, is_address),
        ContextKeyTypeEnum::IpList => (true, is_address),
        ContextKeyTypeEnum::Binary => (false, is_base64),
        ContextKeyTypeEnum::BinaryList => (true, is_base64),
        ContextKeyTypeEnum::Date => (false, is_date),
        ContextKeyTypeEnum::DateList => (true, is_date),
        ContextKeyTypeEnum::Unknown(kind) => {
            return Err(Error::InvalidInput(format!("Invalid context key type: {kind}")));
        }
    };
    if let Some(wrong) = values.iter().find(|value| !reads(value)) {
        let kind = kind.as_str();
        return Err(Error::InvalidInput(format!(
            "Invalid value {wrong} for context key {name} of type {kind}"
        )));
    }
    match <[String; 1]>::try_from(values) {
        Ok([value]) if !is_list => Ok(ContextValue::One(value)),
        Ok([value]) => Ok(ContextValue::Many(vec![value])),
        Err(values) if is_list => Ok(ContextValue::Many(values)),
        Err(_) => Err(Error::InvalidInput(format!("Context key {name} takes exactly one value"))),
    }
}

fn is_number(value: &str) -> bool {
    value.parse::<f64>().is_ok()
}

fn is_boolean(value: &str) -> bool {
    value.eq_ignore_ascii_case("true") || value.eq_ignore_ascii_case("false")
}

fn is_base64(value: &str) -> bool {
    base64::engine::general_purpose::STANDARD.decode(value).is_ok()
}

/// A moment, or seconds of the epoch.
fn is_date(value: &str) -> bool {
    let is_day = || jiff::civil::Date::strptime("%Y-%m-%d", value).is_ok();
    Timestamp::parse_iso8601(value).is_some() || is_number(value) || is_day()
}

/// An address, or a block of them.
fn is_address(value: &str) -> bool {
    let (address, bits) = value.split_once('/').unwrap_or((value, "0"));
    let Ok(address) = address.parse::<IpAddr>() else { return false };
    let bits_max = if address.is_ipv4() { 32 } else { 128 };
    bits.parse::<u8>().is_ok_and(|bits| bits <= bits_max)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(kind: ContextKeyTypeEnum, values: &[&str]) -> ContextEntry {
        ContextEntry {
            context_key_name: Some("aws:Key".to_owned()),
            context_key_values: Some(values.iter().map(|value| (*value).to_owned()).collect()),
            context_key_type: Some(kind),
        }
    }

    #[test]
    fn values_are_what_their_type_says() {
        use ContextKeyTypeEnum::*;
        for (kind, good, bad) in [
            (Numeric, "1.5", "one"),
            (Boolean, "True", "yes"),
            (Ip, "10.0.0.0/8", "10.0.0.0/33"),
            (Ip, "2001:db8::1", "2001::g"),
            (Date, "2019-04-25T11:00:00Z", "soon"),
            (Binary, "AAAA", "%"),
        ] {
            let read_back = read(&[entry(kind.clone(), &[good])]).unwrap();
            assert_eq!(read_back["aws:key"], ContextValue::One(good.to_owned()));
            assert!(read(&[entry(kind, &[bad])]).is_err(), "{bad}");
        }
    }

    #[test]
    fn only_lists_have_several_values() {
        let two = read(&[entry(ContextKeyTypeEnum::StringList, &["a", "b"])]).unwrap();
        assert_eq!(two["aws:key"], ContextValue::Many(vec!["a".to_owned(), "b".to_owned()]));
        assert!(read(&[entry(ContextKeyTypeEnum::String, &["a", "b"])]).is_err());
        assert!(read(&[entry(ContextKeyTypeEnum::String, &[])]).is_err());
    }
}
