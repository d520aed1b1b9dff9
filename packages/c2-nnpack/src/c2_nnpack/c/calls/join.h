/* Parts of `count` inputs in turn become Y: of each of `outer` slices, bytes[k] of input k. The sizes go to the buffer behind
 * Y, where `told` says that there is one. Inputs that lie where they belong already are left there. */
typedef struct {
    ptrdiff_t outer, bytes[32];
    int32_t sizes[32];
    int count, told, threads;
} c2_join;
int c2_run_join(void *context, void *const *buffers);
