"""Tasks made up by chance."""

import json
from collections.abc import Sequence
from random import Random

SECRET = {"password": "hunter2"}  # of some tasks; they can have no schedule
ZONES = ("a", "b")  # machines are moved between them


EXCLUDING = ("queue", "queue", "replace", "forbid")
ANY_POLICY = ("allow", "allow", "allow", "allow", "forbid", "queue", "replace")


def random_definition(
    chance: Random, name: str, agent_ids: list[str], concurrency: Sequence[str] = ANY_POLICY
) -> str:
    """A task of one to three steps with any policies; `concurrency` are those to choose from."""
    head = f'Name = "{name}"\n'
    params = "[Params.password]\nSecret = true\n" if is_secret(name) else ""
    if chance.random() < 0.3:
        head += f'Timeout = "{chance.choice(["30s", "5m"])}"\n'
    head += f'Concurrency = "{chance.choice(concurrency)}"\n'
    return (
        head
        + params
        + "".join(_random_step(chance, agent_ids) for _ in range(chance.randint(1, 3)))
    )


def is_secret(name: str) -> bool:
    """Whether the task of this name has a secret parameter: every third has."""
    return int(name.rpartition(" ")[2]) % 3 == 0


def _random_step(chance: Random, agent_ids: list[str]) -> str:
    chosen = chance.sample(agent_ids, chance.randint(1, len(agent_ids)))
    lines = ["[[step]]", 'CMD = "true"']
    if chance.random() < 0.4:
        zones = [f'Labels = {{ zone = "{zone}" }}' for zone in ZONES]
        lines.append(f"Targets = {{ {chance.choice(['All = true', *zones])} }}")
    else:
        lines.append(f"ServerID = {json.dumps(chosen)}")
    options = {
        "MaxParallel": ["1", "2", '"50%"'],
        "MaxFailures": ["0", "1", '"50%"'],
        "Canary": ["1", "2"],
        "Timeout": ['"20s"', '"2m"'],
        "DeliverWithin": ['"10s"', '"3m"', '"1d"'],
        "LostAfter": ['"90s"', '"5m"'],
        "When": ['"failure"', '"always"'],
    }
    if chance.random() < 0.5:
        lines.append(f"Retries = {chance.choice([1, 2])}")
    for key, values in options.items():
        if chance.random() < 0.3:
            lines.append(f"{key} = {chance.choice(values)}")
    if any(line.startswith("Retries") for line in lines) and chance.random() < 0.5:
        lines.append('RetryOn = ["failed", "lost", "undelivered", "timed_out"]')
        lines.append('RetryDelay = "7s"')
    return "\n".join(lines) + "\n"
