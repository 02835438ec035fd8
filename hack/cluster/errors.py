"""Everything that can stop a command, each with a sentence that says what to do.

ClusterError
├── Unavailable     a provider, program or package that this machine cannot give
├── Conflict        a port, link or chain that somebody else holds
├── CommandFailed   a command that ended with a code other than 0
└── TimedOut        a condition that did not come true by its deadline
"""

from __future__ import annotations


class ClusterError(Exception):
    """A command cannot go on; the text is for the person at the terminal."""


class Unavailable(ClusterError):
    """This machine lacks something that is needed."""


class Conflict(ClusterError):
    """Something of somebody else is in the way."""


class CommandFailed(ClusterError):
    """A command that was run for its effect failed."""


class TimedOut(ClusterError):
    """A wait ended without what it waited for."""
