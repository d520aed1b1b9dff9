/* Normalization for one width of vectors. */

static void NAME(scaled)(const c2_spatial_bn *c, const float *x, const float *factor, const float *shift, float *y)
{
    const V low = NAME(set)(c->low), high = NAME(set)(c->high);
    for (int lane = 0; lane < 16; lane += LANES) {
        const V f = NAME(load)(factor + lane), s = NAME(load)(shift + lane);
        for (ptrdiff_t p = lane; p < c->positions * 16; p += 16)
            NAME(store)(y + p, NAME(clip)(NAME(load)(x + p) * f + s, low, high));
    }
}

/* All channels of one position; `squares` has (size - 1) / 2 zeros in front and as many as needed behind. */
static void NAME(local_response)(const c2_lrn *c, const float *x, float *squares, float *y)
{
    const ptrdiff_t head = (c->size - 1) / 2, step = c->positions * 16;
    for (ptrdiff_t block = 0; block < c->blocks; ++block)
        for (int lane = 0; lane < 16; lane += LANES) {
            const V one = NAME(load)(x + block * step + lane);
            NAME(store)(squares + head + block * 16 + lane, one * one);
        }
    for (ptrdiff_t block = 0; block < c->blocks; ++block) {
        float scale[16];
        for (int lane = 0; lane < 16; lane += LANES) {
            V sum = {0};
            for (int k = 0; k < c->size; ++k)
                sum += NAME(load)(squares + block * 16 + lane + k);
            NAME(store)(scale + lane, sum * (c->alpha / (float)c->size) + c->bias);
        }
        if (c->beta == 0.75f) {
            for (int k = 0; k < 16; ++k)
                scale[k] = sqrtf(scale[k]) * sqrtf(sqrtf(scale[k]));
        } else {
            for (int k = 0; k < 16; ++k)
                scale[k] = powf(scale[k], c->beta);
        }
        for (int k = 0; k < 16; ++k)
            y[block * step + k] = x[block * step + k] / scale[k];
    }
}
