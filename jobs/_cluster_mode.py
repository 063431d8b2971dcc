"""Cluster mode: a job whose driver is started on a node of a cluster (`--deploy-mode cluster`).

`scripts/submit` runs the job's file twice: on its own machine with `--prepare-cluster FILE`, which refuses what would
fail on the node and packs the configuration, and then through spark-submit with `--cluster-run NUMBER`. That run prints
no record, because the output of a node is kept for others to read: it leaves a report under the root, which
`scripts/submit` fetches.
"""

from __future__ import annotations

import argparse
import os
import pwd
import resource
import zipfile
from collections.abc import Iterator
from pathlib import Path

from cohort.agreements import Platform, load_platform
from cohort.foundation import ConfigurationRefused, KeyRefused, UsageRefused, describe_problem
from cohort.storage import check_run_number, names_local_folder

PACKED_SUFFIXES = (".toml", ".csv")
PACKED_NAMES = ("approvers", "approvers.revoked")
"""Of the configuration nothing else travels: no key of a project, and no settings of Spark, which can hold a secret."""


def prepare_cluster_run(job: str, arguments: argparse.Namespace) -> None:
    """Refuse what cannot work in cluster mode, then pack the configuration for the node of the driver.

    Raises:
        UsageRefused: a root that the cluster does not see, or an option that means a place on a node (exit code 2).
        ConfigurationRefused: a wrong `platform.toml`, keys in a folder relative to the configuration, or approvers that
            cannot be read (exit code 10).
    """
    problems = list(_find_usage_problems(job, arguments))
    if problems:
        raise UsageRefused(*problems)
    config = Path(arguments.config).resolve()
    if not Path(load_platform(config).keys.dir).is_absolute():
        raise ConfigurationRefused(
            describe_problem(
                "the absolute path of a key folder, which is there on every node that may run the driver",
                example='dir = "/etc/cohort/keys"',
                found="a path relative to the configuration folder, which travels and never has keys",
                where="[keys] dir of platform.toml",
                do="Name the folder as the nodes have it, or leave out --deploy-mode cluster",
            )
        )
    _pack_configuration(config, Path(arguments.prepare_cluster))


def check_driver_node(arguments: argparse.Namespace, platform: Platform) -> None:
    """Refuse to run on a node without keys, or as a user whom other programs of the cluster run as, too.

    Every job is refused, also one that needs no key: where keys seem to be missing, jobs close tables.

    Raises:
        KeyRefused: no key folder, or another user than the one who submits (exit code 13).
        UsageRefused: a run number that is none (exit code 2).
    """
    check_run_number(arguments.cluster_run)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core dump would hold the key
    problems = []
    if _runs_as_shared_user():
        problems.append(
            describe_problem(
                "a driver that runs as the user who submits",
                example="YARN with Kerberos and the LinuxContainerExecutor",
                found="another user of the node, as whom programs of others run that could read the keys",
                where="the driver's node",
                do="Have containers run as their users, or leave out --deploy-mode cluster",
            )
        )
    if not Path(platform.keys.dir).is_dir():
        problems.append(
            describe_problem(
                "the key folder on every node that may run the driver",
                example="/etc/cohort/keys, mode 0700, of the platform's user",
                found="none",
                where="[keys] dir of platform.toml, on the driver's node",
                do="Put it there, keep drivers to nodes that have it, or leave out --deploy-mode cluster",
            )
        )
    if problems:
        raise KeyRefused(*problems)


def _find_usage_problems(job: str, arguments: argparse.Namespace) -> Iterator[str]:
    if names_local_folder(arguments.root):
        yield describe_problem(
            "a root that every node of the cluster sees",
            example="--root hdfs://namenode:8020/cohort",
            found="a local folder",
            where="--root",
            do="Name the root on HDFS, or leave out --deploy-mode cluster",
        )
    if job == "key" and arguments.create:
        yield describe_problem(
            "a key that is made where you see into which folder",
            example="key --create on this node",
            found="--create in cluster mode, where any node may run the driver",
            where="the command line",
            do="Leave out --deploy-mode cluster, then put the key folder on the nodes",
        )
    if getattr(arguments, "out", None) is not None:
        yield describe_problem(
            "a register under the root",
            example="register without --out",
            found="--out, a folder of whatever node runs the driver",
            where="the command line",
            do="Leave out --out, or --deploy-mode cluster",
        )


def _pack_configuration(config: Path, archive: Path) -> None:
    """Pack the declarations, the lists, the approvers and their revoked keys."""
    named = [config / name for name in PACKED_NAMES if os.path.lexists(config / name)]
    broken = [path.name for path in named if not path.is_file()]
    if broken:
        raise ConfigurationRefused(
            describe_problem(
                f"a file {broken[0]} that can be read",
                example="the shipped one",
                found="none behind its name",
                where="the configuration folder",
                do="Put the file there: on the node nobody could tell that it was meant to be there",
            )
        )
    files = sorted([*named, *(path for path in config.rglob("*") if path.suffix in PACKED_SUFFIXES and path.is_file())])
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for file in files:
            packed.write(file, file.relative_to(config))


def _runs_as_shared_user() -> bool:
    """Whether YARN runs the driver as another user of the node than the one who submits."""
    if "CONTAINER_ID" not in os.environ:
        return False
    try:
        return pwd.getpwuid(os.getuid()).pw_name != os.environ.get("SPARK_USER")
    except KeyError:
        return True
