/* The most floating-point operations that a core does: fused multiply-adds in as many chains as hide their latency. */
#ifdef __AVX512F__
typedef float vector __attribute__((vector_size(64)));
#else
typedef float vector __attribute__((vector_size(32)));
#endif
#define CHAINS 12
#define LANES (sizeof(vector) / sizeof(float))

/* Does `rounds` rounds and gives how many operations that were; the sum of all lanes goes to `out`. */
double c2_peak(long rounds, float *out) {
  vector chain[CHAINS], factor = {0}, term = {0};
  factor += 0.999f;
  term += 0.001f;
  for (int k = 0; k < CHAINS; k++) chain[k] = term * (float)k;
  for (long r = 0; r < rounds; r++)
    for (int k = 0; k < CHAINS; k++) chain[k] = chain[k] * factor + term;
  *out = 0;
  for (int k = 0; k < CHAINS; k++)
    for (unsigned lane = 0; lane < LANES; lane++) *out += chain[k][lane];
  return 2.0 * CHAINS * LANES * rounds;
}
