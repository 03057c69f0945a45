//! Queue URLs. Clients send back what CreateQueue gave them, or forms of their own; what counts is the end of the
//! path, account and name. The host names the region at most, and the signature has named it already.

use base::AccountId;

use super::name::QueueName;
use crate::error::Error;

/// A queue as a caller names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueAddress {
    /// Nothing for a bare name, which means the caller's own account.
    pub account: Option<AccountId>,
    pub name: QueueName,
}

impl QueueAddress {
    /// Reads any form of queue URL, or a bare queue name.
    pub fn parse(url: &str) -> Result<QueueAddress, Error> {
        let path = match url.split_once("://") {
            Some((_, rest)) => rest.split_once('/').map_or("", |(_host, path)| path),
            None => url,
        };
        let path = path.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
        let (before, name) = path.rsplit_once('/').unwrap_or(("", path));
        let name = QueueName::of_existing(name).ok_or(Error::QueueDoesNotExist)?;
        let account = match before.rsplit('/').next().filter(|part| !part.is_empty()) {
            None if url.contains("://") => return Err(Error::QueueDoesNotExist),
            None => None,
            Some(digits) => Some(digits.parse().map_err(|_| Error::InvalidAddress(url.to_owned()))?),
        };
        Ok(QueueAddress { account, name })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_form_of_queue_url_is_understood() {
        for url in [
            "https://sqs.us-east-1.amazonaws.com/123456789012/orders",
            "https://queue.amazonaws.com/123456789012/orders",
            "https://us-west-2.queue.amazonaws.com/123456789012/orders/",
            "http://localhost:4566/123456789012/orders",
            "http://sqs.us-east-1.localhost.localstack.cloud:4566/123456789012/orders",
            "http://localhost:4566/queue/us-east-1/123456789012/orders",
            "/123456789012/orders",
        ] {
            let address = QueueAddress::parse(url).expect(url);
            assert_eq!(address.name.as_str(), "orders", "{url}");
            assert_eq!(address.account.map(AccountId::number), Some(123_456_789_012), "{url}");
        }
        assert_eq!(QueueAddress::parse("orders.fifo").map(|address| address.account), Ok(None));
    }

    #[test]
    fn what_is_no_queue_url_is_refused() {
        for (url, error) in [
            ("", Error::QueueDoesNotExist),
            ("http://whatever-incorrect-queue-address", Error::QueueDoesNotExist),
            ("http://host/orders", Error::QueueDoesNotExist),
            ("http://host/123456789012/", Error::QueueDoesNotExist),
            ("http://host/12345/orders", Error::InvalidAddress("http://host/12345/orders".into())),
            ("http://host/123456789012/or ders", Error::QueueDoesNotExist),
        ] {
            assert_eq!(QueueAddress::parse(url).expect_err(url), error, "{url}");
        }
    }
}
