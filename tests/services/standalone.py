"""A real standalone cluster of Spark on this machine: a master and two workers, each with a folder of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyspark
from tests.services.hdfs import ServiceMissing

SPARK_HOME = Path(pyspark.__file__).parent
SECONDS_TO_START = 90.0
WORKERS = 2


@contextmanager
def run_standalone(folder: Path, secret: str) -> Iterator[str]:
    """A running cluster, which ends with the block; gives its address.

    Args:
        folder: a folder for logs and for what workers write.
        secret: what driver and executors authenticate each other with.

    Raises:
        ServiceMissing: it does not start in a minute and a half.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "spark-defaults.conf").write_text(
        f"spark.authenticate true\nspark.authenticate.secret {secret}\nspark.network.crypto.enabled true\n"
    )
    port = _free_port()
    address = f"spark://127.0.0.1:{port}"
    master = ("Master", "--host", "127.0.0.1", "--port", str(port), "--webui-port", "0")
    worker = ("Worker", address, "--host", "127.0.0.1", "--cores", "1", "--memory", "1g", "--webui-port", "0")
    commands = [master, *[(*worker, "--work-dir", str(folder / f"worker{n}")) for n in range(WORKERS)]]
    running: list[subprocess.Popen[bytes]] = []
    try:
        for number, command in enumerate(commands):
            running.append(_start(folder, number, command))
            _wait_for_port(port)
        _wait_for_text(folder / "0.log", "Registering worker", WORKERS)
        yield address
    finally:
        for process in running:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _start(folder: Path, number: int, command: tuple[str, ...]) -> subprocess.Popen[bytes]:
    environment = {
        **os.environ,
        "SPARK_CONF_DIR": str(folder),
        "SPARK_DAEMON_MEMORY": "256m",
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_DAEMON_JAVA_OPTS": f"-Dspark.authenticate=true -Dlog4j2.level=info -Djava.io.tmpdir={folder}",
    }
    (folder / str(number)).mkdir(exist_ok=True)
    with (folder / f"{number}.log").open("wb") as log:
        return subprocess.Popen(
            [
                SPARK_HOME / "bin" / "spark-class",
                f"org.apache.spark.deploy.{command[0].lower()}.{command[0]}",
                *command[1:],
                *("--properties-file", str(folder / "spark-defaults.conf")),
            ],
            cwd=folder / str(number),
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for_port(port: int) -> None:
    ends = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < ends:
        with socket.socket() as probe:
            if not probe.connect_ex(("127.0.0.1", port)):
                return
        time.sleep(0.2)
    raise ServiceMissing("a standalone cluster did not start: its master listens to nobody")


def _wait_for_text(file: Path, text: str, times: int) -> None:
    ends = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < ends:
        if file.read_text(errors="replace").count(text) >= times:
            return
        time.sleep(0.2)
    raise ServiceMissing("a standalone cluster did not start: a worker did not register")
