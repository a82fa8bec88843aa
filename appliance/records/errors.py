"""What can go wrong when something is to be kept."""

from drivers.core.errors import ChevetError


class StoreError(ChevetError):
    """The records cannot be opened or trusted; the message says what to do."""


class Damaged(StoreError):  # noqa: N818 - a state of the file
    """The database does not pass its own integrity check."""


class Broken(StoreError):  # noqa: N818 - a state of the disk
    """The disk has failed under the records: what was saved before is saved, and nothing is written any more."""


class StorageFull(ChevetError):  # noqa: N818 - a state of the disk, told to the nurse as such
    """There is no room left: nothing was written, nothing was lost, the caller still holds it."""


class Unknown(ChevetError):  # noqa: N818 - an answer, not a fault
    """No such row."""
