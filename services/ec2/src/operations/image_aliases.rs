//! Images named by a parameter of Systems Manager: `resolve:ssm:/golden-ami`, with a version or a label behind a colon.
//!
//! The caller needs `ssm:GetParameters`, and the parameter the data type `aws:ec2:image` ("Use a Systems Manager
//! parameter instead of an AMI ID"). Templates keep the alias; a launch asks for it anew.

use ec2_api::ResponseLaunchTemplateData;
use schema::Fault;
use service::Call;
use ssm_api::{GetParameters, GetParametersInput};

use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{SSM_INVALID_PARAMETER, UNAUTHORIZED_OPERATION};
use crate::model::images::alias;

const DATA_TYPE: &str = "aws:ec2:image";

/// The id that an image is named by, if need be by way of a parameter.
///
/// # Errors
/// `SsmInvalidParameter`, and `UnauthorizedOperation` where the caller may not read the parameter.
pub async fn resolve(ec2: &Ec2, call: &Call, image: &str) -> Result<String, Error> {
    let Some(parameter) = alias(image) else { return Ok(image.to_owned()) };
    let input = GetParametersInput { names: vec![parameter.to_owned()], ..GetParametersInput::default() };
    let ssm = ec2.aws.as_caller(call).via("ec2.amazonaws.com");
    let found = ssm.call(GetParameters, input).await.map_err(refused)?;
    let Some(parameter) = found.parameters.and_then(|mut all| all.pop()) else {
        let message = format!("The parameter '{parameter}' of Systems Manager cannot be found.");
        return Err(Error::new(&SSM_INVALID_PARAMETER, message));
    };
    if parameter.data_type.as_deref() != Some(DATA_TYPE) {
        let message =
            format!("Unsupported data type. The following parameter data types are supported: {DATA_TYPE}");
        return Err(Error::new(&SSM_INVALID_PARAMETER, message));
    }
    Ok(parameter.value.unwrap_or_default())
}

fn refused(fault: Fault) -> Error {
    match fault.code() {
        "AccessDeniedException" => {
            let message = format!("You are not authorized to perform this operation. {}", fault.message());
            Error::new(&UNAUTHORIZED_OPERATION, message)
        }
        _ if fault.status() >= 500 => Error::Other(fault),
        _ => Error::new(&SSM_INVALID_PARAMETER, fault.message()),
    }
}

/// A template's data with its image as it would be launched now.
pub async fn resolved(
    ec2: &Ec2,
    call: &Call,
    data: ResponseLaunchTemplateData,
) -> Result<ResponseLaunchTemplateData, Error> {
    let image_id = match &data.image_id {
        Some(image) => Some(resolve(ec2, call, image).await?),
        None => None,
    };
    Ok(ResponseLaunchTemplateData { image_id, ..data })
}
