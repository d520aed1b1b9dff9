"""The conformance kit: what every kernel of every back end must pass. Exported for authors of plugins.

from c2.testing import conformance_cases, check_case
"""

from c2.testing.conformance import (
    ConformanceCase,
    Tolerance,
    check_case,
    check_gradient,
    conformance_cases,
)

__all__ = ["ConformanceCase", "Tolerance", "check_case", "check_gradient", "conformance_cases"]
