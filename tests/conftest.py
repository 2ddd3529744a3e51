"""No deadlines for drawn examples on machines of any speed; on CI the same examples every time."""

import os

from hypothesis import settings

settings.register_profile("cutlayer", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "cutlayer")
