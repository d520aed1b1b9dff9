"""Builds `c2.compile._runner`, the C loop over native calls; the package works without it."""

from cffi import FFI

ffibuilder = FFI()
ffibuilder.cdef("""
    typedef struct { void *function; void *context; void **buffers; } c2_step;
    ptrdiff_t c2_run_steps(const c2_step *steps, ptrdiff_t count, int *code);
""")
ffibuilder.set_source(
    "c2.compile._runner",
    """
    #include <stddef.h>

    typedef int (*c2_native)(void *context, void *const *buffers);
    typedef struct { void *function; void *context; void **buffers; } c2_step;

    /* Runs the steps in order. Gives the position of the first that fails and its code, or -1. */
    static ptrdiff_t c2_run_steps(const c2_step *steps, ptrdiff_t count, int *code)
    {
        for (ptrdiff_t k = 0; k < count; ++k) {
            *code = ((c2_native)steps[k].function)(steps[k].context, (void *const *)steps[k].buffers);
            if (*code != 0)
                return k;
        }
        return -1;
    }
    """,
    py_limited_api=True,
)

if __name__ == "__main__":
    ffibuilder.compile(verbose=True)
