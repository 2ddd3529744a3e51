"""One module a question, and the command line that asks them.

Whoever comes in here, by ``cutlayer`` or by ``python -m experiments.NAME``, is told first if another package
hides one of ours: the names ``models`` and ``simulator`` are common, and whichever folder comes first on the
path wins.
"""

import importlib
import sys

__project__ = "cutlayer"


def _hidden() -> str | None:
    """Return what is wrong with the first package that is not ours, in one line; None if all are."""
    for name in ("simulator", "models", "profiles", "workloads"):
        try:
            module = importlib.import_module(name)
        except Exception as fault:
            what = f"cannot be imported ({type(fault).__name__}: {' '.join(str(fault).split())})"
        else:
            if getattr(module, "__project__", None) == "cutlayer":
                continue
            what = f"is {getattr(module, '__file__', None) or next(iter(getattr(module, '__path__', ['?'])))}"
        return (
            f"cutlayer: the package {name!r} {what}, not cutlayer's own: another package of that name hides it; "
            "use an environment of its own, or another folder"
        )
    return None


if (_fault := _hidden()) is not None:
    print(_fault, file=sys.stderr)
    sys.exit(2)
