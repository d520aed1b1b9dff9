"""The kernel of operators that only give the elements of their first input another shape."""

from c2.ops.results import stored


class SameElements:
    """Copies the elements in row-major order into the shape that `infer` finds, once for each shape of the input."""

    @staticmethod
    def infer(*specs, **args):
        raise NotImplementedError("an operator gives its own")

    def __init__(self, xp, *specs, **args):
        self.xp, self.shape = xp, self.infer(*specs, **args).shape

    def __call__(self, X, *others, out=None):
        return out if out is X else stored(self.xp, X.reshape(self.shape), out)
