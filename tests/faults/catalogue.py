"""Every fault that the harness knows, in the order of the table."""

from tests.faults import killing
from tests.faults.bench import Fault

FAULTS: tuple[Fault, ...] = (*killing.FAULTS,)
