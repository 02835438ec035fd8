"""`spec.source.compile`: extensions of the source that are compiled for its image."""

from __future__ import annotations

from trainshed.api import base, dockerfile

_ASKED = "(has(self.source) && has(self.source.compile) && self.source.compile)"

RULES = (
    base.rule(
        f"!{_ASKED} || !has(self.image) || !{dockerfile.uses('self.image')}",
        "a Dockerfile compiles what it needs itself: remove source.compile, or image.strategy"
        " dockerfile",
    ),
    base.rule(
        f"!{_ASKED} || !has(self.image) || !has(self.image.platforms)"
        " || self.image.platforms.all(each, each == 'linux/amd64')",
        "source.compile compiles for linux/amd64 alone: remove image.platforms, or source.compile",
    ),
    base.rule(
        f"!{_ASKED} || self.framework != 'custom'",
        "source.compile compiles in the framework's development image, and framework custom has"
        " none: name a framework, or remove source.compile",
    ),
)
