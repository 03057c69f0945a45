"""Requests below the SDKs: signed Query and JSON calls, and raw bytes over a socket."""

import dataclasses
import datetime
import http.client
import json
import socket
import urllib.parse
import xml.etree.ElementTree as ElementTree

from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

import coverage_gate

VERSIONS = {"iam": "2010-05-08", "sqs": "2012-11-05", "sts": "2011-06-15"}
NAMESPACES = {
    "iam": "https://iam.amazonaws.com/doc/2010-05-08/",
    "sqs": "http://queue.amazonaws.com/doc/2012-11-05/",
    "sts": "https://sts.amazonaws.com/doc/2011-06-15/",
}


@dataclasses.dataclass
class Reply:
    """An HTTP answer, with AWS's error read from either protocol."""

    status: int
    headers: dict
    body: bytes

    @property
    def xml(self):
        return ElementTree.fromstring(self.body)

    @property
    def json(self):
        return json.loads(self.body)

    def texts(self, tag):
        """The texts of all elements of this local name, in document order."""
        return [e.text or "" for e in self.xml.iter() if e.tag.rpartition("}")[2] == tag]

    def text(self, tag):
        found = self.texts(tag)
        assert found, f"no <{tag}> in {self.body!r}"
        return found[0]

    @property
    def code(self):
        """The error's short code: from the XML, the header, or `__type`."""
        if self.status < 400:
            return None
        if self.body.lstrip().startswith(b"<"):
            return self.text("Code")
        header = self.headers.get("x-amzn-query-error")
        if header:
            return header.split(";")[0]
        return self.json["__type"].rpartition("#")[2]

    @property
    def message(self):
        if self.body.lstrip().startswith(b"<"):
            return self.text("Message")
        found = self.json
        return found.get("message") or found.get("Message") or ""


class Caller:
    """Signs and sends requests of one identity, region and service."""

    def __init__(self, endpoint, key="test", secret="test", token=None, region="us-east-1", service="sqs"):
        self.endpoint = endpoint
        self.credentials = Credentials(key, secret, token)
        self.region = region
        self.service = service

    def query(self, action, params=None, path="/", method="POST", **more):
        """A Query call; GET puts the fields into the query string."""
        fields = {"Action": action, "Version": VERSIONS[self.service], **(params or {})}
        text = urllib.parse.urlencode(fields, quote_via=urllib.parse.quote)
        if method == "GET":
            reply = self.send("GET", f"{path}?{text}", b"", {}, **more)
        else:
            headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
            reply = self.send(method, path, text.encode(), headers, **more)
        coverage_gate.record_reply(self.service, action, reply)
        return reply

    def json(self, operation, members, **more):
        """An awsJson 1.0 call; `members` may be bytes, to send what no client would."""
        body = members if isinstance(members, bytes) else json.dumps(members).encode()
        headers = {
            "Content-Type": "application/x-amz-json-1.0",
            "X-Amz-Target": f"AmazonSQS.{operation}",
        }
        reply = self.send("POST", "/", body, headers, **more)
        coverage_gate.record_reply(self.service, operation, reply)
        return reply

    def signed(self, method, target, body, headers, when=None):
        """The signed request, not yet sent. `when` moves the signature's time (a timedelta)."""
        request = AWSRequest(method, self.endpoint + target, data=body, headers=dict(headers))
        auth = SigV4Auth(self.credentials, self.service, self.region)
        with shifted(when):
            auth.add_auth(request)
        return request

    def send(self, method, target, body, headers, when=None, change=None):
        """Signs, lets `change` tamper with the headers, sends."""
        request = self.signed(method, target, body, headers, when)
        final = dict(request.headers.items())
        if change is not None:
            final = change(final) or final
        return send(self.endpoint, method, target, body, final)

    def presigned(self, action, params=None, path="/", expires=60, when=None):
        """A URL that carries its signature."""
        fields = {"Action": action, "Version": VERSIONS[self.service], **(params or {})}
        url = f"{self.endpoint}{path}?{urllib.parse.urlencode(fields, quote_via=urllib.parse.quote)}"
        request = AWSRequest("GET", url)
        with shifted(when):
            SigV4QueryAuth(self.credentials, self.service, self.region, expires=expires).add_auth(request)
        return request.url


class shifted:
    """Moves the time that botocore signs with."""

    def __init__(self, by):
        self.by = by

    def __enter__(self):
        if self.by is None:
            return
        import botocore.auth

        now = datetime.datetime.now(datetime.UTC) + self.by
        self.module = botocore.auth
        self.before = botocore.auth.get_current_datetime
        botocore.auth.get_current_datetime = lambda remove_tzinfo=True: (
            now.replace(tzinfo=None) if remove_tzinfo else now
        )

    def __exit__(self, *_):
        if self.by is not None:
            self.module.get_current_datetime = self.before


def send(endpoint, method, target, body=b"", headers=None):
    """One request on a connection of its own."""
    where = urllib.parse.urlsplit(endpoint)
    connection = http.client.HTTPConnection(where.hostname, where.port, timeout=30)
    try:
        connection.request(method, target, body=body, headers=headers or {})
        answer = connection.getresponse()
        data = answer.read()
        return Reply(answer.status, {k.lower(): v for k, v in answer.getheaders()}, data)
    finally:
        connection.close()


def get(url):
    where = urllib.parse.urlsplit(url)
    target = where.path + (f"?{where.query}" if where.query else "")
    return send(f"{where.scheme}://{where.netloc}", "GET", target)


def raw(port, data):
    """Sends bytes as they are and reads one answer; for what HTTP libraries refuse to send."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as wire:
        try:
            wire.sendall(data)
        except OSError:
            # The server may answer and stop reading before everything is sent; the answer counts.
            pass
        answer = http.client.HTTPResponse(wire)
        answer.begin()
        body = answer.read()
        return Reply(answer.status, {k.lower(): v for k, v in answer.getheaders()}, body)


class Replay:
    """Sends one signed request many times over one connection, as fast as the socket goes.

    A signature is good for fifteen minutes, so thousands of equal requests need only one.
    """

    def __init__(self, caller, operation, members):
        body = json.dumps(members).encode()
        headers = {
            "Content-Type": "application/x-amz-json-1.0",
            "X-Amz-Target": f"AmazonSQS.{operation}",
        }
        request = caller.signed("POST", "/", body, headers)
        where = urllib.parse.urlsplit(caller.endpoint)
        lines = ["POST / HTTP/1.1", f"Host: {where.netloc}", f"Content-Length: {len(body)}"]
        lines += [f"{k}: {v}" for k, v in request.headers.items() if k.lower() not in ("host", "content-length")]
        self.bytes = "\r\n".join(lines).encode() + b"\r\n\r\n" + body
        self.socket = socket.create_connection((where.hostname, where.port), timeout=30)
        self.reader = self.socket.makefile("rb", 1 << 16)

    def once(self):
        """Sends it again; returns (status, body)."""
        self.socket.sendall(self.bytes)
        status = int(self.reader.readline().split()[1])
        length = 0
        while line := self.reader.readline().strip():
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        return status, self.reader.read(length)

    def close(self):
        self.reader.close()
        self.socket.close()
