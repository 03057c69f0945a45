//! The table of operations: one row an operation, checked against the generated types.

use std::any::Any;

use base::Arn;
use futures_util::future::BoxFuture;
use schema::{Fault, Operation, Structure, Violation};

use crate::{Call, ResourceFacts, Task};

/// What the dispatcher needs of a service. Made by [`service!`], never by hand.
pub trait AnyService: Any + Send + Sync {
    fn spec(&self) -> &'static schema::Service;
    /// The name this service has as a principal: `sqs.amazonaws.com`.
    fn principal(&self) -> &'static str;
    fn rows(&self) -> &'static [Row];
    /// Words the violations of the model's constraints as this service does.
    fn invalid(&self, violations: Vec<Violation>) -> Fault;
    /// Whether the operations look at such a value themselves, and say what is wrong with it in their own words.
    fn excuses(&self, violation: &Violation) -> bool;
    /// What a request that only asks whether it would be allowed is answered (`DryRun`), where the service has such.
    fn rehearsed(&self) -> Option<Fault>;
    /// A refusal in the service's own words, where they are not everyone's.
    fn denied(&self, refused: &Refused<'_>) -> Option<Fault>;
    /// What this service knows of one of its resources that matters to permissions: its policy, its tags. `action`
    /// is what is to be done with it (`CreateAlias`), since a name may stand for itself or for what it names; `input`
    /// is the request's, where one is made.
    fn resource<'a>(
        &'a self,
        action: &'a str,
        arn: &'a Arn,
        input: Option<&'a dyn Structure>,
    ) -> BoxFuture<'a, Result<ResourceFacts, Fault>>;
    fn as_any(&self) -> &(dyn Any + Send + Sync);
}

/// What every service's error enum can do.
pub trait ServiceError: Into<Fault> {
    fn invalid(violations: Vec<Violation>) -> Self;

    /// Constraints of the model that the service's operations look after themselves.
    fn excuses(_violation: &Violation) -> bool {
        false
    }

    /// The answer to a request with `DryRun` that would be allowed.
    fn rehearsed() -> Option<Self>
    where
        Self: Sized,
    {
        None
    }

    /// A refusal in other words than everyone's.
    fn denied(_refused: &Refused<'_>) -> Option<Self>
    where
        Self: Sized,
    {
        None
    }
}

/// A call that the policies do not allow.
pub struct Refused<'a> {
    pub operation: &'static Operation,
    pub call: &'a Call,
    /// The resource is another account's.
    pub foreign: bool,
    /// AWS's usual sentence: who may not do what on which resource, and why.
    pub message: &'a str,
}

/// One operation of a service.
pub struct Row {
    pub operation: &'static Operation,
    /// The IAM action's name, where it is not the operation's.
    pub action: &'static str,
    /// The action where it depends on the input (`GetObject`, and `GetObjectVersion` if a version is named).
    pub chooses: Option<fn(&dyn Structure) -> &'static str>,
    pub new_input: fn() -> Box<dyn Structure>,
    /// The ARNs to authorise, from the input alone: no store, so that a refusal does not tell what exists.
    pub authorise: Authorise,
    /// Condition keys that only this service has, from the input.
    pub keys: ConditionKeys,
    /// Why no permission is needed, where that is so.
    pub free: Option<&'static str>,
    pub handle: Handling,
}

pub type Authorise = fn(&(dyn Any + Send + Sync), &Call, &dyn Structure) -> Result<Vec<Arn>, Fault>;

/// Names and values; names in AWS's spelling.
pub type ConditionKeys = fn(&(dyn Any + Send + Sync), &Call, &dyn Structure) -> Vec<(String, Vec<String>)>;

pub type Handling = for<'a> fn(
    &'a (dyn Any + Send + Sync),
    &'a Call,
    Box<dyn Structure>,
) -> BoxFuture<'a, Result<Box<dyn Structure>, Fault>>;

/// Background work a service brings along; see [`crate::Tasks`].
pub type TaskList = Vec<Task>;

pub fn downcast_service<S: 'static>(service: &(dyn Any + Send + Sync)) -> &S {
    service.downcast_ref().expect("the dispatcher hands a row the service whose table it is from")
}

pub fn downcast_input<I: 'static>(input: Box<dyn Structure>) -> I {
    *input.into_any().downcast().expect("the input was made by the row's own new_input")
}

/// Lists what a service implements; nothing is registered elsewhere.
///
/// ```ignore
/// service! { Sqs: sqs_api, principal "sqs.amazonaws.com", error Error;
///     CreateQueue => queues::create_queue on queues::by_name,
///     SendMessageBatch => batches::send_message_batch on queues::by_url as "SendMessage",
/// }
/// ```
///
/// `on` names the function that yields the ARNs to authorise and cannot be left out; `as` names the IAM action
/// where it differs from the operation (with its prefix, where that is not the service's), `chooses` a function of the
/// input that tells which of several it is; `keys` names a function that yields the service's own condition keys
/// (`aws:RequestTag` and `aws:TagKeys` follow from the input's shape). After the error, `resources` names the
/// function that tells what permissions need to know of a resource, if the service has policies or tags; with `of
/// input` it is given the request's input too. `free` says why an operation needs no permission at all.
#[macro_export]
macro_rules! service {
    (
        $service:ty: $api:ident, principal $principal:literal, error $error:ty
            $(, resources $($facts:ident)::+ $(of $given:ident)?)?;
        $($operation:ident => $($handle:ident)::+ on $($authorise:ident)::+ $(as $action:literal)?
            $(chooses $($chooses:ident)::+)? $(keys $($keys:ident)::+)? $(free $free:literal)?,)*
    ) => {
        const ROWS: &[$crate::Row] = &[$(
            $crate::Row {
                operation: <$api::$operation as $crate::schema::OperationType>::SPEC,
                action: $crate::service!(@action $operation $($action)?),
                chooses: $crate::service!(@chooses $api::$operation $(, $($chooses)::+)?),
                new_input: || {
                    Box::new(<<$api::$operation as $crate::schema::OperationType>::Input as Default>::default())
                },
                authorise: |service, call, input| {
                    type Input = <$api::$operation as $crate::schema::OperationType>::Input;
                    let input: &Input = input.as_any().downcast_ref().expect("made by this row's new_input");
                    $($authorise)::+($crate::downcast_service::<$service>(service), call, input)
                        .map_err(<$crate::schema::Fault as From<$error>>::from)
                },
                keys: |service, call, input| {
                    let _ = (service, call, input);
                    $crate::service!(@keys $service, $api::$operation, service, call, input $(, $($keys)::+)?)
                },
                free: $crate::service!(@free $($free)?),
                handle: |service, call, input| {
                    Box::pin(async move {
                        let service = $crate::downcast_service::<$service>(service);
                        let output: <$api::$operation as $crate::schema::OperationType>::Output =
                            $($handle)::+(service, call, $crate::downcast_input(input))
                                .await
                                .map_err(<$crate::schema::Fault as From<$error>>::from)?;
                        Ok(Box::new(output) as Box<dyn $crate::schema::Structure>)
                    })
                },
            },
        )*];

        impl $crate::AnyService for $service {
            fn spec(&self) -> &'static $crate::schema::Service {
                &$api::SERVICE
            }

            fn principal(&self) -> &'static str {
                $principal
            }

            fn rows(&self) -> &'static [$crate::Row] {
                ROWS
            }

            fn invalid(&self, violations: Vec<$crate::schema::Violation>) -> $crate::schema::Fault {
                <$error as $crate::ServiceError>::invalid(violations).into()
            }

            fn excuses(&self, violation: &$crate::schema::Violation) -> bool {
                <$error as $crate::ServiceError>::excuses(violation)
            }

            fn rehearsed(&self) -> Option<$crate::schema::Fault> {
                <$error as $crate::ServiceError>::rehearsed().map(Into::into)
            }

            fn denied(&self, refused: &$crate::Refused<'_>) -> Option<$crate::schema::Fault> {
                <$error as $crate::ServiceError>::denied(refused).map(Into::into)
            }

            fn resource<'a>(
                &'a self,
                action: &'a str,
                arn: &'a $crate::Arn,
                input: Option<&'a dyn $crate::schema::Structure>,
            ) -> $crate::BoxFuture<'a, Result<$crate::ResourceFacts, $crate::schema::Fault>> {
                Box::pin(async move {
                    let _ = (action, arn, input);
                    $crate::service!(@facts self, action, arn, input, $error $(, $($facts)::+ $($given)?)?)
                })
            }

            fn as_any(&self) -> &(dyn std::any::Any + Send + Sync) {
                self
            }
        }
    };
    (@facts $service:expr, $action:expr, $arn:expr, $input:expr, $error:ty) => {
        Ok($crate::ResourceFacts::default())
    };
    (@facts $service:expr, $action:expr, $arn:expr, $input:expr, $error:ty, $($facts:ident)::+) => {
        $($facts)::+($service, $action, $arn).await.map_err(<$crate::schema::Fault as From<$error>>::from)
    };
    (@facts $service:expr, $action:expr, $arn:expr, $input:expr, $error:ty, $($facts:ident)::+ input) => {
        $($facts)::+($service, $action, $arn, $input)
            .await
            .map_err(<$crate::schema::Fault as From<$error>>::from)
    };
    (@keys $type:ty, $operation:ty, $service:expr, $call:expr, $input:expr) => { Vec::new() };
    (@keys $type:ty, $operation:ty, $service:expr, $call:expr, $input:expr, $($keys:ident)::+) => {{
        type Input = <$operation as $crate::schema::OperationType>::Input;
        let input: &Input = $input.as_any().downcast_ref().expect("made by this row's new_input");
        $($keys)::+($crate::downcast_service::<$type>($service), $call, input)
    }};
    (@chooses $operation:ty) => { None };
    (@chooses $operation:ty, $($chooses:ident)::+) => {
        Some(|input: &dyn $crate::schema::Structure| {
            type Input = <$operation as $crate::schema::OperationType>::Input;
            let input: &Input = input.as_any().downcast_ref().expect("made by this row's new_input");
            $($chooses)::+(input)
        })
    };
    (@free) => { None };
    (@free $reason:literal) => { Some($reason) };
    (@action $operation:ident) => { stringify!($operation) };
    (@action $operation:ident $action:literal) => { $action };
}
