"""Signature Version 4: the header of a call, and presigned addresses. Arithmetic; asks nobody.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from urllib.parse import quote

import msgspec

ALGORITHM = "AWS4-HMAC-SHA256"
UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"  # S3's: whoever has the address sends what he likes
NO_HEADERS: Mapping[str, str] = {}
NOTHING = hashlib.sha256(b"").hexdigest()


class Keys(msgspec.Struct, frozen=True):
    """Who signs. `token` belongs to keys that expire: a role's, for one."""

    access_key: str
    secret_key: str
    token: str | None = None


class Scope(msgspec.Struct, frozen=True):
    """What a signature is good for."""

    region: str
    service: str


def authorization(
    method: str,
    path: str,
    headers: Mapping[str, str],
    body: bytes,
    keys: Keys,
    scope: Scope,
    at: datetime,
    query: str = "",
) -> str:
    """The `Authorization` header of a call. `at` is UTC.

    `headers` are all that is signed, named in lower case, `host` and `x-amz-date` among them.
    `path` and `query` stand as they are sent: encoded, the query's parameters sorted.
    """
    names = ";".join(sorted(headers))
    request = _canonical(method, path, query, headers, hashlib.sha256(body).hexdigest())
    signed = _signature(request, keys, scope, at)
    return (
        f"{ALGORITHM} Credential={keys.access_key}/{_scope(scope, at)}, "
        f"SignedHeaders={names}, Signature={signed}"
    )


def presigned(
    method: str,
    origin: str,
    path: str,
    parameters: Sequence[tuple[str, str]],
    keys: Keys,
    scope: Scope,
    at: datetime,
    seconds: int,
    payload: str = NOTHING,
    headers: Mapping[str, str] = NO_HEADERS,
) -> str:
    """An address that is good for `seconds`. `origin` is scheme and host, `path` is encoded.

    `payload` is the SHA-256 of what will be sent, or UNSIGNED_PAYLOAD. Whoever uses the address
    must send `headers`, which are named in lower case.
    """
    signed_headers = {**headers, "host": origin.partition("://")[2]}
    asked = [
        *parameters,
        ("X-Amz-Algorithm", ALGORITHM),
        ("X-Amz-Credential", f"{keys.access_key}/{_scope(scope, at)}"),
        ("X-Amz-Date", stamp(at)),
        ("X-Amz-Expires", str(seconds)),
        ("X-Amz-SignedHeaders", ";".join(sorted(signed_headers))),
    ]
    if keys.token is not None:
        asked.append(("X-Amz-Security-Token", keys.token))
    query = canonical_query(asked)
    request = _canonical(method, path, query, signed_headers, payload)
    signed = _signature(request, keys, scope, at)
    return f"{origin}{path}?{query}&X-Amz-Signature={signed}"


def stamp(at: datetime) -> str:
    """An instant as `x-amz-date` has it."""
    return at.strftime("%Y%m%dT%H%M%SZ")


def canonical_query(parameters: Sequence[tuple[str, str]]) -> str:
    """A query as it is signed, and as it can be sent: encoded, then sorted."""
    encoded = sorted((_encoded(name), _encoded(text)) for name, text in parameters)
    return "&".join(f"{name}={text}" for name, text in encoded)


def _encoded(text: str) -> str:
    return quote(text, safe="-_.~")


def _canonical(method: str, path: str, query: str, headers: Mapping[str, str], payload: str) -> str:
    names = sorted(headers)
    lines = "".join([f"{name}:{' '.join(headers[name].split())}\n" for name in names])
    return f"{method}\n{path}\n{query}\n{lines}\n{';'.join(names)}\n{payload}"


def _scope(scope: Scope, at: datetime) -> str:
    return f"{at:%Y%m%d}/{scope.region}/{scope.service}/aws4_request"


def _signature(request: str, keys: Keys, scope: Scope, at: datetime) -> str:
    digest = hashlib.sha256(request.encode()).hexdigest()
    text = f"{ALGORITHM}\n{stamp(at)}\n{_scope(scope, at)}\n{digest}"
    key = _signing_key(keys.secret_key, f"{at:%Y%m%d}", scope.region, scope.service)
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


@lru_cache(maxsize=16)  # a key is good for a day, and costs four of the five HMACs of a signature
def _signing_key(secret: str, day: str, region: str, service: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key
