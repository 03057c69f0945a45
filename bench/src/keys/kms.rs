//! Keys at one of the candidates, and the work that is done with them.

use std::net::SocketAddr;

use anyhow::{Context, ensure};
use aws_lc_rs::digest;
use aws_lc_rs::signature::{RSA_PSS_2048_8192_SHA256, UnparsedPublicKey};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::http::{Api, KMS};
use crate::keys::figures::{Figure, Work};
use crate::limits::{PLAINTEXT_BYTES, POOL_REQUESTS};

pub struct Keys {
    pub api: Api,
    /// Key ids.
    symmetric: String,
    rsa: String,
}

impl Keys {
    pub async fn create(address: SocketAddr) -> anyhow::Result<Keys> {
        let api = Api::dev(KMS, address);
        let symmetric = create_key(&api, &json!({})).await?;
        let rsa = create_key(&api, &json!({ "KeySpec": "RSA_2048", "KeyUsage": "SIGN_VERIFY" })).await?;
        Ok(Keys { api, symmetric, rsa })
    }

    pub fn encrypts(&self) -> Work {
        let encrypt = |number| json!({ "KeyId": self.symmetric, "Plaintext": plaintext(number) });
        self.work(Figure::Encrypt, "Encrypt", encrypt)
    }

    /// Of what this candidate encrypted before.
    pub async fn decrypts(&self) -> anyhow::Result<Work> {
        let Work { operation, inputs, .. } = self.encrypts();
        let mut connection = self.api.connect();
        let mut ciphertexts = Vec::new();
        for input in &inputs {
            let answer = self.api.call_on(&mut connection, operation, input).await?;
            ciphertexts.push(text_in(&answer, "CiphertextBlob")?);
        }
        Ok(self.work(
            Figure::Decrypt,
            "Decrypt",
            |number| json!({ "CiphertextBlob": ciphertexts[number].as_str() }),
        ))
    }

    pub fn data_keys(&self) -> Work {
        let input = json!({ "KeyId": self.symmetric, "KeySpec": "AES_256" });
        Work { figure: Figure::GenerateDataKey, operation: "GenerateDataKey", inputs: vec![input] }
    }

    pub fn signs(&self) -> Work {
        self.work(Figure::Sign, "Sign", |number| {
            json!({
                "KeyId": self.rsa,
                "Message": BASE64_STANDARD.encode(digest::digest(&digest::SHA256, &message(number))),
                "MessageType": "DIGEST",
                "SigningAlgorithm": "RSASSA_PSS_SHA_256",
            })
        })
    }

    /// A fast wrong answer is no figure: what was encrypted comes back, and the signature is good.
    pub async fn prove_answers(&self) -> anyhow::Result<()> {
        let decrypts = self.decrypts().await?;
        for (number, input) in decrypts.inputs.iter().enumerate() {
            let answer = self.api.call(decrypts.operation, input).await?;
            ensure!(text_in(&answer, "Plaintext")? == plaintext(number), "another plaintext came back");
        }
        let data_keys = self.data_keys();
        let data_key = self.api.call(data_keys.operation, &data_keys.inputs[0]).await?;
        let opened =
            self.api.call("Decrypt", &json!({ "CiphertextBlob": data_key["CiphertextBlob"] })).await?;
        ensure!(
            text_in(&data_key, "Plaintext")? == text_in(&opened, "Plaintext")?,
            "another data key came back"
        );
        let signed = self.api.call("Sign", &self.signs().inputs[0]).await?;
        let public_key = self.api.call("GetPublicKey", &json!({ "KeyId": self.rsa })).await?;
        let public_key = BASE64_STANDARD.decode(text_in(&public_key, "PublicKey")?)?;
        let signature = BASE64_STANDARD.decode(text_in(&signed, "Signature")?)?;
        let verified =
            UnparsedPublicKey::new(&RSA_PSS_2048_8192_SHA256, public_key).verify(&message(0), &signature);
        ensure!(verified.is_ok(), "the signature is not good");
        Ok(())
    }

    fn work(&self, figure: Figure, operation: &'static str, input: impl Fn(usize) -> Value) -> Work {
        Work { figure, operation, inputs: (0..POOL_REQUESTS).map(input).collect() }
    }
}

async fn create_key(api: &Api, input: &Value) -> anyhow::Result<String> {
    text_in(&api.call("CreateKey", input).await?["KeyMetadata"], "KeyId")
}

fn text_in(answer: &Value, member: &str) -> anyhow::Result<String> {
    Ok(answer[member].as_str().with_context(|| format!("the answer has no {member}"))?.to_owned())
}

/// Of exactly the size, different for each number, in base64.
fn plaintext(number: usize) -> String {
    BASE64_STANDARD.encode(format!("{number:0PLAINTEXT_BYTES$}"))
}

fn message(number: usize) -> [u8; 8] {
    (number as u64).to_be_bytes()
}
