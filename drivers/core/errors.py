"""Errors named by who must act on them."""


class ChevetError(Exception):
    """The root of every error this project raises on purpose; its text is a sentence for a person."""


class PacketError(ChevetError):
    """The device sent bytes that do not follow its protocol. The message says got, wanted and where."""


class ForbiddenWords(ChevetError):  # noqa: N818 - it says what was tried
    """A driver wanted to send its device what its allow-list does not hold. Nothing was sent."""


class LinkLost(ChevetError):  # noqa: N818 - it is an event of the cable, and reads as one
    """The cable or the radio is gone; the supervisor opens it again."""


class LinkError(ChevetError):
    """The link cannot be opened as asked: missing port, refused permission, wrong setting."""


class NotThere(LinkError):  # noqa: N818 - it says what was found
    """Nothing is at the link's place: unplugged, switched off, out of reach. No fault of anything."""
