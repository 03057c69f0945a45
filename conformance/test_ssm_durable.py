"""Parameters over a power cut: what was answered is there."""

import expect


def everything(ssm):
    """All that is told of the parameters, with their secrets."""
    found = [
        ssm.describe_parameters(),
        ssm.get_parameters_by_path(Path="/", Recursive=True, WithDecryption=True),
        ssm.get_parameter_history(Name="/plain"),
        ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId="/plain"),
        ssm.get_service_setting(SettingId="/ssm/parameter-store/default-parameter-tier"),
    ]
    for answer in found:
        del answer["ResponseMetadata"]
    return found


def test_parameters_survive_a_power_cut(durable):
    server = durable()
    ssm = expect.caller(server, "test", service="ssm")
    ssm.put_parameter(Name="/plain", Value="1", Type="String", Tags=expect.tags(a="b"))
    ssm.put_parameter(Name="/plain", Value="2", Overwrite=True)
    ssm.label_parameter_version(Name="/plain", ParameterVersion=1, Labels=["old"])
    ssm.put_parameter(Name="/secret", Value="hunter2", Type="SecureString")
    ssm.put_parameter(Name="/large", Value="x" * 8000, Type="SecureString", Tier="Advanced")
    ssm.update_service_setting(
        SettingId="/ssm/parameter-store/default-parameter-tier", SettingValue="Intelligent-Tiering"
    )
    before = everything(ssm)
    server.kill()
    server = durable()
    ssm = expect.caller(server, "test", service="ssm")
    assert everything(ssm) == before
    assert ssm.get_parameter(Name="/plain:old")["Parameter"]["Value"] == "1"
