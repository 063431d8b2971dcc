"""What a project is for, and why a column is needed, for declarations that tests draw."""

from __future__ import annotations

from typing import Any

PURPOSE: dict[str, Any] = {
    "controller": "Stichting Proef",
    "research_group": "Groep Proef",
    "legal_basis": "AVG art. 6 lid 1 onder e",
}
WHY: dict[str, Any] = {"why": "De vraag gaat erover"}
