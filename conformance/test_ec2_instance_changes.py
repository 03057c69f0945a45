"""What is changed and asked of instances that run: attributes, options, cards, profiles, fleets, own images.

Needs root and a kernel that can hold machines; elsewhere it is skipped and says what is missing.
"""

import io
import json
import pathlib
import subprocess
import tarfile

import pytest

from conftest import make_client
from ec2_filters import documented
from ec2_lab import cloud, ec2, lab, state, waited
from expect import fails

PUBLIC_RANGE = "198.18.96.0/20"


@pytest.fixture(scope="module")
def instance(lab):
    """One instance that all tests share; each leaves it running."""
    made = lab.launch(lab.public, [lab.web])
    lab.running(made)
    return made


@pytest.fixture
def stopped(ec2, lab):
    """An instance of the test's own that is stopped."""
    made = lab.launch(lab.private, [lab.web], public=False)
    lab.running(made)
    ec2.stop_instances(InstanceIds=[made])
    waited(lambda: state(ec2, made) == "stopped", 90, "the stop")
    yield made
    ec2.terminate_instances(InstanceIds=[made])


def test_attributes_are_changed_one_at_a_time(ec2, instance):
    def attribute(name):
        return ec2.describe_instance_attribute(InstanceId=instance, Attribute=name)

    ec2.modify_instance_attribute(InstanceId=instance, DisableApiTermination={"Value": True})
    assert attribute("disableApiTermination")["DisableApiTermination"] == {"Value": True}
    with fails("OperationNotPermitted"):
        ec2.terminate_instances(InstanceIds=[instance])
    ec2.modify_instance_attribute(InstanceId=instance, Attribute="disableApiTermination", Value="false")
    ec2.modify_instance_attribute(InstanceId=instance, SourceDestCheck={"Value": False})
    assert attribute("sourceDestCheck")["SourceDestCheck"] == {"Value": False}
    ec2.reset_instance_attribute(InstanceId=instance, Attribute="sourceDestCheck")
    assert attribute("sourceDestCheck")["SourceDestCheck"] == {"Value": True}
    with fails("IncorrectInstanceState"):
        ec2.modify_instance_attribute(InstanceId=instance, InstanceType={"Value": "t3.small"})
    with fails("InvalidParameterCombination"):
        ec2.modify_instance_attribute(InstanceId=instance, EbsOptimized={"Value": True}, EnaSupport={"Value": True})
    with fails("InvalidInstanceID.NotFound"):
        ec2.describe_instance_attribute(InstanceId="i-0123456789abcdef0", Attribute="userData")


def test_what_needs_a_stop_is_changed_after_it(ec2, lab, stopped):
    ec2.modify_instance_attribute(InstanceId=stopped, InstanceType={"Value": "t3.small"})
    ec2.modify_instance_attribute(InstanceId=stopped, UserData={"Value": b"#!/bin/sh\ntrue\n"})
    ec2.modify_private_dns_name_options(InstanceId=stopped, PrivateDnsHostnameType="resource-name")
    assert lab.shown(stopped)["PrivateDnsName"] == f"{stopped}.ec2.internal"
    ec2.create_placement_group(GroupName="apart", Strategy="spread")
    ec2.modify_instance_placement(InstanceId=stopped, GroupName="apart")
    assert lab.shown(stopped)["Placement"]["GroupName"] == "apart"
    assert lab.shown(stopped)["InstanceType"] == "t3.small"
    ec2.modify_instance_placement(InstanceId=stopped, GroupName="")
    ec2.delete_placement_group(GroupName="apart")


def test_options_of_a_running_instance(ec2, lab, instance):
    options = ec2.modify_instance_metadata_options(InstanceId=instance, HttpTokens="required", HttpPutResponseHopLimit=2)
    assert options["InstanceMetadataOptions"]["HttpTokens"] == "required"
    shown = ec2.modify_instance_maintenance_options(InstanceId=instance, AutoRecovery="disabled")
    assert shown["AutoRecovery"] == "disabled"
    on = ec2.monitor_instances(InstanceIds=[instance])["InstanceMonitorings"][0]["Monitoring"]["State"]
    off = ec2.unmonitor_instances(InstanceIds=[instance])["InstanceMonitorings"][0]["Monitoring"]["State"]
    assert (on, off) == ("pending", "disabling")
    ec2.report_instance_status(Instances=[instance], Status="impaired", ReasonCodes=["unresponsive"])
    with fails("InvalidInstanceID.NotFound"):
        ec2.monitor_instances(InstanceIds=["i-0123456789abcdef0"])


def test_windows_and_screens_are_not_there(ec2, instance):
    assert ec2.get_password_data(InstanceId=instance)["PasswordData"] == ""
    with fails("UnsupportedOperation"):
        ec2.get_console_screenshot(InstanceId=instance)


def test_a_template_is_read_off_an_instance(ec2, lab, instance):
    data = ec2.get_launch_template_data(InstanceId=instance)["LaunchTemplateData"]
    assert (data["InstanceType"], data["ImageId"]) == ("t3.micro", lab.image())


def test_a_second_card_comes_and_goes(ec2, lab, instance):
    card = ec2.create_network_interface(SubnetId=lab.public)["NetworkInterface"]["NetworkInterfaceId"]
    attached = ec2.attach_network_interface(NetworkInterfaceId=card, InstanceId=instance, DeviceIndex=1)
    cards = lab.shown(instance)["NetworkInterfaces"]
    assert sorted(one["Attachment"]["DeviceIndex"] for one in cards) == [0, 1]
    third = ec2.create_network_interface(SubnetId=lab.public)["NetworkInterface"]["NetworkInterfaceId"]
    with fails("AttachmentLimitExceeded"):
        ec2.attach_network_interface(NetworkInterfaceId=third, InstanceId=instance, DeviceIndex=2)
    with fails("PrivateIpAddressLimitExceeded"):
        ec2.assign_private_ip_addresses(NetworkInterfaceId=card, SecondaryPrivateIpAddressCount=2)
    ec2.detach_network_interface(AttachmentId=attached["AttachmentId"])
    for one in (card, third):
        ec2.delete_network_interface(NetworkInterfaceId=one)


@pytest.fixture(scope="module")
def profiles(cloud):
    iam = make_client(cloud.endpoint, "iam")
    statement = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.create_role(RoleName="web", AssumeRolePolicyDocument=trust)
    for name in ("one", "other"):
        iam.create_instance_profile(InstanceProfileName=name)
        iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName="web")
    return "one", "other"


def test_a_profile_is_associated_replaced_and_taken_away(ec2, lab, instance, profiles):
    one, other = profiles
    made = ec2.associate_iam_instance_profile(InstanceId=instance, IamInstanceProfile={"Name": one})
    association = made["IamInstanceProfileAssociation"]["AssociationId"]
    with fails("IncorrectState"):
        ec2.associate_iam_instance_profile(InstanceId=instance, IamInstanceProfile={"Name": other})
    replaced = ec2.replace_iam_instance_profile_association(
        AssociationId=association, IamInstanceProfile={"Name": other}
    )["IamInstanceProfileAssociation"]["AssociationId"]
    assert lab.shown(instance)["IamInstanceProfile"]["Arn"].endswith("/other")
    ec2.disassociate_iam_instance_profile(AssociationId=replaced)
    assert "IamInstanceProfile" not in lab.shown(instance)


def test_an_instant_fleet_is_there_at_once(ec2, lab):
    template = ec2.create_launch_template(
        LaunchTemplateName="fleet",
        LaunchTemplateData={
            "ImageId": lab.image(),
            "InstanceType": "t3.nano",
            "NetworkInterfaces": [{"DeviceIndex": 0, "SubnetId": lab.private}],
        },
    )["LaunchTemplate"]["LaunchTemplateId"]
    config = {"LaunchTemplateSpecification": {"LaunchTemplateId": template, "Version": "$Latest"}}
    target = {"TotalTargetCapacity": 2, "DefaultTargetCapacityType": "on-demand"}
    made = ec2.create_fleet(Type="instant", LaunchTemplateConfigs=[config], TargetCapacitySpecification=target)
    assert sum(len(one["InstanceIds"]) for one in made["Instances"]) == 2
    ec2.delete_fleets(FleetIds=[made["FleetId"]], TerminateInstances=True)

    kept = ec2.create_fleet(Type="maintain", LaunchTemplateConfigs=[config], TargetCapacitySpecification=target)["FleetId"]

    def members():
        return ec2.describe_fleet_instances(FleetId=kept)["ActiveInstances"]

    waited(lambda: len(members()) == 2, 60, "the fleet's capacity")
    ec2.modify_fleet(FleetId=kept, TargetCapacitySpecification={"TotalTargetCapacity": 1})
    waited(lambda: len(members()) == 1, 60, "the smaller capacity")
    history = ec2.describe_fleet_history(FleetId=kept, StartTime="2020-01-01T00:00:00Z")
    assert history["HistoryRecords"]
    ec2.delete_fleets(FleetIds=[kept], TerminateInstances=True)


def test_an_image_of_ones_own_is_launched_by_a_parameter(ec2, cloud, lab):
    """A root file system of one program and its libraries, as an archive in S3."""
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w:gz") as archive:
        busybox = pathlib.Path("/bin/busybox")
        if not busybox.exists():
            pytest.skip("no busybox to make an image of")
        linked = subprocess.run(["ldd", busybox], capture_output=True, text=True).stdout
        files = {busybox} | {pathlib.Path(word) for word in linked.split() if word.startswith("/")}
        for folder in ("bin", "sbin", "etc", "proc", "sys", "dev", "run", "tmp", "root"):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(entry)
        for file in files:
            archive.add(file.resolve(), arcname=str(file).lstrip("/"))
        for link in ("sbin/init", "bin/sh", "bin/sleep", "bin/mount", "sbin/poweroff"):
            entry = tarfile.TarInfo(link)
            entry.type, entry.linkname = tarfile.SYMTYPE, "/bin/busybox"
            archive.addfile(entry)
        inittab = b"::respawn:/bin/sleep 3600\n"
        entry = tarfile.TarInfo("etc/inittab")
        entry.size = len(inittab)
        archive.addfile(entry, io.BytesIO(inittab))
    s3 = make_client(cloud.endpoint, "s3", s3={"addressing_style": "path"})
    s3.create_bucket(Bucket="own-images")
    s3.put_object(Bucket="own-images", Key="tiny.tar.gz", Body=tar.getvalue())
    image = ec2.register_image(Name="tiny", ImageLocation="own-images/tiny.tar.gz")["ImageId"]

    def shown():
        return ec2.describe_images(ImageIds=[image])["Images"][0]

    waited(lambda: shown()["State"] != "pending", 60, "the import")
    assert shown()["State"] == "available", shown().get("StateReason")
    ec2.enable_image_deprecation(ImageId=image, DeprecateAt="2035-01-01T00:00:00Z")
    assert shown()["DeprecationTime"].startswith("2035-01-01")
    ec2.disable_image_deprecation(ImageId=image)
    assert "DeprecationTime" not in shown()

    ssm = make_client(cloud.endpoint, "ssm")
    ssm.put_parameter(Name="/golden", Value=image, Type="String", DataType="aws:ec2:image")
    waited(lambda: not ssm.get_parameters(Names=["/golden"])["InvalidParameters"], 20, "the parameter")
    made = ec2.run_instances(
        ImageId="resolve:ssm:/golden", InstanceType="t3.nano", MinCount=1, MaxCount=1, SubnetId=lab.private
    )["Instances"][0]
    assert made["ImageId"] == image
    lab.running(made["InstanceId"])
    ec2.deregister_image(ImageId=image)
    ec2.terminate_instances(InstanceIds=[made["InstanceId"]])
    with fails("SsmInvalidParameter"):
        ec2.run_instances(ImageId="resolve:ssm:/none", InstanceType="t3.nano", MinCount=1, MaxCount=1)


# Filters that find nothing here, with what they would need.
NEEDS_MORE = {
    "affinity", "host-id",  # a Dedicated Host: test_ec2_hosts.py
    "capacity-reservation-id",
    "capacity-reservation-specification.capacity-reservation-target.capacity-reservation-id",
    "capacity-reservation-specification.capacity-reservation-target.capacity-reservation-resource-group-arn",
    "kernel-id", "ramdisk-id", "platform", "product-code", "product-code.type", "tpm-support",
    "instance-lifecycle", "spot-instance-request-id",  # a spot instance
    "operator.principal", "network-interface.operator.principal", "requester-id",
    "outpost-arn", "network-interface.outpost-arn",
    "network-interface.addresses.association.carrier-ip", "network-interface.association.carrier-ip",
    "network-interface.addresses.association.customer-owned-ip", "network-interface.association.customer-owned-ip",
    "network-interface.ipv4-prefixes.ipv4-prefix", "network-interface.ipv6-prefixes.ipv6-prefix",
    "placement-partition-number",
    "state-reason-code", "state-reason-message",  # an instance that was stopped
}  # fmt: skip


def test_each_documented_filter_of_instances_finds_one(ec2, lab, profiles):
    block6 = ec2.associate_vpc_cidr_block(VpcId=lab.vpc, AmazonProvidedIpv6CidrBlock=True)
    shown = ec2.describe_vpcs(VpcIds=[lab.vpc])["Vpcs"][0]["Ipv6CidrBlockAssociationSet"][0]
    assert block6
    subnet = ec2.create_subnet(
        VpcId=lab.vpc, CidrBlock="10.50.7.0/24", Ipv6CidrBlock=shown["Ipv6CidrBlock"].replace("/56", "/64")
    )["Subnet"]["SubnetId"]
    ec2.create_placement_group(GroupName="filtered", Strategy="spread")
    tags = {"Tags": [{"Key": "a", "Value": "b"}]}
    made = ec2.run_instances(
        ImageId=lab.image(), InstanceType="t3.micro", MinCount=1, MaxCount=1, KeyName=lab.key_name,
        NetworkInterfaces=[{
            "DeviceIndex": 0, "SubnetId": subnet, "Groups": [lab.web], "Ipv6AddressCount": 1, "PrimaryIpv6": True,
            "Description": "card",
        }],
        IamInstanceProfile={"Name": profiles[0]}, Placement={"GroupName": "filtered"}, ClientToken="filters",
        TagSpecifications=[{"ResourceType": kind, **tags} for kind in ("instance", "network-interface")],
    )["Instances"][0]  # fmt: skip
    lab.running(made["InstanceId"])
    card = made["NetworkInterfaces"][0]["NetworkInterfaceId"]
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    ec2.associate_address(AllocationId=address, NetworkInterfaceId=card)

    def finds(name):
        return ec2.describe_instances(Filters=[
            {"Name": name, "Values": ["*"]}, {"Name": "instance-id", "Values": [made["InstanceId"]]}
        ])["Reservations"]  # fmt: skip

    empty = {name for name in documented()["DescribeInstances"][1] if not finds(name)}
    assert " ".join(sorted(empty ^ NEEDS_MORE)) == ""
    status = {
        name
        for name in documented()["DescribeInstanceStatus"][1]
        if not name.startswith("event.")
        and not ec2.describe_instance_status(Filters=[{"Name": name, "Values": ["*"]}])["InstanceStatuses"]
    }
    assert status == {"operator.principal", "application-status.status"}
    ec2.terminate_instances(InstanceIds=[made["InstanceId"]])
    ec2.disassociate_address(PublicIp=ec2.describe_addresses(AllocationIds=[address])["Addresses"][0]["PublicIp"])
    ec2.release_address(AllocationId=address)
