"""The only module that sees a secret: one random key per project, outside the storage root.

The key reaches Spark as the one row of a local frame, never as a literal, a setting or an argument
(those are written into plans and logs).
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

from cohort.foundation.errors import KeyRefused, describe_problem
from cohort.states import local_frames

KEY_BYTES = 32
HMAC_BLOCK_BYTES = 64
INNER_BLOCK, OUTER_BLOCK = "_inner", "_outer"


@dataclass(frozen=True)
class ProjectKey:
    """One project's key; it never shows itself."""

    _secret: bytes = field(repr=False)

    def key_frame(self, spark: SparkSession) -> DataFrame:
        """The two padded key blocks of HMAC-SHA-256 (RFC 2104) as a frame of exactly one row.

        Gives: `_inner binary, _outer binary`, both 64 bytes. They equal the key: select by name, never `*`.
        Refuses: a session that does not encrypt what it writes to its scratch folder (exit code 13).
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
        return local_frames.make_local_frame(
            spark, f"{INNER_BLOCK} binary not null, {OUTER_BLOCK} binary not null", [(inner, outer)]
        )

    def digest_texts(self, texts: Iterable[str]) -> list[bytes]:
        """HMAC-SHA-256 of a few labelled texts, such as every school of the list; never of pupils."""
        return [hmac.digest(self._secret, text.encode(), "sha256") for text in texts]


def hmac_key_blocks(secret: bytes) -> tuple[bytes, bytes]:
    """The inner and outer key block of HMAC-SHA-256: the key, hashed when long, padded, XORed."""
    if len(secret) > HMAC_BLOCK_BYTES:
        secret = hashlib.sha256(secret).digest()
    padded = secret.ljust(HMAC_BLOCK_BYTES, b"\0")
    return bytes(b ^ 0x36 for b in padded), bytes(b ^ 0x5C for b in padded)


def key_path(folder: Path, project: str) -> Path:
    return folder / f"{project}.key"


def key_exists(folder: Path, project: str) -> bool:
    return key_path(folder, project).exists()


def create_key(folder: Path, project: str) -> None:
    """Make a project's key: 32 random bytes, readable by their owner only.

    Refuses: a project that has a key (exit code 13); it is never overwritten.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as failed:
        raise _unwritable(failed) from None
    fresh = folder / f".{project}.{os.getpid()}.new"
    try:
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        os.link(fresh, key_path(folder, project))
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
    except OSError as failed:
        raise _unwritable(failed) from None
    finally:
        fresh.unlink(missing_ok=True)


def load_key(folder: Path, project: str) -> ProjectKey:
    """A project's key.

    Refuses: a missing key, one that others may read, one of another length (exit code 13). A key is
    never made because a look-up failed.
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
    except OSError as failed:
        raise _unsafe(f"one that cannot be opened ({failed.strerror})") from None
    mode = os.fstat(handle).st_mode
    if not stat.S_ISREG(mode) or mode & 0o077:
        os.close(handle)
        raise _unsafe("one that others may read, or no file")
    with os.fdopen(handle, "rb") as opened:
        secret = opened.read(KEY_BYTES + 1)
    if len(secret) != KEY_BYTES:
        raise _unsafe("one of another length")
    return ProjectKey(secret)


def destroy_key(folder: Path, project: str) -> bool:
    """Overwrite and remove a project's key; whether there was one."""
    file = key_path(folder, project)
    if not file.exists():
        return False
    with file.open("r+b") as opened:
        opened.write(secrets.token_bytes(KEY_BYTES))
        opened.flush()
        os.fsync(opened.fileno())
    file.unlink()
    return True


def _unwritable(failed: OSError) -> KeyRefused:
    return KeyRefused(
        describe_problem(
            "a key folder that can be written",
            example="one owned by the platform's user",
            found=f"one that refuses ({failed.strerror})",
            where="[keys] dir of platform.toml",
            do="Correct its owner or name another",
        )
    )


def _unsafe(found: str) -> KeyRefused:
    return KeyRefused(
        describe_problem(
            f"a key file of {KEY_BYTES} bytes that only its owner reads",
            example="mode 0600",
            found=found,
            where="the key folder",
            do="Restore the key as key --create made it",
        )
    )
