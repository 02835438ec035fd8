"""Settings of every tier: how hard hypothesis tries."""

import asyncio
import os

import hypothesis

hypothesis.settings.register_profile("quick", max_examples=25, deadline=None, database=None)
hypothesis.settings.register_profile("thorough", max_examples=1000, deadline=None, print_blob=True)
# `make test-thorough` looks longer.
hypothesis.settings.load_profile(os.environ.get("TRAINSHED_HYPOTHESIS", "quick"))

# Else looptime's hook makes the main thread's loop in the first plain test, and nobody closes it.
asyncio.set_event_loop(None)
