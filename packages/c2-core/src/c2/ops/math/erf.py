"""The error function without SciPy, and its gradient."""

import math

import numpy as np

from c2.ops.elementwise import clamp, target
from c2.ops.elementwise_table import between, differentiable
from c2.ops.results import stored

# artanh(erf(x)) = x P(x^2) / Q(x^2), with P and Q from a minimax fit weighted by what its error does to erf, in
# 50-digit arithmetic (iteration of Lawson, 1961, and Sanathanan & Koerner, 1963). For rational approximations of erf
# itself see W. J. Cody, Mathematics of Computation 23, 1969. Coefficients from the constant up; all are positive, so
# beyond the fitted range the function goes on to grow and erf stays 1.
_DOUBLE = (  # |x| <= 6, relative error of erf 1.5e-16
    (1.1283791670955123, 0.4873632102470253, 0.13716539674460224, 0.02395493205661087,
     0.0030147723003894748, 0.0002563494226339711, 1.4574563255782081e-05, 4.355647952063002e-07,
     2.7239203531898197e-09),
    (1.0, 0.34083455115092903, 0.09070190256332995, 0.01355456185794352, 0.001575113306990191,
     0.00011109111069486581, 5.425572160182178e-06, 8.88105119310436e-08, 1.4570496232824846e-10),
)  # fmt: skip
_SINGLE = (  # |x| <= 4, relative error of erf 3.4e-9
    (1.128379170937658, 0.27980314229438347, 0.042644946829976015, 0.002178127184040263),
    (1.0, 0.15688931094074024, 0.023688796761397953, 0.0003248907741678348),
)
_FAR = 1000.0  # where the powers do not overflow, and erf is 1 by far


def erf(xp, X, *, out=None):
    if X.dtype == np.float16:  # 11 bits do not carry the polynomials
        return stored(xp, erf(xp, X.astype(np.float32)).astype(np.float16), out)
    out = artanh_erf(xp, X, target(xp, X, out))
    return xp.tanh(out, out=out)


def artanh_erf(xp, X, out):
    """artanh(erf(X)) in float32 or float64, from which erf and the normal distribution follow; `out` may be X."""
    numerator, denominator = _DOUBLE if X.dtype == np.float64 else _SINGLE
    clamp(xp, X, -_FAR, _FAR, out)
    squared = xp.multiply(out, out, out=xp.empty_like(out))
    P = polynomial(xp, squared, numerator)
    xp.multiply(out, P, out=out)
    return xp.divide(out, polynomial(xp, squared, denominator, P), out=out)


def polynomial(xp, X, coefficients, out=None):
    """The polynomial with these coefficients, from the constant up (Horner)."""
    constant, *inner, last = coefficients
    out = xp.multiply(X, last, out=target(xp, X, out))
    for coefficient in reversed(inner):
        xp.add(out, coefficient, out=out)
        xp.multiply(out, X, out=out)
    return xp.add(out, constant, out=out)


def erf_slope(xp, X, out):
    xp.multiply(X, X, out=out)
    xp.negative(out, out=out)
    xp.exp(out, out=out)
    return xp.multiply(out, 2 / math.sqrt(math.pi), out=out)


def _exact(x):
    return np.vectorize(math.erf, otypes=[float])(x)


ERF = differentiable(
    "Erf", """Y = 2 / sqrt(pi) * integral of exp(-t^2) from 0 to X. NaN stays NaN.

    Exact to 3 units in the last place of the dtype.
    """, erf, _exact, between(-7, 7), order="X dY",
    slope=erf_slope, slope_doc="dX = 2 / sqrt(pi) * exp(-X^2) * dY.",
    expect_slope=lambda x: np.sqrt(4 / np.pi) / np.exp(x**2), names=("input", "output"),
)  # fmt: skip
