/* Small messages between ranks over TCP, which arrive without being asked for. */
#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <vector>

#include <gloo/context.h>

/* Gloo sends when the receiver has told that it waits. Here each rank always waits for one message from every other, so
 * that a message needs one way and no question. It carries the tag of its collective. */
class Eager {
  public:
    using Milliseconds = std::chrono::milliseconds;
    static constexpr size_t MOST = 16 << 10; /* bytes of a message */

    explicit Eager(gloo::Context &context);

    /* Sends to a rank, or to all others where `to` is -1; returns when x may be written to. */
    void send(const void *x, size_t bytes, int to, uint32_t tag, Milliseconds timeout);
    /* What a rank sent, `bytes` of it; it stays there until next(from). */
    const void *receive(int from, size_t bytes, uint32_t tag, Milliseconds timeout);
    /* Waits for the next one. A rank may be gone after the last collective of all: only the next receive tells. */
    void next(int from);

  private:
    struct Header {
        uint64_t tag, bytes;
    };
    struct Box {
        std::vector<char> room;
        std::unique_ptr<gloo::transport::UnboundBuffer> buffer;
        std::exception_ptr gone; /* why no further message can come */
    };

    gloo::Context &context_;
    Box out_;
    std::vector<Box> in_;
};
