//! AWS KMS: start with the table below, follow one row to its function.
//!
//! Keys are records in the store, their material is sealed by the vault, and the cryptography is the vault's too.
//! Surprising in AWS's own behaviour, and kept: a key policy is the root of trust (without a statement for the
//! account, not even its root may use the key); a ciphertext names its key, so Decrypt needs no key id; the
//! AWS-managed keys come into being when they are first named.

mod directory;
mod error;
mod limits;
mod model;
mod operations;
mod records;
mod tasks;

use std::sync::Arc;

use base::{Clock, Ids};
use service::{Aws, Nudge, PageTokens, Task, service};
use store::Store;
use vault::Vault;

use directory::Directory;
use directory::uses::Uses;
use error::Error;
use operations::{
    agreement, aliases, asymmetric, data_keys, grant_endings, grant_lists, grants, imports, keys, last_use,
    macs, multi_region, opening, policies, re_encrypt, rotation, stores, symmetric, tags, targets,
};

pub struct Kms {
    store: Store,
    vault: Vault,
    clock: Clock,
    ids: Ids,
    pages: PageTokens,
    aws: Aws,
    directory: Directory,
    /// Who used which key last.
    uses: Uses,
    /// Wakes the task that does what the clock brings about.
    due: Nudge,
}

/// What the composition root gives this service.
pub struct KmsParts {
    pub store: Store,
    pub vault: Vault,
    pub clock: Clock,
    pub ids: Ids,
    pub pages: PageTokens,
    pub aws: Aws,
}

service! { Kms: kms_api, principal "kms.amazonaws.com", error Error, resources directory::facts;
    CancelKeyDeletion => keys::cancel_key_deletion on targets::own_key keys targets::shared,
    ConnectCustomKeyStore => stores::connect_custom_key_store on targets::nothing keys targets::shared,
    CreateAlias => aliases::create_alias on aliases::by_creation keys targets::shared,
    CreateCustomKeyStore => stores::create_custom_key_store on targets::nothing keys targets::shared,
    CreateGrant => grants::create_grant on grants::by_key keys grants::create_keys,
    CreateKey => keys::create_key on targets::nothing keys keys::creation_keys,
    Decapsulate => agreement::decapsulate on opening::by_key keys agreement::decapsulate_keys,
    Decrypt => symmetric::decrypt on symmetric::by_ciphertext keys symmetric::decrypt_keys,
    DeleteAlias => aliases::delete_alias on aliases::by_name keys targets::shared,
    DeleteCustomKeyStore => stores::delete_custom_key_store on targets::nothing keys targets::shared,
    DeleteImportedKeyMaterial => imports::delete_imported_key_material on targets::own_key keys targets::shared,
    DeriveSharedSecret => agreement::derive_shared_secret on opening::by_key keys agreement::derive_keys,
    DescribeCustomKeyStores => stores::describe_custom_key_stores on targets::nothing keys targets::shared,
    DescribeKey => keys::describe_key on targets::named_key keys opening::keys,
    DisableKey => keys::disable_key on targets::own_key keys targets::shared,
    DisableKeyRotation => rotation::disable_key_rotation on targets::own_key keys targets::shared,
    DisconnectCustomKeyStore => stores::disconnect_custom_key_store on targets::nothing keys targets::shared,
    EnableKey => keys::enable_key on targets::own_key keys targets::shared,
    EnableKeyRotation => rotation::enable_key_rotation on targets::own_key keys rotation::enabling_keys,
    Encapsulate => agreement::encapsulate on opening::by_key keys agreement::encapsulate_keys,
    Encrypt => symmetric::encrypt on opening::by_key keys symmetric::encrypt_keys,
    GenerateDataKey => data_keys::generate_data_key on opening::by_key keys data_keys::data_key_keys,
    GenerateDataKeyPair => data_keys::generate_data_key_pair on opening::by_key keys data_keys::pair_keys,
    GenerateDataKeyPairWithoutPlaintext => data_keys::generate_data_key_pair_without_plaintext
        on opening::by_key keys data_keys::hidden_pair_keys,
    GenerateDataKeyWithoutPlaintext => data_keys::generate_data_key_without_plaintext
        on opening::by_key keys data_keys::hidden_data_key_keys,
    GenerateMac => macs::generate_mac on opening::by_key keys macs::generate_keys,
    GenerateRandom => data_keys::generate_random on targets::nothing keys targets::shared,
    GetKeyLastUsage => last_use::get_key_last_usage on targets::own_key keys targets::shared,
    GetKeyPolicy => policies::get_key_policy on targets::own_key keys targets::shared,
    GetKeyRotationStatus => rotation::get_key_rotation_status on targets::any_key keys targets::shared,
    GetParametersForImport => imports::get_parameters_for_import on targets::own_key keys imports::parameter_keys,
    GetPublicKey => asymmetric::get_public_key on targets::named_key keys opening::keys,
    ImportKeyMaterial => imports::import_key_material on targets::own_key keys imports::import_keys,
    ListAliases => aliases::list_aliases on targets::nothing keys targets::shared,
    ListGrants => grant_lists::list_grants on grant_lists::by_key keys grant_lists::list_keys,
    ListKeyPolicies => policies::list_key_policies on targets::own_key keys targets::shared,
    ListKeyRotations => rotation::list_key_rotations on targets::own_key keys targets::shared,
    ListKeys => keys::list_keys on targets::nothing keys targets::shared,
    ListResourceTags => tags::list_resource_tags on targets::own_key keys targets::shared,
    ListRetirableGrants => grant_lists::list_retirable_grants on grant_lists::by_principal
        keys targets::shared,
    PutKeyPolicy => policies::put_key_policy on targets::own_key keys policies::put_keys,
    ReEncrypt => re_encrypt::re_encrypt on re_encrypt::by_source as "ReEncryptFrom" keys re_encrypt::source_keys,
    ReplicateKey => multi_region::replicate_key on targets::own_key keys multi_region::replication_keys,
    RetireGrant => grant_endings::retire_grant on grant_endings::by_grant keys targets::shared,
    RevokeGrant => grant_endings::revoke_grant on grant_endings::by_key keys grant_endings::revoke_keys,
    RotateKeyOnDemand => rotation::rotate_key_on_demand on targets::own_key keys targets::shared,
    ScheduleKeyDeletion => keys::schedule_key_deletion on targets::own_key keys keys::deletion_keys,
    Sign => asymmetric::sign on opening::by_key keys asymmetric::sign_keys,
    TagResource => tags::tag_resource on targets::own_key keys targets::shared,
    UntagResource => tags::untag_resource on targets::own_key keys targets::shared,
    UpdateAlias => aliases::update_alias on aliases::by_update keys targets::shared,
    UpdateCustomKeyStore => stores::update_custom_key_store on targets::nothing keys targets::shared,
    UpdateKeyDescription => keys::update_key_description on targets::own_key keys targets::shared,
    UpdatePrimaryRegion => multi_region::update_primary_region on targets::own_key keys multi_region::primary_keys,
    Verify => asymmetric::verify on opening::by_key keys asymmetric::verify_keys,
    VerifyMac => macs::verify_mac on opening::by_key keys macs::verify_keys,
}

impl Kms {
    pub fn new(parts: KmsParts) -> Arc<Kms> {
        let KmsParts { store, vault, clock, ids, pages, aws } = parts;
        let directory = Directory::new(store.clone(), vault.clone(), ids.clone(), clock.clone());
        let (uses, due) = (Uses::default(), Nudge::default());
        Arc::new(Kms { store, vault, clock, ids, pages, aws, directory, uses, due })
    }

    /// The background work of this service.
    pub fn background(self: &Arc<Kms>) -> Vec<Task> {
        vec![tasks::due::task(self)]
    }
}
