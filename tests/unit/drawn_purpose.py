"""The purpose of a project and the reason for a column, for declarations that tests draw."""

from __future__ import annotations

from typing import Any

PURPOSE: dict[str, Any] = {
    "controller": "Stichting Proef",
    "research_group": "Groep Proef",
    "legal_basis": "AVG art. 6 lid 1 onder e",
}
WHY: dict[str, Any] = {"why": "De vraag gaat erover"}
