"""How much may come out of one container (zip, gzip, workbook) that a school sends."""

from __future__ import annotations

from dataclasses import dataclass

BYTES_WITHOUT_RATIO_LIMIT = 1 << 20
"""A content of up to this many bytes harms nobody, however well it was packed."""


@dataclass(frozen=True)
class ContainerLimits:
    """How much may come out of one container.

    Refuses: limits that let nothing through, or less in all than from one member.
    """

    members: int
    bytes_per_member: int
    total_bytes: int
    ratio: int
    """Bytes out per byte in."""

    def __post_init__(self) -> None:
        if min(self.members, self.bytes_per_member, self.ratio) < 1 or self.total_bytes < self.bytes_per_member:
            raise ValueError("limits of a container are positive, and its total is not under a member's")

    @property
    def max_container_bytes(self) -> int:
        """How many bytes a container itself may have."""
        return self.total_bytes + BYTES_WITHOUT_RATIO_LIMIT
