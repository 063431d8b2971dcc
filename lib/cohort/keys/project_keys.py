"""The keys of projects, one random secret each, kept outside the storage root. No other module sees a secret.

A key reaches Spark as the one row of a local frame, never as a literal, a setting or an argument, because those are
written into plans and logs.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession

from cohort.data_states import make_local_frame
from cohort.foundation import KeyRefused, describe_problem

KEY_BYTES = 32
HMAC_BLOCK_BYTES = 64
"""The block length of SHA-256."""
INNER_BLOCK, OUTER_BLOCK = "_inner", "_outer"
"""Columns of the key frame."""


@dataclass(frozen=True)
class ProjectKey:
    """One project's key. Its text forms do not contain the secret."""

    _secret: bytes = field(repr=False)

    def key_frame(self, spark: SparkSession) -> DataFrame:
        """Make a frame of one row with the two padded key blocks of HMAC-SHA-256 (RFC 2104).

        Returns:
            `_inner binary, _outer binary`, 64 bytes each. Whoever has them has the key: select columns by name after
            joining this frame, never `*`.

        Raises:
            KeyRefused: the session does not encrypt what it writes to its scratch folder (exit code 13).
        """
        if spark.conf.get("spark.io.encryption.enabled", "false") != "true":
            raise KeyRefused(
                describe_problem(
                    "spark.io.encryption.enabled = true",
                    example="as in conf/spark-defaults.conf",
                    found="a session without it",
                    where="the Spark configuration",
                    do="Submit with scripts/submit, or with --properties-file conf/spark-defaults.conf",
                )
            )
        inner, outer = hmac_key_blocks(self._secret)
        return make_local_frame(
            spark, f"{INNER_BLOCK} binary not null, {OUTER_BLOCK} binary not null", [(inner, outer)]
        )

    def digest_texts(self, texts: Iterable[str]) -> list[bytes]:
        """Compute the HMAC-SHA-256 of a few labelled texts, such as all schools of the list; never of pupils."""
        return [hmac.digest(self._secret, text.encode(), "sha256") for text in texts]


def hmac_key_blocks(secret: bytes) -> tuple[bytes, bytes]:
    """Compute the inner and outer key block of HMAC-SHA-256: the key, hashed if too long, padded, and XORed."""
    if len(secret) > HMAC_BLOCK_BYTES:
        secret = hashlib.sha256(secret).digest()
    padded = secret.ljust(HMAC_BLOCK_BYTES, b"\0")
    return bytes(b ^ 0x36 for b in padded), bytes(b ^ 0x5C for b in padded)


def key_path(folder: Path, project: str) -> Path:
    """Return where the key of a project stands in the key folder."""
    return folder / f"{project}.key"


def key_exists(folder: Path, project: str) -> bool:
    """Tell whether a project has a key."""
    return key_path(folder, project).exists()


def create_key(folder: Path, project: str) -> None:
    """Make a project's key: 32 random bytes that only their owner may read.

    Raises:
        KeyRefused: the project has a key, which is never overwritten, or the folder cannot be written (exit code 13).
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise _unwritable_folder(error) from None
    fresh = folder / f".{project}.{os.getpid()}.new"
    try:
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        os.link(fresh, key_path(folder, project))  # unlike a rename, a link never replaces an existing key
    except FileExistsError:
        raise KeyRefused(
            describe_problem(
                "a project without a key",
                example="a new project",
                found="one that has a key",
                where="the key folder",
                do="Leave it: a key is made once and never replaced",
            )
        ) from None
    except OSError as error:
        raise _unwritable_folder(error) from None
    finally:
        fresh.unlink(missing_ok=True)


def load_key(folder: Path, project: str) -> ProjectKey:
    """Load a project's key. A key is never made because it was not found.

    Raises:
        KeyRefused: the key is missing, others may read it, or it has another length (exit code 13).
    """
    file = key_path(folder, project)
    try:
        handle = os.open(file, os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        raise KeyRefused(
            describe_problem(
                f"a key for the project {project}",
                example="one made with key --create",
                found="none",
                where="the key folder",
                do=f"Make it on purpose: key --project {project} --create",
            )
        ) from None
    except OSError as error:
        raise _unsafe_key(f"one that cannot be opened ({error.strerror})") from None
    mode = os.fstat(handle).st_mode
    if not stat.S_ISREG(mode) or mode & 0o077:
        os.close(handle)
        raise _unsafe_key("one that others may read, or no file")
    with os.fdopen(handle, "rb") as opened:
        secret = opened.read(KEY_BYTES + 1)
    if len(secret) != KEY_BYTES:
        raise _unsafe_key("one of another length")
    return ProjectKey(secret)


def destroy_key(folder: Path, project: str) -> bool:
    """Overwrite a project's key and remove it.

    Returns:
        Whether there was a key.
    """
    file = key_path(folder, project)
    if not file.exists():
        return False
    with file.open("r+b") as opened:
        opened.write(secrets.token_bytes(KEY_BYTES))
        opened.flush()
        os.fsync(opened.fileno())
    file.unlink()
    return True


def _unwritable_folder(error: OSError) -> KeyRefused:
    return KeyRefused(
        describe_problem(
            "a key folder that can be written",
            example="one owned by the platform's user",
            found=f"one that refuses ({error.strerror})",
            where="[keys] dir of platform.toml",
            do="Correct its owner or name another",
        )
    )


def _unsafe_key(found: str) -> KeyRefused:
    return KeyRefused(
        describe_problem(
            f"a key file of {KEY_BYTES} bytes that only its owner reads",
            example="mode 0600",
            found=found,
            where="the key folder",
            do="Restore the key as key --create made it",
        )
    )
