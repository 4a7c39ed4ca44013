"""The partners, simulated: real HTTP servers that speak the recorded contracts, with faults to switch on.

Nothing here knows a model, a listing or Django: tests, the demo and other programs use it over HTTP.
"""

from integrations.simulators.keys import Keys
from integrations.simulators.server import Simulators

__all__ = ["Keys", "Simulators"]
