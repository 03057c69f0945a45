"""S3 requests below the SDKs: what no client would send, signed as S3 has it."""

import urllib.parse

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

import wire


def target(bucket, key="", **query):
    """The path of an object with nothing normalised."""
    path = f"/{bucket}/" + urllib.parse.quote(key, safe="/~")
    return path + ("?" + urllib.parse.urlencode(query, quote_via=urllib.parse.quote) if query else "")


def send(server, method, at, body=b"", headers=None, key="test", secret="test", signed=None):
    """Signs `headers` with the hash of `signed` (the body, if it is not given), and sends the body."""
    request = AWSRequest(method, server.endpoint + at, data=body if signed is None else signed, headers=dict(headers or {}))
    S3SigV4Auth(Credentials(key, secret), "s3", "us-east-1").add_auth(request)
    final = {name: value if value.isascii() else value.encode() for name, value in request.headers.items()}
    return wire.send(server.endpoint, method, at, body, final)


def chunked(server, bucket, key, pieces, trailer=None, headers=None, length=None):
    """A PUT in aws-chunked framing whose chunks are not signed; `trailer` is a (name, value)."""
    body = b"".join(f"{len(piece):x}\r\n".encode() + piece + b"\r\n" for piece in pieces) + b"0\r\n"
    if trailer is not None:
        body += f"{trailer[0]}:{trailer[1]}\r\n".encode()
    body += b"\r\n"
    given = {
        "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "x-amz-decoded-content-length": str(sum(map(len, pieces)) if length is None else length),
        "Content-Encoding": "aws-chunked",
        **({"x-amz-trailer": trailer[0]} if trailer else {}),
        **(headers or {}),
    }
    at = target(bucket, key)
    request = AWSRequest("PUT", server.endpoint + at, data=body, headers=given)
    _Unsigned(Credentials("test", "test"), "s3", "us-east-1").add_auth(request)
    return wire.send(server.endpoint, "PUT", at, body, dict(request.headers.items()))


class _Unsigned(S3SigV4Auth):
    """Signs the hash that the headers declare, whatever the body is."""

    def payload(self, request):
        return request.headers["x-amz-content-sha256"]

    def _modify_request_before_signing(self, request):
        declared = request.headers["x-amz-content-sha256"]
        super()._modify_request_before_signing(request)
        del request.headers["x-amz-content-sha256"]
        request.headers["x-amz-content-sha256"] = declared
