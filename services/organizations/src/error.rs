//! What Organizations refuses, in AWS's words. One match gives code, status and wording; some errors carry a reason
//! besides, which is what clients tell them apart by.

use organizations_api::{
    AccessDeniedForDependencyException, AccessDeniedForDependencyExceptionReason,
    ConstraintViolationException, ConstraintViolationExceptionReason, HandshakeConstraintViolationException,
    HandshakeConstraintViolationExceptionReason, InvalidInputException, InvalidInputExceptionReason, errors,
};
use schema::{ErrorCode, Fault, Violation, Why};
use store::StoreError;

#[derive(Debug, thiserror::Error)]
#[error("{self:?}")]
pub enum Error {
    NotInUse,
    AccessDenied,
    /// The caller may not make the role that the operation needs.
    LinkNotAllowed,
    AlreadyInOrganization,
    ManagementCannotLeave,
    OrganizationNotEmpty,
    AccountNotFound,
    AccountAlreadyClosed,
    ClosureInProgress,
    AccountAlreadyRegistered,
    AccountNotRegistered,
    DuplicateAccount,
    CreationNotFound,
    ChildNotFound,
    ParentNotFound,
    SourceParentNotFound,
    DestinationParentNotFound,
    RootNotFound,
    TargetNotFound,
    UnitNotFound,
    UnitNotEmpty,
    DuplicateUnit,
    PolicyNotFound,
    PolicyInUse,
    PolicyNotAttached,
    DuplicatePolicy,
    DuplicateAttachment,
    MalformedPolicy,
    PolicyTypeAlreadyEnabled,
    PolicyTypeNotEnabled,
    PolicyTypeNotAvailable,
    EffectivePolicyNotFound,
    ResourcePolicyNotFound,
    HandshakeNotFound,
    HandshakeAlreadyInState,
    HandshakeTransition,
    DuplicateHandshake,
    TooManyTags,
    Constraint(ConstraintViolationExceptionReason, &'static str),
    HandshakeConstraint(HandshakeConstraintViolationExceptionReason, &'static str),
    InvalidInput(InvalidInputExceptionReason, String),
    Internal(Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    pub fn constraint(reason: ConstraintViolationExceptionReason, message: &'static str) -> Error {
        Error::Constraint(reason, message)
    }

    pub fn invalid(reason: InvalidInputExceptionReason, message: &str) -> Error {
        Error::InvalidInput(reason, message.to_owned())
    }

    /// A value that the model's own pattern lets pass and that is none all the same.
    pub fn pattern() -> Error {
        let message = "You provided a value that does not match the required pattern.";
        Error::invalid(InvalidInputExceptionReason::InvalidPattern, message)
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Fault {
        let (code, message): (&'static ErrorCode, &'static str) = match error {
            Error::Constraint(reason, message) => {
                let detail = ConstraintViolationException { message: None, reason: Some(reason) };
                return Fault::new(&errors::CONSTRAINT_VIOLATION_EXCEPTION, message).with_detail(detail);
            }
            Error::TooManyTags => {
                let reason = ConstraintViolationExceptionReason::MaxTagLimitExceeded;
                return Error::Constraint(
                    reason,
                    "You have exceeded the maximum number of tags for this resource.",
                )
                .into();
            }
            Error::HandshakeConstraint(reason, message) => {
                let detail = HandshakeConstraintViolationException { message: None, reason: Some(reason) };
                return Fault::new(&errors::HANDSHAKE_CONSTRAINT_VIOLATION_EXCEPTION, message)
                    .with_detail(detail);
            }
            Error::LinkNotAllowed => {
                let reason =
                    AccessDeniedForDependencyExceptionReason::AccessDeniedDuringCreateServiceLinkedRole;
                let detail = AccessDeniedForDependencyException { message: None, reason: Some(reason) };
                let message = "The request failed because your credentials do not have permission to create the \
                               service-linked role required by AWS Organizations.";
                return Fault::new(&errors::ACCESS_DENIED_FOR_DEPENDENCY_EXCEPTION, message)
                    .with_detail(detail);
            }
            Error::InvalidInput(reason, message) => {
                let detail = InvalidInputException { message: None, reason: Some(reason) };
                return Fault::new(&errors::INVALID_INPUT_EXCEPTION, message).with_detail(detail);
            }
            Error::Internal(cause) => {
                let message = "AWS Organizations can't complete your request because of an internal service error. \
                               Try again later.";
                return Fault::new(&errors::SERVICE_EXCEPTION, message).because(cause);
            }
            plain => plain.words(),
        };
        Fault::new(code, message)
    }
}

impl Error {
    /// Code and wording of the errors that always say the same.
    fn words(&self) -> (&'static ErrorCode, &'static str) {
        use errors::*;
        match self {
            Error::NotInUse => {
                (&AWS_ORGANIZATIONS_NOT_IN_USE_EXCEPTION, "Your account is not a member of an organization.")
            }
            Error::AccessDenied => {
                (&ACCESS_DENIED_EXCEPTION, "You don't have permissions to access this resource.")
            }
            Error::AlreadyInOrganization => (
                &ALREADY_IN_ORGANIZATION_EXCEPTION,
                "The AWS account is already a member of an organization.",
            ),
            Error::ManagementCannotLeave => (
                &MASTER_CANNOT_LEAVE_ORGANIZATION_EXCEPTION,
                "You can't remove a management account from an organization. If you want the management account to \
                 become a member account in another organization, you must first delete the current organization.",
            ),
            Error::OrganizationNotEmpty => (
                &ORGANIZATION_NOT_EMPTY_EXCEPTION,
                "To delete an organization you must first remove all member accounts (except the master).",
            ),
            Error::AccountNotFound => {
                (&ACCOUNT_NOT_FOUND_EXCEPTION, "You specified an account that doesn't exist.")
            }
            Error::AccountAlreadyClosed => (
                &ACCOUNT_ALREADY_CLOSED_EXCEPTION,
                "You attempted to close an account that is already closed.",
            ),
            Error::ClosureInProgress => (
                &CONFLICT_EXCEPTION,
                "The request failed because it conflicts with the current state of the specified resource.",
            ),
            Error::AccountAlreadyRegistered => (
                &ACCOUNT_ALREADY_REGISTERED_EXCEPTION,
                "The provided account is already a delegated administrator for your organization.",
            ),
            Error::AccountNotRegistered => (
                &ACCOUNT_NOT_REGISTERED_EXCEPTION,
                "The provided account is not a registered delegated administrator for your organization.",
            ),
            Error::DuplicateAccount => (
                &DUPLICATE_ACCOUNT_EXCEPTION,
                "That account is already present in the specified destination.",
            ),
            Error::CreationNotFound => (
                &CREATE_ACCOUNT_STATUS_NOT_FOUND_EXCEPTION,
                "We can't find an create account request with the CreateAccountRequestId that you specified.",
            ),
            _ => self.words_of_the_tree(),
        }
    }

    fn words_of_the_tree(&self) -> (&'static ErrorCode, &'static str) {
        use errors::*;
        match self {
            Error::ChildNotFound => (&CHILD_NOT_FOUND_EXCEPTION, "You specified a child that doesn't exist."),
            Error::ParentNotFound => {
                (&PARENT_NOT_FOUND_EXCEPTION, "You specified a parent that doesn't exist.")
            }
            Error::SourceParentNotFound => (
                &SOURCE_PARENT_NOT_FOUND_EXCEPTION,
                "We can't find a source root or OU with the ParentId that you specified.",
            ),
            Error::DestinationParentNotFound => (
                &DESTINATION_PARENT_NOT_FOUND_EXCEPTION,
                "We can't find the destination container (a root or OU) with the ParentId that you specified.",
            ),
            Error::RootNotFound => (&ROOT_NOT_FOUND_EXCEPTION, "You specified a root that doesn't exist."),
            Error::TargetNotFound => {
                (&TARGET_NOT_FOUND_EXCEPTION, "You specified a target that doesn't exist.")
            }
            Error::UnitNotFound => (
                &ORGANIZATIONAL_UNIT_NOT_FOUND_EXCEPTION,
                "You specified an organizational unit that doesn't exist.",
            ),
            Error::UnitNotEmpty => (
                &ORGANIZATIONAL_UNIT_NOT_EMPTY_EXCEPTION,
                "The specified OU is not empty. Move all accounts to another root or to other OUs, remove all child \
                 OUs, and try the operation again.",
            ),
            Error::DuplicateUnit => {
                (&DUPLICATE_ORGANIZATIONAL_UNIT_EXCEPTION, "An OU with the same name already exists.")
            }
            _ => self.words_of_policies(),
        }
    }

    fn words_of_policies(&self) -> (&'static ErrorCode, &'static str) {
        use errors::*;
        match self {
            Error::PolicyNotFound => {
                (&POLICY_NOT_FOUND_EXCEPTION, "You specified a policy that doesn't exist.")
            }
            Error::PolicyInUse => (
                &POLICY_IN_USE_EXCEPTION,
                "The policy is attached to one or more entities. You must detach it from all roots, OUs, and accounts \
                 before performing this operation.",
            ),
            Error::PolicyNotAttached => {
                (&POLICY_NOT_ATTACHED_EXCEPTION, "The policy isn't attached to the specified target.")
            }
            Error::DuplicatePolicy => {
                (&DUPLICATE_POLICY_EXCEPTION, "A policy with the specified name and type already exists.")
            }
            Error::DuplicateAttachment => (
                &DUPLICATE_POLICY_ATTACHMENT_EXCEPTION,
                "The selected policy is already attached to the specified target.",
            ),
            Error::MalformedPolicy => (
                &MALFORMED_POLICY_DOCUMENT_EXCEPTION,
                "The provided policy document does not meet the requirements of the specified policy type.",
            ),
            Error::PolicyTypeAlreadyEnabled => {
                (&POLICY_TYPE_ALREADY_ENABLED_EXCEPTION, "The specified policy type is already enabled.")
            }
            Error::PolicyTypeNotEnabled => (
                &POLICY_TYPE_NOT_ENABLED_EXCEPTION,
                "This operation can be performed only for enabled policy types.",
            ),
            Error::PolicyTypeNotAvailable => (
                &POLICY_TYPE_NOT_AVAILABLE_FOR_ORGANIZATION_EXCEPTION,
                "You can't use the specified policy type with the feature set currently enabled for this \
                 organization.",
            ),
            Error::EffectivePolicyNotFound => {
                (&EFFECTIVE_POLICY_NOT_FOUND_EXCEPTION, "The effective policy doesn't exist.")
            }
            Error::ResourcePolicyNotFound => {
                (&RESOURCE_POLICY_NOT_FOUND_EXCEPTION, "No resource policy exists for this organization.")
            }
            _ => self.words_of_handshakes(),
        }
    }

    fn words_of_handshakes(&self) -> (&'static ErrorCode, &'static str) {
        use errors::*;
        match self {
            Error::HandshakeNotFound => {
                (&HANDSHAKE_NOT_FOUND_EXCEPTION, "You specified a handshake that doesn't exist.")
            }
            Error::HandshakeAlreadyInState => (
                &HANDSHAKE_ALREADY_IN_STATE_EXCEPTION,
                "The specified handshake is already in the requested state.",
            ),
            Error::HandshakeTransition => (
                &INVALID_HANDSHAKE_TRANSITION_EXCEPTION,
                "You can't perform the operation on the handshake in its current state.",
            ),
            Error::DuplicateHandshake => (
                &DUPLICATE_HANDSHAKE_EXCEPTION,
                "A handshake with the same action and target already exists.",
            ),
            other => unreachable!("{other:?} is worded elsewhere"),
        }
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Error {
        Error::Internal(error.into())
    }
}

impl service::ServiceError for Error {
    /// Organizations words the model's constraints itself, one at a time, with a reason.
    fn invalid(violations: Vec<Violation>) -> Error {
        use InvalidInputExceptionReason as Reason;
        let Some(first) = violations.into_iter().next() else {
            return Error::Internal("a violation was announced and is not there".into());
        };
        match first.why {
            Why::Missing => {
                let message = format!("You must provide a value for {}.", first.member);
                Error::InvalidInput(Reason::InputRequired, message)
            }
            Why::LengthBelow(_) => Error::invalid(
                Reason::MinLengthExceeded,
                "You provided a string parameter that is shorter than allowed.",
            ),
            Why::LengthAbove(_) => Error::invalid(
                Reason::MaxLengthExceeded,
                "You provided a string parameter that is longer than allowed.",
            ),
            Why::Below(_) => Error::invalid(
                Reason::MinValueExceeded,
                "You provided a numeric parameter that is smaller than allowed.",
            ),
            Why::Above(_) => Error::invalid(
                Reason::MaxValueExceeded,
                "You provided a numeric parameter that is larger than allowed.",
            ),
            // Types of policies go by several members' names, and handshakes' parties have a `Type` too.
            Why::NotInEnum(allowed) if allowed.contains(&"TAG_POLICY") => {
                Error::invalid(Reason::InvalidEnumPolicyType, "You specified an invalid value.")
            }
            Why::NotInEnum(_) => Error::invalid(Reason::InvalidEnum, "You specified an invalid value."),
            Why::Pattern(_) if first.member == "TargetId" => Error::invalid(
                Reason::InvalidPatternTargetId,
                "You provided a value that does not match the required pattern.",
            ),
            Why::Pattern(_) => Error::pattern(),
        }
    }
}
