"""Many candidates trained side by side, as one network with a dimension in front."""

from __future__ import annotations

from optcell_search.training.population.forms import Form, form
from optcell_search.training.population.population import Population

__all__ = ["Form", "Population", "form"]
