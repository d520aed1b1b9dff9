/* Calls the NNPACK library, which this part is not linked with. */
#include <stddef.h>
#include <stdint.h>

#ifndef _WIN32
#include <unistd.h>
#endif

#include "calls/library.h"

typedef int inference(int algorithm, int strategy, size_t C, size_t K, c2_nnp_size input, c2_nnp_padding pads,
                      c2_nnp_size kernel, c2_nnp_size stride, const float *X, const float *W, const float *b, float *Y,
                      void *workspace, size_t *workspace_bytes, int activation, const void *parameters, void *pool,
                      void *profile);

static void *pool_of(const c2_library *c)
{
#ifndef _WIN32
    if (c->pool && getpid() != c->process)
        return NULL;
#endif
    return c->pool;
}

int c2_run_library(void *context, void *const *buffers)
{
    const c2_library *c = context;
    inference *const run = (inference *)(uintptr_t)c->function;
    const size_t image = c->C * c->input.height * c->input.width, result = c->K * c->result.height * c->result.width;
    const size_t filters = c->K * c->C * c->kernel.height * c->kernel.width;
    void *const pool = pool_of(c);
    for (size_t part = 0; part < c->N * c->group; ++part) {
        size_t group = part % c->group, workspace = c->workspace;
        const float *W = c->transformed ? (const float *)(c->transformed + group * c->transformed_bytes)
                                        : (const float *)buffers[1] + group * filters;
        const float *b = c->bias < 0 ? c->zeros : (const float *)buffers[c->bias] + group * c->K;
        int status = run(c->algorithm, c->strategy, c->C, c->K, c->input, c->pads, c->kernel, c->stride,
                         (const float *)buffers[0] + part * image, W, b, (float *)buffers[c->output] + part * result,
                         buffers[c->scratch], &workspace, c->activation, NULL, pool, NULL);
        if (status)
            return status;
    }
    return 0;
}
