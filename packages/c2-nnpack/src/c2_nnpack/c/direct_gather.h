/* What a chunk reads, copied with zeros for pads, for one width of vectors. */

/* `count` positions of `depth` floats, `stride` apart: constants where this is inlined, if they matter. */
INLINE void NAME(take)(const float *from, ptrdiff_t depth, ptrdiff_t stride, ptrdiff_t count, float *to)
{
    for (ptrdiff_t k = 0; k < count; ++k)
        for (int lane = 0; lane < depth; lane += depth < LANES ? 1 : LANES)
            if (depth < LANES)
                to[k * depth + lane] = from[k * stride * depth + lane];
            else
                NAME(store)(to + k * depth + lane, NAME(load)(from + k * stride * depth + lane));
}

/* Every `stride`th position of a row of X from `first` on, zeros outside of it. */
static void NAME(take_row)(const c2_direct *c, const float *row, ptrdiff_t first, float *to)
{
    const ptrdiff_t s = c->stride_w, depth = c->depth, count = c->taken_w;
    const ptrdiff_t before = first < 0 ? least(count, over(-first, s)) : 0;
    const ptrdiff_t inside = first < c->W ? most(before, least(count, over(c->W - first, s))) : before;
    const float *from = row + (first + before * s) * depth;
    memset(to, 0, (size_t)(before * depth) * sizeof *to);
    memset(to + inside * depth, 0, (size_t)((count - inside) * depth) * sizeof *to);
    to += before * depth;
    if (depth == 16)
        NAME(take)(from, 16, s, inside - before, to);
    else if (s == 1)
        NAME(take)(from, 1, 1, inside - before, to);
    else if (s == 2)
        NAME(take)(from, 1, 2, inside - before, to);
    else
        NAME(take)(from, 1, s, inside - before, to);
}

static void NAME(take_plane)(const c2_direct *c, const float *plane, const c2_chunk *chunk, float *to)
{
    const ptrdiff_t last = (chunk->y + chunk->rows - 1) * c->stride_h + (c->window - 1) * c->dilation - c->top;
    for (ptrdiff_t phase = 0; phase < c->phases_h; ++phase)
        for (ptrdiff_t r = 0; r < c->taken_h; ++r) {
            const ptrdiff_t y = (chunk->y + r) * c->stride_h + phase - c->top;
            if (y > last) {
                to += c->row_size;
                continue;
            }
            for (ptrdiff_t p = 0; p < c->phases_w; ++p, to += c->taken_w * c->depth)
                if (y >= 0 && y < c->H)
                    NAME(take_row)(c, plane + y * c->W * c->depth, chunk->x * c->stride_w + p - c->left, to);
                else
                    memset(to, 0, (size_t)(c->taken_w * c->depth) * sizeof *to);
        }
}

static void NAME(gather)(const c2_direct *c, const float *X, const c2_chunk *chunk, float *to)
{
    for (ptrdiff_t n = 0; n < chunk->images; ++n)
        for (ptrdiff_t p = 0; p < c->planes; ++p)
            NAME(take_plane)(c, X + ((chunk->n + n) * c->planes + p) * c->H * c->W * c->depth, chunk,
                             to + n * c->image_size + p * c->plane_size);
}
