//! Why transactions are cancelled: a reason for each of their parts, in their order, most of them `None`.

use dynamodb_api::CancellationReason;

use crate::error::Error;

const NONE: &str = "None";

/// The error of a transaction whose parts met these verdicts. Errors that are not about a part (a full disk) are the
/// transaction's own.
pub fn canceled(verdicts: Vec<Result<(), Error>>) -> Error {
    let mut reasons = Vec::with_capacity(verdicts.len());
    for verdict in verdicts {
        match verdict.map_err(reason) {
            Ok(()) => reasons.push(CancellationReason { code: Some(NONE.to_owned()), ..Default::default() }),
            Err(Ok(reason)) => reasons.push(reason),
            Err(Err(other)) => return other,
        }
    }
    let codes: Vec<&str> = reasons.iter().filter_map(|reason| reason.code.as_deref()).collect();
    let message = format!(
        "Transaction cancelled, please refer cancellation reasons for specific reasons [{}]",
        codes.join(", ")
    );
    Error::TransactionCanceled { message, reasons }
}

fn reason(error: Error) -> Result<CancellationReason, Error> {
    let (code, message, item) = match error {
        Error::ConditionalCheckFailed { message, item } => ("ConditionalCheckFailed", message, item),
        Error::Validation(message) => ("ValidationError", message, None),
        Error::TransactionConflict => {
            ("TransactionConflict", "Transaction is ongoing for the item".to_owned(), None)
        }
        Error::ItemCollectionSizeLimitExceeded => {
            ("ItemCollectionSizeLimitExceeded", "Collection size exceeded.".to_owned(), None)
        }
        Error::DuplicateItem => ("DuplicateItem", "Duplicate primary key exists in table".to_owned(), None),
        Error::ProvisionedThroughputExceeded { message, .. } => {
            ("ProvisionedThroughputExceeded", message, None)
        }
        Error::Throttling { message, .. } => ("ThrottlingError", message, None),
        other => return Err(other),
    };
    Ok(CancellationReason { item, code: Some(code.to_owned()), message: Some(message) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_come_in_the_order_of_the_parts() {
        let error =
            canceled(vec![Ok(()), Err(Error::TransactionConflict), Err(Error::validation("bad")), Ok(())]);
        let Error::TransactionCanceled { message, reasons } = error else { panic!("{error:?}") };
        assert_eq!(
            message,
            "Transaction cancelled, please refer cancellation reasons for specific reasons [None, TransactionConflict, \
             ValidationError, None]"
        );
        assert_eq!(reasons[2].message.as_deref(), Some("bad"));
        assert_eq!(reasons[0].message, None);
    }

    #[test]
    fn what_is_not_about_a_part_stays_what_it_is() {
        assert_eq!(canceled(vec![Ok(()), Err(Error::StorageFull)]), Error::StorageFull);
    }
}
