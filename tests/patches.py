"""Fault injection across packages: a function is replaced in every module that imported it by name."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest

UNSET = object()


class PatchesAcrossModules(pytest.MonkeyPatch):  # type: ignore[misc]  # final for type checkers only
    """A MonkeyPatch whose `setattr(module, name, value)` reaches every importer of a `cohort` module's name.

    Packages import each other's public names by name. Replacing a name in the module that defines it alone would
    leave those importers with the original.
    """

    def setattr(self, target: Any, name: Any, value: Any = UNSET, raising: bool = True) -> None:
        if isinstance(target, str):
            path, _, attribute = target.rpartition(".")
            if path in sys.modules and path.startswith("cohort."):
                target, name, value = sys.modules[path], attribute, name
        if value is UNSET:
            super().setattr(target, name, raising=raising)
            return
        if not isinstance(target, ModuleType) or not target.__name__.startswith("cohort.") or not hasattr(target, name):
            super().setattr(target, name, value, raising=raising)
            return
        original = getattr(target, name)
        for module in [module for key, module in sys.modules.items() if key.startswith("cohort.")]:
            if vars(module).get(name, UNSET) is original:
                super().setattr(module, name, value)
