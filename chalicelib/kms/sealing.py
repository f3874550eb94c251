"""A run's secret values, encrypted by AES-256-GCM under a data key of their own and bound to the
run: moved to another run they cannot be opened."""

import json
import os
from collections.abc import Mapping

import msgspec

from chalicelib.kms import data_keys
from chalicelib.kms.data_keys import NONCE_BYTES, DataKeys, KeyProblem


class Sealed(msgspec.Struct, frozen=True):
    """What is stored. `data_key` is wrapped; `content` is the nonce and the encrypted values."""

    data_key: bytes
    content: bytes


def seal(keys: DataKeys, run_id: str, values: Mapping[str, str]) -> Sealed:
    """Raises KeyProblem."""
    # Late: only runs with secrets want it.
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    plain, wrapped = keys.new(run_id)
    nonce = os.urandom(NONCE_BYTES)
    content = AESGCM(plain).encrypt(nonce, json.dumps(values).encode(), _bound_to(run_id))
    return Sealed(wrapped, nonce + content)


def opened(keys: DataKeys, run_id: str, sealed: Sealed) -> dict[str, str]:
    """Raises KeyProblem, also for what belongs to another run or is damaged."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce, content = sealed.content[:NONCE_BYTES], sealed.content[NONCE_BYTES:]
    cipher = AESGCM(data_keys.unwrapped(keys, sealed.data_key, run_id))
    try:
        values: dict[str, str] = json.loads(cipher.decrypt(nonce, content, _bound_to(run_id)))
    except InvalidTag as error:
        raise KeyProblem("The secrets are not this run's, or are damaged.") from error
    return values


def _bound_to(run_id: str) -> bytes:
    return f"plumber: secrets of the run {run_id}".encode()
