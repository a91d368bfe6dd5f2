"""On PYTHONPATH while the tests run under a clock set ahead (`make ahead`): sleeping, in a way libfaketime can bear.

libfaketime 0.9.10 told to leave the monotonic clock alone still shifts the end of a sleep that is measured on it, which
is how Python sleeps since 3.11; the call then fails. Waiting on nothing with a time limit is the same to a caller.
"""

import select
import time


def sleep(seconds: float) -> None:
    """Wait so many seconds."""
    if seconds < 0:
        raise ValueError("sleep length must be non-negative")
    select.select([], [], [], seconds)


time.sleep = sleep
