"""AWS's Signature Version 4, checked: of a call, in its headers, and of a presigned address.

Written anew because botocore, which has the signing half, would nearly double this process (14 MB).
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import hashlib
import hmac
import re
from calendar import timegm
from dataclasses import dataclass
from functools import lru_cache
from time import strptime
from urllib.parse import parse_qsl, quote

from infra.local.sqs.queues import Refused
from infra.local.sqs.wire import Request

ALGORITHM = "AWS4-HMAC-SHA256"
UNSIGNED = "UNSIGNED-PAYLOAD"
SKEW_SECONDS = 900  # how far AWS lets the clocks of the two sides differ
_AUTHORIZATION = re.compile(
    rf"{ALGORITHM} Credential=([^, ]+), ?SignedHeaders=([^, ]+), ?Signature=([^, ]+)"
)


@dataclass(frozen=True)
class Signer:
    """Whose signatures are good, and where, for which services."""

    key_id: str
    secret: str
    region: str
    services: frozenset[str] = frozenset({"sqs"})


def check_headers(request: Request, signer: Signer, now: float) -> None:
    """Raises Refused unless the Authorization header is good."""
    match = _AUTHORIZATION.fullmatch(request.headers.get("authorization", ""))
    if match is None:
        raise _missing()
    credential, signed, signature = match.groups()
    stamp = request.headers.get("x-amz-date", "")
    if abs(now - _seconds(stamp)) > SKEW_SECONDS:
        raise _wrong("Signature expired or not yet current.")
    _check(request, signer, credential, signed, stamp, signature)


def check_presigned(request: Request, signer: Signer, now: float) -> None:
    """Raises Refused unless the address was signed for this moment."""
    query = dict(parse_qsl(request.query))
    try:
        credential, signed = query["X-Amz-Credential"], query["X-Amz-SignedHeaders"]
        stamp, signature = query["X-Amz-Date"], query["X-Amz-Signature"]
        lives_seconds = int(query["X-Amz-Expires"])
    except (KeyError, ValueError) as error:
        raise _missing() from error
    if not -SKEW_SECONDS <= now - _seconds(stamp) <= lives_seconds:
        raise Refused("RequestExpired", "The address has lapsed.", 403)
    _check(request, signer, credential, signed, stamp, signature)


def _check(
    request: Request, signer: Signer, credential: str, signed: str, stamp: str, signature: str
) -> None:
    key_id, _, scope = credential.partition("/")
    if key_id != signer.key_id:
        raise Refused("InvalidClientTokenId", "The access key is not one of this stack.", 403)
    loose = [name for name in request.headers if name.startswith("x-amz-")]
    if not {*loose} <= {*signed.split(";")}:
        # As S3 has it: who was given an address would say more with it than it was signed for.
        raise Refused("AccessDenied", "There are headers which are not signed.", 403)
    day = stamp[:8]
    service = scope.split("/")[-2:][0]
    if scope != f"{day}/{signer.region}/{service}/aws4_request" or service not in signer.services:
        known = " or ".join(sorted(signer.services))
        raise _wrong(f"The scope should be {day}/{signer.region}/{known}/aws4_request.")
    canonical = hashlib.sha256(_canonical(request, signed, service).encode()).hexdigest()
    text = f"{ALGORITHM}\n{stamp}\n{scope}\n{canonical}"
    expected = _sign(_signing_key(signer, day, service), text).hex()
    if not hmac.compare_digest(expected.encode(), signature.encode()):
        raise _wrong("The signature is not that of the request.")


def _canonical(request: Request, signed: str, service: str) -> str:
    """S3 takes the path as it is, and the body's hash from a header, if there is one."""
    is_s3 = service == "s3"
    payload = request.headers.get("x-amz-content-sha256", UNSIGNED) if is_s3 else None
    pairs = [pair.partition("=") for pair in request.query.split("&") if pair]
    query = sorted((name, value) for name, _, value in pairs if name != "X-Amz-Signature")
    headers = [
        f"{name}:{' '.join(request.headers.get(name, '').split())}\n" for name in signed.split(";")
    ]
    parts = (
        request.method,
        request.path if is_s3 else quote(request.path, safe="/~"),
        "&".join(f"{name}={value}" for name, value in query),
        "".join(headers),
        signed,
        payload or hashlib.sha256(request.body).hexdigest(),
    )
    return "\n".join(parts)


@lru_cache(maxsize=4)
def _signing_key(signer: Signer, day: str, service: str) -> bytes:
    key = f"AWS4{signer.secret}".encode()
    for part in (day, signer.region, service, "aws4_request"):
        key = _sign(key, part)
    return key


def _sign(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")


def _seconds(stamp: str) -> int:
    try:
        return timegm(strptime(stamp, "%Y%m%dT%H%M%SZ"))
    except ValueError as error:
        raise _missing() from error


def _missing() -> Refused:
    return Refused("MissingAuthenticationToken", "The request is not signed.", 403)


def _wrong(text: str) -> Refused:
    return Refused("SignatureDoesNotMatch", text, 403)
