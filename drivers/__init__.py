"""From wire bytes to clinical events. Knows no patient, no network and no screen."""
