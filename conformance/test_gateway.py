"""The door: signatures, malformed requests, limits, health, CORS.

Every malformed request gets an answer, with an AWS error where HTTP itself was understood,
never a 5xx and never a connection closed without a word.
"""

import datetime
import http.client
import json
import re

import pytest

import expect
import wire

HOUR = datetime.timedelta(hours=1)
FORM = "application/x-www-form-urlencoded; charset=utf-8"
JSON = "application/x-amz-json-1.0"
LIST = {"X-Amz-Target": "AmazonSQS.ListQueues", "Content-Type": JSON}


@pytest.fixture(params=["query sqs", "json sqs", "query sts"])
def knock(request, server):
    """knock(**more): a harmless signed call in each protocol; `more` spoils it."""
    protocol, service = request.param.split()

    def call(key="test", secret="test", token=None, region="us-east-1", scope=None, **more):
        caller = wire.Caller(server.endpoint, key, secret, token, region, service)
        caller_scope = scope or service
        if protocol == "json":
            caller.service = caller_scope
            return caller.send("POST", "/", b"{}", dict(LIST), **more)
        action = "ListQueues" if service == "sqs" else "GetCallerIdentity"
        body = f"Action={action}&Version={wire.VERSIONS[service]}".encode()
        caller.service = caller_scope
        return caller.send("POST", "/", body, {"Content-Type": FORM}, **more)

    return call


def without(*names):
    return lambda headers: {k: v for k, v in headers.items() if k.lower() not in names}


def replaced(name, old, new):
    return lambda headers: {**headers, name: re.sub(old, new, headers[name])}


def other_digit(found):
    return "Signature=" + ("1" if found[0].endswith("0") else "0")


# ---- signatures ------------------------------------------------------------------------


def test_the_harmless_call_is_fine(knock):
    assert knock().status == 200


@pytest.mark.parametrize(
    "spoil, codes",
    [
        ({"change": without("authorization")}, {"MissingAuthenticationToken", "AccessDenied"}),
        ({"secret": "wrong"}, {"SignatureDoesNotMatch"}),
        ({"key": "AKIAIOSFODNN7EXAMPLE"}, {"InvalidClientTokenId"}),
        ({"when": -HOUR}, {"SignatureDoesNotMatch"}),
        ({"when": HOUR}, {"SignatureDoesNotMatch"}),
        ({"region": "nowhere"}, {"SignatureDoesNotMatch"}),
        ({"scope": "s4"}, {"SignatureDoesNotMatch", "UnknownOperation", "InvalidAction", "UnknownService"}),
        ({"change": replaced("Authorization", r"Signature=.", other_digit)}, {"SignatureDoesNotMatch"}),
        (
            {"change": replaced("Authorization", r"Signature=\w+", "Signature=")},
            {"SignatureDoesNotMatch", "IncompleteSignature"},
        ),
        ({"change": replaced("Authorization", r", Signature=\w+", "")}, {"IncompleteSignature"}),
        ({"change": replaced("Authorization", r"Credential=[^,]+", "Credential=test")}, {"IncompleteSignature"}),
        ({"change": replaced("Authorization", r"SignedHeaders=[^,]+, ", "")}, {"IncompleteSignature"}),
        ({"change": replaced("Authorization", r"^AWS4-HMAC-SHA256", "AWS5-HMAC-SHA256")}, None),
        ({"change": replaced("Authorization", r".*", "Basic dGVzdDp0ZXN0")}, None),
        ({"change": replaced("X-Amz-Date", r".*", "yesterday")}, {"IncompleteSignature", "SignatureDoesNotMatch"}),
        ({"change": without("x-amz-date")}, {"IncompleteSignature", "SignatureDoesNotMatch"}),
    ],
    ids=[
        "unsigned",
        "wrong secret",
        "unknown key",
        "expired",
        "of the future",
        "unknown region",
        "unknown service",
        "altered",
        "empty",
        "no signature",
        "short credential",
        "no signed headers",
        "unknown algorithm",
        "basic",
        "bad date",
        "no date",
    ],
)
def test_signatures_that_are_refused(knock, spoil, codes):
    reply = knock(**spoil)
    assert 400 <= reply.status < 500, reply
    assert reply.code, reply
    if codes is not None:
        assert reply.code.removesuffix("Exception") in codes, (reply.code, reply.message)
    assert reply.headers["x-amzn-requestid"]


def test_the_wording_of_an_expired_signature(knock):
    stamp = r"\d{8}T\d{6}Z"
    message = knock(when=-HOUR).message
    assert re.fullmatch(rf"Signature expired: {stamp} is now earlier than {stamp} \({stamp} - (5|15) min\.\)", message)


def test_a_little_skew_is_fine(knock):
    for minutes in (-4, 4):
        assert knock(when=datetime.timedelta(minutes=minutes)).status == 200


def test_the_wording_of_a_wrong_signature(knock):
    assert knock(secret="wrong").message.startswith(
        "The request signature we calculated does not match the signature you provided."
    )


def test_an_altered_body_is_noticed(server):
    caller = wire.Caller(server.endpoint)
    request = caller.signed("POST", "/", b'{"QueueName":"a"}', {**LIST, "X-Amz-Target": "AmazonSQS.CreateQueue"})
    reply = wire.send(server.endpoint, "POST", "/", b'{"QueueName":"b"}', dict(request.headers.items()))
    assert (reply.status, reply.code) == (403, "SignatureDoesNotMatch")


@pytest.mark.parametrize("service, action", [("sqs", "ListQueues"), ("sts", "GetCallerIdentity")])
@pytest.mark.parametrize("expires, when, status", [(60, None, 200), (60, -HOUR, 403), (7200, -HOUR, 200)])
def test_presigned_urls(server, service, action, expires, when, status):
    caller = wire.Caller(server.endpoint, service=service)
    reply = wire.get(caller.presigned(action, expires=expires, when=when))
    assert reply.status == status, reply


@pytest.mark.parametrize(
    "change", [("X-Amz-Signature=", "X-Amz-Signature=0"), ("Action=", "Action=X"), ("&X-Amz-Expires=60", "")]
)
def test_presigned_urls_that_were_altered(server, change):
    url = wire.Caller(server.endpoint).presigned("ListQueues").replace(*change)
    reply = wire.get(url)
    assert 400 <= reply.status < 500 and reply.code, reply


# ---- malformed requests ----------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"x"',
        b"17",
        b"null",
        b"\xff\xfe",
        b'{"QueueName":17}',
        b'{"QueueName":{}}',
        b'{"QueueName":"a"}}',
        b"[" * 100000,
    ],
    ids=range(11),
)
def test_bodies_that_are_no_input(query, body):
    reply = query.json("CreateQueue", body)
    assert 400 <= reply.status < 500, reply
    assert reply.code in {"MalformedInput", "SerializationException", "MissingParameter", "InvalidParameterValue"}, (
        reply.body[:300]
    )


@pytest.mark.parametrize(
    "members",
    [
        {"Attributes": "x"},
        {"Attributes": {"DelaySeconds": 5}},
        {"Attributes": ["x"]},
        {"tags": {"a": ["b"]}},
    ],
)
def test_members_of_the_wrong_type(query, members):
    reply = query.json("CreateQueue", {"QueueName": expect.name(), **members})
    assert reply.status in (200, 400), reply
    assert reply.status == 200 or reply.code


def test_unknown_members_are_ignored(query):
    assert query.json("ListQueues", {"Fog": {"deep": [1, 2, None]}}).status == 200


@pytest.mark.parametrize("target", ["AmazonSQS.Fly", "AmazonSQS.", "AmazonSQS", "Fog.ListQueues", "", "."])
def test_unknown_operations_in_json(server, target):
    caller = wire.Caller(server.endpoint)
    reply = caller.send("POST", "/", b"{}", {"Content-Type": JSON, "X-Amz-Target": target})
    assert 400 <= reply.status < 500 and reply.code, reply


@pytest.mark.parametrize("action", ["Fly", "", "ListQueues\x00", "a" * 5000])
def test_unknown_operations_in_query(query, action):
    reply = query.query(action)
    assert 400 <= reply.status < 500, reply
    assert reply.code in {"InvalidAction", "MissingAction", "MalformedInput"}, reply.body


def test_no_operation_at_all(server):
    reply = wire.Caller(server.endpoint).send("POST", "/", b"Version=2012-11-05", {"Content-Type": FORM})
    assert 400 <= reply.status < 500 and reply.code, reply


def test_another_version(server):
    reply = wire.Caller(server.endpoint).send(
        "POST", "/", b"Action=ListQueues&Version=1999-01-01", {"Content-Type": FORM}
    )
    assert reply.status in (200, 400), reply


def test_a_service_that_is_not_there_yet(server):
    caller = wire.Caller(server.endpoint, service="braket")
    reply = caller.send("POST", "/", b"{}", {"Content-Type": JSON, "X-Amz-Target": "Braket.ListJobs"})
    assert 400 <= reply.status < 600 and reply.status != 500, reply
    assert reply.body


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "HEAD"])
def test_other_methods(server, method):
    reply = wire.Caller(server.endpoint).send(method, "/", b"", {})
    assert 400 <= reply.status < 500, reply


def test_deep_json_is_refused_politely(query):
    reply = query.json("ListQueues", b'{"a":' * 5000 + b"1" + b"}" * 5000)
    assert reply.status in (200, 400), reply


# ---- HTTP ------------------------------------------------------------------------------


def signed_head(server, body, version="1.1", **more):
    """The head of a signed ListQueues as bytes, without a length."""
    request = wire.Caller(server.endpoint).signed("POST", "/", body, LIST)
    lines = [f"POST / HTTP/{version}", f"Host: 127.0.0.1:{server.port}"]
    lines += [
        f"{k}: {v}" for k, v in {**dict(request.headers.items()), **more}.items() if k.lower() != "content-length"
    ]
    return "\r\n".join(lines).encode() + b"\r\n"


def test_a_chunked_body(server):
    head = signed_head(server, b"{}", **{"Transfer-Encoding": "chunked"})
    reply = wire.raw(server.port, head + b"\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n")
    assert reply.status == 200, reply


def test_http_1_0(server):
    reply = wire.raw(server.port, signed_head(server, b"{}", "1.0") + b"Content-Length: 2\r\n\r\n{}")
    assert reply.status == 200, reply


def test_expect_100_continue(server):
    head = signed_head(server, b"{}", Expect="100-continue")
    reply = wire.raw(server.port, head + b"Content-Length: 2\r\n\r\n{}")
    assert reply.status == 200, reply


def test_a_body_larger_than_anything_is_refused_before_it_is_sent(server):
    head = signed_head(server, b"{}", Expect="100-continue")
    reply = wire.raw(server.port, head + b"Content-Length: 1000000000\r\n\r\n")
    assert reply.status in (400, 413), reply
    assert reply.code


def test_a_body_of_twenty_megabytes(query):
    reply = query.json("ListQueues", b'{"a":"' + b"x" * 20_000_000 + b'"}')
    assert 400 <= reply.status < 500 and reply.code, reply.status


@pytest.mark.parametrize(
    "data",
    [
        b"nonsense\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 2000 + b"\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"b" * 200_000 + b"\r\n\r\n",
        b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nBad Header\r\n\r\n",
    ],
    ids=[
        "nonsense",
        "half a line",
        "version",
        "length",
        "chunk",
        "many headers",
        "long header",
        "long path",
        "no colon",
    ],
)
def test_what_is_hardly_http(server, data):
    # Without a half-close: a client that ends its side early has, to a server, gone away.
    reply = wire.raw(server.port, data)
    assert 400 <= reply.status < 500 or reply.status == 505, reply


def test_a_connection_is_kept_after_an_error(server):
    caller = wire.Caller(server.endpoint)
    bad = caller.signed("POST", "/", b"{", LIST)
    good = caller.signed("POST", "/", b"{}", LIST)
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    for request, body, status in ((bad, b"{", 400), (good, b"{}", 200), (bad, b"{", 400), (good, b"{}", 200)):
        connection.request("POST", "/", body, dict(request.headers.items()))
        answer = connection.getresponse()
        answer.read()
        assert answer.status == status
        sock = connection.sock
        assert sock is not None, "the connection was closed"
    connection.close()


# ---- health, metrics, CORS -------------------------------------------------------------


@pytest.mark.parametrize("path", ["/_fogbank/health", "/_localstack/health"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_health_needs_no_signature(server, path, method):
    reply = wire.send(server.endpoint, method, path)
    assert reply.status == 200
    assert reply.headers["content-type"].startswith("application/json")
    if method == "GET":
        assert isinstance(json.loads(reply.body), dict)


def test_localstacks_health_names_the_services(server):
    services = wire.send(server.endpoint, "GET", "/_localstack/health").json["services"]
    for name in ("sqs", "sts"):
        assert services[name] in ("available", "running")


def test_metrics_are_in_prometheus_form(server, sqs):
    sqs.list_queues()
    reply = wire.send(server.endpoint, "GET", "/metrics")
    assert reply.status == 200
    assert reply.headers["content-type"].startswith("text/plain")
    assert re.search(rb"^# TYPE \w+ (counter|gauge|histogram)$", reply.body, re.MULTILINE)


@pytest.mark.parametrize("origin", ["http://localhost:3000", "https://app.localstack.cloud"])
def test_a_browser_may_ask(server, origin):
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type,x-amz-date,x-amz-target",
    }
    reply = wire.send(server.endpoint, "OPTIONS", "/", headers=asked)
    assert reply.status in (200, 204), reply
    assert reply.headers["access-control-allow-origin"] in ("*", origin)
    assert "POST" in reply.headers["access-control-allow-methods"].upper()
    allowed = reply.headers["access-control-allow-headers"].lower()
    assert allowed == "*" or {"authorization", "x-amz-target"} <= set(re.split(r",\s*", allowed))


def test_an_answer_to_a_browser_names_its_origin(server):
    reply = wire.Caller(server.endpoint).send("POST", "/", b"{}", {**LIST, "Origin": "http://localhost:3000"})
    assert reply.status == 200
    assert reply.headers["access-control-allow-origin"] in ("*", "http://localhost:3000")
