"""To mean 0 and variance 1 over the last two axes of a view, and back; group, instance and layer norm share it."""


def centre(xp, x, epsilon, out):
    """Writes x - mean into `out`, the mean over the last two axes.

    Returns:
        The mean and r = 1 / sqrt(variance + epsilon), without the last two axes.
    """
    share = x.dtype.type(1 / (x.shape[-1] * x.shape[-2]))
    mean = xp.einsum("...ij->...", x) * share
    xp.subtract(x, mean[..., None, None], out=out)
    variance = xp.einsum("...ij,...ij->...", out, out) * share
    return mean, 1 / xp.sqrt(variance + x.dtype.type(epsilon))


def standardized(xp, x, mean, r, out):
    """Writes (x - mean) * r into `out`, with moments that are known."""
    xp.subtract(x, mean[..., None, None], out=out)
    return xp.multiply(out, r[..., None, None], out=out)


def standardize_gradient(xp, dz, z, r, out):
    """Writes r * (dz - mean(dz) - z * mean(dz * z)) into `out`, which may be z."""
    share = dz.dtype.type(1 / (dz.shape[-1] * dz.shape[-2]))
    along = xp.einsum("...ij,...ij->...", dz, z) * share
    level = xp.einsum("...ij->...", dz) * share
    xp.multiply(z, -along[..., None, None], out=out)
    xp.add(out, dz, out=out)
    xp.subtract(out, level[..., None, None], out=out)
    return xp.multiply(out, r[..., None, None], out=out)
