"""Which nodes there are, by shape, and which shapes are of each class: kept as they change.

A cluster of thousands of nodes has few shapes, once labels
that nobody asks for are left out. A node's report that changes no shape costs one
look-up; a decision looks at the shapes of its class alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping

from trainshed.accelerators import classes, nodes

ASKED = 64
"""Labels that jobs ask for are kept so many, the last ones: a label of which each node has its own
value makes as many shapes as nodes."""
Moved = Callable[[str, nodes.Shape | None, nodes.Shape | None], None]
"""Takes a node's name, its shape until now and its new one."""


class Index:
    """Nodes and classes, of which jobs choose."""

    def __init__(self) -> None:
        """Begin empty."""
        self._keys: frozenset[str] = frozenset()
        """Labels that some class or job depends on: the others make no node another one."""
        self._asked: dict[str, None] = {}
        """Those that jobs have asked for, the last ones last."""
        self._carried: Counter[str] = Counter()
        """On how many nodes each label is."""
        self._whole: dict[str, nodes.Shape] = {}
        self._moved: list[Moved] = []
        self._shape_of: dict[str, nodes.Shape] = {}
        self._names: dict[nodes.Shape, dict[str, None]] = {}
        self._interned: dict[nodes.Shape, nodes.Shape] = {}
        self._classes: dict[str, classes.Class] = {}
        self._of_class: dict[str, dict[nodes.Shape, str]] = {}
        self._bare: dict[str, dict[nodes.Shape, None]] = {}

    def on_move(self, moved: Moved) -> None:
        """Have `moved` called for each node that becomes of another shape, or goes."""
        self._moved.append(moved)

    def put_node(self, name: str, shape: nodes.Shape) -> bool:
        """Take in a node; return whether anything is new of it."""
        known = self._whole.get(name)
        if known == shape:
            return False
        self._carry(known, shape)
        self._whole[name] = shape
        return self._put(name, shape.only(self._keys))

    def require(self, keys: Collection[str]) -> None:
        """Have shapes tell of labels that a decision depends on, for this one and some more."""
        known = self._keys.issuperset(keys)
        for key in keys:
            self._asked.pop(key, None)
            self._asked[key] = None
        while len(self._asked) > max(ASKED, len(keys)):
            known = False
            del self._asked[next(iter(self._asked))]
        if not known:
            self._rekey()

    def _rekey(self) -> None:
        """Have shapes tell of what classes and jobs depend on now, and of nothing else."""
        keys = frozenset(self._asked).union(*(each.keys for each in self._classes.values()))
        changed, self._keys = keys ^ self._keys, keys
        if not any(self._carried[key] for key in changed):
            return
        for name, shape in self._whole.items():
            self._put(name, shape.only(keys))

    def _carry(self, old: nodes.Shape | None, new: nodes.Shape | None) -> None:
        if old is not None:
            self._carried.subtract(key for key, _ in old.labels)
        if new is not None:
            self._carried.update(key for key, _ in new.labels)

    def _put(self, name: str, shape: nodes.Shape) -> bool:
        known = self._shape_of.get(name)
        if known == shape:
            return False
        # Equal shapes are one object: thousands of nodes take the memory of a few.
        shape = self._interned.setdefault(shape, shape)
        if shape not in self._names:
            self._names[shape] = {}
            for class_ in self._classes.values():
                self._match(class_, shape)
        self._names[shape][name] = None
        self._shape_of[name] = shape
        self._tell(name, known, shape)
        if known is not None:
            self._leave(name, known)
        return True

    def drop_node(self, name: str) -> bool:
        """Forget a node; return whether it was known."""
        self._carry(self._whole.pop(name, None), None)
        known = self._shape_of.pop(name, None)
        if known is None:
            return False
        self._tell(name, known, None)
        self._leave(name, known)
        return True

    def put_class(self, class_: classes.Class) -> bool:
        """Take in a class; return whether anything is new of it."""
        if self._classes.get(class_.name) == class_:
            return False
        self._classes[class_.name] = class_
        self._of_class[class_.name], self._bare[class_.name] = {}, {}
        self._rekey()
        for shape in self._names:
            self._match(class_, shape)
        return True

    def drop_class(self, name: str) -> bool:
        """Forget a class; return whether it was known."""
        if self._classes.pop(name, None) is None:
            return False
        del self._of_class[name], self._bare[name]
        self._rekey()
        return True

    def known(self) -> Mapping[str, classes.Class]:
        """Return every class by name."""
        return self._classes

    def shapes(self, name: str) -> Iterator[tuple[nodes.Shape, str, int]]:
        """Yield the shapes of a class, the resource of its devices on each, and their nodes.

        Without a name every shape: as of a class of CPUs that every node is of.
        """
        matched = self._of_class.get(name, {}) if name else dict.fromkeys(self._names, "")
        for shape, resource in matched.items():
            yield shape, resource, len(self._names[shape])

    def bare(self, name: str) -> int:
        """Return how many nodes have the labels of a class, and no resource of it."""
        return sum(len(self._names[shape]) for shape in self._bare.get(name, ()))

    def every(self) -> Iterator[tuple[nodes.Shape, int]]:
        """Yield every shape and how many nodes are of it."""
        for shape, held in self._names.items():
            yield shape, len(held)

    def shape(self, node: str) -> nodes.Shape | None:
        """Return the shape of a node."""
        return self._shape_of.get(node)

    def names(self) -> Iterator[str]:
        """Iterate over all nodes."""
        return iter(tuple(self._shape_of))

    def _tell(self, name: str, old: nodes.Shape | None, new: nodes.Shape | None) -> None:
        for moved in self._moved:
            moved(name, old, new)

    def _match(self, class_: classes.Class, shape: nodes.Shape) -> None:
        resource = class_.resource(shape)
        if resource is not None:
            self._of_class[class_.name][shape] = resource
        elif class_.lacks(shape):
            self._bare[class_.name][shape] = None

    def _leave(self, name: str, shape: nodes.Shape) -> None:
        held = self._names[shape]
        del held[name]
        if not held:
            del self._names[shape], self._interned[shape]
            for matched in self._of_class.values():
                matched.pop(shape, None)
            for bare in self._bare.values():
                bare.pop(shape, None)
