"""How long a refusal takes does not tell whether an access key exists, or whether it is active."""

import http.client
import statistics
import time
import urllib.parse

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

ROUNDS = 600
BODY = "Action=GetCallerIdentity&Version=2011-06-15"


def request(endpoint, key):
    """A call signed with a secret that is nobody's."""
    made = AWSRequest(
        "POST", endpoint + "/", data=BODY, headers={"Content-Type": "application/x-www-form-urlencoded"}
    )
    SigV4Auth(Credentials(key, "n" * 40), "sts", "us-east-1").add_auth(made)
    return dict(made.headers)


def seconds(connection, headers):
    began = time.perf_counter()
    connection.request("POST", "/", BODY, headers)
    answer = connection.getresponse()
    answer.read()
    taken = time.perf_counter() - began
    assert answer.status == 403
    return taken


def test_refusals_take_the_same_time(server, client):
    iam = client("iam")
    iam.create_user(UserName="timed")
    made = [iam.create_access_key(UserName="timed")["AccessKey"]["AccessKeyId"] for _ in range(2)]
    active, inactive = made
    iam.update_access_key(UserName="timed", AccessKeyId=inactive, Status="Inactive")
    # An id of the same account and length that nobody has.
    unknown = active[:-4] + ("AAAA" if not active.endswith("AAAA") else "BBBB")
    try:
        address = urllib.parse.urlsplit(server.endpoint)
        connection = http.client.HTTPConnection(address.hostname, address.port)
        headers = {key: request(server.endpoint, key) for key in (active, inactive, unknown)}
        taken = {key: [] for key in headers}
        # In turn, so that what else the machine does meets all of them alike.
        for _ in range(ROUNDS):
            for key in headers:
                taken[key].append(seconds(connection, headers[key]))
        connection.close()
    finally:
        for key in made:
            iam.delete_access_key(UserName="timed", AccessKeyId=key)
        iam.delete_user(UserName="timed")
    # The first quarter finds what was already known; later ones are all alike. Quartiles shrug off other work.
    fast = {key: statistics.quantiles(times, n=4)[0] for key, times in taken.items()}
    slowest, fastest = max(fast.values()), min(fast.values())
    assert slowest - fastest < max(0.15 * fastest, 50e-6), fast
