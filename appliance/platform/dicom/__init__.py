"""DICOM out: objects made of results, received ones passed on, and the archives that keep them."""
