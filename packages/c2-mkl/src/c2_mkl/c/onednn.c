/* Opens oneDNN, runs its primitives, and shares its OpenMP runtime. */
#define _GNU_SOURCE
#include "parallel.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

typedef struct { int arg; void *memory; } exec_arg;

static int (*execute)(const void *primitive, void *stream, int count, const exec_arg *args);
static int (*set_handle)(void *memory, void *handle);
static void (*omp_set)(int threads);
static int (*omp_get_max)(void);
static int (*omp_thread)(void);
static int (*omp_threads)(void);
static void (*omp_parallel)(void (*body)(void *), void *data, unsigned threads, unsigned flags);

/* In a child process, the thread that forked: libgomp takes the parent's team for its own and would wait for it for ever. */
static __thread int forked;

static void note_fork(void) { forked = 1; }

#define NAMES(S)                                                                                                        \
    S(version) S(get_effective_cpu_isa) S(set_max_cpu_isa) S(engine_create) S(stream_create) S(stream_destroy)          \
    S(memory_desc_create_with_strides) S(memory_desc_create_with_tag) S(memory_desc_destroy) S(memory_desc_equal)       \
    S(memory_desc_get_size) S(memory_create) S(memory_destroy) S(memory_set_data_handle) S(primitive_attr_create)       \
    S(primitive_attr_destroy) S(primitive_attr_set_scratchpad_mode) S(primitive_attr_set_post_ops)                      \
    S(primitive_attr_set_scales_mask) S(primitive_attr_set_zero_points_mask) S(post_ops_create)                         \
    S(post_ops_destroy) S(post_ops_append_sum) S(post_ops_append_eltwise) S(post_ops_append_prelu)                      \
    S(convolution_forward_primitive_desc_create) S(inner_product_forward_primitive_desc_create)                         \
    S(convolution_backward_data_primitive_desc_create) S(convolution_backward_weights_primitive_desc_create)            \
    S(deconvolution_forward_primitive_desc_create) S(deconvolution_backward_data_primitive_desc_create)                 \
    S(deconvolution_backward_weights_primitive_desc_create)                                                             \
    S(inner_product_backward_data_primitive_desc_create) S(inner_product_backward_weights_primitive_desc_create)        \
    S(matmul_primitive_desc_create) S(lrn_forward_primitive_desc_create) S(reorder_primitive_desc_create)               \
    S(pooling_forward_primitive_desc_create) S(eltwise_forward_primitive_desc_create) S(binary_primitive_desc_create)   \
    S(primitive_desc_query) S(primitive_desc_query_md) S(primitive_desc_destroy) S(primitive_create)                    \
    S(primitive_destroy)

static const char *problem(const char *what, const char *detail)
{
    static char text[512];
    snprintf(text, sizeof text, "%s%s", what, detail ? detail : "");
    return text;
}

/* What is wrong with the library, or NULL once every function was found and the version is right. */
static const char *find_all(void *library, int major, c2_onednn *api)
{
#define FIND(name)                                                                                                      \
    *(void **)&api->name = dlsym(library, "dnnl_" #name);                                                               \
    if (!api->name)                                                                                                     \
        return problem("it has no function dnnl_", #name);
    NAMES(FIND)
    if (!dlsym(library, "dnnl_primitive_execute"))
        return problem("it has no function dnnl_primitive_execute", NULL);
    const c2_version *found = api->version();
    if (found->major != major) {
        char text[64];
        snprintf(text, sizeof text, "it is version %d.%d.%d", found->major, found->minor, found->patch);
        return problem(text, NULL);
    }
    return NULL;
}

/* What runs primitives is replaced at the very end: a library that is refused must not touch the one in use. */
const char *c2_open(const char *path, int major, c2_onednn *api)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return problem("", dlerror());
    const char *wrong = find_all(library, major, api);
    if (wrong) {
        dlclose(library);
        return wrong;
    }
    *(void **)&execute = dlsym(library, "dnnl_primitive_execute");
    *(void **)&set_handle = dlsym(library, "dnnl_memory_set_data_handle");
    *(void **)&omp_set = dlsym(library, "omp_set_num_threads");
    *(void **)&omp_get_max = dlsym(library, "omp_get_max_threads");
    *(void **)&omp_thread = dlsym(library, "omp_get_thread_num");
    *(void **)&omp_threads = dlsym(library, "omp_get_num_threads");
    *(void **)&omp_parallel = dlsym(library, "GOMP_parallel");
    if (!omp_set || !omp_get_max || !omp_thread || !omp_threads)
        omp_parallel = NULL;
    static int watching;
    if (!watching)
        watching = pthread_atfork(NULL, NULL, note_fork) == 0;
    return watching ? NULL : problem("forks cannot be watched", NULL);
}

const char *c2_openmp(void)
{
    Dl_info info;
    return omp_parallel && dladdr((void *)(intptr_t)omp_parallel, &info) ? info.dli_fname : NULL;
}

/* -- threads */

typedef struct {
    c2_part part;
    const void *context;
    void *const *buffers;
    ptrdiff_t count;
} shared_loop;

static void loop_body(void *data)
{
    const shared_loop *loop = data;
    ptrdiff_t threads = omp_threads(), thread = omp_thread();
    ptrdiff_t first = loop->count * thread / threads, last = loop->count * (thread + 1) / threads;
    if (first < last)
        loop->part(loop->context, loop->buffers, first, last, (int)thread);
}

void c2_parallel(c2_part part, const void *context, void *const *buffers, ptrdiff_t count, ptrdiff_t grain, int threads)
{
    ptrdiff_t useful = count / (grain > 0 ? grain : 1);
    if (useful < threads)
        threads = (int)useful;
    if (threads <= 1 || !omp_parallel || forked) {
        part(context, buffers, 0, count, 0);
        return;
    }
    shared_loop loop = {part, context, buffers, count};
    omp_parallel(loop_body, &loop, (unsigned)threads, 0);
}

/* -- primitives */

static int run_primitive(c2_primitive *p, void *const *buffers)
{
    exec_arg args[C2_MOST_ARGUMENTS];
    for (int k = 0; k < p->count; ++k) {
        c2_argument *a = &p->arguments[k];
        if (a->buffer >= 0 && a->handle != buffers[a->buffer]) {
            int code = set_handle(a->memory, buffers[a->buffer]);
            if (code)
                return code;
            a->handle = buffers[a->buffer];
        }
        args[k].arg = a->arg;
        args[k].memory = a->memory;
    }
    int before = omp_set && omp_get_max ? omp_get_max() : p->threads;
    if (before != p->threads)
        omp_set(p->threads);
    int code = execute(p->primitive, p->stream, p->count, args);
    if (before != p->threads)
        omp_set(before);
    return code;
}

typedef struct { c2_primitive *primitive; void *const *buffers; int code; } primitive_run;

enum { OUT_OF_MEMORY = 1 }; /* oneDNN's code */

static void *run_elsewhere(void *data)
{
    primitive_run *run = data;
    run->code = run_primitive(run->primitive, run->buffers);
    return NULL;
}

/* A primitive starts as many threads as it was made for, so a thread that was forked leaves it to one with its own team. */
int c2_run_primitive(void *context, void *const *buffers)
{
    primitive_run run = {context, buffers, 0};
    pthread_t other;
    if (!forked || run.primitive->threads <= 1)
        return run_primitive(context, buffers);
    if (pthread_create(&other, NULL, run_elsewhere, &run))
        return OUT_OF_MEMORY;
    pthread_join(other, NULL);
    return run.code;
}

int c2_run_chain(void *context, void *const *buffers)
{
    const c2_chain *chain = context;
    for (int s = 0; s < chain->count; ++s) {
        const c2_step *step = &chain->steps[s];
        void *own[C2_MOST_BUFFERS];
        for (int k = 0; k < step->count; ++k)
            own[k] = (char *)buffers[step->buffers[k]] + step->offsets[k];
        int code = ((int (*)(void *, void *const *))(intptr_t)step->function)(step->context, own);
        if (code)
            return code;
    }
    return 0;
}

/* Sets the number of threads of the calling thread while primitives are made; gives the number before. */
int c2_set_threads(int threads)
{
    int before = omp_set && omp_get_max ? omp_get_max() : threads;
    if (omp_set)
        omp_set(threads);
    return before;
}
