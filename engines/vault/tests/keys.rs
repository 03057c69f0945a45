//! Keys of every kind: made, used, brought along, moved; and what they are not for.

use aws_lc_rs::key_wrap::{AES_256, AesKek, KeyWrapPadded};
use fogbank_vault::{
    ENCRYPT_OVERHEAD_BYTES, KeySpec, MasterKey, Message, NewKey, OaepHash, SealedKey, SigningAlgorithm,
    Vault, VaultError, WrappingAlgorithm,
};

fn vault() -> Vault {
    Vault::new(MasterKey::new([1; 32]))
}

fn sealed(spec: KeySpec, new: &NewKey) -> SealedKey<'_> {
    SealedKey { spec, sealed: &new.sealed, bound_to: b"owner" }
}

/// The smaller ones of each kind, because large RSA keys take seconds to make.
const QUICK: [KeySpec; 17] = [
    KeySpec::SymmetricDefault,
    KeySpec::Rsa2048,
    KeySpec::EccNistP256,
    KeySpec::EccNistP384,
    KeySpec::EccNistP521,
    KeySpec::EccSecgP256k1,
    KeySpec::EccNistEdwards25519,
    KeySpec::Hmac224,
    KeySpec::Hmac256,
    KeySpec::Hmac384,
    KeySpec::Hmac512,
    KeySpec::MlDsa44,
    KeySpec::MlDsa65,
    KeySpec::MlDsa87,
    KeySpec::MlKem512,
    KeySpec::MlKem768,
    KeySpec::MlKem1024,
];

#[test]
fn asymmetric_keys_alone_have_a_public_half() {
    let vault = vault();
    for spec in QUICK {
        let new = vault.generate(spec, b"owner").unwrap();
        assert_eq!(new.public_key.is_some(), spec.is_asymmetric(), "{spec}");
        if let Some(public) = &new.public_key {
            assert_eq!(public[0], 0x30, "{spec}: a sequence in DER");
        }
    }
}

#[test]
fn symmetric_keys_decrypt_what_they_encrypted_with_the_same_additional_data() {
    let vault = vault();
    let new = vault.generate(KeySpec::SymmetricDefault, b"owner").unwrap();
    let other = vault.generate(KeySpec::SymmetricDefault, b"owner").unwrap();
    let (key, other) = (sealed(KeySpec::SymmetricDefault, &new), sealed(KeySpec::SymmetricDefault, &other));
    let ciphertext = vault.encrypt(&key, b"context", b"secret").unwrap();
    assert_eq!(ciphertext.len(), 6 + ENCRYPT_OVERHEAD_BYTES);
    assert_eq!(*vault.decrypt(&key, b"context", &ciphertext).unwrap(), b"secret");

    let refused = VaultError::Ciphertext;
    assert_eq!(vault.decrypt(&key, b"other", &ciphertext).unwrap_err(), refused);
    assert_eq!(vault.decrypt(&other, b"context", &ciphertext).unwrap_err(), refused);
    for byte in 0..ciphertext.len() {
        let mut tampered = ciphertext.clone();
        tampered[byte] ^= 1;
        assert_eq!(vault.decrypt(&key, b"context", &tampered).unwrap_err(), refused, "byte {byte}");
        assert_eq!(vault.decrypt(&key, b"context", &ciphertext[..byte]).unwrap_err(), refused);
    }
}

#[test]
fn signatures_verify_for_their_message_and_key_alone() {
    let vault = vault();
    for spec in QUICK {
        let new = vault.generate(spec, b"owner").unwrap();
        let other = vault.generate(spec, b"owner").unwrap();
        for &algorithm in spec.signing_algorithms() {
            if algorithm == SigningAlgorithm::Ed25519PhSha512 {
                continue;
            }
            let signature = vault.sign(&sealed(spec, &new), algorithm, Message::Raw(b"message")).unwrap();
            let check = |public: &NewKey, message: &[u8], signature: &[u8]| {
                let public = public.public_key.as_deref().unwrap();
                vault.verify(spec, public, algorithm, Message::Raw(message), signature).unwrap()
            };
            assert!(check(&new, b"message", &signature), "{algorithm:?}");
            assert!(!check(&new, b"massage", &signature), "{algorithm:?}");
            assert!(!check(&other, b"message", &signature), "{algorithm:?}");
            let mut tampered = signature.clone();
            tampered[signature.len() / 2] ^= 1;
            assert!(!check(&new, b"message", &tampered), "{algorithm:?}");
            assert!(!check(&new, b"message", b""), "{algorithm:?}");
        }
    }
}

#[test]
fn a_digest_may_stand_for_its_message() {
    let vault = vault();
    for spec in [KeySpec::Rsa2048, KeySpec::EccNistP256, KeySpec::EccNistP384, KeySpec::EccNistP521] {
        let new = vault.generate(spec, b"owner").unwrap();
        let public = new.public_key.as_deref().unwrap();
        for &algorithm in spec.signing_algorithms() {
            let hash = match algorithm.digest_bytes().unwrap() {
                32 => &aws_lc_rs::digest::SHA256,
                48 => &aws_lc_rs::digest::SHA384,
                _ => &aws_lc_rs::digest::SHA512,
            };
            let digest = aws_lc_rs::digest::digest(hash, b"message");
            let signed =
                vault.sign(&sealed(spec, &new), algorithm, Message::Digest(digest.as_ref())).unwrap();
            assert_eq!(vault.verify(spec, public, algorithm, Message::Raw(b"message"), &signed), Ok(true));
            let short = vault.sign(&sealed(spec, &new), algorithm, Message::Digest(&[0; 31])).unwrap_err();
            assert_eq!(
                short,
                VaultError::DigestLength { bytes: 31, expected: algorithm.digest_bytes().unwrap() }
            );
        }
    }
}

#[test]
fn what_the_library_lacks_is_refused_by_name() {
    let vault = vault();
    let ed25519 = KeySpec::EccNistEdwards25519;
    let new = vault.generate(ed25519, b"owner").unwrap();
    let refused = vault
        .sign(&sealed(ed25519, &new), SigningAlgorithm::Ed25519PhSha512, Message::Digest(&[0; 64]))
        .unwrap_err();
    assert_eq!(refused, VaultError::Unsupported("ED25519_PH_SHA_512 (Ed25519ph)"));

    let ml_dsa = KeySpec::MlDsa44;
    let new = vault.generate(ml_dsa, b"owner").unwrap();
    let refused = vault
        .sign(&sealed(ml_dsa, &new), SigningAlgorithm::MlDsaShake256, Message::ExternalMu(&[0; 64]))
        .unwrap_err();
    assert_eq!(refused, VaultError::Unsupported("EXTERNAL_MU of ML-DSA"));

    for spec in [KeySpec::MlKem512, KeySpec::MlKem768, KeySpec::MlKem1024] {
        assert!(matches!(vault.import(spec, b"owner", b"x"), Err(VaultError::Unsupported(_))));
        assert!(matches!(vault.key_pair(spec), Err(VaultError::Unsupported(_))));
    }
}

#[test]
fn keys_refuse_what_they_are_not_for() {
    let vault = vault();
    for spec in QUICK {
        let new = vault.generate(spec, b"owner").unwrap();
        let key = sealed(spec, &new);
        let misfit = |result: Result<(), VaultError>, fits: bool| match result {
            Err(VaultError::DoesNotFit { spec: named, .. }) => assert!(!fits && named == spec, "{spec}"),
            _ => assert!(fits, "{spec}: {result:?}"),
        };
        misfit(vault.encrypt(&key, b"", b"").map(drop), spec == KeySpec::SymmetricDefault);
        misfit(vault.decrypt(&key, b"", b"").map(drop), spec == KeySpec::SymmetricDefault);
        misfit(vault.rsa_decrypt(&key, OaepHash::Sha1, b"").map(drop), spec.is_rsa());
        misfit(vault.decapsulate(&key, b"").map(drop), spec.is_ml_kem());
        let curves = [KeySpec::EccNistP256, KeySpec::EccNistP384, KeySpec::EccNistP521];
        misfit(vault.agree(&key, b"").map(drop), curves.contains(&spec));
        for algorithm in fogbank_vault::MacAlgorithm::ALL {
            misfit(vault.mac(&key, algorithm, b"").map(drop), spec.mac_algorithm() == Some(algorithm));
        }
        for algorithm in SigningAlgorithm::ALL {
            let fits = spec.signing_algorithms().contains(&algorithm);
            misfit(vault.sign(&key, algorithm, Message::Raw(b"")).map(drop), fits);
        }
    }
}

#[test]
fn rsa_encrypts_up_to_its_limit() {
    let vault = vault();
    let new = vault.generate(KeySpec::Rsa2048, b"owner").unwrap();
    let public = new.public_key.as_deref().unwrap();
    for (hash, bytes_max) in [(OaepHash::Sha1, 214), (OaepHash::Sha256, 190)] {
        let plaintext = vec![7; bytes_max];
        let ciphertext = vault.rsa_encrypt(public, hash, &plaintext).unwrap();
        let key = sealed(KeySpec::Rsa2048, &new);
        assert_eq!(*vault.rsa_decrypt(&key, hash, &ciphertext).unwrap(), plaintext);
        let too_long = vault.rsa_encrypt(public, hash, &vec![7; bytes_max + 1]).unwrap_err();
        assert_eq!(too_long, VaultError::TooLong { bytes: bytes_max + 1, bytes_max });
    }
    assert_eq!(vault.rsa_encrypt(b"x", OaepHash::Sha1, b"").unwrap_err(), VaultError::PublicKey);
}

#[test]
fn two_parties_share_a_secret() {
    let vault = vault();
    for spec in [KeySpec::EccNistP256, KeySpec::EccNistP384, KeySpec::EccNistP521] {
        let (ours, theirs) =
            (vault.generate(spec, b"owner").unwrap(), vault.generate(spec, b"owner").unwrap());
        let (our_public, their_public) =
            (ours.public_key.as_deref().unwrap(), theirs.public_key.as_deref().unwrap());
        let secret = vault.agree(&sealed(spec, &ours), their_public).unwrap();
        assert_eq!(secret, vault.agree(&sealed(spec, &theirs), our_public).unwrap());
        // A bare point is no SubjectPublicKeyInfo.
        let point = &their_public[their_public.iter().rposition(|b| *b == 4).unwrap_or(0)..];
        assert_eq!(vault.agree(&sealed(spec, &ours), point).unwrap_err(), VaultError::PublicKey);
    }
    for spec in [KeySpec::MlKem512, KeySpec::MlKem768, KeySpec::MlKem1024] {
        let new = vault.generate(spec, b"owner").unwrap();
        let (ciphertext, secret) = vault.encapsulate(spec, new.public_key.as_deref().unwrap()).unwrap();
        assert_eq!(secret.len(), 32);
        assert_eq!(vault.decapsulate(&sealed(spec, &new), &ciphertext).unwrap(), secret);
        let mut tampered = ciphertext.clone();
        tampered[0] ^= 1;
        assert_ne!(vault.decapsulate(&sealed(spec, &new), &tampered).unwrap(), secret);
    }
}

#[test]
fn data_key_pairs_can_be_brought_back() {
    let vault = vault();
    for spec in QUICK.into_iter().filter(|spec| spec.is_asymmetric() && !spec.is_ml_kem()) {
        let (private, public) = vault.key_pair(spec).unwrap();
        let imported = vault.import(spec, b"owner", &private).unwrap();
        assert_eq!(imported.public_key.as_ref(), Some(&public), "{spec}");
    }
    let misfit = vault.key_pair(KeySpec::SymmetricDefault).unwrap_err();
    assert!(matches!(misfit, VaultError::DoesNotFit { .. }));
}

#[test]
fn material_must_be_what_the_spec_names() {
    let vault = vault();
    let check = |spec, material: &[u8], accepted: bool| {
        let imported = vault.import(spec, b"owner", material);
        assert_eq!(imported.is_ok(), accepted, "{spec}, {} bytes", material.len());
    };
    for (bytes, accepted) in [(0, false), (16, false), (31, false), (32, true), (33, false)] {
        check(KeySpec::SymmetricDefault, &vec![7; bytes], accepted);
    }
    for (spec, bytes_min) in
        [(KeySpec::Hmac224, 28), (KeySpec::Hmac256, 32), (KeySpec::Hmac384, 48), (KeySpec::Hmac512, 64)]
    {
        check(spec, &vec![7; bytes_min - 1], false);
        check(spec, &vec![7; bytes_min], true);
        check(spec, &[7; 128], true);
        check(spec, &[7; 129], false);
    }
    let pairs: Vec<_> = QUICK
        .into_iter()
        .filter(|spec| spec.is_asymmetric() && !spec.is_ml_kem())
        .map(|spec| (spec, vault.key_pair(spec).unwrap().0))
        .collect();
    for (spec, private) in &pairs {
        for (other, _) in &pairs {
            check(*other, private, spec == other);
        }
        check(*spec, &private[..private.len() - 1], false);
        check(*spec, &[&private[..], b"x"].concat(), false);
    }
    let (_, rsa_2048) = &pairs[0];
    check(KeySpec::Rsa3072, rsa_2048, false);
}

/// KMS developer guide, "Requirements for imported key material": named curves only. Made with `openssl ecparam -name
/// prime256v1 -genkey -param_enc explicit`.
#[test]
fn a_curve_spelt_out_is_refused() {
    let spelt_out = "308201790201003082010306072a8648ce3d02013081f7020101302c06072a8648ce3d0101022100ffffffff00000001\
        000000000000000000000000ffffffffffffffffffffffff305b0420ffffffff00000001000000000000000000000000\
        fffffffffffffffffffffffc04205ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b0315\
        00c49d360886e704936a6678e1139d26b7819f7e900441046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0\
        f4a13945d898c2964fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5022100ffffffff00\
        000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551020101046d306b0201010420220f87f2773ef449e7\
        de5bf40b3481896ea9b1fbce35ce0871f0d36f60ec142da14403420004080c7367e147ede70b7003d67957d2d9289198\
        a53215c05116c70c198cb6f0db49f1579052b960acbf4e076f555f82d3a7a4e4839fd3afd112753be8b4b00b69";
    let material = data_encoding::HEXLOWER.decode(spelt_out.as_bytes()).unwrap();
    let refused = vault().import(KeySpec::EccNistP256, b"owner", &material).unwrap_err();
    assert!(matches!(refused, VaultError::Material(_)));
}

#[test]
fn wrapped_material_is_unwrapped() {
    let vault = vault();
    let new = vault.wrapping_key(KeySpec::Rsa2048, b"owner").unwrap();
    let (key, public) = (sealed(KeySpec::Rsa2048, &new), new.public_key.as_deref().unwrap());
    let material = [7; 32];
    for algorithm in WrappingAlgorithm::ALL {
        let wrapped = match algorithm {
            WrappingAlgorithm::RsaesOaep(hash) => vault.rsa_encrypt(public, hash, &material).unwrap(),
            WrappingAlgorithm::RsaAesKeyWrap(hash) => {
                let mut wrapped = vault.rsa_encrypt(public, hash, &[9; 32]).unwrap();
                let mut out = [0; 64];
                let kek = AesKek::new(&AES_256, &[9; 32]).unwrap();
                wrapped.extend_from_slice(kek.wrap_with_padding(&material, &mut out).unwrap());
                wrapped
            }
        };
        assert_eq!(*vault.unwrap(&key, algorithm, &wrapped).unwrap(), material, "{algorithm:?}");
        for byte in [0, wrapped.len() - 1] {
            let mut tampered = wrapped.clone();
            tampered[byte] ^= 1;
            let refused = vault.unwrap(&key, algorithm, &tampered).unwrap_err();
            assert_eq!(refused, VaultError::Ciphertext, "{algorithm:?}");
        }
        assert_eq!(vault.unwrap(&key, algorithm, b"short").unwrap_err(), VaultError::Ciphertext);
    }
    let misfit = vault.wrapping_key(KeySpec::EccNistP256, b"owner").unwrap_err();
    assert!(matches!(misfit, VaultError::DoesNotFit { .. }));
}

#[test]
fn a_key_that_was_moved_is_still_the_same() {
    let vault = vault();
    let new = vault.generate(KeySpec::SymmetricDefault, b"owner").unwrap();
    let key = sealed(KeySpec::SymmetricDefault, &new);
    let ciphertext = vault.encrypt(&key, b"", b"secret").unwrap();
    let moved = vault.rebind(&key, b"replica").unwrap();
    let replica = SealedKey { spec: key.spec, sealed: &moved, bound_to: b"replica" };
    assert_eq!(*vault.decrypt(&replica, b"", &ciphertext).unwrap(), b"secret");
    assert_eq!(vault.is_same_material(&key, &replica), Ok(true));
    let stale = SealedKey { bound_to: b"owner", ..replica };
    assert_eq!(vault.decrypt(&stale, b"", &ciphertext).unwrap_err(), VaultError::Tampered);
}

#[test]
fn the_same_material_is_recognised_for_the_same_context() {
    let vault = vault();
    let import = |material: [u8; 32]| vault.import(KeySpec::SymmetricDefault, b"owner", &material).unwrap();
    let (first, again, other) = (import([7; 32]), import([7; 32]), import([8; 32]));
    let id = |new: &NewKey, context: &[u8]| {
        vault.material_id(&sealed(KeySpec::SymmetricDefault, new), context).unwrap()
    };
    assert_eq!(id(&first, b"key").len(), 64);
    assert_eq!(id(&first, b"key"), id(&again, b"key"));
    assert_ne!(id(&first, b"key"), id(&first, b"another key"));
    assert_ne!(id(&first, b"key"), id(&other, b"key"));
    let same = |a: &NewKey, b: &NewKey| {
        let spec = KeySpec::SymmetricDefault;
        vault.is_same_material(&sealed(spec, a), &sealed(spec, b)).unwrap()
    };
    assert!(same(&first, &again));
    assert!(!same(&first, &other));
}

#[test]
fn larger_rsa_keys_work_alike() {
    let vault = vault();
    for (spec, bytes) in [(KeySpec::Rsa3072, 384), (KeySpec::Rsa4096, 512)] {
        let new = vault.generate(spec, b"owner").unwrap();
        let algorithm = SigningAlgorithm::RsassaPssSha512;
        let signature = vault.sign(&sealed(spec, &new), algorithm, Message::Raw(b"message")).unwrap();
        assert_eq!(signature.len(), bytes);
        let public = new.public_key.as_deref().unwrap();
        assert_eq!(vault.verify(spec, public, algorithm, Message::Raw(b"message"), &signature), Ok(true));
    }
}

#[test]
fn random_bytes_differ() {
    let vault = vault();
    assert_eq!(vault.random(0).len(), 0);
    assert_eq!(vault.random(1024).len(), 1024);
    assert_ne!(vault.random(32), vault.random(32));
}
