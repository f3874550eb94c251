"""The library of templates: each is a task, and its scripts are what their shells understand."""

import subprocess

import pytest

from chalicelib.operations.tasks.templates import Template, library
from chalicelib.tasks.task_toml import parse

NAMES = [
    "certificate-expiry",
    "collect-logs",
    "disk-cleanup",
    "package-update",
    "restart-service",
    "rolling-deploy",
]


def test_the_library_is_whole() -> None:
    assert sorted(template.id for template in library()) == NAMES


@pytest.mark.parametrize("template", library(), ids=lambda template: template.id)
def test_a_template_is_a_task_that_says_what_it_does(template: Template) -> None:
    definition = parse(template.definition)
    assert definition.description
    assert definition.params
    assert all(param.description for param in definition.params)
    for step in definition.steps:
        text = step.script or step.command or ""
        checked = subprocess.run(["sh", "-n", "-c", text], capture_output=True, text=True)
        assert checked.returncode == 0, checked.stderr
