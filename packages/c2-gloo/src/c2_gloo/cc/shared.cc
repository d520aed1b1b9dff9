#include <algorithm>
#include <cstring>
#include <memory>
#include <numeric>
#include <vector>

#include "meeting.h"
#include "numbers.h"
#include "stream.h"

extern "C" {
#include "shared.h"
}

namespace {

/* More than two ranks add up so many bytes each for itself, which moves more and takes fewer steps. */
constexpr size_t FEW = 16 << 10;
/* Runs work(end) when no other thread is in a collective of these ranks. */
template <typename Work> int in_turn(c2_shared *shared, int milliseconds, const Work &work)
{
    return guarded([&] {
        const Clock::time_point end = Clock::now() + std::chrono::milliseconds(milliseconds);
        std::lock_guard<std::mutex> turn(shared->one);
        work(end);
    });
}

/* Numbers in a part for each rank, and the parts in pieces, of which each step takes one from every part. */
struct Parts {
    std::vector<size_t> starts;
    size_t piece;

    Parts(const std::vector<size_t> &counts, size_t piece) : starts(counts.size() + 1), piece(piece)
    {
        std::partial_sum(counts.begin(), counts.end(), starts.begin() + 1);
    }

    size_t pieces() const
    {
        size_t longest = 0;
        for (size_t k = 0; k + 1 < starts.size(); ++k)
            longest = std::max(longest, starts[k + 1] - starts[k]);
        return (longest + piece - 1) / piece;
    }

    size_t start(int part, size_t k) const
    {
        return std::min(starts[size_t(part)] + k * piece, starts[size_t(part) + 1]);
    }

    size_t count(int part, size_t k) const { return start(part, k + 1) - start(part, k); }
};

std::vector<size_t> even(size_t count, int size)
{
    std::vector<size_t> counts;
    for (size_t rank = 0, n = size_t(size); rank < n; ++rank)
        counts.push_back(count * (rank + 1) / n - count * rank / n);
    return counts;
}

/* A slot holds a piece for each rank, and the sum of the piece that its own rank adds up. */
template <typename T> class Exchange {
  public:
    Exchange(c2_shared *shared, T *x, const std::vector<size_t> &counts, Reduce operation)
        : shared_(shared), x_(x), most_(shared->room / (size_t(shared->size) + 1) / 64 * 64 / sizeof(T)),
          parts_(counts, most_), operation_(operation)
    {
    }

    size_t pieces() const { return parts_.pieces(); }

    /* Gives each other rank a piece of its part. */
    void give(size_t k)
    {
        for (int to = 0; to < shared_->size; ++to)
            if (to != shared_->rank)
                stream(at(shared_->own_slot(), to), x_ + parts_.start(to, k), parts_.count(to, k) * sizeof(T));
    }

    /* Adds up a piece of the own part, which comes into the own slot if all want it, and to `y` unless that is null. */
    void sum(size_t k, bool all, T *y)
    {
        const int own = shared_->rank;
        std::vector<const T *> terms;
        for (int from = 0; from < shared_->size; ++from)
            terms.push_back(from == own ? x_ + parts_.start(own, k) : at(shared_->read(from), own));
        T *slot = at(shared_->own_slot(), shared_->size);
        add_up(terms, parts_.count(own, k), operation_, [&](const T *sums, size_t first, size_t count) {
            if (all)
                stream(slot + first, sums, count * sizeof(T));
            if (y)
                copy(sums, y + k * most_ + first, count);
        });
    }

    /* Takes the others' sums. */
    void take(size_t k)
    {
        for (int from = 0; from < shared_->size; ++from)
            if (from != shared_->rank)
                copy(at(shared_->read(from), shared_->size), x_ + parts_.start(from, k), parts_.count(from, k));
    }

    T *own_part() { return x_ + parts_.start(shared_->rank, 0); }

  private:
    template <typename Slot> auto at(Slot *slot, int piece)
    {
        using To = std::conditional_t<std::is_const_v<Slot>, const T, T>;
        return reinterpret_cast<To *>(slot) + size_t(piece) * most_;
    }

    static void copy(const T *from, T *to, size_t count) { std::memcpy(to, from, count * sizeof(T)); }

    c2_shared *shared_;
    T *x_;
    size_t most_;
    Parts parts_;
    Reduce operation_;
};

/* The sum of all x becomes the x of the root, or of all ranks where that is -1. */
template <typename T>
void reduce(c2_shared *shared, T *x, size_t count, Reduce operation, int root, uint32_t tag, Clock::time_point end)
{
    Exchange<T> exchange(shared, x, even(count, shared->size), operation);
    const bool wanted = root < 0 || root == shared->rank;
    const size_t pieces = exchange.pieces();
    for (size_t k = 0; k < pieces + 2; ++k) {
        shared->begin(tag, k == 0, end);
        if (k < pieces)
            exchange.give(k);
        if (k >= 1 && k <= pieces)
            exchange.sum(k - 1, true, wanted ? exchange.own_part() : nullptr);
        if (k >= 2 && wanted)
            exchange.take(k - 2);
        shared->done();
    }
}

/* Takes `bytes` in pieces that fill a slot: give(start, count) in one step, take(start, count) in the next. */
template <typename Give, typename Take>
void in_pieces(c2_shared *shared, size_t bytes, uint32_t tag, Clock::time_point end, const Give &give, const Take &take)
{
    const size_t pieces = (bytes + shared->room - 1) / shared->room;
    const auto count = [&](size_t k) { return std::min(shared->room, bytes - k * shared->room); };
    for (size_t k = 0; k < pieces + 1; ++k) {
        shared->begin(tag, k == 0, end);
        if (k < pieces)
            give(k * shared->room, count(k));
        if (k >= 1)
            take((k - 1) * shared->room, count(k - 1));
        shared->done();
    }
}

/* Every rank adds up all of it. */
template <typename T>
void add_all(c2_shared *shared, T *x, size_t count, Reduce operation, uint32_t tag, Clock::time_point end)
{
    char *own = reinterpret_cast<char *>(x);
    const auto give = [&](size_t start, size_t bytes) { stream(shared->own_slot(), own + start, bytes); };
    const auto take = [&](size_t start, size_t bytes) {
        T *here = reinterpret_cast<T *>(own + start);
        std::vector<const T *> terms;
        for (int from = 0; from < shared->size; ++from)
            terms.push_back(from == shared->rank ? here : reinterpret_cast<const T *>(shared->read(from)));
        add_up(terms, bytes / sizeof(T), operation,
               [&](const T *sums, size_t first, size_t n) { std::copy(sums, sums + n, here + first); });
    };
    in_pieces(shared, count * sizeof(T), tag, end, give, take);
}

} // namespace

extern "C" {

int c2_shared_open(const char *name, int rank, int size, size_t room, c2_shared **made)
{
    return guarded([&] { *made = new c2_shared(name, rank, size, room); });
}

void c2_shared_forget(const char *name) { c2_shared::forget(name); }

void c2_shared_close(c2_shared *shared) { delete shared; }

int c2_shared_allreduce(c2_shared *shared, void *x, size_t count, int numbers, int operation, uint32_t tag, int ms)
{
    return in_turn(shared, ms, [&](Clock::time_point end) {
        with_type(numbers, [&](auto *type) {
            using T = std::remove_pointer_t<decltype(type)>;
            T *own = static_cast<T *>(x);
            if (shared->size == 2 || count * sizeof(T) <= FEW)
                add_all(shared, own, count, operation_of<T>(operation), tag, end);
            else
                reduce(shared, own, count, operation_of<T>(operation), -1, tag, end);
        });
    });
}

int c2_shared_reduce(c2_shared *shared, void *x, size_t count, int numbers, int operation, int root, uint32_t tag,
                     int ms)
{
    return in_turn(shared, ms, [&](Clock::time_point end) {
        with_type(numbers, [&](auto *type) {
            using T = std::remove_pointer_t<decltype(type)>;
            reduce(shared, static_cast<T *>(x), count, operation_of<T>(operation), root, tag, end);
        });
    });
}

int c2_shared_reduce_scatter(c2_shared *shared, void *x, const int *counts, void *y, int numbers, int operation,
                             uint32_t tag, int ms)
{
    return in_turn(shared, ms, [&](Clock::time_point end) {
        with_type(numbers, [&](auto *type) {
            using T = std::remove_pointer_t<decltype(type)>;
            const std::vector<size_t> parts(counts, counts + shared->size);
            Exchange<T> exchange(shared, static_cast<T *>(x), parts, operation_of<T>(operation));
            const size_t pieces = exchange.pieces();
            for (size_t k = 0; k < pieces + 1; ++k) {
                shared->begin(tag, k == 0, end);
                if (k < pieces)
                    exchange.give(k);
                if (k >= 1)
                    exchange.sum(k - 1, false, static_cast<T *>(y));
                shared->done();
            }
        });
    });
}

int c2_shared_allgather(c2_shared *shared, void *x, void *y, size_t bytes, uint32_t tag, int ms)
{
    char *to = static_cast<char *>(y);
    const auto give = [&](size_t start, size_t count) {
        stream(shared->own_slot(), static_cast<char *>(x) + start, count);
        std::memcpy(to + size_t(shared->rank) * bytes + start, static_cast<char *>(x) + start, count);
    };
    const auto take = [&](size_t start, size_t count) {
        for (int from = 0; from < shared->size; ++from)
            if (from != shared->rank)
                std::memcpy(to + size_t(from) * bytes + start, shared->read(from), count);
    };
    return in_turn(shared, ms, [&](Clock::time_point end) { in_pieces(shared, bytes, tag, end, give, take); });
}

int c2_shared_broadcast(c2_shared *shared, void *x, size_t bytes, int root, uint32_t tag, int ms)
{
    char *own = static_cast<char *>(x);
    const auto give = [&](size_t start, size_t count) {
        if (shared->rank == root)
            stream(shared->own_slot(), own + start, count);
    };
    const auto take = [&](size_t start, size_t count) {
        if (shared->rank != root)
            std::memcpy(own + start, shared->read(root), count);
    };
    return in_turn(shared, ms, [&](Clock::time_point end) { in_pieces(shared, bytes, tag, end, give, take); });
}

int c2_shared_barrier(c2_shared *shared, uint32_t tag, int ms)
{
    return in_turn(shared, ms, [&](Clock::time_point end) {
        for (bool first : {true, false}) {
            shared->begin(tag, first, end);
            shared->done();
        }
    });
}

} // extern "C"
