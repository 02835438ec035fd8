"""Trees of files that may be packed, for property tests."""

from typing import Any

from hypothesis import strategies as st

from trainshed.builds import sources

_PLAIN = st.text("abcdmxyz059_", min_size=1, max_size=8)
_USUAL = _PLAIN | _PLAIN.map(lambda name: f"{name}.py")


def _odd(**characters: Any) -> st.SearchStrategy[str]:
    found = st.characters(codec="utf-8", exclude_characters="/\\", **characters)
    return st.text(found, min_size=1, max_size=12)


_PARTS = _USUAL | _odd()
# Most that can't be printed is left out from the start: to draw and drop it takes long.
_SOUND_PARTS = _USUAL | _odd(exclude_categories=("C", "Z"), include_characters=" ")


def _packable(files: dict[str, bytes]) -> bool:
    try:
        sources.check(files)
    except sources.SourceRefused:
        return False
    return not any(name.endswith(".pyc") or "__pycache__" in name for name in files)


def names() -> st.SearchStrategy[str]:
    """Return names, some of them in folders; some can't be packed."""
    return st.lists(_PARTS, min_size=1, max_size=3).map("/".join)


def trees(*, min_size: int = 0) -> st.SearchStrategy[dict[str, bytes]]:
    """Return files by name, all of which may be packed."""
    parts = st.lists(_SOUND_PARTS, min_size=1, max_size=3).map("/".join)
    sound = parts.filter(lambda name: _packable({name: b""}))
    found = st.dictionaries(sound, st.binary(max_size=64), min_size=min_size, max_size=6)
    return found.filter(_packable)
