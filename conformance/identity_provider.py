"""Identity providers of one's own: OpenID Connect over HTTPS on this machine, and SAML.

Assertions are written in canonical form by hand, so that nothing but a digest and a signature is needed.
"""

import base64
import contextlib
import datetime
import hashlib
import http.server
import json
import ssl
import tempfile
import threading
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

CLIENT = "my-client"


def certificate(key, host):
    """A certificate that signed itself, as DER."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - datetime.timedelta(days=1))
    builder = builder.not_valid_after(now + datetime.timedelta(days=36500))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def rsa_key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def unpadded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def encoded(value):
    return unpadded(json.dumps(value).encode())


class TokenKey:
    """What signs tokens; it has an id in the provider's set."""

    def __init__(self, kid, algorithm="RS256"):
        self.kid = kid
        self.algorithm = algorithm
        self.private = ec.generate_private_key(ec.SECP256R1()) if algorithm == "ES256" else rsa_key()

    def sign(self, data):
        if self.algorithm == "RS256":
            return self.private.sign(data, padding.PKCS1v15(), hashes.SHA256())
        r, s = decode_dss_signature(self.private.sign(data, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    @property
    def public(self):
        """The key as in a JSON web key set."""
        numbers = self.private.public_key().public_numbers()
        said = {"kid": self.kid, "use": "sig", "alg": self.algorithm}
        if self.algorithm == "RS256":
            modulus = numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8, "big")
            return {**said, "kty": "RSA", "n": unpadded(modulus), "e": "AQAB"}
        x, y = (unpadded(n.to_bytes(32, "big")) for n in (numbers.x, numbers.y))
        return {**said, "kty": "EC", "crv": "P-256", "x": x, "y": y}


class OpenIdProvider:
    """Serves its discovery document and its keys by HTTPS until it is stopped."""

    def __init__(self):
        self.key = TokenKey("first")
        self.answers = {}
        tls_key = rsa_key()
        der = certificate(tls_key, "localhost")
        self.thumbprint = hashlib.sha1(der).hexdigest()
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.socket = _context(tls_key, der).wrap_socket(self._server.socket, server_side=True)
        # Without its scheme this is the prefix of the condition keys.
        self.address = f"localhost:{self._server.server_port}/realms/dev"
        self.url = f"https://{self.address}"
        self.publish(self.key)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self):
        self._server.shutdown()
        self._server.server_close()

    def publish(self, *keys):
        """From now on these are its keys."""
        jwks = f"{self.url}/keys"
        self.answers["/realms/dev/.well-known/openid-configuration"] = {"issuer": self.url, "jwks_uri": jwks}
        self.answers["/realms/dev/keys"] = {"keys": [key.public for key in keys]}

    def claims(self, now, **changed):
        """What a token says; a claim that is None is left out."""
        said = {"iss": self.url, "sub": "ann", "aud": CLIENT, "iat": int(now), "exp": int(now) + 300, **changed}
        return {name: value for name, value in said.items() if value is not None}

    def token(self, now, key=None, header=None, **changed):
        key = key or self.key
        header = {"alg": key.algorithm, "kid": key.kid, **(header or {})}
        signed = f"{encoded(header)}.{encoded(self.claims(now, **changed))}"
        return f"{signed}.{unpadded(key.sign(signed.encode()))}"

    def _handler(self):
        answers = self.answers

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                found = answers.get(self.path)
                body = json.dumps(found).encode()
                self.send_response(404 if found is None else 200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                # A client that distrusts us has gone.
                with contextlib.suppress(OSError):
                    self.wfile.write(body)

            def log_message(self, *_):
                pass

        return Handler


def _context(key, der):
    """TLS with this key; Python reads keys and certificates from files alone."""
    formats = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    with tempfile.NamedTemporaryFile() as file:
        file.write(key.private_bytes(*formats) + ssl.DER_cert_to_PEM_cert(der).encode())
        file.flush()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file.name)
    return context


# ---- SAML ------------------------------------------------------------------------------

DSIG = 'xmlns:ds="http://www.w3.org/2000/09/xmldsig#"'
SAML = 'xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"'
EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
ENVELOPED = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"
STATUS = "urn:oasis:names:tc:SAML:2.0:status:"
ATTRIBUTE = "https://aws.amazon.com/SAML/Attributes/"
SIGN_IN = "https://signin.aws.amazon.com/saml"


def iso(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


class SamlProvider:
    """A key, the metadata that IAM is given, and signed responses."""

    def __init__(self, issuer="https://idp.example.com/saml"):
        self.issuer = issuer
        self.key = rsa_key()
        body = base64.b64encode(certificate(self.key, "idp.example.com")).decode()
        # IAM wants a thousand characters, which a certificate alone has.
        self.metadata = (
            f'<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="{issuer}"><IDPSSODescriptor '
            'protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><KeyDescriptor use="signing">'
            '<KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data><X509Certificate>'
            f"{body}</X509Certificate></X509Data></KeyInfo></KeyDescriptor>"
            '<SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" '
            f'Location="{issuer}/sso"/></IDPSSODescriptor></EntityDescriptor>'
        )

    def response(self, now, attributes, status="Success", sign_response=False, **said):
        """The base 64 of a response whose assertion (or which itself) is signed."""
        head, tail = self.assertion(now, attributes, **said)
        if not sign_response:
            head += self.signature(head + tail, "_a1")
        start = (
            '<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" '
            'ID="_r1" Version="2.0">'
        )
        rest = (
            f'<samlp:Status><samlp:StatusCode Value="{STATUS}{status}"></samlp:StatusCode></samlp:Status>'
            f"{head}{tail}</samlp:Response>"
        )
        if sign_response:
            rest = self.signature(start + rest, "_r1") + rest
        return base64.b64encode((start + rest).encode()).decode()

    def assertion(
        self,
        now,
        attributes,
        issuer=None,
        subject="ann@example.com",
        audience=SIGN_IN,
        recipient=SIGN_IN,
        lasts=300,
        session_lasts=None,
    ):
        """In canonical form: what stands before the signature, and what after."""
        head = (
            f'<saml:Assertion {SAML} ID="_a1" IssueInstant="{iso(now)}" Version="2.0">'
            f"<saml:Issuer>{issuer or self.issuer}</saml:Issuer>"
        )
        session = "" if session_lasts is None else f' SessionNotOnOrAfter="{iso(now + session_lasts)}"'
        ends = iso(now + lasts)
        said = "".join(
            f'<saml:Attribute Name="{name}">'
            + "".join(f"<saml:AttributeValue>{value}</saml:AttributeValue>" for value in values)
            + "</saml:Attribute>"
            for name, values in attributes.items()
        )
        tail = (
            '<saml:Subject><saml:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent">'
            f'{subject}</saml:NameID><saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer">'
            f'<saml:SubjectConfirmationData NotOnOrAfter="{ends}" Recipient="{recipient}">'
            "</saml:SubjectConfirmationData></saml:SubjectConfirmation></saml:Subject>"
            f'<saml:Conditions NotBefore="{iso(now)}" NotOnOrAfter="{ends}"><saml:AudienceRestriction>'
            f"<saml:Audience>{audience}</saml:Audience></saml:AudienceRestriction></saml:Conditions>"
            f'<saml:AuthnStatement AuthnInstant="{iso(now)}"{session}></saml:AuthnStatement>'
            f"<saml:AttributeStatement>{said}</saml:AttributeStatement></saml:Assertion>"
        )
        return head, tail

    def signature(self, canonical, element_id):
        digest = base64.b64encode(hashlib.sha256(canonical.encode()).digest()).decode()
        info = (
            f'<ds:CanonicalizationMethod Algorithm="{EXCLUSIVE}"></ds:CanonicalizationMethod><ds:SignatureMethod '
            'Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"></ds:SignatureMethod>'
            f'<ds:Reference URI="#{element_id}"><ds:Transforms><ds:Transform Algorithm="{ENVELOPED}"></ds:Transform>'
            f'<ds:Transform Algorithm="{EXCLUSIVE}"></ds:Transform></ds:Transforms><ds:DigestMethod '
            'Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"></ds:DigestMethod>'
            f"<ds:DigestValue>{digest}</ds:DigestValue></ds:Reference></ds:SignedInfo>"
        )
        signed = f"<ds:SignedInfo {DSIG}>{info}".encode()
        proof = base64.b64encode(self.key.sign(signed, padding.PKCS1v15(), hashes.SHA256())).decode()
        return (
            f"<ds:Signature {DSIG}><ds:SignedInfo>{info}"
            f"<ds:SignatureValue>{proof}</ds:SignatureValue></ds:Signature>"
        )
