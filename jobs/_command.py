"""The commands that the installed package has: `cohort-ingest`, `cohort-release` and so on, one for each job.

    cohort-<job> --root FOLDER --config FOLDER [options of the job] [-- options of spark-submit]
    cohort-conf FOLDER          writes the shipped configuration into a new folder, to begin with

A command does what `scripts/submit` does in a clone, in one Python process that starts Spark itself: the record on
stdout, progress on stderr, the exit code of the job.
"""

from __future__ import annotations

import fcntl
import os
import re
import resource
import runpy
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path

import pyspark

HERE = Path(__file__).resolve().parent
SHIPPED_CONFIGURATION, JARS = HERE / "conf", HERE / "jars"
EXIT_USAGE, EXIT_TERMINATED = 2, 143
JAVA_VERSIONS = (17, 21)
SMALL_DATA_BYTES = 64 << 20
SECONDS_UNTIL_LOCKED = 60
"""A younger folder may be one whose run has not locked it yet."""
CLUSTER_MODE = re.compile(r"(--deploy-mode|spark\.submit\.deployMode)[ =]cluster\b")


def run_command() -> int:
    """Run the job that the command is named after; returns or raises its exit code."""
    job = Path(sys.argv[0]).name.removeprefix("cohort-")
    arguments, spark_options = _split_arguments(sys.argv[1:])
    if not {"-h", "--help"} & {*arguments}:
        problem = _find_problem(spark_options)
        if problem is not None:
            print(f"{job}: {problem}", file=sys.stderr)
            return EXIT_USAGE
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(EXIT_TERMINATED))  # so that scratch files are removed
    with _scratch_folder() as scratch:
        _prepare_environment(scratch, arguments, spark_options)
        sys.argv = [job, *arguments]
        sys.path.insert(0, str(HERE))
        runpy.run_path(str(HERE / f"{job}.py"), run_name="__main__")
    return 0


def write_configuration() -> int:
    """Write the shipped configuration into a new folder."""
    if len(sys.argv) != 2 or sys.argv[1].startswith("-") or Path(sys.argv[1]).exists():
        print(
            "Expected a folder that is not there yet, for example cohort-conf /etc/cohort; found none, an option or "
            "one that is there. Name a new one: what you have is not overwritten.",
            file=sys.stderr,
        )
        return EXIT_USAGE
    shutil.copytree(SHIPPED_CONFIGURATION, sys.argv[1], ignore=shutil.ignore_patterns("__pycache__", "__init__.py"))
    return 0


def _split_arguments(words: list[str]) -> tuple[list[str], list[str]]:
    """The arguments of the job, and what stands behind `--`."""
    if "--" not in words:
        return words, []
    place = words.index("--")
    return words[:place], words[place + 1 :]


def _find_problem(spark_options: list[str]) -> str | None:
    """Say in a sentence what is missing on this machine, or cannot be done by a command."""
    if CLUSTER_MODE.search(" ".join(spark_options)):
        return (
            "Expected client mode, for example -- --master yarn; found --deploy-mode cluster. "
            "Use scripts/submit of a clone, or leave it out."
        )
    if not _find_jars():
        return (
            "Expected the jars of Delta, for example COHORT_JARS=/opt/cohort/jars; found none in the package and none "
            "in COHORT_JARS. Name a folder with the files of jars.lock, or build the wheel with scripts/package."
        )
    version = _find_java_version()
    if version not in JAVA_VERSIONS:
        found = "none" if version is None else f"Java {version}"
        return f"Expected Java 17 or 21, for example JAVA_HOME=/usr/lib/jvm/java-17; found {found}. Set JAVA_HOME."
    return None


def _find_java_version() -> int | None:
    """The major version of the Java that Spark would start."""
    home = os.environ.get("JAVA_HOME")
    java = shutil.which("java", path=str(Path(home, "bin")) if home else None)
    if java is None:
        return None
    told = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    version = re.search(r' version "(\d+)', told)
    return int(version[1]) if version else None


def _find_jars() -> list[Path]:
    given = os.environ.get("COHORT_JARS")
    return sorted((Path(given) if given else JARS).glob("*.jar"))


def _find_option(arguments: list[str], name: str, default: str = "") -> str:
    """The value of an option of the job; the last one counts."""
    given = [b for a, b in pairwise(["", *arguments]) if a == name]
    given += [word.partition("=")[2] for word in arguments if word.startswith(f"{name}=")]
    return given[-1] if given else default


def _find_settings(arguments: list[str]) -> Path:
    """The settings of Spark: those of the configuration that is given, or the shipped ones."""
    own = Path(_find_option(arguments, "--config", "conf"), "spark-defaults.conf")
    return own if own.is_file() else SHIPPED_CONFIGURATION / "spark-defaults.conf"


def _compile_once(arguments: list[str]) -> str:
    """On little data most of a job's time is the JVM compiling: options that leave out its costly second compiler."""
    root, size = _find_option(arguments, "--root"), 0
    if not root or not Path(root).is_dir():
        return ""
    for file in (path for zone in ("deliveries", "restricted/results") for path in Path(root, zone).rglob("*")):
        with suppress(OSError):  # another run removed it
            size += file.lstat().st_size
        if size > SMALL_DATA_BYTES:
            return ""
    return "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=256m"


def _prepare_environment(scratch: Path, arguments: list[str], spark_options: list[str]) -> None:
    """Set what a session of this process is started with, as `scripts/submit` does."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core dump would hold the key
    for name in ("PYTHONPATH", "PYTHONHOME", "SPARK_LOCAL_DIRS"):
        os.environ.pop(name, None)
    (scratch / "conf").mkdir()
    log4j = SHIPPED_CONFIGURATION / "log4j2.properties"
    jvm = f"{_compile_once(arguments)} -Djava.io.tmpdir={scratch} -XX:ErrorFile={scratch}/jvm-error -XX:-UsePerfData"
    options = [
        *("--properties-file", str(_find_settings(arguments).resolve())),
        *("--jars", ",".join(map(str, _find_jars()))),
        *("--conf", f"spark.local.dir={scratch}"),
        *("--conf", f"spark.sql.warehouse.dir={scratch}/warehouse"),
        *spark_options,
        "pyspark-shell",
    ]
    os.environ |= {
        "TMPDIR": str(scratch),
        "TZ": "UTC",
        "SPARK_HOME": str(Path(pyspark.__file__).parent),
        "SPARK_CONF_DIR": str(scratch / "conf"),
        "PYSPARK_PYTHON": sys.executable,
        "PYSPARK_DRIVER_PYTHON": sys.executable,
        "PYSPARK_SUBMIT_ARGS": shlex.join(options),
        "SPARK_SUBMIT_OPTS": f"{os.environ.get('SPARK_SUBMIT_OPTS', '')} {jvm} -Dlog4j2.configurationFile={log4j}",
    }
    time.tzset()
    tempfile.tempdir = None


@contextmanager
def _scratch_folder() -> Iterator[Path]:
    """A private folder for what Spark keeps meanwhile; those of runs that were killed are removed first."""
    base = Path(os.environ.get("COHORT_LOCAL_DIR") or tempfile.gettempdir()).resolve()
    base.mkdir(parents=True, exist_ok=True)
    for left in base.glob(f"cohort-run-{os.getuid()}-*"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > SECONDS_UNTIL_LOCKED:
                with _locked(left):
                    shutil.rmtree(left, ignore_errors=True)
    scratch = Path(tempfile.mkdtemp(prefix=f"cohort-run-{os.getuid()}-", dir=base))
    try:
        with _locked(scratch):
            yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder.

    Raises:
        BlockingIOError: another process holds it.
    """
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(handle)
