#include "weight-store.h"

#include <atomic>
#include <cmath>
#include <cstring>
#include <mutex>
#include <vector>

#include "memory.h"
#include "scratch-numbers.h"

namespace subtext {
namespace {

struct Store {
  std::mutex lock;
  std::vector<std::unique_ptr<StoredWeight>> weights;
  std::vector<int32_t> free;
  int64_t bytes = 0;
};
Store& store() {
  // Never destroyed: worker threads may still compute as the process ends.
  static Store* const all = new Store;
  return *all;
}

StoredWeight* changeable(int32_t number) {
  Store& all = store();
  const std::lock_guard<std::mutex> held(all.lock);
  return number >= 0 && static_cast<size_t>(number) < all.weights.size() ? all.weights[static_cast<size_t>(number)].get() : nullptr;
}

uint16_t roundToBfloat16(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  // A not-a-number stays one.
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<uint16_t>(bits >> 16 | 0x40u);
  return static_cast<uint16_t>((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

/** The largest magnitude; infinite where one is not finite. By their bits, which lie in the order of magnitudes, not-a-numbers last. */
float largest(const float* values, int64_t count) {
  int32_t most = 0;
  for (int64_t index = 0; index < count; index++) {
    int32_t bits;
    memcpy(&bits, values + index, sizeof bits);
    bits &= 0x7fffffff;
    most = bits > most ? bits : most;
  }
  if (most >= 0x7f800000) return INFINITY;
  float magnitude;
  memcpy(&magnitude, &most, sizeof magnitude);
  return magnitude;
}

bool roundToInt8(const float* values, int64_t columns, int8_t* numbers, float* scale) {
  const float most = largest(values, columns);
  if (most == INFINITY) return false;
  *scale = most / 127.f;
  // A magnitude so small that its share of it is none in float32.
  const float inverse = *scale > 0 && 1.f / *scale < INFINITY ? 1.f / *scale : 0.f;
  for (int64_t column = 0; column < columns; column++) {
    // Adding 1.5·2²³ rounds to a whole number.
    const float rounded = (values[column] * inverse + 12582912.f) - 12582912.f;
    numbers[column] = static_cast<int8_t>(static_cast<int32_t>(rounded < -127.f ? -127.f : rounded > 127.f ? 127.f : rounded));
  }
  return true;
}

/** The places in `kNormalFloat4` that lie nearest, the lower of two as near: how many of the middles between them lie below. */
void nearestPlaces(const float* values, int32_t* places) {
  for (int64_t index = 0; index < kBlock; index++) places[index] = 0;
  for (int place = 1; place < 16; place++) {
    const float middle = (kNormalFloat4[place - 1] + kNormalFloat4[place]) / 2;
    for (int64_t index = 0; index < kBlock; index++) places[index] += values[index] > middle ? 1 : 0;
  }
}

bool roundToNormalFloat4(const float* values, int64_t columns, uint8_t* numbers, float* scales) {
  for (int64_t block = 0; block < blocksOfRow(columns); block++, values += kBlock, numbers += kBlock / 2) {
    const int64_t count = columns - block * kBlock < kBlock ? columns - block * kBlock : kBlock;
    const float most = largest(values, count);
    if (most == INFINITY) return false;
    scales[block] = most;
    const float inverse = most > 0 && 1.f / most < INFINITY ? 1.f / most : 0.f;
    float shares[kBlock];
    int32_t places[kBlock];
    for (int64_t index = 0; index < kBlock; index++) shares[index] = index < count ? values[index] * inverse : 0.f;
    nearestPlaces(shares, places);
    for (int64_t run = 0; run < kBlock; run += kRun) {
      for (int64_t index = 0; index < kRun / 2; index++) numbers[run / 2 + index] = static_cast<uint8_t>(places[run + index] | places[run + kRun / 2 + index] << 4);
    }
  }
  return true;
}

/** One row of float32 numbers; false where one is not finite and the type has no place for it. */
bool fillRow(StoredWeight& weight, int64_t row, const float* values) {
  uint8_t* numbers = weight.numbers.get() + row * bytesOfRow(weight.type, weight.columns);
  float* scales = weight.scales.get() + row * scalesOfRow(weight.type, weight.columns);
  switch (weight.type) {
    case kInt8Weight: return roundToInt8(values, weight.columns, reinterpret_cast<int8_t*>(numbers), scales);
    case kNormalFloat4Weight: return roundToNormalFloat4(values, weight.columns, numbers, scales);
    case kBfloat16Weight:
      for (int64_t column = 0; column < weight.columns; column++) reinterpret_cast<uint16_t*>(numbers)[column] = roundToBfloat16(values[column]);
      return true;
    default: memcpy(numbers, values, static_cast<size_t>(4 * weight.columns)); return true;
  }
}

bool hasRows(const StoredWeight* weight, int64_t from, int64_t count) { return weight && from >= 0 && count >= 0 && count <= weight->rows && from <= weight->rows - count; }

}  // namespace

int64_t StoredWeight::bytes() const { return rows * (bytesOfRow(type, columns) + 4 * scalesOfRow(type, columns)); }

int32_t makeWeight(int type, int64_t rows, int64_t columns) {
  constexpr int64_t most = int64_t{1} << 40;
  if (type < kFloat32Weight || type > kNormalFloat4Weight || rows < 0 || columns < 0 || (columns > 0 && rows > most / columns)) return kNoSuchRows;
  const WeightType known = static_cast<WeightType>(type);
  const size_t bytes = static_cast<size_t>(rows * bytesOfRow(known, columns)), scales = static_cast<size_t>(rows * scalesOfRow(known, columns)) * sizeof(float);
  // One byte for weights without any.
  auto numbers = std::unique_ptr<uint8_t[], void (*)(void*)>(static_cast<uint8_t*>(allocateAligned(bytes > 0 ? bytes : 1)), freeAligned);
  auto scale = std::unique_ptr<float[], void (*)(void*)>(static_cast<float*>(allocateAligned(scales > 0 ? scales : 1)), freeAligned);
  if (!numbers || !scale) return kNoMemory;
  useLargePages(numbers.get(), bytes);
  std::unique_ptr<StoredWeight> made(new StoredWeight{known, rows, columns, std::move(numbers), std::move(scale)});
  Store& all = store();
  const std::lock_guard<std::mutex> held(all.lock);
  all.bytes += made->bytes();
  if (all.free.empty()) {
    all.weights.push_back(std::move(made));
    return static_cast<int32_t>(all.weights.size() - 1);
  }
  const int32_t number = all.free.back();
  all.free.pop_back();
  all.weights[static_cast<size_t>(number)] = std::move(made);
  return number;
}

const StoredWeight* findWeight(int32_t number) { return changeable(number); }

void freeWeight(int32_t number) {
  std::unique_ptr<StoredWeight> freed;
  Store& all = store();
  const std::lock_guard<std::mutex> held(all.lock);
  if (number < 0 || static_cast<size_t>(number) >= all.weights.size() || !all.weights[static_cast<size_t>(number)]) return;
  freed = std::move(all.weights[static_cast<size_t>(number)]);
  all.bytes -= freed->bytes();
  all.free.push_back(number);
}

int64_t storedBytes() {
  Store& all = store();
  const std::lock_guard<std::mutex> held(all.lock);
  return all.bytes;
}

int fillWeight(const Threads& threads, int32_t number, int64_t from, int64_t count, const float* values) {
  StoredWeight* const weight = changeable(number);
  if (!hasRows(weight, from, count) || weight->type == kFloat16Weight) return kNoSuchRows;
  struct Filling {
    StoredWeight& weight;
    int64_t from;
    const float* values;
    std::atomic<bool> finite{true};
  } filling{*weight, from, values};
  threads.run(count, [](void* context, int64_t row) {
    Filling& shared = *static_cast<Filling*>(context);
    if (!fillRow(shared.weight, shared.from + row, shared.values + row * shared.weight.columns)) shared.finite.store(false, std::memory_order_relaxed);
  }, &filling);
  return filling.finite.load() ? 0 : kNotFinite;
}

int fillWeightFromFile(const Threads& threads, int32_t number, int64_t from, int64_t count, int descriptor, int64_t position, int stored) {
  StoredWeight* const weight = changeable(number);
  if (!hasRows(weight, from, count) || stored < kFloat32 || stored > kFloat16) return kNoSuchRows;
  if (static_cast<int>(weight->type) == stored) return readBytes(threads, descriptor, position, count * bytesOfRow(weight->type, weight->columns), weight->numbers.get() + from * bytesOfRow(weight->type, weight->columns));
  if (weight->type == kFloat16Weight) return kNoSuchRows;
  // Some 16 MB at a time.
  const int64_t atOnce = weight->columns > 0 ? ((1 << 22) + weight->columns - 1) / weight->columns : count;
  const Numbers wide = allocateNumbers((atOnce < count ? atOnce : count) * weight->columns);
  if (!wide) return kNoMemory;
  for (int64_t done = 0; done < count; done += atOnce) {
    const int64_t rows = count - done < atOnce ? count - done : atOnce;
    const int problem = readWeights(threads, descriptor, position + done * weight->columns * (stored == kFloat32 ? 4 : 2), stored, rows * weight->columns, wide.get());
    const int rounding = problem != 0 ? problem : fillWeight(threads, number, from + done, rows, wide.get());
    if (rounding != 0) return rounding;
  }
  return 0;
}

}  // namespace subtext
