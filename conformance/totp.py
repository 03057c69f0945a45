"""Time-based one-time passwords (RFC 6238), as an authenticator app makes them."""

import base64
import hashlib
import hmac
import struct


def code(seed, at):
    """The six digits of a base32 seed at a time in seconds."""
    key = base64.b32decode(seed + "=" * (-len(seed) % 8))
    digest = hmac.new(key, struct.pack(">Q", int(at) // 30), hashlib.sha1).digest()
    offset = digest[-1] & 15
    number = struct.unpack(">I", digest[offset : offset + 4])[0] & 0x7FFFFFFF
    return f"{number % 10**6:06}"
