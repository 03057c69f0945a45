//! Custom key stores: keys in a CloudHSM cluster or with an external key manager. Neither can be had here, so there are
//! no stores, and making one is refused with the reason.

use kms_api::{
    ConnectCustomKeyStoreInput, ConnectCustomKeyStoreOutput, CreateCustomKeyStoreInput,
    CreateCustomKeyStoreOutput, CustomKeyStoreType, DeleteCustomKeyStoreInput, DeleteCustomKeyStoreOutput,
    DescribeCustomKeyStoresInput, DescribeCustomKeyStoresOutput, DisconnectCustomKeyStoreInput,
    DisconnectCustomKeyStoreOutput, UpdateCustomKeyStoreInput, UpdateCustomKeyStoreOutput,
};
use service::Call;

use super::paging;
use crate::Kms;
use crate::error::Error;

fn not_found(store: &str) -> Error {
    Error::StoreNotFound(format!("Custom key store {store} does not exist."))
}

pub async fn create_custom_key_store(
    _: &Kms,
    _: &Call,
    input: CreateCustomKeyStoreInput,
) -> Result<CreateCustomKeyStoreOutput, Error> {
    let external = matches!(input.custom_key_store_type, Some(CustomKeyStoreType::ExternalKeyStore));
    match (external, input.cloud_hsm_cluster_id) {
        (true, _) => Err(Error::StoreNotPossible(
            "External key stores are not possible in this cloud: it keeps all key material itself."
                .to_owned(),
        )),
        (false, None) => Err(Error::validation(
            "You must specify a CloudHsmClusterId for a custom key store of the type AWS_CLOUDHSM.",
        )),
        (false, Some(cluster)) => Err(Error::StoreClusterNotFound(format!(
            "The CloudHSM cluster {cluster} does not exist: there are no CloudHSM clusters in this cloud."
        ))),
    }
}

pub async fn describe_custom_key_stores(
    kms: &Kms,
    call: &Call,
    input: DescribeCustomKeyStoresInput,
) -> Result<DescribeCustomKeyStoresOutput, Error> {
    paging::position(kms, call, "DescribeCustomKeyStores", input.marker.as_deref())?;
    match input.custom_key_store_id.or(input.custom_key_store_name) {
        Some(store) => Err(not_found(&store)),
        None => Ok(DescribeCustomKeyStoresOutput {
            custom_key_stores: Some(Vec::new()),
            next_marker: None,
            truncated: Some(false),
        }),
    }
}

pub async fn connect_custom_key_store(
    _: &Kms,
    _: &Call,
    input: ConnectCustomKeyStoreInput,
) -> Result<ConnectCustomKeyStoreOutput, Error> {
    Err(not_found(&input.custom_key_store_id))
}

pub async fn delete_custom_key_store(
    _: &Kms,
    _: &Call,
    input: DeleteCustomKeyStoreInput,
) -> Result<DeleteCustomKeyStoreOutput, Error> {
    Err(not_found(&input.custom_key_store_id))
}

pub async fn disconnect_custom_key_store(
    _: &Kms,
    _: &Call,
    input: DisconnectCustomKeyStoreInput,
) -> Result<DisconnectCustomKeyStoreOutput, Error> {
    Err(not_found(&input.custom_key_store_id))
}

pub async fn update_custom_key_store(
    _: &Kms,
    _: &Call,
    input: UpdateCustomKeyStoreInput,
) -> Result<UpdateCustomKeyStoreOutput, Error> {
    Err(not_found(&input.custom_key_store_id))
}
