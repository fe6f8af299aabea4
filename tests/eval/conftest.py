"""Fixtures of the exam's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fakes import Planted


@pytest.fixture
def server() -> Iterator[Planted]:
    made = Planted()
    yield made
    made.close()
