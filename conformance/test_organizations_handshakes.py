"""Handshakes: invitations and the way to all features, answered, taken back, expired."""

import datetime
import re

import pytest

import expect
from test_organizations import BILLING, SCP, Organization, fresh_account, fresh_email, pages, refuses

INVITE = {"ActionType": "INVITE"}
TRANSITION, IN_STATE = "InvalidHandshakeTransitionException", "HandshakeAlreadyInStateException"


@pytest.fixture(scope="module")
def organization(server):
    return Organization(server)


@pytest.fixture(scope="module")
def client(organization):
    return organization.client


@pytest.fixture
def guest(organization):
    """A client of an account that was not invited yet; `guest.number` is its number."""
    number = fresh_account()
    found = organization.of(number)
    found.number = number
    return found


def state(client, handshake):
    return client.describe_handshake(HandshakeId=handshake)["Handshake"]["State"]


# ---- invitations -----------------------------------------------------------------------


def test_an_invitation_reads_back_on_both_sides(organization, client, guest):
    sent = client.invite_account_to_organization(
        Target={"Id": guest.number, "Type": "ACCOUNT"}, Notes="join us", Tags=expect.tags(a="1")
    )["Handshake"]
    assert re.fullmatch("h-[0-9a-z]{8,32}", sent["Id"])
    assert sent["Arn"] == organization.arn(f"handshake/{organization.id}/invite/{sent['Id']}")
    assert (sent["Action"], sent["State"]) == ("INVITE", "OPEN")
    assert sent["ExpirationTimestamp"] - sent["RequestedTimestamp"] == datetime.timedelta(days=15)
    assert {(party["Type"], party["Id"]) for party in sent["Parties"]} == {
        ("ORGANIZATION", organization.id),
        ("ACCOUNT", guest.number),
    }
    resources = {resource["Type"]: resource for resource in sent["Resources"]}
    assert set(resources) == {"ORGANIZATION", "ACCOUNT", "NOTES"}
    assert (resources["NOTES"]["Value"], resources["ACCOUNT"]["Value"]) == ("join us", guest.number)
    assert resources["ORGANIZATION"]["Value"] == organization.id
    sender = {resource["Type"]: resource["Value"] for resource in resources["ORGANIZATION"]["Resources"]}
    assert sender["ORGANIZATION_FEATURE_SET"] == "ALL"
    assert sender["MASTER_EMAIL"] == organization.description["MasterAccountEmail"]
    for side in (client, guest):
        assert side.describe_handshake(HandshakeId=sent["Id"])["Handshake"] == sent
    assert guest.list_handshakes_for_account()["Handshakes"] == [sent]
    assert sent in pages(client, "list_handshakes_for_organization", "Handshakes", 2)
    guest.accept_handshake(HandshakeId=sent["Id"])
    account = client.describe_account(AccountId=guest.number)["Account"]
    assert (account["JoinedMethod"], account["Status"]) == ("INVITED", "ACTIVE")
    assert expect.tags_of(client.list_tags_for_resource(ResourceId=guest.number)) == {"a": "1"}


def test_an_address_is_as_good_as_a_number(organization, client, server):
    other = Organization(server)
    account = other.created(Email="Someone@example.com")
    target = {"Id": "someone@EXAMPLE.com", "Type": "EMAIL"}
    sent = client.invite_account_to_organization(Target=target)["Handshake"]
    assert target in sent["Parties"]
    received = organization.of(account).list_handshakes_for_account()["Handshakes"]
    assert [handshake["Id"] for handshake in received] == [sent["Id"]]


@pytest.mark.parametrize("answer, ended", [("accept", "ACCEPTED"), ("decline", "DECLINED"), ("cancel", "CANCELED")])
def test_an_answer_is_given_once(organization, client, guest, answer, ended):
    handshake = organization.invite(guest.number)
    entitled = client if answer == "cancel" else guest
    told = getattr(entitled, f"{answer}_handshake")(HandshakeId=handshake)["Handshake"]
    assert (told["Id"], told["State"]) == (handshake, ended)
    assert state(client, handshake) == state(guest, handshake) == ended
    with refuses(IN_STATE):
        getattr(entitled, f"{answer}_handshake")(HandshakeId=handshake)
    for other, side in [("accept", guest), ("decline", guest), ("cancel", client)]:
        if other != answer:
            with refuses(TRANSITION):
                getattr(side, f"{other}_handshake")(HandshakeId=handshake)


def test_each_side_has_answers_of_its_own(organization, client, guest):
    handshake = organization.invite(guest.number)
    with refuses("AccessDeniedException"):
        client.accept_handshake(HandshakeId=handshake)
    with refuses("AccessDeniedException"):
        client.decline_handshake(HandshakeId=handshake)
    with refuses("AccessDeniedException"):
        guest.cancel_handshake(HandshakeId=handshake)
    stranger = organization.of(fresh_account())
    for method in ("accept", "decline", "cancel", "describe"):
        with refuses("HandshakeNotFoundException"):
            getattr(stranger, f"{method}_handshake")(HandshakeId=handshake)
    assert state(guest, handshake) == "OPEN"


def test_one_open_invitation_at_a_time(organization, client, guest):
    first = organization.invite(guest.number)
    with refuses("DuplicateHandshakeException"):
        organization.invite(guest.number)
    guest.decline_handshake(HandshakeId=first)
    guest.accept_handshake(HandshakeId=organization.invite(guest.number))
    with refuses("HandshakeConstraintViolationException", "ALREADY_IN_AN_ORGANIZATION"):
        organization.invite(guest.number)


def test_who_is_in_already_is_not_taken_in_twice(server):
    other, email = Organization(server), fresh_email()
    former = Organization(server)
    account = former.created(Email=email)
    server.advance("4d")
    by_number = other.invite(account)
    by_address = other.client.invite_account_to_organization(Target={"Id": email, "Type": "EMAIL"})["Handshake"]["Id"]
    guest = other.of(account)
    guest.accept_handshake(HandshakeId=by_address)
    with refuses("HandshakeConstraintViolationException", "ALREADY_IN_AN_ORGANIZATION"):
        guest.accept_handshake(HandshakeId=by_number)
    assert state(guest, by_number) == "OPEN"


def test_an_invitation_expires_and_is_forgotten(organization, client, guest, clock_advance):
    handshake = organization.invite(guest.number)
    clock_advance("14d")
    assert state(guest, handshake) == "OPEN"
    clock_advance("25h")
    assert state(guest, handshake) == state(client, handshake) == "EXPIRED"
    for answer, side in [("accept", guest), ("decline", guest), ("cancel", client)]:
        with refuses(TRANSITION):
            getattr(side, f"{answer}_handshake")(HandshakeId=handshake)
    organization.invite(guest.number)
    clock_advance("30d")
    with refuses("HandshakeNotFoundException"):
        guest.describe_handshake(HandshakeId=handshake)
    listed = pages(client, "list_handshakes_for_organization", "Handshakes", 20)
    assert handshake not in {each["Id"] for each in listed}


def test_an_account_leaves_one_organisation_for_another(server, organization, client, guest):
    former = Organization(server)
    former.invited(guest.number)
    guest.accept_handshake(HandshakeId=organization.invite(guest.number))
    assert guest.describe_organization()["Organization"]["Id"] == organization.id
    with refuses("AccountNotFoundException"):
        former.client.describe_account(AccountId=guest.number)


def test_an_account_that_may_not_leave_does_not_come(server, organization):
    former = Organization(server)
    created = former.created()
    handshake = organization.invite(created)
    with refuses("ConstraintViolationException", "WAIT_PERIOD_ACTIVE"):
        organization.of(created).accept_handshake(HandshakeId=handshake)
    handshake = organization.invite(former.management)
    with refuses("MasterCannotLeaveOrganizationException"):
        former.client.accept_handshake(HandshakeId=handshake)
    assert state(former.client, handshake) == "OPEN"


def test_an_organisation_that_is_gone_is_joined_by_nobody(server, guest):
    other = Organization(server)
    handshake = other.invite(guest.number)
    other.client.delete_organization()
    with refuses(TRANSITION):
        guest.accept_handshake(HandshakeId=handshake)


def test_handshakes_are_listed_a_page_at_a_time(server, guest):
    other = Organization(server)
    sent = {other.invite(number) for number in (guest.number, *(fresh_account() for _ in range(4)))}
    for size in (1, 2, 20):
        found = pages(other.client, "list_handshakes_for_organization", "Handshakes", size, Filter=INVITE)
        assert len(found) == 5 and {each["Id"] for each in found} == sent
    received = {Organization(server).invite(guest.number) for _ in range(2)}
    found = pages(guest, "list_handshakes_for_account", "Handshakes")
    assert received < {each["Id"] for each in found} and len(found) == 3
    approvals = {"ActionType": "APPROVE_ALL_FEATURES"}
    assert pages(other.client, "list_handshakes_for_organization", "Handshakes", Filter=approvals) == []


# ---- all features ----------------------------------------------------------------------


@pytest.fixture
def billing(server):
    return Organization(server, BILLING)


def features(organization):
    return organization.client.describe_organization()["Organization"]["FeatureSet"]


def test_all_features_come_when_every_invited_member_agrees(billing):
    first, second, created = billing.invited(), billing.invited(), billing.created()
    own = billing.client.enable_all_features()["Handshake"]
    assert (own["Action"], own["State"]) == ("ENABLE_ALL_FEATURES", "REQUESTED")
    assert own["ExpirationTimestamp"] - own["RequestedTimestamp"] == datetime.timedelta(days=90)
    with refuses("HandshakeConstraintViolationException", "ORGANIZATION_IS_ALREADY_PENDING_ALL_FEATURES_MIGRATION"):
        billing.client.enable_all_features()
    with refuses("HandshakeConstraintViolationException", "INVITE_DISABLED_DURING_ENABLE_ALL_FEATURES"):
        billing.invite(fresh_account())
    asks = {"ActionType": "ENABLE_ALL_FEATURES"}
    assert billing.of(created).list_handshakes_for_account(Filter=asks)["Handshakes"] == []
    children = pages(
        billing.client, "list_handshakes_for_organization", "Handshakes", Filter={"ParentHandshakeId": own["Id"]}
    )
    assert len(children) == 2
    for member in (first, second):
        assert state(billing.client, own["Id"]) == "REQUESTED"
        asked = billing.of(member).list_handshakes_for_account(Filter=asks)["Handshakes"]
        assert [handshake["State"] for handshake in asked] == ["OPEN"]
        billing.of(member).accept_handshake(HandshakeId=asked[0]["Id"])
    approvals = billing.client.list_handshakes_for_account(Filter={"ActionType": "APPROVE_ALL_FEATURES"})
    assert features(billing) == BILLING
    billing.client.accept_handshake(HandshakeId=approvals["Handshakes"][0]["Id"])
    assert features(billing) == "ALL"
    billing.enable(SCP)
    with refuses("HandshakeConstraintViolationException", "ORGANIZATION_ALREADY_HAS_ALL_FEATURES"):
        billing.client.enable_all_features()


def test_a_member_that_does_not_agree_is_in_the_way_until_it_goes(billing):
    member = billing.invited()
    own = billing.client.enable_all_features()["Handshake"]
    with refuses(TRANSITION):
        billing.client.accept_handshake(HandshakeId=own["Id"])
    billing.client.remove_account_from_organization(AccountId=member)
    billing.client.accept_handshake(HandshakeId=own["Id"])
    assert features(billing) == "ALL"


def test_the_wish_for_all_features_can_be_taken_back(billing):
    member = billing.of(billing.invited())
    own = billing.client.enable_all_features()["Handshake"]
    child = member.list_handshakes_for_account(Filter={"ActionType": "ENABLE_ALL_FEATURES"})["Handshakes"][0]
    billing.client.cancel_handshake(HandshakeId=own["Id"])
    assert state(member, child["Id"]) == "CANCELED"
    billing.invite(fresh_account())
    assert billing.client.enable_all_features()["Handshake"]["State"] == "REQUESTED"
