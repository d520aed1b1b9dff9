/* Threads from then on are those of a libgomp: the addresses of its functions of these names, or NULL for none. */
void c2_use_openmp(void *GOMP_parallel, void *omp_get_thread_num, void *omp_get_num_threads);
