"""Key pairs, images, templates, types, and what launches are refused for: the control plane of instances.

Machines themselves need root and are run by the journey tests.
"""

import base64
import subprocess

import pytest

import cli as clis
from conftest import make_client
from expect import fails

ALIAS = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-"


@pytest.fixture
def ec2(server, account):
    """An account of its own for each test."""
    return make_client(server.endpoint, "ec2", key=account, secret="test")


@pytest.fixture
def image(ec2):
    found = ec2.describe_images(Owners=["amazon"], Filters=[{"Name": "name", "Values": ["al2023-ami-2023.*"]}])
    return found["Images"][0]


def tags(kind, **of):
    return [{"ResourceType": kind, "Tags": [{"Key": key, "Value": value} for key, value in of.items()]}]


@pytest.mark.parametrize("kind, begins", [("rsa", "BEGIN RSA PRIVATE KEY"), ("ed25519", "BEGIN OPENSSH PRIVATE KEY")])
def test_a_made_key_is_read_by_ssh_and_has_the_fingerprint_that_is_told(ec2, tmp_path, kind, begins):
    made = ec2.create_key_pair(KeyName="web", KeyType=kind, TagSpecifications=tags("key-pair", team="web"))
    assert begins in made["KeyMaterial"]
    file = tmp_path / "key"
    file.write_text(made["KeyMaterial"])
    file.chmod(0o600)
    public = subprocess.run(["ssh-keygen", "-y", "-f", file], check=True, capture_output=True, text=True).stdout
    shown = ec2.describe_key_pairs(KeyNames=["web"], IncludePublicKey=True)["KeyPairs"][0]
    assert shown["PublicKey"].split()[:2] == public.split()[:2]
    assert shown["KeyFingerprint"] == made["KeyFingerprint"]
    if kind == "ed25519":
        file.with_suffix(".pub").write_text(public)
        told = subprocess.run(
            ["ssh-keygen", "-l", "-f", file.with_suffix(".pub")], check=True, capture_output=True, text=True
        ).stdout.split()[1]
        assert told.removeprefix("SHA256:") == made["KeyFingerprint"].rstrip("=")
    ec2.delete_key_pair(KeyName="web")
    with fails("InvalidKeyPair.NotFound"):
        ec2.describe_key_pairs(KeyNames=["web"])


def test_a_key_is_imported_once(ec2, tmp_path):
    file = tmp_path / "own"
    subprocess.run(["ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", file], check=True)
    public = file.with_suffix(".pub").read_bytes()
    imported = ec2.import_key_pair(KeyName="own", PublicKeyMaterial=public)
    assert len(imported["KeyFingerprint"].split(":")) == 16
    with fails("InvalidKeyPair.Duplicate"):
        ec2.import_key_pair(KeyName="own", PublicKeyMaterial=public)
    with fails("InvalidKey.Format"):
        ec2.import_key_pair(KeyName="other", PublicKeyMaterial=b"no key")


def test_public_parameters_lead_to_images(ec2, server, account, image):
    ssm = make_client(server.endpoint, "ssm", key=account, secret="test")
    assert image["PublicSsmParameterName"].startswith(ALIAS)
    value = ssm.get_parameter(Name=image["PublicSsmParameterName"])["Parameter"]["Value"]
    assert value == image["ImageId"]


def test_an_image_is_copied_changed_and_taken_away(ec2, image):
    made = ec2.copy_image(
        Name="mine", SourceImageId=image["ImageId"], SourceRegion="us-east-1", TagSpecifications=tags("image", a="b")
    )["ImageId"]
    with fails("InvalidAMIName.Duplicate"):
        ec2.copy_image(Name="mine", SourceImageId=image["ImageId"], SourceRegion="us-east-1")
    ec2.get_waiter("image_available").wait(ImageIds=[made])
    ec2.modify_image_attribute(ImageId=made, Description={"Value": "better"})
    attribute = ec2.describe_image_attribute(ImageId=made, Attribute="description")
    assert attribute["Description"] == {"Value": "better"}
    ec2.modify_image_attribute(ImageId=made, LaunchPermission={"Add": [{"Group": "all"}]})
    assert ec2.describe_images(ImageIds=[made])["Images"][0]["Public"]
    ec2.reset_image_attribute(ImageId=made, Attribute="launchPermission")
    assert not ec2.describe_images(ImageIds=[made])["Images"][0]["Public"]
    ec2.disable_image(ImageId=made)
    ec2.enable_image(ImageId=made)
    ec2.deregister_image(ImageId=made)
    with fails("InvalidAMIID.NotFound"):
        ec2.describe_images(ImageIds=[made])


def test_types_are_listed_page_by_page_and_filtered(ec2):
    names = [
        info["InstanceType"]
        for page in ec2.get_paginator("describe_instance_types").paginate()
        for info in page["InstanceTypes"]
    ]
    assert len(names) > 1300 and len(set(names)) == len(names)
    micro = ec2.describe_instance_types(InstanceTypes=["t3.micro"])["InstanceTypes"][0]
    assert micro["VCpuInfo"]["DefaultVCpus"] == 2 and micro["MemoryInfo"] == {"SizeInMiB": 1024}
    small = ec2.describe_instance_types(Filters=[{"Name": "memory-info.size-in-mib", "Values": ["512"]}])
    assert {"t3.nano", "t2.nano"} <= {info["InstanceType"] for info in small["InstanceTypes"]}
    with fails("InvalidInstanceType"):
        ec2.describe_instance_types(InstanceTypes=["t3.pico"])
    where = ec2.describe_instance_type_offerings(
        LocationType="availability-zone", Filters=[{"Name": "instance-type", "Values": ["t3.micro"]}]
    )
    assert "us-east-1a" in {one["Location"] for one in where["InstanceTypeOfferings"]}
    wanted = {"VCpuCount": {"Min": 2, "Max": 2}, "MemoryMiB": {"Min": 8192, "Max": 8192}}
    fitting = ec2.get_instance_types_from_instance_requirements(
        ArchitectureTypes=["x86_64"], VirtualizationTypes=["hvm"], InstanceRequirements=wanted
    )
    assert "m5.large" in {one["InstanceType"] for one in fitting["InstanceTypes"]}


def test_a_template_reads_back_as_it_was_given(ec2, image):
    data = {
        "ImageId": image["ImageId"],
        "InstanceType": "t3.micro",
        "KeyName": "web",
        "UserData": base64.b64encode(b"#!/bin/sh\n").decode(),
        "SecurityGroupIds": ["sg-0123456789abcdef0"],
        "MetadataOptions": {"HttpTokens": "required", "HttpPutResponseHopLimit": 2},
        "BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 20, "VolumeType": "gp3"}}],
        "TagSpecifications": [{"ResourceType": "instance", "Tags": [{"Key": "a", "Value": "b"}]}],
        "Monitoring": {"Enabled": True},
    }
    made = ec2.create_launch_template(LaunchTemplateName="web-template", LaunchTemplateData=data)["LaunchTemplate"]
    assert made["DefaultVersionNumber"] == made["LatestVersionNumber"] == 1
    version = ec2.describe_launch_template_versions(LaunchTemplateName="web-template")["LaunchTemplateVersions"][0]
    assert version["LaunchTemplateData"] == data and version["DefaultVersion"]
    second = ec2.create_launch_template_version(
        LaunchTemplateName="web-template", SourceVersion="$Latest", LaunchTemplateData={"InstanceType": "t3.small"}
    )["LaunchTemplateVersion"]
    assert second["LaunchTemplateData"] == {**data, "InstanceType": "t3.small"}
    ec2.modify_launch_template(LaunchTemplateName="web-template", DefaultVersion="2")
    ec2.delete_launch_template_versions(LaunchTemplateName="web-template", Versions=["1"])
    ec2.delete_launch_template(LaunchTemplateName="web-template")
    with fails("InvalidLaunchTemplateName.NotFoundException"):
        ec2.describe_launch_templates(LaunchTemplateNames=["web-template"])


def test_placement_groups_have_their_names_once(ec2):
    made = ec2.create_placement_group(GroupName="near", Strategy="cluster")["PlacementGroup"]
    assert made["State"] == "available" and made["GroupArn"].endswith(":placement-group/near")
    with fails("InvalidPlacementGroup.Duplicate"):
        ec2.create_placement_group(GroupName="near", Strategy="spread")
    parts = ec2.create_placement_group(GroupName="parts", Strategy="partition", PartitionCount=3)["PlacementGroup"]
    assert parts["PartitionCount"] == 3
    ec2.delete_placement_group(GroupName="near")
    with fails("InvalidPlacementGroup.Unknown"):
        ec2.delete_placement_group(GroupName="near")


def test_an_accounts_metadata_defaults_read_back(ec2):
    ec2.modify_instance_metadata_defaults(HttpTokens="required", HttpPutResponseHopLimit=2)
    level = ec2.get_instance_metadata_defaults()["AccountLevel"]
    assert level["HttpTokens"] == "required" and level["HttpPutResponseHopLimit"] == 2
    ec2.modify_instance_metadata_defaults(HttpTokens="no-preference", HttpPutResponseHopLimit=-1)
    assert "HttpTokens" not in ec2.get_instance_metadata_defaults()["AccountLevel"]


@pytest.mark.parametrize(
    "name, change",
    [
        ("DryRunOperation", {"DryRun": True}),
        ("InvalidParameterValue", {"MinCount": 0}),
    ],
)
def test_a_launch_is_looked_over_first(ec2, image, name, change):
    with fails(name, status=412 if name == "DryRunOperation" else 400):
        ec2.run_instances(**{"ImageId": image["ImageId"], "MinCount": 1, "MaxCount": 1, **change})


def test_instances_that_are_not_there_are_refused_by_every_operation(ec2):
    gone = "i-0123456789abcdef0"
    calls = {
        "start_instances": {"InstanceIds": [gone]},
        "stop_instances": {"InstanceIds": [gone]},
        "reboot_instances": {"InstanceIds": [gone]},
        "terminate_instances": {"InstanceIds": [gone]},
        "describe_instances": {"InstanceIds": [gone]},
        "describe_instance_status": {"InstanceIds": [gone]},
        "monitor_instances": {"InstanceIds": [gone]},
        "unmonitor_instances": {"InstanceIds": [gone]},
        "describe_instance_attribute": {"InstanceId": gone, "Attribute": "userData"},
        "modify_instance_attribute": {"InstanceId": gone, "DisableApiStop": {"Value": True}},
        "reset_instance_attribute": {"InstanceId": gone, "Attribute": "sourceDestCheck"},
        "modify_instance_metadata_options": {"InstanceId": gone, "HttpTokens": "required"},
        "modify_instance_placement": {"InstanceId": gone, "GroupName": ""},
        "modify_instance_maintenance_options": {"InstanceId": gone, "AutoRecovery": "disabled"},
        "modify_private_dns_name_options": {"InstanceId": gone, "EnableResourceNameDnsARecord": True},
        "get_console_output": {"InstanceId": gone},
        "get_password_data": {"InstanceId": gone},
        "get_launch_template_data": {"InstanceId": gone},
    }
    for name, arguments in calls.items():
        with fails("InvalidInstanceID.NotFound"):
            getattr(ec2, name)(**arguments)


@pytest.fixture(params=[clis.version_1, clis.version_2], ids=["cli 1", "cli 2"])
def cli(server, request):
    path, why_not = request.param()
    if path is None:
        pytest.skip(why_not)
    return clis.Cli(server, path, through_fogbank=False)


def test_the_command_line_makes_a_key_and_finds_an_image(cli, request):
    name = f"cli-{request.node.callspec.id.replace(' ', '-')}"
    key = cli.json("ec2", "create-key-pair", "--key-name", name, "--key-type", "ed25519")
    assert key["KeyPairId"].startswith("key-")
    images = cli.json("ec2", "describe-images", "--owners", "amazon")["Images"]
    assert images and all(image["Public"] for image in images)
    cli.json("ec2", "delete-key-pair", "--key-name", name)
