/* What gcc makes of OpenMP's pragmas, passed on to the libgomp that Python found. So this part is linked to none: it loads
 * where there is none, and a wheel carries no second one beside that of oneDNN. A loop runs in the calling thread alone
 * where there is no libgomp, and in a child process in the thread that forked: libgomp still takes the parent's team for
 * its own and would wait for it for ever. Other threads of the child start teams of their own. */
#include <stddef.h>

#include "calls/threads.h"

#if defined(_OPENMP) && defined(__GNUC__) && !defined(__clang__)
#include <pthread.h>

static void (*parallel)(void (*body)(void *), void *data, unsigned threads, unsigned flags);
static int (*thread_num)(void), (*num_threads)(void);
static __thread int forked;

static void note_fork(void) { forked = 1; }

void c2_use_openmp(void *GOMP_parallel, void *omp_get_thread_num, void *omp_get_num_threads)
{
    static int watching;
    if (!watching)
        watching = pthread_atfork(NULL, NULL, note_fork) == 0;
    *(void **)&thread_num = omp_get_thread_num;
    *(void **)&num_threads = omp_get_num_threads;
    *(void **)&parallel = watching ? GOMP_parallel : NULL;
}

void GOMP_parallel(void (*body)(void *), void *data, unsigned threads, unsigned flags)
{
    if (parallel && !forked)
        parallel(body, data, threads, flags);
    else
        body(data);
}

int omp_get_thread_num(void) { return parallel && !forked ? thread_num() : 0; }
int omp_get_num_threads(void) { return parallel && !forked ? num_threads() : 1; }

#else /* the compiler's own runtime is linked, or none */

void c2_use_openmp(void *GOMP_parallel, void *omp_get_thread_num, void *omp_get_num_threads)
{
    (void)GOMP_parallel, (void)omp_get_thread_num, (void)omp_get_num_threads;
}

#endif
