"""What can go wrong while keeping data, each as a sentence that says what to do."""


class KeepingFailed(Exception):
    """A backup, restore or upgrade did not happen; the message says why and what to do. Nothing was changed."""
