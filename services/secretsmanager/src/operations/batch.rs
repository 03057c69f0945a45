//! BatchGetSecretValue: many secrets at once, each with its own permission and its own error.

use schema::Fault;
use secretsmanager_api::{
    APIErrorType, BatchGetSecretValueInput, BatchGetSecretValueOutput, SecretValueEntry,
};
use service::{Ask, Call};

use crate::SecretsManager;
use crate::error::Error;
use crate::limits::BATCH_RESULTS_MAX;
use crate::model::filter::Filters;
use crate::model::order::Order;

use super::directory::{Secret, arn_of, find};
use super::lists::{Search, position};
use super::{require, values};

const OPERATION: &str = "BatchGetSecretValue";

pub async fn batch_get_secret_value(
    service: &SecretsManager,
    call: &Call,
    input: BatchGetSecretValueInput,
) -> Result<BatchGetSecretValueOutput, Error> {
    let ids = input.secret_id_list.filter(|ids| !ids.is_empty());
    let filters = input.filters.filter(|filters| !filters.is_empty());
    if ids.is_some() == filters.is_some() {
        return Err(Error::parameter("Either 'SecretIdList' or 'Filters' must be provided, but not both."));
    }
    if filters.is_none() && input.max_results.is_some() {
        return Err(Error::parameter(
            "'Filters' not specified. 'Filters' must also be specified when 'MaxResults' is provided.",
        ));
    }
    let mut answer = Answer::default();
    for id in ids.unwrap_or_default() {
        let read = read_by_id(service, call, &id).await;
        answer.add(id, read)?;
    }
    let mut next_token = None;
    if filters.is_some() {
        let listing =
            Ask { prefix: "secretsmanager", action: "ListSecrets", resource: None, keys: &[], input: None };
        service.aws.require(call, &listing).await.map_err(Error::Refused)?;
        let search = Search {
            filters: Filters::parse(filters)?,
            order: Order::new(None, None),
            with_deleted: false,
            limit: input.max_results.map_or(BATCH_RESULTS_MAX, |max| max.unsigned_abs() as usize),
        };
        let after = position(service, call, OPERATION, input.next_token.as_deref())?;
        let page = search.run(service, call, after).await?;
        for secret in page.secrets {
            let id = secret.arn().to_string();
            let read = read(service, call, secret).await;
            answer.add(id, read)?;
        }
        next_token = page.next.map(|next| service.pages.make(OPERATION, call.account, &next));
    }
    Ok(BatchGetSecretValueOutput {
        secret_values: Some(answer.values),
        next_token,
        errors: Some(answer.errors),
    })
}

/// What was read, and what was not.
#[derive(Default)]
struct Answer {
    values: Vec<SecretValueEntry>,
    errors: Vec<APIErrorType>,
}

impl Answer {
    fn add(&mut self, id: String, read: Result<SecretValueEntry, Error>) -> Result<(), Error> {
        match read {
            Ok(value) => self.values.push(value),
            Err(error @ Error::Internal(_)) => return Err(error),
            Err(error) => {
                let fault = Fault::from(error);
                self.errors.push(APIErrorType {
                    secret_id: Some(id),
                    error_code: Some(fault.name().to_owned()),
                    message: Some(fault.message().to_owned()),
                });
            }
        }
        Ok(())
    }
}

async fn read_by_id(service: &SecretsManager, call: &Call, id: &str) -> Result<SecretValueEntry, Error> {
    require(service, call, "GetSecretValue", &arn_of(call, id)?, None).await?;
    let secret = find(service, call, id).await?;
    values::read(service, call, secret, None, None).await
}

async fn read(service: &SecretsManager, call: &Call, secret: Secret) -> Result<SecretValueEntry, Error> {
    require(service, call, "GetSecretValue", &secret.arn(), None).await?;
    values::read(service, call, secret, None, None).await
}
