//! One family of operations a file. Each loads, decides by the rules of `model`, saves, answers.

pub mod authorise;
pub mod by_path;
pub mod delete;
pub mod describe;
pub mod history;
pub mod labels;
mod listing;
mod plan;
pub mod public;
pub mod put;
pub mod read;
mod sealing;
mod secrets;
pub mod settings;
pub mod sharing;
pub mod tags;

use base::Timestamp;
use service::Call;

use crate::Ssm;
use crate::error::Error;
use crate::model::name::ParameterName;
use crate::records::{PARAMETERS, ParameterRecord, Place};

/// When AWS's own parameters and settings were last changed, as far as clients can see: 20 November 2026, the day of the
/// data they come from.
const OF_OLD: Timestamp = Timestamp::from_secs(1_795_132_800);

/// How many results a page has at most.
fn page_size(asked: Option<i32>, max: usize) -> usize {
    asked.and_then(|asked| usize::try_from(asked).ok()).unwrap_or(max).clamp(1, max)
}

/// What a listing goes on after.
fn page_position(
    ssm: &Ssm,
    call: &Call,
    operation: &str,
    token: Option<&str>,
) -> Result<Option<String>, Error> {
    let token = token.filter(|token| !token.is_empty());
    let read = |token| ssm.pages.read(operation, call.account, token).map_err(|_| Error::InvalidNextToken);
    token.map(read).transpose()
}

/// Changes the record of a parameter in one transaction. `change` may run again and has no other effects.
async fn update<T: Send>(
    ssm: &Ssm,
    scope: &Place,
    name: &ParameterName,
    absent: impl Fn() -> Error + Send + Sync,
    change: impl Fn(&mut ParameterRecord) -> Result<T, Error> + Send + Sync,
) -> Result<T, Error> {
    let (key, absent, change) = (name.key(), &absent, &change);
    let key = key.as_str();
    ssm.store
        .transact(|tx| async move {
            let found = PARAMETERS.get(&tx, scope, key).await?;
            let mut record = found.filter(|record| record.name == name.as_str()).ok_or_else(absent)?;
            let answer = change(&mut record)?;
            PARAMETERS.put(&tx, scope, key, &record).await?;
            Ok(answer)
        })
        .await
}

/// AWS says no more about it.
fn not_found() -> Error {
    Error::ParameterNotFound(String::new())
}

fn version_not_found(version: impl std::fmt::Display, name: &str) -> Error {
    Error::ParameterVersionNotFound(format!(
        "Systems Manager could not find version {version} of {name}. Verify the version and try again."
    ))
}
