//! Reads the expressions of a request, in the order in which DynamoDB complains about them: the placeholders
//! themselves, each expression, then what was given in vain.

use std::collections::BTreeMap;

use dynamodb_api::AttributeValue;
use item_engine::expression::{Condition, KeyCondition, Kind, Placeholders, Projection, Update};

use crate::error::Error;
use crate::model::parameters::{Names, expression_values};

/// The expressions of one request, which share their placeholders.
pub struct Expressions {
    placeholders: Placeholders,
}

impl Expressions {
    pub fn new(
        names: Option<Names>,
        values: Option<BTreeMap<String, AttributeValue>>,
    ) -> Result<Expressions, Error> {
        if let Some(names) = &names {
            Placeholders::check_names(names)?;
        }
        if let Some(values) = &values {
            Placeholders::check_value_keys(values.keys().map(String::as_str))?;
        }
        let values = expression_values(values)?;
        let placeholders = Placeholders::new(names.unwrap_or_default(), values.unwrap_or_default());
        Ok(Expressions { placeholders })
    }

    pub fn condition(&mut self, text: Option<&str>) -> Result<Option<Condition>, Error> {
        self.read(text, |text, placeholders| Condition::parse(Kind::Condition, text, placeholders))
    }

    pub fn filter(&mut self, text: Option<&str>) -> Result<Option<Condition>, Error> {
        self.read(text, |text, placeholders| Condition::parse(Kind::Filter, text, placeholders))
    }

    pub fn key_condition(&mut self, text: Option<&str>) -> Result<Option<KeyCondition>, Error> {
        self.read(text, KeyCondition::parse)
    }

    pub fn projection(&mut self, text: Option<&str>) -> Result<Option<Projection>, Error> {
        self.read(text, Projection::parse)
    }

    pub fn update(&mut self, text: Option<&str>) -> Result<Option<Update>, Error> {
        self.read(text, Update::parse)
    }

    fn read<T>(
        &mut self,
        text: Option<&str>,
        parse: impl FnOnce(&str, &mut Placeholders) -> Result<T, item_engine::ExpressionError>,
    ) -> Result<Option<T>, Error> {
        Ok(text.map(|text| parse(text, &mut self.placeholders)).transpose()?)
    }

    /// To be called behind the last expression.
    pub fn finish(self) -> Result<(), Error> {
        Ok(self.placeholders.check_used()?)
    }
}
