"""Which folders the wheel consists of; the rest stands in pyproject.toml. `scripts/package --wheel` builds it."""

from pathlib import Path

from setuptools import find_namespace_packages, setup

CONFIGURATION = ["conf", *(f"conf.{folder.name}" for folder in sorted(Path("conf").iterdir()) if folder.is_dir())]

setup(
    package_dir={"": "lib", "cohort_jobs": "jobs", "cohort_jobs.conf": "conf", "cohort_jobs.jars": ".jars"},
    packages=[
        *find_namespace_packages("lib", include=["cohort*"], exclude=["*__pycache__*"]),
        "cohort_jobs",
        *(f"cohort_jobs.{name}" for name in CONFIGURATION),
        *(["cohort_jobs.jars"] if Path(".jars").is_dir() else []),
    ],
    package_data={"": ["*"]},
)
