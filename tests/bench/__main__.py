"""`python -m tests.bench [NAME...]`: runs each bench in its own process, prints a table, writes build/figures.json."""

from __future__ import annotations

import ast
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from tests.bench.figures import LIMIT_S, Figure, as_rows, failure, parse

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
RESULT = ROOT / "build" / "figures.json"


def main(names: list[str]) -> int:
    benches = sorted(path.stem.removeprefix("bench_") for path in HERE.glob("bench_*.py"))
    unknown = [name for name in names if name not in benches]
    if unknown:
        print(f"no bench named {', '.join(unknown)}; there are: {', '.join(benches)}", file=sys.stderr)
        return 2
    print(heading())
    figures: list[Figure] = []
    for bench in names or benches:
        print(f"measuring {bench} ...", file=sys.stderr, flush=True)
        figures += run(bench)
    print(table(figures))
    print(notes(figures))
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(as_rows(figures), indent=1) + "\n", encoding="utf-8")
    return 0


def run(bench: str) -> list[Figure]:
    """The figures of one bench; what goes wrong in it becomes a row that says so."""
    limit_s = limit_of(bench)
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "figures.json"
        command = [sys.executable, "-m", "tests.bench.figures", bench, str(answer)]
        child = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
        )
        try:
            _, errors = child.communicate(timeout=limit_s)
        except subprocess.TimeoutExpired:
            return [failure(bench, f"stopped: not finished after {limit_s:g} s")]
        finally:
            end_group(child)
        if child.returncode != 0:
            return [failure(bench, f"exit {child.returncode}: {(errors.strip().splitlines() or ['no message'])[-1]}")]
        return [parse(row) for row in json.loads(answer.read_text(encoding="utf-8"))]


def limit_of(bench: str) -> float:
    """`LIMIT_S` of a bench, read without running it: importing it is what may hang."""
    for node in ast.parse((HERE / f"bench_{bench}.py").read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["LIMIT_S"]:
            return float(ast.literal_eval(node.value))
    return LIMIT_S


def end_group(child: subprocess.Popen[str]) -> None:
    """Ends the bench with every program it started and left."""
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def heading() -> str:
    cpu = next(
        (x.split(":", 1)[1].strip() for x in lines_of("/proc/cpuinfo") if x.startswith("model name")), "unknown CPU"
    )
    memory_kb = next((int(x.split()[1]) for x in lines_of("/proc/meminfo") if x.startswith("MemTotal")), 0)
    system = next(
        (x.split("=", 1)[1].strip('"') for x in lines_of("/etc/os-release") if x.startswith("PRETTY_NAME")), ""
    )
    return "\n".join(
        [
            f"machine  {os.cpu_count()} x {cpu}, {memory_kb / 1024**2:.1f} GiB, load {os.getloadavg()[0]:.1f}",
            f"system   {system}, Linux {platform.release()}, Python {platform.python_version()}",
            f"date     {datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
            f"commit   {commit()}",
            "method   each bench in its own process; a peer is measured in the same run; methods below the table",
            "",
        ]
    )


def lines_of(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []


def commit() -> str:
    try:
        described = subprocess.run(
            ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        return "unknown (no git)"
    return described.stdout.strip() or "unknown"


def table(figures: list[Figure]) -> str:
    head = ("area", "name", "value", "unit", "peer", "peer value", "ratio", "target", "met?", "n")
    rows = [head, *(cells(figure) for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)


def cells(figure: Figure) -> tuple[str, ...]:
    sign = "<=" if figure.better == "lower" else ">="
    return (
        figure.area,
        figure.name,
        number(figure.value),
        figure.unit,
        figure.peer or "",
        number(figure.peer_value),
        number(figure.ratio),
        "" if figure.target is None else f"{sign} {number(figure.target)}",
        {None: "", True: "yes", False: "NO"}[figure.met],
        str(figure.n),
    )


def number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}" if abs(value) < 10_000 else f"{value:,.0f}"


def notes(figures: list[Figure]) -> str:
    """How each was measured, once for every method, and what failed."""
    methods: dict[str, list[str]] = {}
    for figure in figures:
        if figure.method:
            methods.setdefault(figure.method, []).append(f"{figure.area}: {figure.name}")
    lines = [f"{'; '.join(names)}\n  {method}" for method, names in methods.items()]
    lines += [f"ERROR {figure.area}: {figure.error}" for figure in figures if figure.error]
    return "\n" + "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
