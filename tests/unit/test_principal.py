"""What a caller may do follows from its role."""

import pytest

from chalicelib.access.by import By, Kind
from chalicelib.access.principal import PERMISSIONS, Permission, Principal, Role
from chalicelib.errors import NotAllowed


@pytest.mark.parametrize("role", Role)
def test_a_caller_may_do_what_its_role_includes_and_nothing_else(role: Role) -> None:
    caller = Principal("id", "name", role)
    assert {each for each in Permission if caller.may(each)} == PERMISSIONS[role]


def test_who_may_not_is_told_what_is_missing() -> None:
    viewer = Principal("id", "name", Role.VIEWER)
    viewer.require(Permission.RUNS_READ)
    with pytest.raises(NotAllowed, match="'viewer' does not include 'runs:trigger'") as refused:
        viewer.require(Permission.RUNS_TRIGGER)
    assert refused.value.details == {"permission": "runs:trigger"}


@pytest.mark.parametrize("role", Role)
def test_an_agent_is_kept_as_such_beside_what_it_does(role: Role) -> None:
    is_agent = role in (Role.AGENT, Role.DISABLED_AGENT)
    kind = Kind.AGENT if is_agent else Kind.TOKEN
    assert Principal("i", "n", role).by == By(kind, "i", "n")
