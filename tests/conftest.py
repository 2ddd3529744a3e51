"""No deadlines for drawn examples on machines of any speed; on CI the same examples every time."""

import os
import signal

from hypothesis import settings

settings.register_profile("cutlayer", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "cutlayer")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # in a shell's background job; programs begun here are to hear it
    signal.signal(signal.SIGINT, signal.default_int_handler)
