"""Decides what to do for one TrainingJob: observe, decide, plan.

Pure: no I/O, no clock, no asyncio. Time, objects and settings are handed in; what comes back
is a plan of finished objects.
"""
