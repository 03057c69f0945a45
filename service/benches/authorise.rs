//! What one decision costs with everything around the rules: the caller's policies from IAM's memory, the
//! organisation's, the queue's own, the condition keys.
#![allow(missing_docs, reason = "a benchmark")]

use base::{AccountId, Arn, Region};
use criterion::{Criterion, criterion_group, criterion_main};
use fogbank_service::{Ask, Call, Notes, Principal, PrincipalKind, Source};
use iam_api::{
    AddUserToGroup, AddUserToGroupInput, AttachGroupPolicy, AttachGroupPolicyInput, AttachUserPolicy,
    AttachUserPolicyInput, CreateGroup, CreateGroupInput, CreatePolicy, CreatePolicyInput, CreateUser,
    CreateUserInput,
};
use testkit::Cloud;

const ACCOUNT: AccountId = AccountId::DEV;
/// As many as a managed policy has room for, and as many policies as a user or a group may have.
const STATEMENTS_A_POLICY: usize = 50;
const POLICIES_EACH: usize = 10;

/// A user with so many statements, half of them through a group if need be; the last lets it send to the queue.
async fn user(cloud: &Cloud, statements: usize) -> Call {
    let name = format!("user-{statements}");
    let input = CreateUserInput { user_name: name.clone(), ..CreateUserInput::default() };
    let made = cloud.call(CreateUser, input).await.expect("the name is free").user.expect("it is told");
    let group_name = format!("group-{statements}");
    let input = CreateGroupInput { group_name: group_name.clone(), ..CreateGroupInput::default() };
    cloud.call(CreateGroup, input).await.expect("the name is free");
    let input = AddUserToGroupInput { group_name: group_name.clone(), user_name: name.clone() };
    cloud.call(AddUserToGroup, input).await.expect("both are there");
    let statement = |queue: String| {
        format!(r#"{{"Effect":"Allow","Action":"sqs:Send*","Resource":"arn:aws:sqs:*:*:{queue}"}}"#)
    };
    let others = (1..statements).map(|number| statement(format!("other-{number}")));
    let all: Vec<String> = others.chain([statement("orders".to_owned())]).collect();
    for (number, lot) in all.chunks(STATEMENTS_A_POLICY).enumerate() {
        let policy_document = format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, lot.join(","));
        let policy_name = format!("policy-{statements}-{number}");
        let input = CreatePolicyInput { policy_name, policy_document, ..CreatePolicyInput::default() };
        let policy = cloud.call(CreatePolicy, input).await.expect("it is well formed").policy;
        let policy_arn = policy.and_then(|policy| policy.arn).expect("it is told");
        if number < POLICIES_EACH {
            let input = AttachUserPolicyInput { user_name: name.clone(), policy_arn };
            cloud.call(AttachUserPolicy, input).await.expect("there is room");
        } else {
            let input = AttachGroupPolicyInput { group_name: group_name.clone(), policy_arn };
            cloud.call(AttachGroupPolicy, input).await.expect("there is room");
        }
    }
    let principal = Principal {
        kind: PrincipalKind::User,
        account: ACCOUNT,
        arn: made.arn,
        user_id: made.user_id,
        access_key_id: None,
        session: None,
    };
    Call {
        request_id: String::new(),
        principal,
        account: ACCOUNT,
        region: Region::US_EAST_1,
        source: Source::default(),
        now: cloud.clock.now(),
        depth: 0,
        notes: Notes::default(),
    }
}

fn authorise(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("it starts");
    let cloud = runtime.block_on(Cloud::new(1));
    let queue = Arn::regional("sqs", Region::US_EAST_1, ACCOUNT, "orders");
    for statements in [50, 1000] {
        let call = runtime.block_on(user(&cloud, statements));
        let ask =
            Ask { prefix: "sqs", action: "SendMessage", resource: Some(&queue), keys: &[], input: None };
        criterion.bench_function(&format!("authorise with {statements} statements"), |bencher| {
            bencher.iter(|| {
                runtime
                    .block_on(cloud.dispatcher.require(&call, &ask))
                    .expect("the last statement allows it");
            });
        });
    }
}

criterion_group!(benches, authorise);
criterion_main!(benches);
