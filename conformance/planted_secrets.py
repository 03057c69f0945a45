"""Secrets planted in KMS, Secrets Manager, Parameter Store and encrypted queues, for test_secrets_stay_secret.py.

Each is used as it is meant to be, and misused so that an error could repeat it.
"""

import os

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from test_kms_imports import OAEP, bring, parameters, spki, wrap

# Operations of these services that answer with a secret.
TELLING = {
    "BatchGetSecretValue",
    "Decapsulate",
    "Decrypt",
    "DeriveSharedSecret",
    "Encapsulate",
    "GenerateDataKey",
    "GenerateDataKeyPair",
    "GenerateRandom",
    "GetObject",
    "GetParameter",
    "GetParameterHistory",
    "GetParameters",
    "GetParametersByPath",
    "GetRandomPassword",
    "GetSecretValue",
    "ReceiveMessage",
}
PRINTABLE = 'marked "secret" <&> '


def text(cloud, what):
    """A text to be found nowhere."""
    return cloud.keep(what, f"{PRINTABLE}{what} {os.urandom(12).hex()}")


def plant(cloud):
    kms = cloud.client("kms")
    key = kms.create_key(Description="marks")["KeyMetadata"]["KeyId"]
    encrypt(cloud, kms, key)
    generate(cloud, kms, key)
    import_material(cloud, kms)
    agree(cloud, kms)
    keep_secrets(cloud, key)
    keep_parameters(cloud, key)
    keep_objects(cloud, key)
    for attributes in ({"KmsMasterKeyId": key}, {"SqsManagedSseEnabled": "true"}):
        keep_messages(cloud, attributes)


def keep_objects(cloud, kms_key):
    s3, name = cloud.client("s3"), f"marks-{os.urandom(8).hex()}"
    s3.create_bucket(Bucket=name)
    rule = {"BlockedEncryptionTypes": {"EncryptionType": ["NONE"]}}
    s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": [rule]})
    customer_key = cloud.keep("a key of a client", os.urandom(16).hex())
    brought = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": customer_key}
    by_kms = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms_key}
    for number, given in enumerate(({}, by_kms, brought)):
        content = text(cloud, f"the content of object {number}").encode()
        s3.put_object(Bucket=name, Key="k", Body=content, **given)
        assert s3.get_object(Bucket=name, Key="k", **(brought if given is brought else {}))["Body"].read() == content
        s3.put_object(Bucket=name, Key="long", Body=content * 10_000, **given)
    cloud.refused(s3.put_object, Bucket=name, Key="k", Body=b"", **{**brought, "SSECustomerAlgorithm": "DES"})
    cloud.refused(s3.put_object, Bucket=name, Key="k", Body=b"", **brought, ServerSideEncryption="AES256")
    cloud.refused(s3.get_object, Bucket=name, Key="k", SSECustomerAlgorithm="AES256", SSECustomerKey=customer_key[1:])


def encrypt(cloud, kms, key):
    plain = text(cloud, "a plaintext").encode()
    blob = kms.encrypt(KeyId=key, Plaintext=plain)["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == plain
    kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId=key)
    cloud.refused(kms.encrypt, KeyId=key, Plaintext=plain * 100)
    cloud.refused(kms.encrypt, KeyId=key, Plaintext=plain, EncryptionAlgorithm="RSAES_OAEP_SHA_256")
    cloud.refused(kms.encrypt, KeyId=key, Plaintext=plain, GrantTokens=["none"])
    cloud.refused(kms.decrypt, CiphertextBlob=plain)
    cloud.refused(kms.decrypt, CiphertextBlob=blob + plain)
    cloud.refused(kms.encrypt, KeyId=key, Plaintext=plain, DryRun=True)
    rsa = kms.create_key(KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT")["KeyMetadata"]["KeyId"]
    oaep = {"KeyId": rsa, "EncryptionAlgorithm": "RSAES_OAEP_SHA_256"}
    sealed = kms.encrypt(Plaintext=plain, **oaep)["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=sealed, **oaep)["Plaintext"] == plain
    cloud.refused(kms.encrypt, Plaintext=plain * 10, **oaep)


def generate(cloud, kms, key):
    made = kms.generate_data_key(KeyId=key, KeySpec="AES_256")
    cloud.keep("a data key", made["Plaintext"])
    kms.decrypt(CiphertextBlob=made["CiphertextBlob"])
    pair = kms.generate_data_key_pair(KeyId=key, KeyPairSpec="ECC_NIST_P256")
    private = serialization.load_der_private_key(pair["PrivateKeyPlaintext"], None)
    cloud.keep("a data key pair's private key", private.private_numbers().private_value.to_bytes(32, "big"))
    kms.decrypt(CiphertextBlob=pair["PrivateKeyCiphertextBlob"])
    cloud.keep("random bytes", kms.generate_random(NumberOfBytes=64)["Plaintext"])


def import_material(cloud, kms):
    key = kms.create_key(Origin="EXTERNAL")["KeyMetadata"]["KeyId"]
    material = cloud.keep("imported material", os.urandom(32))
    bring(kms, key, material)
    bring(kms, key, material, "RSA_AES_KEY_WRAP_SHA_256")
    got, public = parameters(kms, key)
    given = {"KeyId": key, "ImportToken": got["ImportToken"], "ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE"}
    cloud.refused(kms.import_key_material, EncryptedKeyMaterial=material, **given)
    short = cloud.keep("imported material that is refused", os.urandom(24))
    cloud.refused(kms.import_key_material, EncryptedKeyMaterial=wrap(public, OAEP, short), **given)
    mac = kms.create_key(Origin="EXTERNAL", KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"]["KeyId"]
    bring(kms, mac, cloud.keep("an imported MAC key", os.urandom(32)))
    kms.generate_mac(KeyId=mac, Message=b"m", MacAlgorithm="HMAC_SHA_256")
    signing = kms.create_key(Origin="EXTERNAL", KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
    private = ec.generate_private_key(ec.SECP256R1())
    cloud.keep("an imported private key", private.private_numbers().private_value.to_bytes(32, "big"))
    pkcs8 = private.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    bring(kms, signing, pkcs8)
    kms.sign(KeyId=signing, Message=b"m", SigningAlgorithm="ECDSA_SHA_256")


def agree(cloud, kms):
    key = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="KEY_AGREEMENT")["KeyMetadata"]["KeyId"]
    peer = spki(ec.generate_private_key(ec.SECP256R1()).public_key())
    given = {"KeyId": key, "KeyAgreementAlgorithm": "ECDH"}
    cloud.keep("a shared secret", kms.derive_shared_secret(PublicKey=peer, **given)["SharedSecret"])


def keep_secrets(cloud, key):
    secrets = cloud.client("secretsmanager")
    string, binary = text(cloud, "a secret string"), cloud.keep("a secret binary", os.urandom(40))
    secrets.create_secret(Name="string", SecretString=string, KmsKeyId=key)
    secrets.create_secret(Name="binary", SecretBinary=binary)
    secrets.get_secret_value(SecretId="string")
    secrets.batch_get_secret_value(SecretIdList=["string", "binary"])
    token = "00000000-0000-4000-8000-000000000001"
    secrets.put_secret_value(SecretId="string", SecretString=text(cloud, "a second string"), ClientRequestToken=token)
    again = text(cloud, "a string that is refused")
    cloud.refused(secrets.put_secret_value, SecretId="string", SecretString=again, ClientRequestToken=token)
    cloud.refused(secrets.put_secret_value, SecretId="none", SecretString=again)
    cloud.refused(secrets.put_secret_value, SecretId="string", SecretString=again * 2000)
    cloud.refused(secrets.put_secret_value, SecretId="string", SecretString=again, SecretBinary=binary)
    cloud.refused(secrets.create_secret, Name="string", SecretString=again)
    cloud.keep("a random password", secrets.get_random_password(PasswordLength=40)["RandomPassword"])
    secrets.delete_secret(SecretId="binary", ForceDeleteWithoutRecovery=True)


def keep_parameters(cloud, key):
    ssm = cloud.client("ssm")
    value = text(cloud, "a secure string")
    secure = {"Type": "SecureString", "KeyId": key}
    ssm.put_parameter(Name="/mark", Value=value, **secure)
    ssm.put_parameter(Name="/mark", Value=text(cloud, "a second secure string"), Overwrite=True, **secure)
    large = {"Type": "SecureString", "Tier": "Advanced"}
    ssm.put_parameter(Name="/large", Value=text(cloud, "an advanced secure string"), **large)
    ssm.get_parameter(Name="/mark", WithDecryption=True)
    ssm.get_parameters_by_path(Path="/", WithDecryption=True)
    ssm.get_parameter_history(Name="/mark", WithDecryption=True)
    cloud.answers.append(("GetParameter, sealed", ssm.get_parameter(Name="/mark")["Parameter"]["Value"].encode()))
    refused = text(cloud, "a secure string that is refused")
    cloud.refused(ssm.put_parameter, Name="/mark", Value=refused, **secure)
    cloud.refused(ssm.put_parameter, Name="/other", Value=refused, AllowedPattern="^[0-9]+$", **secure)
    cloud.refused(ssm.put_parameter, Name="/other", Value=refused * 100, **secure)
    cloud.refused(ssm.put_parameter, Name="/other", Value=refused, Type="SecureString", KeyId="alias/none")
    cloud.refused(ssm.put_parameter, Name="not a name", Value=refused, **secure)


def keep_messages(cloud, attributes):
    sqs = cloud.client("sqs")
    which = next(iter(attributes))
    url = sqs.create_queue(QueueName=f"sealed-{which}", Attributes=attributes)["QueueUrl"]
    body = text(cloud, f"a message under {which}")
    sqs.send_message(QueueUrl=url, MessageBody=body)
    sqs.send_message(QueueUrl=url, MessageBody=text(cloud, f"a message that stays under {which}"))
    assert sqs.receive_message(QueueUrl=url)["Messages"]
