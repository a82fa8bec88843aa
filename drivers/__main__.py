"""`python -m drivers decode ...` and `python -m drivers drivers`: the library's own command line."""

from __future__ import annotations

import sys

from drivers import decode


def main() -> int:
    """Run one command; its exit status."""
    match sys.argv[1:]:
        case ["decode", *rest]:
            return decode.run(rest, sys.stdin.buffer, sys.stdout)
        case ["drivers", *rest]:
            return decode.drivers(rest, sys.stdout)
    print("usage: python -m drivers decode DRIVER FILE|- [--format hex|bin|text] | drivers [--json]", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
