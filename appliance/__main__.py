"""The command line: `chevet`. Each command imports what it needs, so that the small ones start at once."""

from __future__ import annotations

import argparse
import asyncio
import ipaddress
import json
import logging
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from drivers.core.errors import ChevetError

CONFIG = Path("/etc/chevet/chevet.toml")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; its exit status. A `ChevetError` is one sentence on standard error, never a traceback."""
    arguments = _parser().parse_args(argv)
    command: Callable[[argparse.Namespace], int] = arguments.command
    try:
        return command(arguments)
    except ChevetError as error:
        print(f"chevet: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    except KeyboardInterrupt:
        return 130


def _run(arguments: argparse.Namespace) -> int:
    from appliance import config, diagnostics, service  # noqa: PLC0415 - see the module's first line

    settings = config.load(arguments.config)
    # The demo's terminal shows its addresses, and trouble; the whole log is in the file.
    diagnostics.log_to(settings.state / "log", logging.WARNING if settings.simulated else logging.INFO)
    if settings.simulated:
        from appliance.demo.bench import Bench  # noqa: PLC0415 - no unit in the field loads it

        return asyncio.run(service.run(settings, lambda: Bench(settings)))
    return asyncio.run(service.run(settings, lambda: None))


def _demo(arguments: argparse.Namespace) -> int:
    from appliance.demo.launch import Demo, launch  # noqa: PLC0415

    return launch(
        Demo(arguments.port, arguments.platform_port, arguments.state, arguments.sounds, arguments.call_address)
    )


def _drivers(arguments: argparse.Namespace) -> int:
    from drivers import listing  # noqa: PLC0415

    return listing.run(arguments.rest, sys.stdout)


def _capture(arguments: argparse.Namespace) -> int:
    from drivers import record  # noqa: PLC0415

    return record.run(arguments.rest, sys.stdout)


def _replay(arguments: argparse.Namespace) -> int:
    from drivers import replay  # noqa: PLC0415

    return replay.run(arguments.rest, sys.stdout)


def _decode(arguments: argparse.Namespace) -> int:
    from drivers import decode  # noqa: PLC0415

    return decode.run(arguments.rest, sys.stdin.buffer, sys.stdout)


def _install(arguments: argparse.Namespace) -> int:
    from provisioning import install  # noqa: PLC0415

    return install.run(arguments.rest, sys.stdout)


def _uninstall(arguments: argparse.Namespace) -> int:
    from provisioning import uninstall  # noqa: PLC0415

    return uninstall.run(arguments.rest, sys.stdout)


def _provision(arguments: argparse.Namespace) -> int:
    from provisioning import command  # noqa: PLC0415

    return command.run(arguments.rest, sys.stdout)


def _update(arguments: argparse.Namespace) -> int:
    from appliance import config  # noqa: PLC0415
    from provisioning import identity  # noqa: PLC0415
    from updater import command  # noqa: PLC0415
    from updater.unit import consulting  # noqa: PLC0415

    def unit(path: Path | None) -> command.Unit:
        settings = config.load(path or CONFIG)
        here = identity.Identity(settings.state / identity.FOLDER)
        service = f"http://{settings.server.host}:{settings.server.port}"
        releases = f"{settings.platform.url.rstrip('/')}/v1/releases"
        return command.Unit(releases, identity.serial, here.client_tls, lambda: consulting(service))

    return command.run(arguments.rest, sys.stdout, unit)


def _health(arguments: argparse.Namespace) -> int:
    from appliance import config  # noqa: PLC0415
    from provisioning.facts import Unit  # noqa: PLC0415

    why = Unit(config.load(arguments.config)).unhealthy(arguments.wait)
    print("well" if why is None else f"not well: {why}")
    return 0 if why is None else 1


def _check(arguments: argparse.Namespace) -> int:
    from appliance import selftest  # noqa: PLC0415

    return selftest.run(arguments.config, sys.stdout)


def _support_bundle(arguments: argparse.Namespace) -> int:
    from appliance import config, diagnostics, selftest  # noqa: PLC0415
    from drivers.registry import DRIVERS  # noqa: PLC0415

    settings = config.load(arguments.config)
    bundle = diagnostics.support_bundle(settings, DRIVERS, selftest.checks(arguments.config))
    try:
        arguments.out.write_bytes(bundle)
    except OSError as error:
        raise ChevetError(f"{arguments.out} cannot be written: {error.strerror}") from error
    print(f"{arguments.out}: {len(bundle)} bytes, without patient data, keys and tokens")
    return 0


def _audit(arguments: argparse.Namespace) -> int:
    from appliance import config  # noqa: PLC0415
    from appliance.records.store import Store  # noqa: PLC0415

    store = Store.open(config.load(arguments.config).state)

    async def verify() -> int | None:
        try:
            return await store.audit_break()
        finally:
            await store.close()

    broken = asyncio.run(verify())
    print(json.dumps({"audit": "whole" if broken is None else "broken", "line": broken}))
    return 0 if broken is None else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="chevet", description="The software of a telemedicine cart or cabin.")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    def add(name: str, command: Callable[[argparse.Namespace], int], words: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=words, description=words)
        made.set_defaults(command=command)
        return made

    def with_config(made: argparse.ArgumentParser) -> argparse.ArgumentParser:
        made.add_argument("--config", type=Path, default=CONFIG, help="the unit's settings (default: %(default)s)")
        return made

    def passed_on(name: str, command: Callable[[argparse.Namespace], int], words: str) -> None:
        # The library reads its own options: to this parser nothing looks like one.
        made = commands.add_parser(name, help=words, add_help=False, prefix_chars="\0")
        made.add_argument("rest", nargs=argparse.REMAINDER)
        made.set_defaults(command=command)

    with_config(add("run", _run, "run the service of this unit"))

    demo = add("demo", _demo, "run a unit with replayed devices and a stand-in platform, on loopback only")
    demo.add_argument("--port", type=_port, default=8080, help="kiosk and API (default: %(default)s)")
    demo.add_argument(
        "--platform-port", type=_port, default=8090, help="platform, doctor's page (default: %(default)s)"
    )
    demo.add_argument("--state", type=Path, default=Path("build/demo"), help="folder of records (default: %(default)s)")
    demo.add_argument("--sounds", type=Path, default=None, help="a folder of WAV files to choose from")
    demo.add_argument(
        "--call-address",
        type=_address,
        default="127.0.0.1",
        help="this machine's address that calls go by; Firefox needs one that is not loopback (default: %(default)s)",
    )

    passed_on("drivers", _drivers, "list the drivers")
    passed_on("decode", _decode, "decode captured bytes: one JSON object a line")
    passed_on("capture", _capture, "write down what is said between a device and us")
    passed_on("replay", _replay, "play a capture as its device would, with faults")

    passed_on("install", _install, "install the service, its rules and its screens on Debian 12 or 13")
    passed_on("uninstall", _uninstall, "take back what install did")
    passed_on("provision", _provision, "enrol, configure, accept and retire this unit")

    passed_on("update", _update, "take a new version of the unit's image, or sign one")

    with_config(add("check", _check, "the unit's self-test"))
    health = with_config(add("health", _health, "whether the running unit is well"))
    health.add_argument("--wait", type=float, default=2.0, help="seconds until it must be (default: %(default)s)")

    bundle = with_config(add("support-bundle", _support_bundle, "write a redacted archive for support"))
    bundle.add_argument("--out", type=Path, default=Path("chevet-support.tar.gz"), help="default: %(default)s")

    audit = add("audit", _audit, "verify the audit log")
    audit.add_argument("action", choices=("verify",))
    with_config(audit)
    return parser


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise argparse.ArgumentTypeError(f"wanted an IP address of this machine, got {text!r}") from None


def _port(text: str) -> int:
    port = int(text)
    if not 1 <= port <= 65535:
        raise argparse.ArgumentTypeError(f"{text} is not a port: 1 to 65535 is wanted")
    return port


if __name__ == "__main__":
    sys.exit(main())
