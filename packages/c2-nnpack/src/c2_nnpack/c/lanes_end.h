/* Ends what lanes.h began. */
#undef V
#undef INLINE
#undef LANES
#undef REGISTERS
#undef NAME
