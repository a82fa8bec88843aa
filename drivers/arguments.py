"""Command lines whose faults are sentences on standard error and exit status 2."""

from __future__ import annotations

import argparse
from typing import NoReturn

from drivers.core.errors import ChevetError


class UsageError(ChevetError):
    """The command line asks for something that is not there."""


class Parser(argparse.ArgumentParser):
    """Raises `UsageError` where argparse would end the program."""

    def error(self, message: str) -> NoReturn:
        """What argparse calls."""
        raise UsageError(f"{message}\n{self.format_usage().strip()}")
