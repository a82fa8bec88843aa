"""`python -m drivers decode|drivers|capture|replay ...`: the library's own command line."""

from __future__ import annotations

import sys

from drivers import decode, listing, record, replay


def main() -> int:
    """Run one command; its exit status."""
    match sys.argv[1:]:
        case ["decode", *rest]:
            return decode.run(rest, sys.stdin.buffer, sys.stdout)
        case ["drivers", *rest]:
            return listing.run(rest, sys.stdout)
        case ["capture", *rest]:
            return record.run(rest, sys.stdout)
        case ["replay", *rest]:
            return replay.run(rest, sys.stdout)
    print(
        "usage: python -m drivers decode|drivers|capture|replay ... (each explains itself with --help)", file=sys.stderr
    )
    return 2


if __name__ == "__main__":
    sys.exit(main())
