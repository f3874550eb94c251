"""schemathesis, with all its checks and one of ours, on the API's own description: as a process for each role, which
makes its own requests of docs/openapi.json. What fails is in its report, with the request as a call of curl.
"""

import json
import subprocess
import sys
from pathlib import Path

from infra.local.environment import ROOT
from tests.fuzz.judge import Judge, Trial
from tests.fuzz.stage import Stage

NAME = "schemathesis"
PROGRAM = Path(sys.executable).parent / "schemathesis"
HOOKS = "tests.fuzz.hooks"
# What its generated calls may not take from the other fuzzers and the canary.
SPARED = ("/api/v1/agents/{agent_id}", "/api/v1/tokens/{token_id}")
