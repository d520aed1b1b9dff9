/* Windows that slide over planes of 16 channels: which of their taps lie inside, and how threads share the rows. */

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

static inline ptrdiff_t plane_size(const c2_window *w) { return w->inputs[0] * w->inputs[1] * 16; }

/* Does rows [first, last) of output plane `plane`; `part` is the thread's number. */
typedef void (*c2_plane)(const void *context, void *const *buffers, ptrdiff_t plane, ptrdiff_t first, ptrdiff_t last,
                         ptrdiff_t part);

enum { FEW_TAPS = 8192 }; /* vectors that one thread reads faster than two begin */

static inline void slide_part(const c2_window *w, c2_plane rows_of, const void *context, void *const *buffers,
                              ptrdiff_t part, ptrdiff_t parts)
{
    const ptrdiff_t rows = w->N * w->blocks * w->outputs[0], end = rows * (part + 1) / parts;
    for (ptrdiff_t row = rows * part / parts, next; row < end; row = next) {
        const ptrdiff_t plane = row / w->outputs[0], start = plane * w->outputs[0];
        next = start + w->outputs[0] < end ? start + w->outputs[0] : end;
        rows_of(context, buffers, plane, row - start, next - start, part);
    }
}

static inline void slide(const c2_window *w, int threads, c2_plane rows_of, const void *context, void *const *buffers)
{
    const ptrdiff_t outputs = w->N * w->blocks * w->outputs[0] * w->outputs[1];
    const ptrdiff_t parts = outputs * w->kernel[0] * w->kernel[1] < FEW_TAPS ? 1 : threads;
    if (parts == 1) {
        slide_part(w, rows_of, context, buffers, 0, 1);
        return;
    }
#pragma omp parallel for schedule(static, 1) num_threads(parts)
    for (ptrdiff_t part = 0; part < parts; ++part)
        slide_part(w, rows_of, context, buffers, part, parts);
}
