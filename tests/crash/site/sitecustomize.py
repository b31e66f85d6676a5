"""Python runs this before a process of the service: it sets the fault points, where a test asks for them."""

import os

if os.environ.get("FAULT_CONTROL"):
    from tests.crash import faults

    faults.install()
