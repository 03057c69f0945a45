//! The credential report. AWS writes it in the background; here it is written at once and read from then on.

use std::time::Duration;

use base::AccountId;
use iam_api::{
    GenerateCredentialReportInput, GenerateCredentialReportOutput, GetCredentialReportInput,
    GetCredentialReportOutput, ReportFormatType, ReportStateType,
};
use service::Call;
use store::{Select, Tx};

use super::callers::second;
use super::users::ACCOUNT;
use crate::Iam;
use crate::error::Error;
use crate::limits::CREDENTIAL_REPORT_AGE_MAX;
use crate::model::arns;
use crate::model::credential_report::{Certificate, Key, Line, Password, head, write_line};
use crate::records::{
    ACCESS_KEYS, ACCOUNTS, AccountRecord, CREDENTIAL_REPORTS, CredentialReportRecord, PasswordPolicyRecord,
    SigningCertificate, USERS, UserRecord, put_text, text,
};

/// The key of the report's record, and the owner of its text.
const LATEST: &str = "latest";
const TEXT: &str = "credential-report";

/// How many users are read in one step.
const USERS_AT_ONCE_MAX: usize = 500;

pub async fn generate(
    iam: &Iam,
    call: &Call,
    _: GenerateCredentialReportInput,
) -> Result<GenerateCredentialReportOutput, Error> {
    let latest = latest(iam, call.account).await?;
    if let Some(latest) = &latest
        && call.now.since(latest.generated) < CREDENTIAL_REPORT_AGE_MAX
    {
        return Ok(GenerateCredentialReportOutput {
            state: Some(ReportStateType::Complete),
            description: None,
        });
    }
    let report = write(iam, call.account).await?;
    let (account, report, record) =
        (call.account, report.as_str(), &CredentialReportRecord { generated: second(call) });
    iam.store
        .transact(|tx| async move {
            put_text(&tx, account, TEXT, report).await?;
            Ok::<_, Error>(CREDENTIAL_REPORTS.put(&tx, &account, LATEST, record).await?)
        })
        .await?;
    let description = match latest {
        None => "No report exists. Starting a new report generation task",
        Some(_) => "The last report has expired. Starting a new report generation task",
    };
    Ok(GenerateCredentialReportOutput {
        state: Some(ReportStateType::Started),
        description: Some(description.to_owned()),
    })
}

pub async fn get(
    iam: &Iam,
    call: &Call,
    _: GetCredentialReportInput,
) -> Result<GetCredentialReportOutput, Error> {
    let account = call.account;
    let (record, report) = iam
        .store
        .read(|tx| async move {
            let record = CREDENTIAL_REPORTS.get(&tx, &account, LATEST).await?;
            Ok::<_, Error>((record, text(&tx, account, TEXT).await?))
        })
        .await?;
    let record = record.ok_or(Error::ReportNotPresent)?;
    if call.now.since(record.generated) >= CREDENTIAL_REPORT_AGE_MAX {
        return Err(Error::ReportExpired);
    }
    Ok(GetCredentialReportOutput {
        content: report.map(|report| report.into_bytes().into()),
        report_format: Some(ReportFormatType::TextCsv),
        generated_time: Some(record.generated),
    })
}

async fn latest(iam: &Iam, account: AccountId) -> Result<Option<CredentialReportRecord>, Error> {
    let found = iam.store.read(|tx| async move { CREDENTIAL_REPORTS.get(&tx, &account, LATEST).await });
    Ok(found.await?)
}

async fn write(iam: &Iam, account: AccountId) -> Result<String, Error> {
    let mut report = head();
    let (settings, root) = iam
        .store
        .read(|tx| async move {
            let settings = ACCOUNTS.get(&tx, &account, ACCOUNT).await?.unwrap_or_default();
            let root = root_line(iam, &tx, account, &settings).await?;
            Ok::<_, Error>((settings, root))
        })
        .await?;
    write_line(&root, &mut report);
    let policy = settings.password_policy.as_ref();
    let mut after: Option<String> = None;
    loop {
        let position = after.as_deref();
        let (lines, next) =
            iam.store.read(|tx| async move { user_lines(iam, &tx, account, policy, position).await }).await?;
        lines.iter().for_each(|line| write_line(line, &mut report));
        match next {
            Some(next) => after = Some(next),
            None => return Ok(report),
        }
    }
}

async fn user_lines(
    iam: &Iam,
    tx: &Tx,
    account: AccountId,
    policy: Option<&PasswordPolicyRecord>,
    after: Option<&str>,
) -> Result<(Vec<Line>, Option<String>), Error> {
    let users = USERS.scan(tx, &account, Select::ALL.after(after), USERS_AT_ONCE_MAX).await?;
    let mut lines = Vec::with_capacity(users.records.len());
    for (_, user) in users.records {
        lines.push(Line {
            arn: user.arn(account).to_string(),
            created: Some(user.created),
            password: password(&user, policy),
            mfa_active: !user.mfa_devices.is_empty(),
            access_keys: keys(iam, tx, &user.access_keys).await?,
            certificates: certificates(&user.signing_certificates),
            user: user.name,
        });
    }
    Ok((lines, users.next))
}

async fn root_line(iam: &Iam, tx: &Tx, account: AccountId, settings: &AccountRecord) -> Result<Line, Error> {
    Ok(Line {
        user: "<root_account>".to_owned(),
        arn: arns::root(account).to_string(),
        created: None,
        password: Password::NotSupported,
        mfa_active: !settings.root_mfa_devices.is_empty(),
        access_keys: keys(iam, tx, &settings.root_access_keys).await?,
        certificates: certificates(&settings.root_signing_certificates),
    })
}

fn password(user: &UserRecord, policy: Option<&PasswordPolicyRecord>) -> Password {
    let Some(login) = &user.login else { return Password::None };
    let age_days_max = policy.and_then(|policy| policy.age_days_max).filter(|days| *days > 0);
    let lasts = |days: u32| Duration::from_secs(u64::from(days) * 24 * 3600);
    Password::Set {
        changed: login.changed,
        last_used: user.password_last_used,
        next_rotation: age_days_max.map(|days| login.changed + lasts(days)),
    }
}

async fn keys(iam: &Iam, tx: &Tx, ids: &[String]) -> Result<Vec<Key>, Error> {
    let mut keys = Vec::with_capacity(ids.len());
    for id in ids {
        if let Some(record) = ACCESS_KEYS.get(tx, &(), id).await? {
            let last_used = iam.directory.key_last_used(id).or(record.last_used);
            keys.push(Key { active: record.active, created: record.created, last_used });
        }
    }
    Ok(keys)
}

fn certificates(found: &[SigningCertificate]) -> Vec<Certificate> {
    let shown = |found: &SigningCertificate| Certificate { active: found.active, uploaded: found.uploaded };
    found.iter().map(shown).collect()
}
