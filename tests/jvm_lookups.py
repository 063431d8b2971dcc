"""Look-ups of Java classes, packages and static methods by py4j, remembered.

Every `jvm.org.apache.spark…` asks the JVM once per dot, and for what is a package the JVM looks through every jar:
about a third of the calls of a test, and a twentieth of its time. What a name stands for does not change.
"""

from __future__ import annotations

from typing import Any

from py4j.java_gateway import JavaClass, JavaMember, JavaPackage, JVMView


def remember_lookups() -> None:
    """Keep what was looked up on the object that was asked: a second look-up does not reach the JVM."""
    for asked in (JVMView, JavaPackage, JavaClass):
        asked.__getattr__ = _remembered(asked.__getattr__)


def _remembered(look_up: Any) -> Any:
    def remembered(asked: Any, name: str) -> Any:
        answer = look_up(asked, name)
        if isinstance(answer, JavaClass | JavaPackage | JavaMember):
            vars(asked)[name] = answer
        return answer

    return remembered
