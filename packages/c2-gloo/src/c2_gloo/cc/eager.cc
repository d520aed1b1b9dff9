#include "eager.h"

#include <cstring>
#include <stdexcept>
#include <string>

namespace {

/* Gloo's collectives use the numbers 1 to 8 there. */
constexpr uint64_t SLOT = uint64_t(0x42) << 56;

} // namespace

Eager::Eager(gloo::Context &context) : context_(context), in_(size_t(context.size))
{
    const auto make = [&](Box &box) {
        box.room.resize(sizeof(Header) + MOST);
        box.buffer = context_.createUnboundBuffer(box.room.data(), box.room.size());
    };
    make(out_);
    for (int from = 0; from < context_.size; ++from)
        if (from != context_.rank) {
            make(in_[size_t(from)]);
            next(from);
        }
}

void Eager::send(const void *x, size_t bytes, int to, uint32_t tag, Milliseconds timeout)
{
    const Header header = {tag, bytes};
    std::memcpy(out_.room.data(), &header, sizeof header);
    if (bytes)
        std::memcpy(out_.room.data() + sizeof header, x, bytes);
    int sent = 0;
    for (int other = 0; other < context_.size; ++other)
        if (other != context_.rank && (to < 0 || to == other)) {
            out_.buffer->send(other, SLOT, 0, sizeof header + bytes);
            ++sent;
        }
    for (; sent > 0; --sent)
        out_.buffer->waitSend(timeout);
}

const void *Eager::receive(int from, size_t bytes, uint32_t tag, Milliseconds timeout)
{
    Box &box = in_[size_t(from)];
    if (box.gone)
        std::rethrow_exception(box.gone);
    box.buffer->waitRecv(timeout);
    Header header;
    std::memcpy(&header, box.room.data(), sizeof header);
    if (header.tag != tag || header.bytes != bytes)
        throw std::runtime_error("rank " + std::to_string(from) + " is in another collective");
    return box.room.data() + sizeof header;
}

void Eager::next(int from)
{
    Box &box = in_[size_t(from)];
    try {
        box.buffer->recv(from, SLOT, 0, box.room.size());
    } catch (...) {
        box.gone = std::current_exception();
    }
}
