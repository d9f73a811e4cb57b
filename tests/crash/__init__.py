"""Kasanie killed at named points and at random: nothing is lost, nothing is done twice."""

import pytest

pytest.register_assert_rewrite("crash.site", "crash.fleet")
