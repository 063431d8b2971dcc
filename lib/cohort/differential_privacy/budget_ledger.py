"""The ledger of the privacy budget: what was spent of the pupils of each school year, by which figures.

Written before noise is drawn. An entry is never removed, also when the figures that it paid for were never stored.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from pydantic import AwareDatetime, ConfigDict, Field

from cohort.agreements import Environment
from cohort.differential_privacy.figure_errors import require_useful
from cohort.differential_privacy.noise_request import NoiseRequest
from cohort.differential_privacy.population_overlap import largest_total
from cohort.foundation import StateRefused, describe_problem
from cohort.storage import (
    PRIVACY_BUDGET_LOCK,
    DocumentPart,
    StorageZones,
    hold_lock,
    read_model_document,
    write_json_document,
)

WHERE = "restricted/differential_privacy/ledger.json"


class BudgetEntry(DocumentPart):
    """One spending."""

    identifier: str
    """Publication, edition, table and measure."""
    request: str
    """The SHA-256 of the request."""
    unit: Literal["pupil", "school"]
    """Whose privacy the noise protects."""
    epsilon: Decimal
    """What was spent of one such unit."""
    epsilon_of_pupil: Decimal
    """What was spent of one pupil: of a school's epsilon twice."""
    school_years: list[str]
    """The school years in each of which it was spent."""
    population: dict[str, list[str]]
    """The leaves of the pupils, per variable that restricts them."""
    spent_at: AwareDatetime
    """When."""
    spent_by: str
    """The operating-system user of the run."""


class BudgetLedger(DocumentPart):
    """Everything that was spent, in the order in which it was."""

    model_config = ConfigDict(json_schema_extra={"$id": "privacy-budget-1"})

    entries: list[BudgetEntry] = Field(default_factory=list)
    """The spendings."""


def read_ledger(zones: StorageZones) -> BudgetLedger:
    """Read the ledger; where nothing was ever spent it is empty.

    Raises:
        StateRefused: it cannot be read, or is gone while figures are there that it paid for (exit code 15).
    """
    path = zones.privacy_budget_ledger
    if not path.exists():
        if any(zones.differential_privacy.glob("figures/*")):
            raise _refuse_ledger("none, beside figures that it paid for")
        return BudgetLedger()
    try:
        return read_model_document(path, BudgetLedger)
    except (OSError, ValueError):
        raise _refuse_ledger("one that cannot be read") from None


def spend_budget(environment: Environment, request: NoiseRequest) -> BudgetEntry:
    """Spend the epsilon of a request, for figures that are then drawn once.

    `draw_noisy_counts` and `draw_noisy_means` do this themselves.

    Args:
        environment: the zones, and the limit `[publications] epsilon_per_pupil_year` of the platform.
        request: what is to be drawn.

    Returns:
        The entry, which lasts when the call returns.

    Raises:
        ConfigurationRefused: the figures would be too wrong to be of use (exit code 10).
        StateRefused: the limit would be passed, another run is spending, the identifier was used for another request,
            or the ledger cannot be read (exit code 15).
    """
    with hold_lock(environment.zones.locks, PRIVACY_BUDGET_LOCK):
        return write_spending(environment, request)


def write_spending(environment: Environment, request: NoiseRequest) -> BudgetEntry:
    """Do what `spend_budget` does, for a caller that holds the lock."""
    require_useful(request)
    ledger = read_ledger(environment.zones)
    require_same_request(ledger, request)
    _require_within_limit(ledger, request, environment.platform.publications.epsilon_per_pupil_year)
    entry = BudgetEntry(
        identifier=request.identifier,
        request=request.digest(),
        unit=request.unit.kind,
        epsilon=request.epsilon,
        epsilon_of_pupil=request.epsilon * request.unit.pupil_loss,
        school_years=sorted(request.school_years),
        population={variable: sorted(leaves) for variable, leaves in sorted(request.population.items())},
        spent_at=environment.now,
        spent_by=environment.operator,
    )
    written = BudgetLedger(entries=[*ledger.entries, entry])
    write_json_document(environment.zones.privacy_budget_ledger, written.model_dump(mode="json"))
    return entry


def require_same_request(ledger: BudgetLedger, request: NoiseRequest) -> None:
    """Refuse an identifier under which something else was asked before.

    Raises:
        StateRefused: it was (exit code 15).
    """
    digest = request.digest()
    if any(entry.identifier == request.identifier and entry.request != digest for entry in ledger.entries):
        raise StateRefused(
            describe_problem(
                f"the request that was first made as {request.identifier}",
                example="the same cells, population and epsilon",
                found="another",
                where=WHERE,
                do="Make it a new edition, which spends anew",
            )
        )


def require_entry(ledger: BudgetLedger, request: NoiseRequest) -> None:
    """Refuse a ledger that does not know of figures that are stored: it is older than they are.

    Raises:
        StateRefused: it does not (exit code 15).
    """
    if not any(entry.identifier == request.identifier for entry in ledger.entries):
        raise _refuse_ledger(f"one without the spending for the stored figures of {request.identifier}")


def _require_within_limit(ledger: BudgetLedger, request: NoiseRequest, limit: Decimal) -> None:
    problems = []
    wanted = request.epsilon * request.unit.pupil_loss
    for year in sorted(request.school_years):
        spent = [
            ({variable: frozenset(leaves) for variable, leaves in entry.population.items()}, entry.epsilon_of_pupil)
            for entry in ledger.entries
            if year in entry.school_years
        ]
        before = largest_total(request.population, spent)
        if before + wanted > limit:
            problems.append(
                describe_problem(
                    f"at most epsilon {limit} for one pupil in {year}",
                    example="the limit [publications] epsilon_per_pupil_year of platform.toml",
                    found=f"{before + wanted}: {before} spent before, {wanted} for {request.identifier}",
                    where=WHERE,
                    do="Leave tables out or spend less on each; what was spent does not come back",
                )
            )
    if problems:
        raise StateRefused(*problems)


def _refuse_ledger(found: str) -> StateRefused:
    return StateRefused(
        describe_problem(
            "the ledger of the privacy budget",
            example="the one that the last publication with noise wrote",
            found=found,
            where=WHERE,
            do="Put it back from a copy: without it nobody knows what was spent, so nothing more is drawn",
        )
    )
