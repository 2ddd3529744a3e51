"""Finds the packages, and builds them from nothing; all else is in setup.cfg."""

import shutil

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

FOLDERS = ("simulator", "models", "profiles", "workloads", "experiments")


class BuildPy(build_py):
    """Leaves out of a wheel what an earlier build has put into build/ and the checkout no longer has."""

    def run(self) -> None:
        """Empty the folder that the wheel is made of, then fill it."""
        if not self.editable_mode:
            shutil.rmtree(self.build_lib, ignore_errors=True)
        super().run()


inside = find_packages(include=[pattern for name in FOLDERS for pattern in (name, f"{name}.*")])
setup(packages=["cutlayer", *(f"cutlayer.{name}" for name in inside)], cmdclass={"build_py": BuildPy})
