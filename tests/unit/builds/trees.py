"""Trees of files that may be packed, for property tests."""

from hypothesis import strategies as st

from trainshed.builds import sources

_PARTS = st.one_of(
    st.from_regex(r"[a-z][a-z0-9_]{0,7}(?:\.py)?", fullmatch=True),
    st.text(st.characters(codec="utf-8", exclude_characters="/\\"), min_size=1, max_size=12),
)


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
    sound = names().filter(lambda name: _packable({name: b""}))
    found = st.dictionaries(sound, st.binary(max_size=64), min_size=min_size, max_size=6)
    return found.filter(_packable)
