"""The operations of IAM's model that this cloud has not: the list only shrinks, and each names itself at once."""

import botocore
import botocore.session
import pytest

import expect
import samples
import server as servers

DELEGATION = "only partners of AWS make such requests, from templates that AWS keeps to itself"
TEMPLATES = "role templates belong to AWS's services and are not published"
REPORT = "needs the tree, policies and last uses of all member accounts; it can be built on the Aws client"
ISSUER = "comes with sts:GetWebIdentityToken"
PROPERTIES = "neither the model nor the documentation says which properties there are"

NOT_IMPLEMENTED = {
    "AcceptDelegationRequest": DELEGATION,
    "AcquireRole": TEMPLATES,
    "AssociateDelegationRequest": DELEGATION,
    "CreateDelegationRequest": DELEGATION,
    "DisableOutboundWebIdentityFederation": ISSUER,
    "EnableOutboundWebIdentityFederation": ISSUER,
    "GenerateOrganizationsAccessReport": REPORT,
    "GetAccountProperties": PROPERTIES,
    "GetDelegationRequest": DELEGATION,
    "GetHumanReadableSummary": "a language model of AWS writes it",
    "GetOrganizationsAccessReport": REPORT,
    "GetOutboundWebIdentityFederationInfo": ISSUER,
    "GetRoleTemplateVersion": TEMPLATES,
    "ListDelegationRequests": DELEGATION,
    "PutAccountProperties": PROPERTIES,
    "RejectDelegationRequest": DELEGATION,
    "SendDelegationToken": DELEGATION,
    "UpdateDelegationRequest": DELEGATION,
}


def model():
    return botocore.session.get_session().get_service_model("iam")


def test_the_list_is_right():
    there = {operation for service, operation in servers.implemented() if service == "iam"}
    assert set(model().operation_names) - there == set(NOT_IMPLEMENTED)


@pytest.mark.parametrize("operation", NOT_IMPLEMENTED)
def test_the_answer_names_the_operation(server, operation):
    iam = expect.caller(server, "374165738677", parameter_validation=False)
    given = samples.least(model().operation_model(operation), endpoint=server.endpoint, account="374165738677")
    with expect.fails("NotImplemented", f"iam:{operation} is not implemented by Fogbank", status=501):
        getattr(iam, botocore.xform_name(operation))(**given)
