"""The example of a systemd unit: what the agent relies on."""

from configparser import ConfigParser

from infra.local.environment import ROOT


def test_the_unit_keeps_jobs_alive_and_lets_the_agent_make_cgroups() -> None:
    unit = ConfigParser()
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(ROOT / "agent/systemd/plumber-agent.service")
    service = dict(unit["Service"])
    assert service["KillMode"] == "process"
    assert service["Delegate"] == "yes"
    assert (service["StateDirectory"], service["StateDirectoryMode"]) == ("plumber-agent", "0700")
    assert int(service["TimeoutStopSec"]) > 300, "SIGTERM waits for jobs that long"
