"""Mint tokens without any of our code: with PyJWT, or byte by byte.

Reads one JSON object a line and answers each with one line.  The key of a name
is derived from the name, so that it is the same each time.

  {"public": NAME}                       the public key, in base64url
  {"public": NAME, "form": "hex"|"pem"}  in another form
  {"key": NAME, "claims": {...}, "header": {...}}
                                         a token, encoded by PyJWT
  {"key": NAME, "claims": TEXT, "header": TEXT}
                                         a token with exactly these texts
A text may also be {"hex": DIGITS}.  Values of the claims exp, nbf and iat that
are strings are seconds relative to now.
"""

import base64
import hashlib
import json
import sys
import time

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def private_key(name):
    return Ed25519PrivateKey.from_private_bytes(
        hashlib.sha256(name.encode()).digest())


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def public_key(name, form):
    key = private_key(name).public_key()
    raw = key.public_bytes(serialization.Encoding.Raw,
                           serialization.PublicFormat.Raw)
    if form == "hex":
        return raw.hex()
    if form == "base64":
        return base64.b64encode(raw).decode()
    if form == "pem":
        pem = key.public_bytes(
            serialization.Encoding.PEM,
            serialization.PublicFormat.SubjectPublicKeyInfo)
        return pem.decode().splitlines()[1]
    return base64url(raw)


def data(text):
    if isinstance(text, dict):
        return bytes.fromhex(text["hex"])
    return text.encode()


def token(order):
    key = private_key(order["key"])
    claims = order["claims"]
    header = order.get("header", {})
    if isinstance(header, str) or "hex" in header or isinstance(claims, str) \
            or "hex" in claims:
        if not isinstance(header, str) and "hex" not in header:
            header = json.dumps({"alg": "EdDSA", **header})
        if not isinstance(claims, str) and "hex" not in claims:
            claims = json.dumps(claims)
        signed = base64url(data(header)) + "." + base64url(data(claims))
        return signed + "." + base64url(key.sign(signed.encode()))
    for name in ("exp", "nbf", "iat"):
        if isinstance(claims.get(name), str):
            claims[name] = time.time() + float(claims[name])
    return jwt.encode(claims, key, algorithm="EdDSA", headers=header)


for line in sys.stdin:
    order = json.loads(line)
    if "public" in order:
        print(public_key(order["public"], order.get("form")))
    else:
        print(token(order))
