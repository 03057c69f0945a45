"""The operations of Organizations' model that this cloud has not: the list only shrinks, and each names itself."""

import botocore
import botocore.session
import pytest

import expect
import samples
import server as servers

TRANSFER = "billing transfers hand one organisation's bill to another, and there are no bills yet"
FINDINGS = "the checks of AWS's services, and their codes, are not published"

NOT_IMPLEMENTED = {
    "CreateGovCloudAccount": "there is one partition",
    "DescribeResponsibilityTransfer": TRANSFER,
    "InviteOrganizationToTransferResponsibility": TRANSFER,
    "ListAccountsWithInvalidEffectivePolicy": FINDINGS,
    "ListEffectivePolicyValidationErrors": FINDINGS,
    "ListInboundResponsibilityTransfers": TRANSFER,
    "ListOutboundResponsibilityTransfers": TRANSFER,
    "TerminateResponsibilityTransfer": TRANSFER,
    "UpdateResponsibilityTransfer": TRANSFER,
}
ACCOUNT = "374165738688"


def model():
    return botocore.session.get_session().get_service_model("organizations")


def test_the_list_is_right():
    there = {operation for service, operation in servers.implemented() if service == "organizations"}
    assert set(model().operation_names) - there == set(NOT_IMPLEMENTED)


@pytest.mark.parametrize("operation", NOT_IMPLEMENTED)
def test_the_answer_names_the_operation(server, operation):
    client = expect.caller(server, ACCOUNT, service="organizations", parameter_validation=False)
    given = samples.least(model().operation_model(operation), endpoint=server.endpoint, account=ACCOUNT)
    message = f"organizations:{operation} is not implemented by Fogbank"
    with expect.fails("NotImplemented", message, status=501):
        getattr(client, botocore.xform_name(operation))(**given)
