/* Floats in the widest vector this CPU computes with: 16 (AVX-512), 8 (AVX2 with FMA) or 4. */
int c2_lanes(void);
