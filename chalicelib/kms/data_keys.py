"""Data keys: 32 bytes that encrypt one run's secrets, kept only as another key has wrapped them.

On AWS that other key is KMS's and never leaves it; elsewhere it is a file that only we may read.
"""

import base64
import json
import os
import stat
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.aws import client as aws
from chalicelib.aws.retrying import is_throttled, is_transient
from chalicelib.errors import PlumberError
from chalicelib.settings import settings

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
NONCE_BYTES = 12
CONTEXT = "plumber-run"  # what KMS writes into its own log beside each use
# KMS's API speaks JSON 1.1: https://docs.aws.amazon.com/kms/latest/APIReference
KMS = aws.Service(
    name="kms",
    target="TrentService",
    attempts=3,
    connect_seconds=1,
    read_seconds=3,
    json_version="1.1",
)
# What may pass by itself. A denial, and a key that is disabled or not there, does not.
PASSING = {"KMSInternalException", "DependencyTimeoutException", "KeyUnavailableException"}
PASSING |= {"ThrottlingException", "LimitExceededException"}


class KeyProblem(PlumberError):
    """The key for secrets cannot be used."""


class KeyAway(KeyProblem):
    """The key for secrets cannot be reached now. Try again."""


class KmsKeys(msgspec.Struct, frozen=True):
    """With a key of KMS, given by id, ARN or alias."""

    key_id: str

    def new(self, run_id: str) -> tuple[bytes, bytes]:
        """A data key, and the same wrapped. Raises KeyProblem."""
        answer = self._ask("GenerateDataKey", run_id, {"KeySpec": "AES_256"})
        return base64.b64decode(answer["Plaintext"]), base64.b64decode(answer["CiphertextBlob"])

    def unwrapped(self, wrapped: bytes, run_id: str) -> bytes:
        """The data key. Raises KeyProblem also for one of another run."""
        blob = base64.b64encode(wrapped).decode()
        return base64.b64decode(self._ask("Decrypt", run_id, {"CiphertextBlob": blob})["Plaintext"])

    def _ask(self, operation: str, run_id: str, more: dict[str, str]) -> dict[str, Any]:
        asked = {"KeyId": self.key_id, "EncryptionContext": {CONTEXT: run_id}, **more}
        try:
            said = aws.client(KMS).send(operation, json.dumps(asked).encode())
        except ClientError as error:
            code = error.response["Error"]["Code"]
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            passes = code in PASSING or is_throttled(status, code) or is_transient(status, code)
            kind = KeyAway if passes else KeyProblem
            raise kind(f"The key for secrets cannot be used: KMS answered {code}.") from error
        except BotoCoreError as error:
            raise KeyAway("The key for secrets cannot be used: KMS cannot be reached.") from error
        answer: dict[str, Any] = json.loads(said)
        return answer


class FileKeys(msgspec.Struct, frozen=True):
    """With a file of 32 random bytes, which nobody but us may read."""

    path: str

    def new(self, run_id: str) -> tuple[bytes, bytes]:
        """A data key, and the same wrapped. Raises KeyProblem."""
        plain, nonce = os.urandom(KEY_BYTES), os.urandom(NONCE_BYTES)
        return plain, nonce + self._cipher().encrypt(nonce, plain, run_id.encode())

    def unwrapped(self, wrapped: bytes, run_id: str) -> bytes:
        """The data key. Raises KeyProblem also for one of another run."""
        from cryptography.exceptions import InvalidTag

        nonce, sealed = wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:]
        try:
            return self._cipher().decrypt(nonce, sealed, run_id.encode())
        except InvalidTag as error:
            raise KeyProblem("The secrets were encrypted with another key.") from error

    def _cipher(self) -> "AESGCM":
        # Late: it takes longer to load than a call takes, and only runs with secrets want it.
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        return AESGCM(self._key())

    def _key(self) -> bytes:
        path = Path(self.path)
        try:
            if stat.S_IMODE(path.stat().st_mode) & 0o077:
                raise KeyProblem("The key for secrets is not used: others may read its file.")
            key = path.read_bytes()
        except OSError as error:
            raise KeyProblem("The key for secrets cannot be read from its file.") from error
        if len(key) != KEY_BYTES:
            raise KeyProblem(f"The key for secrets is no file of {KEY_BYTES} bytes.")
        return key


DataKeys = KmsKeys | FileKeys


def of_this_installation() -> DataKeys:
    """As its settings say. Raises KeyProblem where they name no key."""
    if settings.kms_key:
        return KmsKeys(settings.kms_key)
    if settings.key_file:
        return FileKeys(settings.key_file)
    raise KeyProblem(
        "This installation has no key for secrets: set PLUMBER_KMS_KEY or PLUMBER_KEY_FILE."
    )


@lru_cache(maxsize=64)  # a wide step's jobs are claimed by many polls, and KMS counts each call
def unwrapped(keys: DataKeys, wrapped: bytes, run_id: str) -> bytes:
    """The data key, asked for once in a process as long as it is remembered."""
    return keys.unwrapped(wrapped, run_id)
