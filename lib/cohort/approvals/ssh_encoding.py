"""The binary form of OpenSSH's public keys, signatures and revocation lists, as far as a refusal has to name them.

Nothing is verified here: that is for `ssh_keygen`. Formats: RFC 4251 (strings), PROTOCOL.sshsig of OpenSSH.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import struct
from dataclasses import dataclass

SIGNATURE_MAGIC = b"SSHSIG"
REVOCATION_LIST_MAGIC = b"SSHKRL\n\0"
BEGIN, END = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"
KEY_TYPES = frozenset(
    {
        "ssh-ed25519",
        "ecdsa-sha2-nistp256",
        "ecdsa-sha2-nistp384",
        "ecdsa-sha2-nistp521",
        "sk-ssh-ed25519@openssh.com",
        "sk-ecdsa-sha2-nistp256@openssh.com",
    }
)
"""The kinds of keys that approvers may have: no RSA or DSA, and no certificates."""


@dataclass(frozen=True)
class SignatureParts:
    """What a detached signature says of itself: the key it claims to be of, and its purpose."""

    key: bytes
    namespace: str


def read_string(content: bytes) -> tuple[bytes, bytes]:
    """Read one length-prefixed string, and give the rest.

    Raises:
        ValueError: there are fewer bytes than its length says.
    """
    if len(content) < 4:
        raise ValueError("no length")
    (length,) = struct.unpack(">I", content[:4])
    if len(content) < 4 + length:
        raise ValueError("shorter than its length")
    return content[4 : 4 + length], content[4 + length :]


def read_public_key(kind: str, text: str) -> bytes:
    """Read the public key of a line, whose kind stands before it.

    Raises:
        ValueError: text that is no key of that kind.
    """
    blob = _decode_base64(text)
    if kind not in KEY_TYPES or read_string(blob)[0] != kind.encode("ascii"):
        raise ValueError("no key of this kind")
    return blob


def read_signature(content: bytes) -> SignatureParts:
    """Read what a detached signature in its armour says of itself.

    Raises:
        ValueError: bytes that are no such signature.
    """
    lines = content.decode("ascii").split("\n")
    lines = [line.rstrip("\r") for line in lines if line.strip()]
    if len(lines) < 3 or lines[0] != BEGIN or lines[-1] != END:
        raise ValueError("no armour")
    blob = _decode_base64("".join(lines[1:-1]))
    if not blob.startswith(SIGNATURE_MAGIC) or blob[6:10] != b"\0\0\0\1":
        raise ValueError("no signature of version 1")
    key, rest = read_string(blob[10:])
    namespace, _ = read_string(rest)
    return SignatureParts(key, namespace.decode("utf-8"))


def fingerprint_key(key: bytes) -> str:
    """The fingerprint of a public key as `ssh-keygen -l` prints it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(key).digest()).decode("ascii").rstrip("=")


def _decode_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError("no base64") from error
