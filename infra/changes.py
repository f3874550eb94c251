"""What CloudFormation would refuse between two versions of the template, or would make anew, empty.

`python -m infra.changes old.json new.json` prints a line for each and ends with 1 if there are any.
Takes `infra/resources.json` as well as a packaged template. See docs/operations.md.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import Any

import msgspec

Resource = Mapping[str, Any]

TABLE = "AWS::DynamoDB::Table"
# Properties that CloudFormation changes only by making the resource anew: "Update requires:
# Replacement" in its reference of resource types. A second one cannot have the name of the first.
REPLACING: Mapping[str, tuple[str, ...]] = {
    TABLE: ("TableName", "KeySchema", "LocalSecondaryIndexes", "ImportSourceSpecification"),
    "AWS::S3::Bucket": ("BucketName",),
    "AWS::Logs::LogGroup": ("LogGroupName",),
    "AWS::SQS::Queue": ("QueueName", "FifoQueue"),
}
NAMES = ("TableName", "BucketName", "LogGroupName", "QueueName", "FunctionName")


class Verdict(str, Enum):
    """What becomes of a change."""

    REFUSED = "refused"  # the whole update is rolled back
    REPLACED = "replaced"  # a new and empty one; the old one stays, outside of the stack, if kept
    LEFT = "left"  # not in the stack any more, but it stays with its data


class Finding(msgspec.Struct, frozen=True):
    """A change that needs somebody's thought. `resource` is its logical name."""

    verdict: Verdict
    resource: str
    why: str

    def __str__(self) -> str:
        return f"{self.verdict.value}: {self.resource}: {self.why}"


def compare(old: Resource, new: Resource) -> list[Finding]:
    """Of two templates, in the order of the resources' names."""
    before, after = old.get("Resources", {}), new.get("Resources", {})
    found: list[Finding] = []
    for name in sorted({*before, *after}):
        was, becomes = before.get(name), after.get(name)
        if was is None:
            found += _added(name, becomes, before)
        elif becomes is None:
            found += _removed(name, was)
        else:
            found += _changed(name, was, becomes)
    return found


def _added(name: str, resource: Resource, before: Mapping[str, Resource]) -> Iterator[Finding]:
    """CloudFormation makes what is new before it deletes what is gone."""
    for other, was in before.items():
        for key in NAMES:
            named = _properties(resource).get(key)
            if named is not None and named == _properties(was).get(key):
                why = f"it has the {key} of {other}, which is still there"
                yield Finding(Verdict.REFUSED, name, why)


def _removed(name: str, resource: Resource) -> Iterator[Finding]:
    if str(resource.get("DeletionPolicy", "")).startswith("Retain"):
        why = "it is taken out of the stack and stays; under the same name none can be made again"
        yield Finding(Verdict.LEFT, name, why)


def _changed(name: str, was: Resource, becomes: Resource) -> Iterator[Finding]:
    kind = becomes.get("Type")
    if was.get("Type") != kind:
        yield Finding(Verdict.REFUSED, name, f"it was {was.get('Type')} and would be {kind}")
        return
    old, new = _properties(was), _properties(becomes)
    replacing = [key for key in REPLACING.get(str(kind), ()) if old.get(key) != new.get(key)]
    if replacing:
        yield _replaced(name, replacing, old, new)
    elif kind == TABLE:
        yield from _indexes(name, _by_name(old), _by_name(new))


def _replaced(name: str, keys: list[str], old: Resource, new: Resource) -> Finding:
    """Of a resource with a name of its own the second one would need another name."""
    what = ", ".join(keys)
    kept = next((key for key in NAMES if old.get(key) is not None and old[key] == new.get(key)), "")
    if kept:
        why = f"{what} cannot be changed under the same {kept}; give it another, and move the data"
        return Finding(Verdict.REFUSED, name, why)
    return Finding(Verdict.REPLACED, name, f"{what} would change; nothing of its data is moved")


def _indexes(
    name: str, old: Mapping[str, Resource], new: Mapping[str, Resource]
) -> Iterator[Finding]:
    """One index of a table may be made or deleted with an update, and none can be changed."""
    changed = sorted(key for key in {*old} & {*new} if old[key] != new[key])
    if changed:
        what = ", ".join(changed)
        why = f"an index cannot be changed: {what}; add it under another name, then delete the old"
        yield Finding(Verdict.REFUSED, name, why)
    steps = [f"-{key}" for key in sorted({*old} - {*new})]
    steps += [f"+{key}" for key in sorted({*new} - {*old})]
    if len(steps) > 1:
        why = (
            f"an update makes or deletes one index of a table, not {len(steps)}: {', '.join(steps)}"
        )
        yield Finding(Verdict.REFUSED, name, why)


def _by_name(table: Resource) -> dict[str, Resource]:
    return {index["IndexName"]: _index(index) for index in table.get("GlobalSecondaryIndexes", [])}


def _index(index: Resource) -> Resource:
    """The order in which the attributes of a projection are named means nothing."""
    projection = dict(index["Projection"])
    if "NonKeyAttributes" in projection:
        projection["NonKeyAttributes"] = sorted(projection["NonKeyAttributes"])
    return {"KeySchema": index["KeySchema"], "Projection": projection}


def _properties(resource: Resource) -> Resource:
    found: Resource = resource.get("Properties", {})
    return found


def main(arguments: list[str] | None = None) -> int:
    """Exit code 1 when something was found."""
    parser = argparse.ArgumentParser(prog="python -m infra.changes", description=__doc__)
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    options = parser.parse_args(arguments)
    found = compare(*(json.loads(path.read_text()) for path in (options.old, options.new)))
    sys.stdout.write("".join(f"{each}\n" for each in found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
