"""The deployment package and its template, as `make package` makes them."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from chalicelib.api import panel, refusals
from chalicelib.sqs import work
from infra import gateway, runtime, scheduled
from infra.local.environment import ROOT, base
from tests.stack.gateway import ANSWER_BYTES

MEGABYTE = 1 << 20
LIMIT_BYTES = 25 * MEGABYTE
PROGRAMS = Path(sys.executable).parent
PACKAGED = ("app.py", "chalicelib", "requirements.txt", "infra/resources.json")


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh package, built from a copy: the checkout's own build stays as it is."""
    project = tmp_path_factory.mktemp("project")
    shutil.copytree(
        ROOT / ".chalice", project / ".chalice", ignore=shutil.ignore_patterns("deploy*")
    )
    for name in PACKAGED:
        source, target = ROOT / name, project / name
        target.parent.mkdir(exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    command = [
        str(PROGRAMS / "chalice"),
        "package",
        "--merge-template",
        "infra/resources.json",
        "out",
    ]
    built = subprocess.run(
        command, cwd=project, env=base(os.environ), capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stdout + built.stderr
    return project / "out"


@pytest.fixture(scope="module")
def resources(package: Path) -> dict[str, Any]:
    template: dict[str, Any] = json.loads((package / "sam.json").read_text())["Resources"]
    return template


def test_the_package_is_small_enough_and_complete(package: Path) -> None:
    archive = package / "deployment.zip"
    assert archive.stat().st_size <= LIMIT_BYTES
    with ZipFile(archive) as content:
        folders = {name.split("/")[0] for name in content.namelist()}
    assert folders >= {
        "app.py",
        "chalice",
        "chalicelib",
        "msgspec",
        "pynamodb",
        "re2",
        "tomli",
        "ulid",
    }
    assert not folders & {"pip", "setuptools", "moto", "pytest", "regex"}


def test_the_packaged_app_can_be_imported_alone(package: Path, tmp_path: Path) -> None:
    with ZipFile(package / "deployment.zip") as content:
        content.extractall(tmp_path)
    environment = {"PATH": os.environ["PATH"], "AWS_DEFAULT_REGION": "us-east-1"}
    answer = subprocess.run(
        [sys.executable, "-S", "-c", "import app; print(len(app.app.routes))"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    assert int(answer.stdout) > 10


def test_the_template_has_no_fault(package: Path) -> None:
    linted = subprocess.run(
        [PROGRAMS / "cfn-lint", package / "sam.json"], capture_output=True, text=True, check=False
    )
    assert linted.returncode == 0, linted.stdout


def test_every_path_below_the_api_is_the_apps_to_answer_whatever_the_method(
    resources: dict[str, Any],
) -> None:
    paths = resources["RestAPI"]["Properties"]["DefinitionBody"]["paths"]
    ours = {path: each for path, each in paths.items() if path.startswith(("/api/v1/", "/rpc"))}
    assert {path for path, each in ours.items() if gateway.ANY_METHOD not in each} == set()
    assert refusals.ANY_PATH in ours
    to_the_app = ours["/api/v1/agents"]["get"]["x-amazon-apigateway-integration"]
    for each in ours.values():
        for method in each.values():
            integration = method["x-amazon-apigateway-integration"]
            assert {**to_the_app, **integration} == to_the_app
    (part,) = ours[refusals.ANY_PATH][gateway.ANY_METHOD]["parameters"]
    assert part["name"] == "proxy"


def test_what_the_gateway_refuses_itself_is_in_the_envelope(resources: dict[str, Any]) -> None:
    body = resources["RestAPI"]["Properties"]["DefinitionBody"]
    answers = body["x-amazon-apigateway-gateway-responses"]
    assert {"MISSING_AUTHENTICATION_TOKEN", "THROTTLED", "DEFAULT_4XX", "DEFAULT_5XX"} <= {*answers}
    for each in answers.values():
        document = json.loads(each["responseTemplates"]["application/json"])
        assert list(document) == ["code", "message", "data", "timestamp"]
        assert document["data"] == {"request_id": "$context.requestId"}
    assert answers["MISSING_AUTHENTICATION_TOKEN"]["statusCode"] == 404


def test_functions_and_what_surrounds_them_are_in_one_template(resources: dict[str, Any]) -> None:
    kinds = {name: item["Type"] for name, item in resources.items()}
    functions = {name for name, kind in kinds.items() if kind == "AWS::Serverless::Function"}
    assert functions == {"APIHandler", "Sweep", "Fire", "Compact", "Work"}
    assert kinds["Files"] == "AWS::S3::Bucket"
    assert "AWS::DynamoDB::Table" in kinds.values()


def test_every_function_runs_on_the_python_that_is_named_and_no_other(
    resources: dict[str, Any],
) -> None:
    functions = [item for item in resources.values() if item["Type"] == "AWS::Serverless::Function"]
    assert {each["Properties"]["Runtime"] for each in functions} == {"python3.12"}


def test_a_package_is_made_with_that_python_only() -> None:
    assert runtime.mismatch(runtime.VERSION) is None
    assert "PYTHON=python3.12" in str(runtime.mismatch((3, 11)))
    recipe = (ROOT / "Makefile").read_text().partition("\npackage:")[2].partition("\n\n")[0]
    assert recipe.index("-m infra.runtime") < recipe.index("chalice package")


def test_scheduled_functions_have_room_of_their_own_and_are_not_repeated(
    resources: dict[str, Any],
) -> None:
    functions = {
        name: item["Properties"]
        for name, item in resources.items()
        if item["Type"] == "AWS::Serverless::Function"
    }
    others = [functions.pop("APIHandler"), functions.pop("Work")]
    assert not any(
        each.keys() & {"ReservedConcurrentExecutions", "EventInvokeConfig"} for each in others
    )
    assert len(functions) == 3
    for name, function in functions.items():
        assert function["EventInvokeConfig"] == {
            "MaximumEventAgeInSeconds": 60,
            "MaximumRetryAttempts": 0,
        }
        reserved = function["ReservedConcurrentExecutions"]
        assert reserved == {"Fn::If": ["Reserves", 2, {"Ref": "AWS::NoValue"}]}
        (event,) = function["Events"].values()
        assert event["Properties"]["Schedule"] == "rate(1 minute)"
        assert function["Timeout"] == scheduled.time_out(name.lower()).total_seconds()


def test_every_functions_log_expires_from_the_first_deployment_on(
    resources: dict[str, Any],
) -> None:
    functions = {
        name for name, item in resources.items() if item["Type"] == "AWS::Serverless::Function"
    }
    groups = [
        item["Properties"] for item in resources.values() if item["Type"] == "AWS::Logs::LogGroup"
    ]
    names = {group["LogGroupName"]["Fn::Sub"] for group in groups}
    assert names == {f"/aws/lambda/${{{name}}}" for name in functions}
    assert {group["RetentionInDays"] for group in groups} == {30}


def test_every_function_knows_the_bucket(resources: dict[str, Any]) -> None:
    bucket = resources["Files"]["Properties"]["BucketName"]
    functions = [item for item in resources.values() if item["Type"] == "AWS::Serverless::Function"]
    assert functions
    for function in functions:
        variables = function["Properties"]["Environment"]["Variables"]
        assert variables["PLUMBER_BUCKET"] == bucket


def test_the_work_queue_calls_its_function_and_believes_what_it_says_of_each_message(
    resources: dict[str, Any],
) -> None:
    assert resources["Work"]["DependsOn"] == ["WorkQueue"]
    function = resources["Work"]["Properties"]
    (event,) = function["Events"].values()
    assert event["Type"] == "SQS"
    assert event["Properties"]["Queue"]["Fn::Sub"].endswith(f":{work.QUEUE}")
    assert event["Properties"]["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert 1 <= event["Properties"]["BatchSize"] <= 10
    assert function["Timeout"] == work.FUNCTION_SECONDS


def test_a_message_is_hidden_for_long_enough_and_dies_visibly(resources: dict[str, Any]) -> None:
    queue, dead = (resources[n]["Properties"] for n in ("WorkQueue", "WorkDeadLetters"))
    assert (queue["QueueName"], dead["QueueName"]) == (work.QUEUE, work.DEAD_QUEUE)
    assert queue["VisibilityTimeout"] >= 6 * resources["Work"]["Properties"]["Timeout"]
    assert queue["RedrivePolicy"] == {
        "deadLetterTargetArn": {"Fn::GetAtt": ["WorkDeadLetters", "Arn"]},
        "maxReceiveCount": 5,
    }
    assert dead["MessageRetentionPeriod"] == 14 * 86_400
    alarm = resources["WorkGivenUp"]["Properties"]
    assert alarm["MetricName"] == "ApproximateNumberOfMessagesVisible"
    assert alarm["Dimensions"][0]["Value"] == {"Fn::GetAtt": ["WorkDeadLetters", "QueueName"]}


def test_functions_may_use_the_tables_and_nothing_of_others(resources: dict[str, Any]) -> None:
    roles = [item for item in resources.values() if item["Type"] == "AWS::IAM::Role"]
    assert len(roles) == 5
    for role in roles:
        for policy in role["Properties"]["Policies"]:
            for statement in policy["PolicyDocument"]["Statement"]:
                assert "*" not in statement["Action"]
                assert statement["Resource"] != "*"


def test_every_file_of_the_panel_is_text_and_fits_an_answer_of_a_function() -> None:
    files = [path for path in (ROOT / "chalicelib" / "panel").rglob("*") if path.is_file()]
    assert files, "run: make panel"
    for path in files:
        assert path.suffix in panel.CONTENT_TYPES, path
        assert len(json.dumps(path.read_text("utf-8"))) < ANSWER_BYTES - (1 << 16), path
