/* Windows that slide over planes of 16 channels: which of their taps lie inside. */

/* Where the window of output `at` begins along an axis; [*first, *last) are its taps inside of the image. */
static inline ptrdiff_t taps_inside(const c2_window *w, int axis, ptrdiff_t at, ptrdiff_t *first, ptrdiff_t *last)
{
    const ptrdiff_t start = at * w->stride[axis] - w->head[axis], step = w->dilation[axis];
    const ptrdiff_t room = w->inputs[axis] - start;
    *first = start >= 0 ? 0 : step == 1 ? -start : (step - 1 - start) / step;
    *last = room <= 0 ? 0 : step == 1 ? room : (room + step - 1) / step;
    if (*last > w->kernel[axis])
        *last = w->kernel[axis];
    if (*last < *first)
        *last = *first;
    return start;
}
