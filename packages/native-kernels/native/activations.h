// Activations element by element, and their derivatives.
#pragma once

#include "vector.h"

namespace subtext {
namespace SUBTEXT_LEVEL {
namespace {

/** A function's value and derivative at `x`; one of the two is dropped by the compiler where it is not used. */
struct ValueAndDerivative {
  Vector value, derivative;
};

/** x·σ(u), with `derivative` x·u′: its derivative is σ(u) + x·u′·σ(u)·(1 − σ(u)). */
inline ValueAndDerivative throughSigmoid(Vector x, Vector inner, Vector derivative) {
  const Vector s = sigmoid(inner);
  return {x * s, s + derivative * s * (1.f - s)};
}

struct Identity {
  static ValueAndDerivative at(Vector x) { return {x, broadcast(1)}; }
};
struct Gelu {
  static ValueAndDerivative at(Vector x) {
    const Vector cumulative = 0.5f * (1.f + errorFunction(x * 0.70710678f));
    return {x * cumulative, cumulative + x * 0.39894228f * exponential(-0.5f * x * x)};
  }
};
struct GeluTanh {
  // (1 + tanh u) / 2 is σ(2u), u = √(2/π)·(x + 0.044715·x³).
  static ValueAndDerivative at(Vector x) {
    const Vector cubic = x * x * (2 * 0.79788456f * 0.044715f);
    return throughSigmoid(x, x * (cubic + 2 * 0.79788456f), x * (cubic * 3.f + 2 * 0.79788456f));
  }
};
struct QuickGelu {
  static ValueAndDerivative at(Vector x) { return throughSigmoid(x, x * 1.702f, x * 1.702f); }
};
struct Silu {
  static ValueAndDerivative at(Vector x) { return throughSigmoid(x, x, x); }
};
struct Relu {
  static ValueAndDerivative at(Vector x) { return {x > broadcast(0) ? x : (x == x ? broadcast(0) : x), x > broadcast(0) ? broadcast(1) : broadcast(0)}; }
};
struct Tanh {
  static ValueAndDerivative at(Vector x) {
    // Near 0 the quotient would cancel: there the series, within 1e-8.
    const Vector square = x * x;
    const Vector series = x * (1.f + square * (-0.33333333f + square * (0.13333333f - square * 0.053968254f)));
    const Vector quotient = 1.f - 2.f / (exponential(2.f * x) + 1.f);
    const Vector value = square < broadcast(0.01f) ? series : quotient;
    return {value, 1.f - value * value};
  }
};

/** Calls `body(activation)` with the type that the number names. */
template <typename Body>
inline void withActivation(int activation, Body body) {
  switch (activation) {
    case kGelu: return body(Gelu());
    case kGeluTanh: return body(GeluTanh());
    case kQuickGelu: return body(QuickGelu());
    case kSilu: return body(Silu());
    case kRelu: return body(Relu());
    case kTanh: return body(Tanh());
    default: return body(Identity());
  }
}

/** Calls `body(at, count)` for every vector of `size` numbers; `count` is below `kLanes` only in the last. */
template <typename Body>
inline void everyVector(const Threads& threads, int64_t size, int64_t steps, Body body) {
  constexpr int64_t part = 8192;
  inParallel(threads, ceilDiv(size, part), size * steps / 8, [&](int64_t index) {
    const int64_t end = minimum(size, (index + 1) * part);
    int64_t at = index * part;
    for (; at + kLanes <= end; at += kLanes) body(at, kLanes);
    if (at < end) body(at, end - at);
  });
}

void activate(const Threads& threads, int64_t size, int activation, const float* input, float* output) {
  withActivation(activation, [&](auto function) {
    everyVector(threads, size, 8, [&](int64_t at, int64_t count) { storeUpTo(output + at, function.at(loadUpTo(input + at, count)).value, count); });
  });
}

void activateBackward(const Threads& threads, int64_t size, int activation, const float* gradient, const float* preactivation, float* output) {
  withActivation(activation, [&](auto function) {
    everyVector(threads, size, 8, [&](int64_t at, int64_t count) { storeUpTo(output + at, loadUpTo(gradient + at, count) * function.at(loadUpTo(preactivation + at, count)).derivative, count); });
  });
}

void gated(const Threads& threads, int64_t size, int activation, const float* gate, const float* up, float* output) {
  withActivation(activation, [&](auto function) {
    everyVector(threads, size, 8, [&](int64_t at, int64_t count) { storeUpTo(output + at, function.at(loadUpTo(gate + at, count)).value * loadUpTo(up + at, count), count); });
  });
}

void gatedBackward(const Threads& threads, int64_t size, int activation, const float* gradient, const float* gate, const float* up, float* gateGradient, float* upGradient) {
  withActivation(activation, [&](auto function) {
    everyVector(threads, size, 10, [&](int64_t at, int64_t count) {
      const Vector upstream = loadUpTo(gradient + at, count);
      const ValueAndDerivative found = function.at(loadUpTo(gate + at, count));
      storeUpTo(gateGradient + at, upstream * loadUpTo(up + at, count) * found.derivative, count);
      storeUpTo(upGradient + at, upstream * found.value, count);
    });
  });
}

}  // namespace
}  // namespace SUBTEXT_LEVEL
}  // namespace subtext
