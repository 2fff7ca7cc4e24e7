"""Sleeps for a minute while it is imported."""

import time

time.sleep(60)
