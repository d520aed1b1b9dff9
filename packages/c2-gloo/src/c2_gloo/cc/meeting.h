/* Where ranks on one machine meet: memory that they share, and how many steps each has done. */
#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>

using Clock = std::chrono::steady_clock;

struct Place;

/* All ranks do the same steps. What a rank writes into its slot in one step, the others read in the next; a step begins
 * when all have done the one before, so that two slots, for even and odd steps, are enough. */
struct c2_shared {
    c2_shared(const char *name, int rank, int size, size_t room);
    ~c2_shared();
    static void forget(const char *name);
    c2_shared(const c2_shared &) = delete;
    c2_shared &operator=(const c2_shared &) = delete;

    /* Begins the next step, of the collective `tag`, when all have done the step before: in the same collective, unless
     * this is its first. */
    void begin(uint32_t tag, bool first, Clock::time_point end);
    void done();

    char *own_slot() { return slot(rank, step); }          /* to write */
    const char *read(int of) { return slot(of, step - 1); } /* what a rank wrote in the step before */

    const int rank, size;
    const size_t room; /* bytes of a slot */
    std::mutex one;    /* collective at a time */

  private:
    Place *place(int of);
    char *slot(int of, uint32_t step);
    void wait_for(int other, Clock::time_point end);
    void sleep_until(int other, uint32_t now);
    void look_after(int other, Clock::time_point end);
    [[noreturn]] void fail(const std::string &why);

    const int spins;
    const size_t bytes;
    uint32_t step = 0;
    char *memory;
};
