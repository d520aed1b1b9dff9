#include <algorithm>
#include <chrono>
#include <memory>
#include <numeric>
#include <vector>

#include <gloo/allgather.h>
#include <gloo/allreduce.h>
#include <gloo/barrier.h>
#include <gloo/broadcast.h>
#include <gloo/reduce.h>
#include <gloo/rendezvous/context.h>
#include <gloo/rendezvous/store.h>
#include <gloo/transport/tcp/device.h>

#include "numbers.h"

extern "C" {
#include "gloo.h"
}

using std::chrono::milliseconds;

struct c2_gloo {
    std::shared_ptr<gloo::rendezvous::Context> context;
};

thread_local std::string c2_failure;

namespace {

c2_gloo_set store_set;
c2_gloo_get store_get;

/* Above this many bytes the ring moves fewer, below it the other algorithm takes fewer steps. */
constexpr size_t RING_FROM = 64 << 10;
/* Gloo's collectives use the numbers 1 to 8 there. */
constexpr uint64_t POINT_TO_POINT = uint64_t(0x40) << 56, SCATTERED = uint64_t(0x41) << 56;

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
    return guarded([&] {
        with_type(numbers, [&](auto *type) {
            using T = std::remove_pointer_t<decltype(type)>;
            using Algorithm = gloo::AllreduceOptions::Algorithm;
            gloo::AllreduceOptions options(gloo->context);
            options.setOutput(static_cast<T *>(x), count);
            options.setReduceFunction(operation_of<T>(operation));
            options.setAlgorithm(count * sizeof(T) < RING_FROM ? Algorithm::BCUBE : Algorithm::RING);
            options.setTag(tag);
            options.setTimeout(milliseconds(ms));
            gloo::allreduce(options);
        });
    });
}

int c2_gloo_reduce(c2_gloo *gloo, void *x, size_t count, int numbers, int operation, int root, uint32_t tag, int ms)
{
    return guarded([&] {
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
    return guarded([&] {
        with_type(numbers, [&](auto *type) {
            using T = std::remove_pointer_t<decltype(type)>;
            reduce_scatter(*gloo->context, static_cast<T *>(x), counts, static_cast<T *>(y), operation_of<T>(operation),
                           tag, milliseconds(ms));
        });
    });
}

int c2_gloo_allgather(c2_gloo *gloo, void *x, void *y, size_t bytes, uint32_t tag, int ms)
{
    return guarded([&] {
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
    return guarded([&] {
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
    return guarded([&] {
        gloo::BarrierOptions options(gloo->context);
        options.setTag(tag);
        options.setTimeout(milliseconds(ms));
        gloo::barrier(options);
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
