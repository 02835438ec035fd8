"""Makes packages that are mounted importable: after all that the base has, their .pth files too.

Python imports this by its name at each start, where the folder is on PYTHONPATH.
"""

import importlib.machinery
import importlib.util
import os
import site
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))
_PACKAGES = os.path.join(_HERE, "..", "..", "..", "packages")


def _go_on() -> None:
    """Run the sitecustomize that this one hides, if there is one."""
    others = [each for each in sys.path if os.path.abspath(each or ".") != _HERE]
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", others)
    if spec is None or spec.loader is None:
        return
    module = importlib.util.module_from_spec(spec)
    sys.modules["sitecustomize"] = module
    spec.loader.exec_module(module)


site.addsitedir(os.path.normpath(_PACKAGES))
_go_on()
