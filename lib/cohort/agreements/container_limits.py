"""Limits on what one container (zip, gzip, workbook) of a school may unpack to, against decompression bombs."""

from __future__ import annotations

from dataclasses import dataclass

BYTES_WITHOUT_RATIO_LIMIT = 1 << 20
"""Up to this many unpacked bytes the ratio does not matter."""


@dataclass(frozen=True)
class ContainerLimits:
    """How much one container may unpack to.

    Args:
        members: number of members.
        bytes_per_member: unpacked bytes of one member.
        total_bytes: unpacked bytes of all members together.
        ratio: unpacked bytes per packed byte.

    Raises:
        ValueError: a limit that lets nothing through, or a total below that of one member.
    """

    members: int
    bytes_per_member: int
    total_bytes: int
    ratio: int

    def __post_init__(self) -> None:
        if min(self.members, self.bytes_per_member, self.ratio) < 1 or self.total_bytes < self.bytes_per_member:
            raise ValueError("limits of a container are positive, and its total is not under a member's")

    @property
    def max_container_bytes(self) -> int:
        """The size in bytes that the container itself may have."""
        return self.total_bytes + BYTES_WITHOUT_RATIO_LIMIT
