"""Random bytes: those that should be secure fail where they are not granted, instead of being guessable."""

from __future__ import annotations

import os
import random
import uuid
from typing import Any

from wit_world.imports import insecure_seed

_REFUSED = "random bytes are not granted: request `random` in the script's header, and grant it in the policy"


def reseed() -> None:
    """All instances are made of one snapshot: what it drew, they would all draw."""
    low, high = insecure_seed.get_insecure_seed()
    random.seed((low << 64) | high)


def forbid() -> None:
    """From now on `os.urandom`, `secrets`, `uuid4` and `SystemRandom` raise a `PermissionError`."""
    os.urandom = _refuse
    random._urandom = _refuse  # type: ignore[attr-defined]
    # The node of `uuid1` is no secret; its multicast bit says that it is none of a network card.
    uuid._node = random.getrandbits(48) | (1 << 40)  # type: ignore[attr-defined]
    # A generator without a seed takes one from the system, without asking.
    usual = random.Random.seed

    def seeded(self: random.Random, a: Any = None, version: int = 2) -> None:
        usual(self, random.getrandbits(128) if a is None else a, version)

    random.Random.seed = seeded  # type: ignore[method-assign]


def _refuse(*_: Any) -> bytes:
    raise PermissionError(_REFUSED)
