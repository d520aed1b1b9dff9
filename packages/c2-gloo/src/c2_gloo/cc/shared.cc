#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <climits>
#include <csignal>
#include <cstring>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>

#include <fcntl.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "numbers.h"

extern "C" {
#include "shared.h"
}

using Clock = std::chrono::steady_clock;

namespace {

constexpr int SPINS = 2000, YIELDS = 20;
constexpr long NAP = 20 * 1000 * 1000; /* nanoseconds until a sleeping rank looks whether the others live */

/* What a rank tells the others, alone in its cache lines. */
struct alignas(128) Place {
    std::atomic<uint32_t> step;     /* how many meetings it has come to */
    std::atomic<uint32_t> sleepers; /* ranks that sleep until it comes to the next */
    std::atomic<uint32_t> tags[2];  /* of the collective it is in, and of the one before */
    std::atomic<uint32_t> failed;
    std::atomic<int32_t> process;
};

size_t padded(size_t bytes) { return (bytes + 4095) / 4096 * 4096; }

void pause_a_moment()
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

void nap(std::atomic<uint32_t> &word, uint32_t value)
{
    const timespec time = {0, NAP};
    syscall(SYS_futex, &word, FUTEX_WAIT, value, &time, nullptr, 0);
}

} // namespace

/* The places of all ranks; then, for even and odd pieces, a slot per rank and one for the result. */
struct c2_shared {
    int rank, size;
    size_t piece, bytes;
    char *memory;
    uint32_t step = 0, pieces = 0, collectives = 0;
    std::mutex one; /* collective at a time */

    Place *place(int of) { return reinterpret_cast<Place *>(memory) + of; }

    char *slot(uint32_t which, int of)
    {
        return memory + padded(sizeof(Place) * size_t(size)) + (which % 2 * size_t(size + 1) + size_t(of)) * piece;
    }

    char *result(uint32_t which) { return slot(which, size); }

    void fail(const std::string &why)
    {
        place(rank)->failed = 1;
        throw std::runtime_error(why);
    }

    /* Returns when all ranks have come. */
    void meet(Clock::time_point end)
    {
        Place *own = place(rank);
        own->step.store(++step, std::memory_order_release);
        if (own->sleepers.load() > 0)
            syscall(SYS_futex, &own->step, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
        for (int other = 0; other < size; ++other)
            if (other != rank)
                wait_for(other, end);
    }

    void wait_for(int other, Clock::time_point end)
    {
        Place *its = place(other);
        for (int turn = 0;; ++turn) {
            const uint32_t now = its->step.load(std::memory_order_acquire);
            if (int32_t(now - step) >= 0)
                return;
            if (turn < SPINS)
                pause_a_moment();
            else if (turn < SPINS + YIELDS)
                std::this_thread::yield();
            else
                sleep_until(other, now, end);
        }
    }

    void sleep_until(int other, uint32_t now, Clock::time_point end)
    {
        Place *its = place(other);
        if (its->failed)
            fail("rank " + std::to_string(other) + " failed");
        if (kill(its->process, 0) != 0 && errno == ESRCH)
            fail("rank " + std::to_string(other) + " ended");
        if (Clock::now() > end)
            fail("rank " + std::to_string(other) + " did not come in time");
        ++its->sleepers;
        nap(its->step, now);
        --its->sleepers;
    }

    /* The first meeting of a collective: all ranks must be in the same one. */
    void begin(uint32_t tag, Clock::time_point end)
    {
        const uint32_t which = ++collectives % 2;
        place(rank)->tags[which].store(tag, std::memory_order_relaxed);
        meet(end);
        for (int other = 0; other < size; ++other)
            if (place(other)->tags[which].load(std::memory_order_relaxed) != tag)
                fail("rank " + std::to_string(other) + " is in another collective");
    }
};

namespace {

/* Runs work(end) when no other thread is in a collective of these ranks. */
template <typename Work> int in_turn(c2_shared *shared, int milliseconds, const Work &work)
{
    return guarded([&] {
        const Clock::time_point end = Clock::now() + std::chrono::milliseconds(milliseconds);
        std::lock_guard<std::mutex> turn(shared->one);
        work(end);
    });
}

void *checked(void *memory)
{
    if (memory == MAP_FAILED)
        throw std::system_error(errno, std::generic_category(), "shared memory");
    return memory;
}

/* Each rank adds up one part of every piece for all. */
template <typename T>
void reduce(c2_shared *s, T *x, size_t count, Reduce operation, int root, uint32_t tag, Clock::time_point end)
{
    s->begin(tag, end);
    const size_t most = s->piece / sizeof(T);
    for (size_t start = 0; start < count; start += most, ++s->pieces) {
        const size_t here = std::min(most, count - start), first = here * size_t(s->rank) / size_t(s->size),
                     last = here * size_t(s->rank + 1) / size_t(s->size);
        T *own = reinterpret_cast<T *>(s->slot(s->pieces, s->rank)), *sum = reinterpret_cast<T *>(s->result(s->pieces));
        std::copy(x + start, x + start + first, own);
        std::copy(x + start + last, x + start + here, own + last);
        s->meet(end);
        const T *so_far = x + start + first;
        for (int other = 0; other < s->size; ++other)
            if (other != s->rank) {
                operation(sum + first, so_far, reinterpret_cast<T *>(s->slot(s->pieces, other)) + first, last - first);
                so_far = sum + first;
            }
        s->meet(end);
        if (root < 0 || root == s->rank)
            std::copy(sum, sum + here, x + start);
    }
}

} // namespace

extern "C" {

int c2_shared_open(const char *name, int rank, int size, size_t piece, c2_shared **made)
{
    return guarded([&] {
        auto shared = std::make_unique<c2_shared>();
        shared->rank = rank;
        shared->size = size;
        shared->piece = padded(piece);
        shared->bytes = padded(sizeof(Place) * size_t(size)) + 2 * size_t(size + 1) * shared->piece;
        const int file = shm_open(name, rank ? O_RDWR : O_RDWR | O_CREAT | O_EXCL, 0600);
        if (file < 0 || (rank == 0 && ftruncate(file, off_t(shared->bytes)) != 0))
            throw std::system_error(errno, std::generic_category(), std::string("shared memory ") + name);
        shared->memory = static_cast<char *>(
            checked(mmap(nullptr, shared->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0)));
        close(file);
        shared->place(rank)->process = getpid();
        *made = shared.release();
    });
}

void c2_shared_forget(const char *name) { shm_unlink(name); }

void c2_shared_close(c2_shared *shared)
{
    shared->place(shared->rank)->failed = 1;
    munmap(shared->memory, shared->bytes);
    delete shared;
}

int c2_shared_reduce(c2_shared *shared, void *x, size_t count, int numbers, int operation, int root, uint32_t tag, int ms)
{
    return in_turn(shared, ms, [&](Clock::time_point end) {
        with_type(numbers, [&](auto *type) {
            using T = std::remove_pointer_t<decltype(type)>;
            reduce(shared, static_cast<T *>(x), count, operation_of<T>(operation), root, tag, end);
        });
    });
}

int c2_shared_broadcast(c2_shared *shared, void *x, size_t bytes, int root, uint32_t tag, int ms)
{
    return in_turn(shared, ms, [&](Clock::time_point end) {
        shared->begin(tag, end);
        for (size_t start = 0; start < bytes; start += shared->piece, ++shared->pieces) {
            const size_t here = std::min(shared->piece, bytes - start);
            char *common = shared->result(shared->pieces), *own = static_cast<char *>(x) + start;
            if (shared->rank == root)
                std::memcpy(common, own, here);
            shared->meet(end);
            if (shared->rank != root)
                std::memcpy(own, common, here);
        }
    });
}

int c2_shared_allgather(c2_shared *shared, void *x, void *y, size_t bytes, uint32_t tag, int ms)
{
    return in_turn(shared, ms, [&](Clock::time_point end) {
        shared->begin(tag, end);
        for (size_t start = 0; start < bytes; start += shared->piece, ++shared->pieces) {
            const size_t here = std::min(shared->piece, bytes - start);
            std::memcpy(shared->slot(shared->pieces, shared->rank), static_cast<char *>(x) + start, here);
            shared->meet(end);
            for (int other = 0; other < shared->size; ++other)
                std::memcpy(static_cast<char *>(y) + size_t(other) * bytes + start, shared->slot(shared->pieces, other),
                            here);
        }
    });
}

int c2_shared_barrier(c2_shared *shared, uint32_t tag, int ms)
{
    return in_turn(shared, ms, [&](Clock::time_point end) { shared->begin(tag, end); });
}

} // extern "C"
