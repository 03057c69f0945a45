//! What a PutParameter is to write: the request, laid over what there is.

use std::collections::BTreeMap;

use base::Timestamp;
use service::{Call, check_tags};
use ssm_api::{ParameterTier, PutParameterInput};
use store::Tx;

use super::sealing::DEFAULT_KEY;
use super::settings::current_value;
use super::tags;
use crate::error::Error;
use crate::limits::VERSIONS_MAX;
use crate::model::name::ParameterName;
use crate::model::policies::{self, ParameterPolicy};
use crate::model::setting::Setting;
use crate::model::tier::{Counts, Tier, Wish};
use crate::model::value::{Kind, TEXT, check_data_type, check_nesting, check_pattern};
use crate::records::{COUNTS, COUNTS_KEY, PARAMETERS, ParameterRecord, Place};

/// A request whose parts are good, whatever there is.
pub struct Draft {
    pub name: ParameterName,
    pub value: String,
    pub overwrite: bool,
    pub tags: BTreeMap<String, String>,
    kind: Option<Kind>,
    key_id: Option<String>,
    description: Option<String>,
    allowed_pattern: Option<String>,
    tier: Option<ParameterTier>,
    data_type: Option<String>,
    policies: Option<Vec<ParameterPolicy>>,
}

/// What is there.
pub struct State {
    pub existing: Option<ParameterRecord>,
    pub counts: Counts,
    pub default_tier: ParameterTier,
}

/// What the new version will be.
#[derive(Debug, PartialEq)]
pub struct Plan {
    pub version: u64,
    pub kind: Kind,
    pub tier: Tier,
    pub key_id: Option<String>,
    pub description: Option<String>,
    pub allowed_pattern: Option<String>,
    pub data_type: String,
    pub policies: Vec<ParameterPolicy>,
}

impl Draft {
    pub fn read(call: &Call, input: PutParameterInput) -> Result<Draft, Error> {
        let name = ParameterName::for_writing(&input.name, call.region, call.account)?;
        let overwrite = input.overwrite.unwrap_or(false);
        let tags = tags::to_map(input.tags.unwrap_or_default());
        if overwrite && !tags.is_empty() {
            let message = "Invalid request: tags and overwrite can't be used together. To create a parameter with \
                 tags, please remove overwrite flag. To update tags for an existing parameter, please use \
                 AddTagsToResource or RemoveTagsFromResource.";
            return Err(Error::Validation(message.to_owned()));
        }
        check_tags(&tags).map_err(tags::tag_error)?;
        if input.value.is_empty() {
            let message = "1 validation error detected: Value at 'value' failed to satisfy constraint: Member must \
                 have length greater than or equal to 1";
            return Err(Error::Validation(message.to_owned()));
        }
        check_nesting(&input.value)?;
        let policies = input.policies.map(|text| policies::parse(&text, call.now)).transpose()?;
        Ok(Draft {
            name,
            value: input.value,
            overwrite,
            tags,
            kind: input.r#type.as_ref().and_then(Kind::of),
            key_id: input.key_id,
            description: input.description,
            allowed_pattern: input.allowed_pattern,
            tier: input.tier,
            data_type: input.data_type.filter(|data_type| !data_type.is_empty()),
            policies,
        })
    }

    /// Lays the request over what there is.
    pub fn plan(&self, state: &State) -> Result<Plan, Error> {
        let existing = state.existing.as_ref();
        // The same name with or without its first slash is another parameter with the same ARN.
        if existing.is_some_and(|record| !self.overwrite || record.name != self.name.as_str()) {
            return Err(Error::ParameterAlreadyExists);
        }
        let current = existing.map(|record| &record.current);
        let kind = self.kind.or(current.map(|current| current.kind)).ok_or_else(|| {
            Error::Validation("A parameter type is required when you create a parameter.".to_owned())
        })?;
        let key_id = match (kind, &self.key_id) {
            (Kind::SecureString, key_id) => Some(key_id.clone().unwrap_or_else(|| DEFAULT_KEY.to_owned())),
            (_, None) => None,
            (_, Some(_)) => {
                let message = "KeyId is required for SecureString type parameter only.";
                return Err(Error::Validation(message.to_owned()));
            }
        };
        let kept = |given: &Option<String>, before: Option<&String>| given.as_ref().or(before).cloned();
        let allowed_pattern = kept(&self.allowed_pattern, current.and_then(|c| c.allowed_pattern.as_ref()));
        let data_type = self.data_type(current.map(|current| current.data_type.as_str()))?;
        check_data_type(&data_type, kind, &self.value)?;
        check_pattern(allowed_pattern.as_deref().unwrap_or_default(), &self.value)?;
        let policies = match (&self.policies, current) {
            (Some(policies), _) => policies.clone(),
            (None, current) => current.map(|current| current.policies.clone()).unwrap_or_default(),
        };
        let wish = Wish {
            requested: self.tier.as_ref(),
            default: &state.default_tier,
            existing: current.map(|current| current.tier),
            value_bytes: self.value.len(),
            data_type: &data_type,
            has_policies: !policies.is_empty(),
            counts: state.counts,
        };
        let tier = wish.decide()?;
        let description = kept(&self.description, current.and_then(|c| c.description.as_ref()));
        let version = current.map_or(1, |current| current.version + 1);
        Ok(Plan { version, kind, tier, key_id, description, allowed_pattern, data_type, policies })
    }

    fn data_type(&self, before: Option<&str>) -> Result<String, Error> {
        match (self.data_type.as_deref(), before) {
            (Some(wanted), Some(before)) if wanted != before => {
                let message = "The data type of an existing parameter can't be changed. Delete the parameter and \
                     create it with the new data type.";
                Err(Error::Validation(message.to_owned()))
            }
            (wanted, before) => Ok(wanted.or(before).unwrap_or(TEXT).to_owned()),
        }
    }
}

impl Plan {
    /// When the parameter will be deleted.
    pub fn expires(&self) -> Option<Timestamp> {
        policies::expiration(&self.policies)
    }
}

impl State {
    pub async fn load(tx: &Tx, scope: &Place, key: &str) -> Result<State, Error> {
        let counts = COUNTS.get(tx, scope, COUNTS_KEY).await?.unwrap_or_default().counts;
        let default_tier = current_value(tx, scope, Setting::DefaultTier).await?;
        let existing = PARAMETERS.get(tx, scope, key).await?;
        Ok(State { existing, counts, default_tier: ParameterTier::from(default_tier.as_str()) })
    }

    /// The version that has to go to make room for another one.
    pub fn outdated(&self) -> Result<Option<u64>, Error> {
        let Some(record) = &self.existing else { return Ok(None) };
        if record.current.version - record.oldest + 1 < VERSIONS_MAX {
            return Ok(None);
        }
        if record.labels.values().any(|version| *version == record.oldest) {
            let (name, oldest) = (record.name.clone(), record.oldest);
            return Err(Error::ParameterMaxVersionLimitExceeded { name, oldest });
        }
        Ok(Some(record.oldest))
    }
}
