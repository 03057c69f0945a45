"""Systems Manager beyond the Parameter Store: every operation names itself at once."""

import botocore
import botocore.session

import expect
import samples
import server as servers

ACCOUNT = "374165738678"
# What is not here: documents, commands, patches, inventory, maintenance windows, sessions, automation, OpsCenter.
# They act on machines, and come with those.
COUNT_MAX = 135


def model():
    return botocore.session.get_session().get_service_model("ssm")


def test_the_answer_names_the_operation(server):
    there = {operation for service, operation in servers.implemented() if service == "ssm"}
    missing = sorted(set(model().operation_names) - there)
    assert len(missing) <= COUNT_MAX
    ssm = expect.caller(server, ACCOUNT, service="ssm", parameter_validation=False)
    for operation in missing:
        given = samples.least(model().operation_model(operation), endpoint=server.endpoint, account=ACCOUNT)
        with expect.fails("NotImplemented", f"ssm:{operation} is not implemented by Fogbank", status=501):
            getattr(ssm, botocore.xform_name(operation))(**given)
