"""Every registered rule keeps the contract, unasked."""

from __future__ import annotations

import pytest

from optcell_search import registry
from optcell_search.rules import Rule
from optcell_search.testing import RuleContract, variants

RULES = [rule for name in registry.rules.names() for rule in variants(registry.rules.get(name))]


class TestRules(RuleContract):
    @pytest.fixture(params=RULES, ids=repr)
    def rule(self, request: pytest.FixtureRequest) -> Rule:
        rule: Rule = request.param
        return rule
