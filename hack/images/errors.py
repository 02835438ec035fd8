"""Everything that can stop a command, each with a sentence that says what to do.

ImagesError
├── Unavailable     an engine, package or image that this machine does not have
├── Refused         what the registry or an argument does not allow
└── CommandFailed   a program that ended with a code other than 0
"""

from __future__ import annotations


class ImagesError(Exception):
    """A command cannot go on; the text is for the person at the terminal."""


class Unavailable(ImagesError):
    """This machine lacks something that is needed."""


class Refused(ImagesError):
    """A registry's answer, or an argument that means nothing."""


class CommandFailed(ImagesError):
    """A program that was run for its effect failed."""
