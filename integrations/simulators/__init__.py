"""The partners, simulated: real HTTP servers that speak the recorded contracts, with faults to switch on.

Nothing here knows a model, a listing or Django: tests, the demo and other programs use it over HTTP.

    with Simulators(orchestrator_url=..., keys=Keys.drawn(), time_scale=60) as sims:
        sims.url("chatterbot"), sims.chatterbot.leads, sims.telegram.press("Cancel")

Every partner also answers, below its own address:

    POST /_faults  {"status": 500, "times": 2}   what goes wrong from now on; see `faults.Fault`; {} for nothing
    GET  /_state                                 what it keeps, what it received and called, with counts
    POST /_act     {"act": "deal-confirmed", …}  do it now, whatever the time; see each partner's `act`
    POST /_reset                                 forget everything
"""

from integrations.simulators.keys import Keys
from integrations.simulators.server import Simulators

__all__ = ["Keys", "Simulators"]
