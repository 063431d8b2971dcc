"""Who may approve what: the table `[approvals]` of the platform declaration."""

from __future__ import annotations

import re
from typing import Annotated, Self

from pydantic import Field, model_validator

from cohort.foundation import Declaration, describe_problem, several_problems

PRINCIPAL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]*")
"""The name of a person in the file of approvers; without wildcards and commas, which would name several."""
ACTIONS = ("publish-tables", "review-outputs")
"""What an approval can allow."""

PrincipalName = Annotated[str, Field(pattern=rf"^{PRINCIPAL.pattern}$")]
UserName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9._@\\-]*\$?$")]


class ApprovalSettings(Declaration):
    """Whether a second person's signature is required, and who may give it.

    Args:
        required: whether an action without an approval is refused.
        actions: the principals that may approve each action.
        users: the operating-system user of each principal, so that nobody approves what that user made.
    """

    required: bool
    actions: dict[str, list[PrincipalName]]
    users: dict[PrincipalName, UserName]

    @model_validator(mode="after")
    def _hold(self) -> Self:
        problems = [*self._find_wrong_actions(), *self._find_principals_without_user(), *self._find_shared_users()]
        if problems:
            raise several_problems(problems)
        return self

    def _find_wrong_actions(self) -> list[str]:
        unknown, missing = sorted(set(self.actions) - set(ACTIONS)), sorted(set(ACTIONS) - set(self.actions))
        found = [*(f"the unknown action {name}" for name in unknown), *(f"no {name}" for name in missing)]
        return [
            describe_problem(
                "the approvers of every action and of no other in [approvals] actions",
                example=f"{ACTIONS[0]} = ['a.jansen']",
                found=what,
                where="<where>",
                do="Add or remove the action",
            )
            for what in found
        ]

    def _find_principals_without_user(self) -> list[str]:
        named = {principal for principals in self.actions.values() for principal in principals}
        return [
            describe_problem(
                "an operating-system user for each approver in [approvals] users",
                example=f"{principal} = 'jansen'",
                found="none",
                where="<where>",
                do="Declare the user: without it nobody could tell whether this person approves what he or she made",
            )
            for principal in sorted(named - set(self.users))
        ]

    def _find_shared_users(self) -> list[str]:
        users = list(self.users.values())
        shared = sorted({user for user in users if users.count(user) > 1})
        return [
            describe_problem(
                "one principal for each operating-system user in [approvals] users",
                example="a.jansen = 'jansen'",
                found=f"several for {user}",
                where="<where>",
                do="Keep one of them: one person has one name here",
            )
            for user in shared
        ]
