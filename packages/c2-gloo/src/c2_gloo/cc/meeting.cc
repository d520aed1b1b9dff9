#include "meeting.h"
#include "stream.h"

#include <atomic>
#include <cerrno>
#include <climits>
#include <csignal>
#include <stdexcept>
#include <system_error>

#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What a rank tells the others, alone in its cache lines. */
struct alignas(128) Place {
    std::atomic<uint32_t> step;     /* how many it has done */
    std::atomic<uint32_t> sleepers; /* ranks that sleep until it has done the next */
    std::atomic<uint32_t> tags[2];  /* of the collective, by even and odd steps */
    std::atomic<uint32_t> failed;
    std::atomic<int32_t> process;
};

namespace {

constexpr int SPINS = 300; /* a few microseconds: what a rank takes that runs on another core */
constexpr auto AWAKE = std::chrono::microseconds(100); /* then asleep: waking takes tens of microseconds */
constexpr long NAP = 20 * 1000 * 1000; /* nanoseconds until a sleeping rank looks whether the others live */

size_t padded(size_t bytes) { return (bytes + 4095) / 4096 * 4096; }

void pause_a_moment()
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

/* Spinning helps where each rank has a core; where it has not, the one that is waited for needs this one. */
int spins_of(int size)
{
    cpu_set_t cores;
    return sched_getaffinity(0, sizeof cores, &cores) == 0 && CPU_COUNT(&cores) >= size ? SPINS : 0;
}

char *mapped(const char *name, bool make, size_t bytes)
{
    const int file = shm_open(name, make ? O_RDWR | O_CREAT | O_EXCL : O_RDWR, 0600);
    void *memory = MAP_FAILED;
    if (file >= 0 && !(make && (errno = posix_fallocate(file, 0, off_t(bytes))) != 0)) /* all of it is there, or none */
        memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    const int error = errno;
    if (file >= 0)
        close(file);
    if (memory == MAP_FAILED)
        throw std::system_error(error, std::generic_category(), std::string("shared memory ") + name);
    return static_cast<char *>(memory);
}

} // namespace

c2_shared::c2_shared(const char *name, int rank, int size, size_t room)
    : rank(rank), size(size), room(padded(room)), spins(spins_of(size)),
      bytes(padded(sizeof(Place) * size_t(size)) + 2 * size_t(size) * this->room),
      memory(mapped(name, rank == 0, bytes))
{
    place(rank)->process = getpid();
}

c2_shared::~c2_shared()
{
    place(rank)->failed = 1;
    munmap(memory, bytes);
}

void c2_shared::forget(const char *name) { shm_unlink(name); }

Place *c2_shared::place(int of) { return reinterpret_cast<Place *>(memory) + of; }

char *c2_shared::slot(int of, uint32_t step)
{
    return memory + padded(sizeof(Place) * size_t(size)) + (step % 2 * size_t(size) + size_t(of)) * room;
}

void c2_shared::begin(uint32_t tag, bool first, Clock::time_point end)
{
    for (int other = 0; other < size; ++other) {
        if (other == rank)
            continue;
        wait_for(other, end);
        if (!first && place(other)->tags[(step - 1) % 2].load(std::memory_order_relaxed) != tag)
            fail("rank " + std::to_string(other) + " is in another collective");
    }
    place(rank)->tags[step % 2].store(tag, std::memory_order_relaxed);
}

void c2_shared::done()
{
    Place *own = place(rank);
    stream_done();
    own->step.store(++step); /* before it looks for sleepers, as these count themselves before they look at the step */
    if (own->sleepers.load() > 0)
        syscall(SYS_futex, &own->step, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

void c2_shared::wait_for(int other, Clock::time_point end)
{
    Clock::time_point asleep{};
    for (int turn = 0;; ++turn) {
        const uint32_t now = place(other)->step.load(std::memory_order_acquire);
        if (int32_t(now - step) >= 0)
            return;
        if (turn < spins) {
            pause_a_moment();
        } else if (const auto time = Clock::now(); asleep == Clock::time_point{}) {
            asleep = time + AWAKE;
        } else if (time < asleep) {
            sched_yield();
        } else {
            look_after(other, end);
            sleep_until(other, now);
        }
    }
}

void c2_shared::look_after(int other, Clock::time_point end)
{
    if (place(other)->failed)
        fail("rank " + std::to_string(other) + " failed");
    if (kill(place(other)->process, 0) != 0 && errno == ESRCH)
        fail("rank " + std::to_string(other) + " ended");
    if (Clock::now() > end)
        fail("rank " + std::to_string(other) + " did not come in time");
}

void c2_shared::sleep_until(int other, uint32_t now)
{
    Place *its = place(other);
    const timespec time = {0, NAP};
    ++its->sleepers;
    syscall(SYS_futex, &its->step, FUTEX_WAIT, now, &time, nullptr, 0);
    --its->sleepers;
}

void c2_shared::fail(const std::string &why)
{
    place(rank)->failed = 1;
    throw std::runtime_error(why);
}
