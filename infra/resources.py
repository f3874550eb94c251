"""The CloudFormation resources around the functions, generated from the models.

`python -m infra.resources` prints what `chalice package --merge-template` takes; `make resources`
writes it to infra/resources.json. The functions get the bucket's name through their environment,
since bucket names are unique in the world.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from chalicelib.dynamo.schema import MODELS, TTL_ATTRIBUTE
from chalicelib.settings import Settings
from chalicelib.sqs import work
from infra import gateway, runtime, scheduled

Resource = dict[str, Any]

DEFAULTS = Settings()
BUCKET = {"Fn::Sub": f"{DEFAULTS.bucket}-${{AWS::AccountId}}-${{AWS::Region}}"}
SCHEDULED = ("Sweep", "Fire", "Compact")  # as Chalice names app.py's schedules
FUNCTIONS = ("APIHandler", *SCHEDULED, "Work")  # and the routes, and the queue
PARAMETERS = {
    "ReservedConcurrency": {
        "Type": "String",
        "AllowedValues": ["yes", "no"],
        "Default": "yes",
        "Description": "Whether the scheduled functions have some of the account's concurrency to "
        "themselves. A new account may have too little to reserve any.",
    },
    "HistoryDays": {
        "Type": "Number",
        "MinValue": 1,
        "Default": DEFAULTS.history_days,
        "Description": "After so many days runs and their logs expire.",
    },
}
SECRETS_ALIAS = "alias/plumber-secrets"  # as in .chalice/policy.json
LOG_DAYS = 30  # of the functions themselves
HISTORY_DAYS = {"Ref": "HistoryDays"}
# No stack deletes history; what a first deployment that failed has made is no history yet.
KEPT = {"DeletionPolicy": "RetainExceptOnCreate", "UpdateReplacePolicy": "Retain"}


def template(models: Sequence[Any] = MODELS) -> dict[str, Any]:
    """What is merged into Chalice's own template."""
    tables = {_logical_name(model): table(model) for model in models}
    functions: dict[str, Any] = {name: _function() for name in FUNCTIONS}
    for name in SCHEDULED:
        functions[name]["Properties"] |= _on_schedule()
    functions["Work"]["Properties"]["Events"] = work_events()
    functions["Work"]["DependsOn"] = ["WorkQueue"]  # which Chalice names by a text
    logs = {f"{name}Log": _log_group(name) for name in FUNCTIONS}
    api = {"RestAPI": {"Properties": {"DefinitionBody": gateway.definition()}}}
    surroundings = {"Files": bucket(), **secrets_key(), **queues(), **api}
    return {
        "Parameters": PARAMETERS,
        "Conditions": {"Reserves": {"Fn::Equals": [{"Ref": "ReservedConcurrency"}, "yes"]}},
        "Resources": {**functions, **logs, **surroundings, **tables},
    }


def table(model: Any) -> Resource:
    """A table on demand, with its keys, its indexes and the expiry of its items."""
    schema = model._get_schema()
    properties: dict[str, Any] = {
        "TableName": model.Meta.table_name,
        "BillingMode": model.Meta.billing_mode,
        "AttributeDefinitions": sorted(
            schema["attribute_definitions"], key=lambda definition: definition["AttributeName"]
        ),
        "KeySchema": _key_schema(schema["key_schema"]),
        "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
    }
    if indexes := [_index(index) for index in schema["global_secondary_indexes"]]:
        properties["GlobalSecondaryIndexes"] = sorted(indexes, key=lambda i: str(i["IndexName"]))
    if TTL_ATTRIBUTE in model.get_attributes():
        expiry = {"AttributeName": TTL_ATTRIBUTE, "Enabled": True}
        properties["TimeToLiveSpecification"] = expiry
    return {"Type": "AWS::DynamoDB::Table", **KEPT, "Properties": properties}


def _key_schema(keys: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    """CloudFormation wants the partition key first."""
    return sorted((dict(key) for key in keys), key=lambda key: key["KeyType"])


def _index(index: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "IndexName": index["index_name"],
        "KeySchema": _key_schema(index["key_schema"]),
        "Projection": index["projection"],
    }


def _logical_name(model: Any) -> str:
    name: str = model.Meta.table_name.removeprefix(DEFAULTS.table_prefix)
    return f"{name.title().replace('-', '').replace('_', '')}Table"


def bucket() -> Resource:
    """The bucket of logs and files: closed, encrypted, and rid of logs whose runs have expired."""
    rules = [
        {
            "Id": "expire-logs",
            "Status": "Enabled",
            "Prefix": "logs/",
            "ExpirationInDays": HISTORY_DAYS,
        },
        {
            "Id": "abort-uploads",
            "Status": "Enabled",
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
        },
    ]
    encryption = {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    closed = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
    properties = {
        "BucketName": BUCKET,
        "LifecycleConfiguration": {"Rules": rules},
        "BucketEncryption": {"ServerSideEncryptionConfiguration": [encryption]},
        "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
        "PublicAccessBlockConfiguration": dict.fromkeys(closed, True),
    }
    return {"Type": "AWS::S3::Bucket", **KEPT, "Properties": properties}


def secrets_key() -> dict[str, Resource]:
    """The key of secret parameters, and the name by which the functions' policy knows it. Who may
    use it is for IAM to say."""
    root = {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": root}, "Action": "kms:*", "Resource": "*"}
        ],
    }
    key = {
        "Description": "Plumber: secret parameters of runs",
        "EnableKeyRotation": True,
        "KeyPolicy": policy,
    }
    alias = {"AliasName": SECRETS_ALIAS, "TargetKeyId": {"Ref": "SecretsKey"}}
    return {
        "SecretsKey": {"Type": "AWS::KMS::Key", "Properties": key},
        "SecretsAlias": {"Type": "AWS::KMS::Alias", "Properties": alias},
    }


def queues() -> dict[str, Resource]:
    """The work queue, that of its dead letters, and an alarm when there are any of these."""
    arn = {"Fn::GetAtt": ["WorkDeadLetters", "Arn"]}
    dead = {
        "QueueName": f"{DEFAULTS.table_prefix}work-dead",
        "MessageRetentionPeriod": work.DEAD_RETENTION_SECONDS,
        "SqsManagedSseEnabled": True,
    }
    living = {
        "QueueName": f"{DEFAULTS.table_prefix}work",
        "SqsManagedSseEnabled": True,
        **work.attributes(arn),
    }
    alarm = {
        "AlarmDescription": "Work was given up. See: plumber-cli work list",
        "Namespace": "AWS/SQS",
        "MetricName": "ApproximateNumberOfMessagesVisible",
        "Dimensions": [
            {"Name": "QueueName", "Value": {"Fn::GetAtt": ["WorkDeadLetters", "QueueName"]}}
        ],
        "Statistic": "Maximum",
        "Period": 300,
        "EvaluationPeriods": 1,
        "Threshold": 0,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
    }
    return {
        "WorkQueue": {"Type": "AWS::SQS::Queue", "Properties": living},
        "WorkDeadLetters": {"Type": "AWS::SQS::Queue", "Properties": dead},
        "WorkGivenUp": {"Type": "AWS::CloudWatch::Alarm", "Properties": alarm},
    }


def work_events() -> dict[str, Any]:
    """What Chalice leaves out of the event that it makes of `on_sqs_message`: that the function
    answers which messages have failed, without which Lambda deletes those too."""
    properties = {"FunctionResponseTypes": ["ReportBatchItemFailures"]}
    return {"WorkSqsEventSource": {"Properties": properties}}


def _function() -> Resource:
    variables = {
        "PLUMBER_BUCKET": BUCKET,
        "PLUMBER_ACCOUNT": {"Ref": "AWS::AccountId"},
        "PLUMBER_KMS_KEY": {"Fn::GetAtt": ["SecretsKey", "Arn"]},
        "PLUMBER_HISTORY_DAYS": HISTORY_DAYS,
    }
    return {"Properties": {"Runtime": runtime.name(), "Environment": {"Variables": variables}}}


def _on_schedule() -> dict[str, Any]:
    """Calls may overlap, and what they work on is shared by claims. One that waits for longer than
    a minute, or fails, is not repeated: the next minute's does its work."""
    return {
        "ReservedConcurrentExecutions": {
            "Fn::If": ["Reserves", scheduled.AT_ONCE, {"Ref": "AWS::NoValue"}]
        },
        "EventInvokeConfig": {
            "MaximumEventAgeInSeconds": scheduled.MAX_EVENT_AGE_SECONDS,
            "MaximumRetryAttempts": scheduled.RETRIES,
        },
    }


def _log_group(function: str) -> Resource:
    """A function's log. Lambda makes one that never expires, unless it is there before the first
    call. Chalice's `log_retention_in_days` names a function that is not in the template."""
    name = {"Fn::Sub": f"/aws/lambda/${{{function}}}"}
    properties = {"LogGroupName": name, "RetentionInDays": LOG_DAYS}
    return {"Type": "AWS::Logs::LogGroup", "Properties": properties}


def text() -> str:
    """As it stands in infra/resources.json."""
    return json.dumps(template(), indent=2) + "\n"


if __name__ == "__main__":
    sys.stdout.write(text())
