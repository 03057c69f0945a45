//! Permissions for other accounts to attach an interface, or to give it an Elastic IP.

use base::Arn;
use ec2_api::*;
use service::{Call, Kept};
use store::Select;

use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{
    INVALID_PARAMETER_VALUE, INVALID_PERMISSION_ID_NOT_FOUND, OPERATION_NOT_PERMITTED,
};
use crate::kind::NETWORK_INTERFACE;
use crate::limits::PAGE_MAX;
use crate::model::filter::{Filters, maybe};
use crate::model::groups::NO_TAGS;
use crate::operations::lists::{self, Asked};
use crate::records::interfaces::{INTERFACE_PERMISSIONS, InterfacePermissionRecord, InterfaceRecord};
use crate::resources;

pub fn by_create(
    _: &Ec2,
    call: &Call,
    input: &CreateNetworkInterfacePermissionInput,
) -> Result<Vec<Arn>, Error> {
    Ok(vec![NETWORK_INTERFACE.arn(call, &input.network_interface_id)])
}

pub fn by_delete(_: &Ec2, call: &Call, _: &DeleteNetworkInterfacePermissionInput) -> Result<Vec<Arn>, Error> {
    Ok(vec![NETWORK_INTERFACE.any(call)])
}

pub async fn create_network_interface_permission(
    ec2: &Ec2,
    call: &Call,
    input: CreateNetworkInterfacePermissionInput,
) -> Result<CreateNetworkInterfacePermissionOutput, Error> {
    let account = input.aws_account_id.as_deref();
    if account.is_none() && input.aws_service.is_none() {
        return Err(Error::missing("awsAccountId"));
    }
    if account.is_some_and(|account| account.parse::<base::AccountId>().is_err()) {
        return Err(Error::invalid_value(account.unwrap_or_default(), "awsAccountId", "Invalid account ID"));
    }
    let (place, interface) = (call.scope(), &input.network_interface_id);
    let permission = NetworkInterfacePermission {
        network_interface_permission_id: Some(format!("eni-perm-0{}", ec2.ids.hex(16))),
        network_interface_id: Some(interface.clone()),
        aws_account_id: input.aws_account_id.clone(),
        aws_service: input.aws_service.clone(),
        permission: Some(input.permission.clone()),
        permission_state: Some(NetworkInterfacePermissionState {
            state: Some(NetworkInterfacePermissionStateCode::Granted),
            status_message: None,
        }),
    };
    let record = &InterfacePermissionRecord { permission: Kept(permission.clone()) };
    let made = ec2.store.transact(|tx| async move {
        let found: InterfaceRecord = resources::get(&tx, &place, interface).await?;
        if found.interface.requester_managed == Some(true) {
            let message = "You do not have permission to access the specified resource.";
            return Err(Error::new(&OPERATION_NOT_PERMITTED, message));
        }
        let id = record.permission.network_interface_permission_id.as_deref().unwrap_or_default();
        Ok(INTERFACE_PERMISSIONS.put(&tx, &place, id, record).await?)
    });
    made.await?;
    Ok(CreateNetworkInterfacePermissionOutput { interface_permission: Some(permission) })
}

pub async fn delete_network_interface_permission(
    ec2: &Ec2,
    call: &Call,
    input: DeleteNetworkInterfacePermissionInput,
) -> Result<DeleteNetworkInterfacePermissionOutput, Error> {
    let (place, id) = (call.scope(), &input.network_interface_permission_id);
    let forced = input.force == Some(true);
    let gone = ec2.store.transact(|tx| async move {
        let known = INTERFACE_PERMISSIONS.get(&tx, &place, id).await?;
        let known = known.ok_or_else(|| {
            let message = format!("The permission ID '{id}' does not exist");
            Error::new(&INVALID_PERMISSION_ID_NOT_FOUND, message)
        })?;
        let interface = known.permission.network_interface_id.as_deref().unwrap_or_default();
        let interface: InterfaceRecord = resources::get(&tx, &place, interface).await?;
        let owner = interface.interface.attachment.as_ref().and_then(|it| it.instance_owner_id.as_deref());
        let uses_it = owner.is_some() && owner == known.permission.aws_account_id.as_deref();
        if uses_it && !forced {
            let message = format!("The permission '{id}' is in use by an attachment.");
            return Err(Error::new(&OPERATION_NOT_PERMITTED, message));
        }
        Ok(INTERFACE_PERMISSIONS.delete(&tx, &place, id).await?)
    });
    gone.await?;
    Ok(DeleteNetworkInterfacePermissionOutput { r#return: Some(true) })
}

pub async fn describe_network_interface_permissions(
    ec2: &Ec2,
    call: &Call,
    input: DescribeNetworkInterfacePermissionsInput,
) -> Result<DescribeNetworkInterfacePermissionsOutput, Error> {
    const PREFIX: &str = "network-interface-permission.";
    let filters = &Filters::parse(input.filters)?;
    let names = [
        "network-interface-permission-id",
        "network-interface-id",
        "aws-account-id",
        "aws-service",
        "permission",
    ];
    let plain = |name: &str| name.strip_prefix(PREFIX).unwrap_or(name).to_owned();
    filters.check(&|name| names.contains(&plain(name).as_str()).then(Vec::new))?;
    let (place, ids) = (call.scope(), &input.network_interface_permission_ids.unwrap_or_default());
    let found = ec2.store.read(|tx| async move {
        for id in ids {
            if INTERFACE_PERMISSIONS.get(&tx, &place, id).await?.is_none() {
                let message = format!("The permission ID '{id}' does not exist");
                return Err(Error::new(&INVALID_PERMISSION_ID_NOT_FOUND, message));
            }
        }
        Ok(INTERFACE_PERMISSIONS.scan(&tx, &place, Select::ALL, PAGE_MAX).await?.records)
    });
    let mut kept = Vec::new();
    for (id, InterfacePermissionRecord { permission: Kept(permission) }) in found.await? {
        let of = |name: &str| match plain(name).as_str() {
            "network-interface-permission-id" => maybe(permission.network_interface_permission_id.as_deref()),
            "network-interface-id" => maybe(permission.network_interface_id.as_deref()),
            "aws-account-id" => maybe(permission.aws_account_id.as_deref()),
            "aws-service" => maybe(permission.aws_service.as_deref()),
            "permission" => maybe(permission.permission.as_ref()),
            _ => None,
        };
        if (ids.is_empty() || ids.contains(&id)) && filters.admit(&NO_TAGS, &of)? {
            kept.push(permission);
        }
    }
    if input.max_results.is_some_and(|most| most > 255) {
        return Err(Error::new(&INVALID_PARAMETER_VALUE, "MaxResults must be from 5 to 255"));
    }
    let asked = Asked {
        operation: "DescribeNetworkInterfacePermissions",
        max_results: input.max_results,
        next_token: input.next_token,
        least: 5,
    };
    let position =
        |it: &NetworkInterfacePermission| it.network_interface_permission_id.clone().unwrap_or_default();
    let (shown, next_token) = lists::page(ec2, call, asked, kept, position)?;
    Ok(DescribeNetworkInterfacePermissionsOutput { network_interface_permissions: Some(shown), next_token })
}
