//! What is sealed opens for the same purpose and context with the same master key, and otherwise not.

use data_encoding::HEXLOWER;
use fogbank_vault::{KeySpec, MasterKey, SEAL_OVERHEAD_BYTES, SealedKey, Vault, VaultError};
use proptest::prelude::*;

fn vault() -> Vault {
    Vault::new(MasterKey::new([1; 32]))
}

#[test]
fn what_was_sealed_opens_again() {
    let vault = vault();
    for plaintext in [&b""[..], b"x", &[7; 100_000]] {
        let sealed = vault.seal("test", b"context", plaintext);
        assert_eq!(sealed.len(), plaintext.len() + SEAL_OVERHEAD_BYTES);
        assert_eq!(*vault.open("test", b"context", &sealed).unwrap(), plaintext);
        assert_ne!(sealed, vault.seal("test", b"context", plaintext), "salt and nonce are new each time");
    }
}

/// Formats of version 1 must stay readable. These were made by the first program that had them, and read with HKDF and
/// AES-GCM of another library.
#[test]
fn what_earlier_programs_sealed_still_opens() {
    let vault = vault();
    let decode = |text: &str| HEXLOWER.decode(text.as_bytes()).unwrap();
    let sealed = decode(
        "01a7d55040077b8fd786a41c214fc238e1c570691289117ca29112a55ab5477054\
         6723d803617239886b422e982a120f2cf6b91867e6aa13df5641176c0dc807424e",
    );
    assert_eq!(*vault.open("test", b"context", &sealed).unwrap(), b"kept for good");
    assert_eq!(vault.fingerprint(), "a7d55040077b8fd7");

    let new = vault.import(KeySpec::SymmetricDefault, b"owner", &[7; 32]).unwrap();
    let key = SealedKey { spec: KeySpec::SymmetricDefault, sealed: &new.sealed, bound_to: b"owner" };
    let ciphertext = decode(
        "e60494a91f1380f3f86cb0d52985abbde433e20dcc368ab3d439520af1862f5e20ec692837ad7f2e1b97e7389dc3742c30231f3c1bfc1801f2",
    );
    assert_eq!(*vault.decrypt(&key, b"context", &ciphertext).unwrap(), b"kept for good");
    let id = "943d9568e6e640d9813f5ead4242e72c6608f75eac737c180b8897c6e7404443";
    assert_eq!(vault.material_id(&key, b"key").unwrap(), id);
}

#[test]
fn every_bit_counts() {
    let vault = vault();
    let sealed = vault.seal("test", b"context", b"secret");
    for byte in 0..sealed.len() {
        for bit in 0..8 {
            let mut tampered = sealed.clone();
            tampered[byte] ^= 1 << bit;
            let expected = match byte {
                0 => VaultError::Version(tampered[0]),
                1..9 => VaultError::OtherMasterKey {
                    expected: vault.fingerprint().to_owned(),
                    found: HEXLOWER.encode(&tampered[1..9]),
                },
                _ => VaultError::Tampered,
            };
            assert_eq!(vault.open("test", b"context", &tampered).unwrap_err(), expected, "byte {byte}");
        }
    }
}

#[test]
fn nothing_may_be_missing_or_too_much() {
    let vault = vault();
    let sealed = vault.seal("test", b"context", b"secret");
    for bytes in 0..sealed.len() {
        assert_eq!(vault.open("test", b"context", &sealed[..bytes]).unwrap_err(), VaultError::Tampered);
    }
    let longer = [&sealed[..], b"x"].concat();
    assert_eq!(vault.open("test", b"context", &longer).unwrap_err(), VaultError::Tampered);
}

#[test]
fn purpose_and_context_must_be_those_of_sealing() {
    let vault = vault();
    let sealed = vault.seal("test", b"context", b"secret");
    for (purpose, context) in [
        ("tests", &b"context"[..]),
        ("", b"testcontext"),
        ("testcontext", b""),
        ("test", b"Context"),
        ("test", b""),
    ] {
        assert_eq!(vault.open(purpose, context, &sealed).unwrap_err(), VaultError::Tampered);
    }
}

#[test]
fn data_does_not_open_as_a_key_nor_one_kind_of_key_as_another() {
    let vault = vault();
    let data = vault.seal("SYMMETRIC_DEFAULT", b"owner", &[7; 32]);
    let new = vault.generate(KeySpec::Hmac256, b"owner").unwrap();
    let wrapping = vault.wrapping_key(KeySpec::Rsa2048, b"owner").unwrap();
    let key = |spec, sealed, bound_to| SealedKey { spec, sealed, bound_to };

    let tampered = VaultError::Tampered;
    let as_key = key(KeySpec::SymmetricDefault, &data, b"owner");
    assert_eq!(vault.encrypt(&as_key, b"", b"x").unwrap_err(), tampered);
    let other_spec = key(KeySpec::SymmetricDefault, &new.sealed, b"owner");
    assert_eq!(vault.encrypt(&other_spec, b"", b"x").unwrap_err(), tampered);
    let other_owner = key(KeySpec::Hmac256, &new.sealed, b"other");
    assert_eq!(vault.mac(&other_owner, fogbank_vault::MacAlgorithm::HmacSha256, b"x").unwrap_err(), tampered);
    assert_eq!(vault.open("HMAC_256", b"owner", &new.sealed).unwrap_err(), tampered);
    let as_decrypting = key(KeySpec::Rsa2048, &wrapping.sealed, b"owner");
    assert_eq!(vault.rsa_decrypt(&as_decrypting, fogbank_vault::OaepHash::Sha1, b"x").unwrap_err(), tampered);
}

/// Keys that are ready for use are found without opening them, so finding one must need all that opening needs.
#[test]
fn a_key_in_use_does_not_serve_another_owner() {
    let vault = vault();
    let new = vault.generate(KeySpec::SymmetricDefault, b"owner").unwrap();
    let key = SealedKey { spec: KeySpec::SymmetricDefault, sealed: &new.sealed, bound_to: b"owner" };
    vault.encrypt(&key, b"", b"x").unwrap();
    let other = SealedKey { bound_to: b"other", ..key };
    assert_eq!(vault.encrypt(&other, b"", b"x").unwrap_err(), VaultError::Tampered);
    vault.forget(&key);
    vault.encrypt(&key, b"", b"x").unwrap();
}

#[test]
fn another_master_key_is_named() {
    let (vault, other) = (vault(), Vault::new(MasterKey::new([2; 32])));
    let mismatch = VaultError::OtherMasterKey {
        expected: other.fingerprint().to_owned(),
        found: vault.fingerprint().to_owned(),
    };
    let sealed = vault.seal("test", b"", b"secret");
    assert_eq!(other.open("test", b"", &sealed).unwrap_err(), mismatch);
    let new = vault.generate(KeySpec::SymmetricDefault, b"owner").unwrap();
    let key = SealedKey { spec: KeySpec::SymmetricDefault, sealed: &new.sealed, bound_to: b"owner" };
    assert_eq!(other.encrypt(&key, b"", b"x").unwrap_err(), mismatch);
}

#[test]
fn the_check_tells_the_right_master_key_from_others() {
    let (vault, other) = (vault(), Vault::new(MasterKey::new([2; 32])));
    let check = vault.check();
    assert_eq!(vault.fits(&check), Ok(()));
    assert_eq!(vault.fits(&format!("{check}\n")), Ok(()));
    assert_eq!(Vault::new(MasterKey::new([1; 32])).fits(&check), Ok(()));

    let mismatch = other.fits(&check).unwrap_err();
    assert_eq!(mismatch.expected, vault.fingerprint());
    assert_eq!(mismatch.found, other.fingerprint());
    // Another's note under this vault's name.
    let forged = other.check().replace(other.fingerprint(), vault.fingerprint());
    assert!(vault.fits(&forged).is_err());
    for unreadable in ["", "nonsense", &check[..check.len() - 9]] {
        assert!(vault.fits(unreadable).is_err(), "{unreadable}");
    }
}

#[test]
fn secrets_are_not_shown() {
    let master = MasterKey::new([0x5a; 32]);
    let shown = format!("{master:?}{:?}", Vault::new(MasterKey::new([0x5a; 32])));
    let fingerprint = master.fingerprint();
    assert_eq!(shown, format!("MasterKey(\"{fingerprint}\")Vault(\"{fingerprint}\")"));
}

proptest! {
    #[test]
    fn anything_at_all_is_refused_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let vault = vault();
        prop_assert!(vault.open("test", b"context", &bytes).is_err());
        let key = SealedKey { spec: KeySpec::Rsa2048, sealed: &bytes, bound_to: b"" };
        prop_assert!(vault.rsa_decrypt(&key, fogbank_vault::OaepHash::Sha256, &bytes).is_err());
        for spec in KeySpec::ALL {
            if spec != KeySpec::SymmetricDefault && !spec.is_hmac() {
                prop_assert!(vault.import(spec, b"", &bytes).is_err());
            }
            prop_assert!(vault.encapsulate(spec, &bytes).is_err());
        }
        let _ = vault.fits(&String::from_utf8_lossy(&bytes));
        let _ = MasterKey::parse(&String::from_utf8_lossy(&bytes));
    }

    /// With a header that fits, so that what comes after it is looked at.
    #[test]
    fn anything_behind_a_right_header_is_refused(rest in proptest::collection::vec(any::<u8>(), 0..200)) {
        let vault = vault();
        let mut bytes = vault.seal("test", b"context", b"")[..9].to_vec();
        bytes.extend(rest);
        prop_assert_eq!(vault.open("test", b"context", &bytes).unwrap_err(), VaultError::Tampered);
    }

    #[test]
    fn anything_can_be_sealed(
        purpose in ".{0,40}",
        context in proptest::collection::vec(any::<u8>(), 0..100),
        plaintext in proptest::collection::vec(any::<u8>(), 0..1000),
    ) {
        let vault = vault();
        let sealed = vault.seal(&purpose, &context, &plaintext);
        prop_assert_eq!(&*vault.open(&purpose, &context, &sealed).unwrap(), &plaintext);
    }
}
