#include <algorithm>
#include <chrono>
#include <memory>
#include <mutex>
#include <numeric>
#include <vector>

#include <gloo/allgather.h>
#include <gloo/allreduce.h>
#include <gloo/broadcast.h>
#include <gloo/reduce.h>
#include <gloo/rendezvous/context.h>
#include <gloo/rendezvous/store.h>
#include <gloo/transport/tcp/device.h>

#include "eager.h"
#include "numbers.h"

extern "C" {
#include "gloo.h"
}

using std::chrono::milliseconds;

struct c2_gloo {
    std::shared_ptr<gloo::rendezvous::Context> context;
    Eager eager{*context};
    std::mutex one{}; /* collective at a time */

    int size() const { return context->size; }
    int rank() const { return context->rank; }
};

thread_local std::string c2_failure;

namespace {

c2_gloo_set store_set;
c2_gloo_get store_get;

/* Above this many bytes the ring moves fewer, below it the other algorithm takes fewer steps. */
constexpr size_t RING_FROM = 64 << 10;
/* Gloo's collectives use the numbers 1 to 8 there. */
constexpr uint64_t POINT_TO_POINT = uint64_t(0x40) << 56, SCATTERED = uint64_t(0x41) << 56;
/* Above this many bytes in all, what every rank sends to every other is no longer the quickest. */
constexpr size_t FEW = 64 << 10;

class Store : public gloo::rendezvous::Store {
  public:
    Store(void *store, milliseconds timeout) : store_(store), timeout_(timeout) {}

    void set(const std::string &key, const std::vector<char> &value) override
    {
        if (store_set(store_, key.c_str(), value.data(), value.size()))
            throw std::runtime_error("the store failed to set '" + key + "'");
    }

    std::vector<char> get(const std::string &key) override { return find(key, timeout_); }

    void wait(const std::vector<std::string> &keys) override { wait(keys, timeout_); }

    void wait(const std::vector<std::string> &keys, const milliseconds &timeout) override
    {
        for (const std::string &key : keys)
            find(key, timeout);
    }

  private:
    std::vector<char> find(const std::string &key, milliseconds timeout)
    {
        std::vector<char> value(1 << 20);
        ptrdiff_t size = store_get(store_, key.c_str(), value.data(), value.size(), int(timeout.count()));
        if (size < 0)
            throw std::runtime_error("the store has no '" + key + "'");
        value.resize(size_t(size));
        return value;
    }

    void *store_;
    milliseconds timeout_;
};

/* Whether every rank may send so much to every other. */
bool few(const c2_gloo &gloo, size_t bytes)
{
    return bytes <= Eager::MOST && bytes * size_t(gloo.size() - 1) <= FEW;
}

/* Every rank sends x to every other: got(what each sent, by ranks). */
template <typename T, typename Got>
void swap(c2_gloo &gloo, const T *x, size_t count, uint32_t tag, milliseconds timeout, const Got &got)
{
    gloo.eager.send(x, count * sizeof(T), -1, tag, timeout);
    std::vector<const T *> all;
    for (int from = 0; from < gloo.size(); ++from)
        all.push_back(from == gloo.rank()
                          ? x
                          : static_cast<const T *>(gloo.eager.receive(from, count * sizeof(T), tag, timeout)));
    got(all);
    for (int from = 0; from < gloo.size(); ++from)
        if (from != gloo.rank())
            gloo.eager.next(from);
}

/* Few numbers: every rank adds up all of them. */
template <typename T>
void add_few(c2_gloo &gloo, T *x, size_t count, Reduce operation, uint32_t tag, milliseconds timeout)
{
    swap(gloo, x, count, tag, timeout, [&](const std::vector<const T *> &all) {
        add_up(all, count, operation,
               [&](const T *sums, size_t first, size_t n) { std::copy(sums, sums + n, x + first); });
    });
}

template <typename T>
void add_many(c2_gloo &gloo, T *x, size_t count, Reduce operation, uint32_t tag, milliseconds timeout)
{
    using Algorithm = gloo::AllreduceOptions::Algorithm;
    gloo::AllreduceOptions options(gloo.context);
    options.setOutput(x, count);
    options.setReduceFunction(operation);
    options.setAlgorithm(count * sizeof(T) < RING_FROM ? Algorithm::BCUBE : Algorithm::RING);
    options.setTag(tag);
    options.setTimeout(timeout);
    gloo::allreduce(options);
}

/* Runs work() when no other thread is in a collective of these ranks. */
template <typename Work> int in_turn(c2_gloo *gloo, const Work &work)
{
    return guarded([&] {
        std::lock_guard<std::mutex> turn(gloo->one);
        work();
    });
}

/* Each rank's part goes round the ring once and is added to on its way; the order of sums is that of the ranks behind. */
template <typename T>
void reduce_scatter(gloo::Context &context, T *x, const int *counts, T *y, Reduce reduce, uint32_t tag,
                    milliseconds timeout)
{
    const int size = context.size, rank = context.rank, next = (rank + 1) % size, last = (rank + size - 1) % size;
    std::vector<size_t> starts(size_t(size) + 1);
    std::partial_sum(counts, counts + size, starts.begin() + 1);
    std::vector<T> received(size_t(*std::max_element(counts, counts + size)) + 1);
    for (int step = 1; step < size; ++step) {
        const int out = (rank + size - step) % size, in = (rank + 2 * size - step - 1) % size;
        auto sending = context.createUnboundBuffer(x + starts[size_t(out)], size_t(counts[out]) * sizeof(T));
        auto receiving = context.createUnboundBuffer(received.data(), size_t(counts[in]) * sizeof(T));
        const uint64_t slot = SCATTERED | uint64_t(tag) << 8 | uint64_t(step & 255);
        receiving->recv(last, slot);
        sending->send(next, slot);
        receiving->waitRecv(timeout);
        sending->waitSend(timeout);
        T *own = x + starts[size_t(in)];
        reduce(own, own, received.data(), size_t(counts[in]));
    }
    std::copy(x + starts[size_t(rank)], x + starts[size_t(rank) + 1], y);
}

} // namespace

extern "C" {

const char *c2_gloo_error(void) { return c2_failure.c_str(); }

void c2_gloo_store(c2_gloo_set set, c2_gloo_get get)
{
    store_set = set;
    store_get = get;
}

int c2_gloo_connect(int rank, int size, const char *interface, const char *host, int ms, void *store, c2_gloo **made)
{
    return guarded([&] {
        gloo::transport::tcp::attr attr;
        attr.iface = interface;
        attr.hostname = host;
        auto device = gloo::transport::tcp::CreateDevice(attr);
        auto context = std::make_shared<gloo::rendezvous::Context>(rank, size);
        context->setTimeout(milliseconds(ms));
        Store own(store, milliseconds(ms));
        context->connectFullMesh(own, device);
        *made = new c2_gloo{context};
    });
}

void c2_gloo_close(c2_gloo *gloo)
{
    guarded([&] { gloo->context->closeConnections(); });
    delete gloo;
}

int c2_gloo_allreduce(c2_gloo *gloo, void *x, size_t count, int numbers, int operation, uint32_t tag, int ms)
{
    return in_turn(gloo, [&] {
        with_type(numbers, [&](auto *type) {
            using T = std::remove_pointer_t<decltype(type)>;
            const auto add = few(*gloo, count * sizeof(T)) ? add_few<T> : add_many<T>;
            if (gloo->size() > 1 && count > 0)
                add(*gloo, static_cast<T *>(x), count, operation_of<T>(operation), tag, milliseconds(ms));
        });
    });
}

int c2_gloo_reduce(c2_gloo *gloo, void *x, size_t count, int numbers, int operation, int root, uint32_t tag, int ms)
{
    return in_turn(gloo, [&] {
        with_type(numbers, [&](auto *type) {
            using T = std::remove_pointer_t<decltype(type)>;
            std::vector<T> result(count);
            gloo::ReduceOptions options(gloo->context);
            options.setInput(static_cast<T *>(x), count);
            options.setOutput(result.data(), count);
            options.setReduceFunction(operation_of<T>(operation));
            options.setRoot(root);
            options.setTag(tag);
            options.setTimeout(milliseconds(ms));
            gloo::reduce(options);
            if (gloo->context->rank == root)
                std::copy(result.begin(), result.end(), static_cast<T *>(x));
        });
    });
}

int c2_gloo_reduce_scatter(c2_gloo *gloo, void *x, const int *counts, void *y, int numbers, int operation, uint32_t tag,
                           int ms)
{
    return in_turn(gloo, [&] {
        with_type(numbers, [&](auto *type) {
            using T = std::remove_pointer_t<decltype(type)>;
            reduce_scatter(*gloo->context, static_cast<T *>(x), counts, static_cast<T *>(y), operation_of<T>(operation),
                           tag, milliseconds(ms));
        });
    });
}

int c2_gloo_allgather(c2_gloo *gloo, void *x, void *y, size_t bytes, uint32_t tag, int ms)
{
    return in_turn(gloo, [&] {
        if (few(*gloo, bytes)) {
            swap(*gloo, static_cast<const char *>(x), bytes, tag, milliseconds(ms), [&](const auto &all) {
                for (size_t from = 0; from < all.size(); ++from)
                    std::copy(all[from], all[from] + bytes, static_cast<char *>(y) + from * bytes);
            });
            return;
        }
        gloo::AllgatherOptions options(gloo->context);
        options.setInput(static_cast<char *>(x), bytes);
        options.setOutput(static_cast<char *>(y), bytes * size_t(gloo->context->size));
        options.setTag(tag);
        options.setTimeout(milliseconds(ms));
        gloo::allgather(options);
    });
}

int c2_gloo_broadcast(c2_gloo *gloo, void *x, size_t bytes, int root, uint32_t tag, int ms)
{
    return in_turn(gloo, [&] {
        if (few(*gloo, bytes) && gloo->rank() == root)
            return gloo->eager.send(x, bytes, -1, tag, milliseconds(ms));
        if (few(*gloo, bytes)) {
            const auto *sent = static_cast<const char *>(gloo->eager.receive(root, bytes, tag, milliseconds(ms)));
            std::copy(sent, sent + bytes, static_cast<char *>(x));
            return gloo->eager.next(root);
        }
        gloo::BroadcastOptions options(gloo->context);
        options.setOutput(static_cast<char *>(x), bytes);
        options.setRoot(root);
        options.setTag(tag);
        options.setTimeout(milliseconds(ms));
        gloo::broadcast(options);
    });
}

int c2_gloo_barrier(c2_gloo *gloo, uint32_t tag, int ms)
{
    return in_turn(gloo, [&] {
        swap(*gloo, static_cast<const char *>(nullptr), 0, tag, milliseconds(ms), [](const auto &) {});
    });
}

int c2_gloo_send(c2_gloo *gloo, void *x, size_t bytes, int to, uint32_t tag, int ms)
{
    return guarded([&] {
        auto buffer = gloo->context->createUnboundBuffer(x, bytes);
        buffer->send(to, POINT_TO_POINT | tag);
        buffer->waitSend(milliseconds(ms));
    });
}

int c2_gloo_receive(c2_gloo *gloo, void *x, size_t bytes, int source, uint32_t tag, int ms, int *from)
{
    return guarded([&] {
        auto buffer = gloo->context->createUnboundBuffer(x, bytes);
        std::vector<int> ranks;
        for (int rank = 0; rank < gloo->context->size; ++rank)
            if (rank == source || (source < 0 && rank != gloo->context->rank))
                ranks.push_back(rank);
        buffer->recv(ranks, POINT_TO_POINT | tag);
        buffer->waitRecv(from, milliseconds(ms));
    });
}

} // extern "C"
