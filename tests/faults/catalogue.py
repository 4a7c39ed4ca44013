"""Every fault that the harness knows, in the order of the table."""

from tests.faults import disk, killing, load, nodes, partners, races, servers
from tests.faults.bench import Fault

FAULTS: tuple[Fault, ...] = (
    *killing.FAULTS,
    *servers.FAULTS,
    *nodes.FAULTS,
    *partners.FAULTS,
    *disk.FAULTS,
    *races.FAULTS,
    *load.FAULTS,
)
