"""How fast it is: our rates beside those of others, measured in turn in one run, as ratios.

Rates of shared machines move by a third from hour to hour; ratios within a run stay.
"""

from neuroparallel.benchmark.rows import Result, Row, list_rows, measure_rows

__all__ = ["Result", "Row", "list_rows", "measure_rows"]
