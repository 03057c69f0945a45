//! Service-linked roles: made by name of their service, protected, deleted in the background.

use iam_api::*;
use schema::Fault;
use testkit::Cloud;

use crate::permission_support::*;

async fn create(cloud: &Cloud, service: &str, suffix: Option<&str>) -> Result<Role, Fault> {
    let input = CreateServiceLinkedRoleInput {
        aws_service_name: service.to_owned(),
        description: Some("for the service".to_owned()),
        custom_suffix: suffix.map(str::to_owned),
    };
    cloud.call(CreateServiceLinkedRole, input).await.map(|output| output.role.expect("it is shown"))
}

#[tokio::test]
async fn a_service_linked_role_is_only_its_services() {
    let cloud = Cloud::new(31).await;
    let role = create(&cloud, "autoscaling.amazonaws.com", None).await.unwrap();
    let name = "AWSServiceRoleForAutoScaling";
    assert_eq!(role.role_name, name);
    assert_eq!(role.path, "/aws-service-role/autoscaling.amazonaws.com/");
    let message =
        format!("Service role name {name} has been taken in this account, please try a different suffix.");
    refused(create(&cloud, "autoscaling.amazonaws.com", None).await, "InvalidInput", &message);
    let message = "Custom suffix is not allowed for ecs.amazonaws.com";
    refused(create(&cloud, "ecs.amazonaws.com", Some("x")).await, "InvalidInput", message);
    let message = format!(
        "Cannot perform the operation on the protected role '{name}' - this role is only modifiable by AWS"
    );
    let arn = "arn:aws:iam::aws:policy/AdministratorAccess";
    refused(attach_to_role(&cloud, name, arn).await, "UnmodifiableEntity", &message);
    let delete = DeleteRoleInput { role_name: name.to_owned() };
    refused(cloud.call(DeleteRole, delete).await, "UnmodifiableEntity", &message);
    let describe = UpdateRoleDescriptionInput { role_name: name.to_owned(), description: "mine".to_owned() };
    cloud.call(UpdateRoleDescription, describe).await.expect("the description may be edited");
}

#[tokio::test]
async fn a_service_linked_role_is_deleted_in_the_background() {
    let cloud = Cloud::new(32).await;
    let name = create(&cloud, "autoscaling.amazonaws.com", None).await.unwrap().role_name;
    let delete =
        || cloud.call(DeleteServiceLinkedRole, DeleteServiceLinkedRoleInput { role_name: name.clone() });
    let task = delete().await.unwrap().deletion_task_id;
    let prefix = format!("task/aws-service-role/autoscaling.amazonaws.com/{name}/");
    assert!(task.starts_with(&prefix), "{task}");
    let status = || {
        let input = GetServiceLinkedRoleDeletionStatusInput { deletion_task_id: task.clone() };
        cloud.call(GetServiceLinkedRoleDeletionStatus, input)
    };
    for _ in 0..20 {
        if status().await.unwrap().status == DeletionTaskStatusType::Succeeded {
            break;
        }
        cloud.settle().await;
    }
    assert_eq!(status().await.unwrap().status, DeletionTaskStatusType::Succeeded);
    let message = format!("The role with name {name} cannot be found.");
    refused(get_role(&cloud, &name).await, "NoSuchEntity", &message);
    refused(delete().await, "NoSuchEntity", &message);
    create(&cloud, "autoscaling.amazonaws.com", None).await.expect("the name is free again");
}
