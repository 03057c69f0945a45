//! Every limit of the vault, the unit last.

/// A master key, and every key derived from it.
pub const MASTER_KEY_BYTES: usize = 32;

/// How much of the hash of a master key is shown, and written before everything sealed under it.
pub const FINGERPRINT_BYTES: usize = 8;

/// What sealing adds to the plaintext: version, fingerprint, salt, nonce, tag.
pub const SEAL_OVERHEAD_BYTES: usize = 1 + FINGERPRINT_BYTES + SALT_BYTES + NONCE_BYTES + TAG_BYTES;

/// What [`Vault::encrypt`](crate::Vault::encrypt) adds to the plaintext: salt, nonce, tag.
pub const ENCRYPT_OVERHEAD_BYTES: usize = SALT_BYTES + NONCE_BYTES + TAG_BYTES;

/// What a key for one message is derived from. With the nonce, 224 random bits tell two messages apart.
pub const SALT_BYTES: usize = 16;

/// The nonce of AES-GCM.
pub const NONCE_BYTES: usize = 12;

/// The tag of AES-GCM.
pub const TAG_BYTES: usize = 16;

/// AES-256, and so the material of a symmetric key.
pub const SYMMETRIC_KEY_BYTES: usize = 32;

/// The longest HMAC key that can be imported, 1024 bits; longer ones are to be hashed first (KMS developer guide,
/// "Requirements for imported key material").
pub const HMAC_KEY_BYTES_MAX: usize = 128;

/// The longest key to import: an RSA-4096 private key in PKCS #8 has less than 2.4 KiB, an ML-DSA-87 key in its
/// expanded form 4.9 KiB.
pub const IMPORT_BYTES_MAX: usize = 8 << 10;

/// Private keys kept ready for use. Loading an RSA-2048 key costs more than a millisecond: twice its signature.
pub const LOADED_KEYS_MAX: usize = 1000;

/// Public keys kept ready for verifying.
pub const PUBLIC_KEYS_MAX: usize = 1000;
