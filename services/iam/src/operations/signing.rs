//! Signing certificates: X.509, for the few old services whose requests are signed with them.

use base::AccountId;
use iam_api::{
    DeleteSigningCertificateInput, DeleteSigningCertificateOutput, ListSigningCertificatesInput,
    ListSigningCertificatesOutput, SigningCertificate, UpdateSigningCertificateInput,
    UpdateSigningCertificateOutput, UploadSigningCertificateInput, UploadSigningCertificateOutput,
};
use service::Call;

use super::access_keys::{is_active, status};
use super::callers::{Owner, second};
use super::{account, pages, quotas, users};
use crate::Iam;
use crate::error::Error;
use crate::model::certificates;
use crate::records;

type Certificates = Vec<records::SigningCertificate>;

const ID_CHARS: usize = 32;
const ID_ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

fn not_found(id: &str) -> Error {
    Error::NoSuchEntity(format!("The Certificate with id {id} cannot be found."))
}

fn shown(user_name: &str, certificate: &records::SigningCertificate) -> SigningCertificate {
    SigningCertificate {
        user_name: user_name.to_owned(),
        certificate_id: certificate.id.clone(),
        certificate_body: certificate.body.clone(),
        status: status(certificate.active),
        upload_date: Some(certificate.uploaded),
    }
}

/// Changes the certificates of a user or of root, and says the owner's name.
async fn update(
    iam: &Iam,
    account: AccountId,
    owner: &Owner,
    change: impl Fn(&mut Certificates) -> Result<(), Error> + Send + Sync,
) -> Result<String, Error> {
    match owner {
        Owner::Root => {
            account::update(iam, account, |record| change(&mut record.root_signing_certificates)).await?;
            Ok(owner.shown().to_owned())
        }
        Owner::User(name) => {
            users::update(iam, account, name, |user| {
                change(&mut user.signing_certificates)?;
                Ok(user.name.clone())
            })
            .await
        }
    }
}

pub async fn upload_signing_certificate(
    iam: &Iam,
    call: &Call,
    input: UploadSigningCertificateInput,
) -> Result<UploadSigningCertificateOutput, Error> {
    let owner = Owner::of(call, input.user_name.as_deref())?;
    let certificate = &certificates::certificate(&input.certificate_body)?;
    if certificate.expires <= call.now {
        return Err(Error::InvalidCertificate("The certificate has expired.".to_owned()));
    }
    let fresh = &records::SigningCertificate {
        id: iam.ids.text(ID_CHARS, ID_ALPHABET),
        body: input.certificate_body,
        active: true,
        uploaded: second(call),
    };
    let user_name = update(iam, call.account, &owner, |have| {
        for other in have.iter() {
            if other.id == fresh.id {
                // An earlier run of this very transaction added it.
                return Ok(());
            }
            if certificates::certificate(&other.body)? == *certificate {
                let message = "The certificate is already associated with the user.";
                return Err(Error::DuplicateCertificate(message.to_owned()));
            }
        }
        quotas::SIGNING_CERTIFICATES_PER_USER.check(have.len())?;
        have.push(fresh.clone());
        Ok(())
    })
    .await?;
    Ok(UploadSigningCertificateOutput { certificate: shown(&user_name, fresh) })
}

pub async fn list_signing_certificates(
    iam: &Iam,
    call: &Call,
    input: ListSigningCertificatesInput,
) -> Result<ListSigningCertificatesOutput, Error> {
    let owner = Owner::of(call, input.user_name.as_deref())?;
    let (name, have) = match &owner {
        Owner::Root => {
            let record = account::find(iam, call.account).await?;
            (owner.shown().to_owned(), record.root_signing_certificates)
        }
        Owner::User(name) => {
            let user = users::find(iam, call.account, name).await?;
            (user.name, user.signing_certificates)
        }
    };
    let all = have.iter().map(|certificate| shown(&name, certificate)).collect();
    let of = "ListSigningCertificates";
    let found = pages::cut(iam, call, of, input.marker.as_deref(), input.max_items, all)?;
    Ok(ListSigningCertificatesOutput {
        certificates: found.items,
        is_truncated: found.is_truncated,
        marker: found.marker,
    })
}

pub async fn update_signing_certificate(
    iam: &Iam,
    call: &Call,
    input: UpdateSigningCertificateInput,
) -> Result<UpdateSigningCertificateOutput, Error> {
    let owner = Owner::of(call, input.user_name.as_deref())?;
    let (active, id) = (is_active(&input.status)?, &input.certificate_id);
    update(iam, call.account, &owner, |have| {
        let certificate = have.iter_mut().find(|certificate| certificate.id == *id);
        certificate.ok_or_else(|| not_found(id))?.active = active;
        Ok(())
    })
    .await?;
    Ok(UpdateSigningCertificateOutput {})
}

pub async fn delete_signing_certificate(
    iam: &Iam,
    call: &Call,
    input: DeleteSigningCertificateInput,
) -> Result<DeleteSigningCertificateOutput, Error> {
    let owner = Owner::of(call, input.user_name.as_deref())?;
    let id = &input.certificate_id;
    update(iam, call.account, &owner, |have| {
        let before = have.len();
        have.retain(|certificate| certificate.id != *id);
        if have.len() == before { Err(not_found(id)) } else { Ok(()) }
    })
    .await?;
    Ok(DeleteSigningCertificateOutput {})
}
