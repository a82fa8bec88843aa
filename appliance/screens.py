"""Where the built screens are."""

from pathlib import Path


def built_ui() -> Path | None:
    """The folder of the built screens: inside the wheel, or of this checkout; None where they are not built."""
    here = Path(__file__).parent
    for folder in (here / "ui", here.parent / "kiosk_ui" / "dist"):
        if (folder / "index.html").is_file():
            return folder
    return None
