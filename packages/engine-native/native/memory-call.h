// A call of an operation on tensors that lie in a block of memory: WebAssembly's.
#pragma once

#include "call.h"
#include "operations.h"
#include "weight-store.h"

namespace subtext {

/**
 * How a tensor is told: where it begins in the memory, in bytes; how many axes it has; their sizes. All are doubles, which
 * hold them exactly. One that begins at -1 lies in the numbers that come with the call: its settings. One that begins at
 * -2 - n is number n of the weights that lie outside of the memory, which only operations' weights may.
 */
constexpr int kPlaceNumbers = 8, kMostAxes = kPlaceNumbers - 2;

class MemoryCall final : public Call {
 public:
  MemoryCall(const Operation& operation, uint8_t* memory, int64_t bytes, const double* places, int inputs, int outputs, float* settings, int settingCount, char* message, int messageBytes)
      : operation_(operation), memory_(memory), bytes_(bytes), places_(places), inputs_(inputs), outputs_(outputs), settings_(settings), settingCount_(settingCount), message_(message), messageBytes_(messageBytes) {
    for (int tensor = 0; tensor < inputs + outputs && !failed_; tensor++) check(tensor);
  }

  int fault() const { return fault_; }

  int rank(int input) const override { return static_cast<int>(placeOf(input)[1]); }
  int64_t size(int input, int axis) const override { return static_cast<int64_t>(placeOf(input)[2 + axis]); }
  void* data(int input) const override { return at(input); }
  Weight weight(int input) const override {
    const StoredWeight* const stored = storedAt(input);
    return stored ? stored->weight() : Weight(numbers(input));
  }

 protected:
  // Made beforehand, since WebAssembly's allocation is called from its own side: here it is only found to be as large.
  float* makeOutput(int index, const int64_t* sizes, int rank) override {
    int64_t wanted = 1, made = 1;
    for (int axis = 0; axis < rank; axis++) wanted *= sizes[axis];
    if (index < outputs_) {
      const double* place = placeOf(inputs_ + index);
      for (int axis = 0; axis < static_cast<int>(place[1]); axis++) made *= static_cast<int64_t>(place[2 + axis]);
    }
    if (index >= outputs_ || made != wanted) {
      char text[96];
      snprintf(text, sizeof text, "output %d was made for %lld numbers, the operation gives %lld.", index, static_cast<long long>(made), static_cast<long long>(wanted));
      fail(kInvalid, text);
      return nullptr;
    }
    return static_cast<float*>(at(inputs_ + index));
  }

  void report(Fault fault, const char* message) override {
    fault_ = fault;
    snprintf(message_, static_cast<size_t>(messageBytes_), "%s", message);
  }

 private:
  const double* placeOf(int tensor) const { return places_ + tensor * kPlaceNumbers; }
  const StoredWeight* storedAt(int tensor) const { return placeOf(tensor)[0] < -1 ? findWeight(static_cast<int32_t>(-2 - placeOf(tensor)[0])) : nullptr; }
  void* at(int tensor) const {
    const double offset = placeOf(tensor)[0];
    return offset < 0 ? static_cast<void*>(settings_) : memory_ + static_cast<int64_t>(offset);
  }

  /** That a tensor lies in the memory, and where 4-byte numbers may. */
  void check(int tensor) {
    const double* place = placeOf(tensor);
    bool sound = place[1] >= 0 && place[1] <= kMostAxes;
    double size = 1;
    for (int axis = 0; sound && axis < static_cast<int>(place[1]); axis++) {
      sound = place[2 + axis] >= 0 && place[2 + axis] <= 4294967296.0;
      size *= place[2 + axis];
    }
    if (sound && place[0] < -1) {
      const StoredWeight* const stored = tensor < inputs_ && operation_.readsWeight(tensor) ? storedAt(tensor) : nullptr;
      sound = stored && place[1] == 2 && place[2] == static_cast<double>(stored->rows) && place[3] == static_cast<double>(stored->columns);
      if (sound) return;
    }
    sound = sound && (place[0] < 0 ? size <= settingCount_ : place[0] + 4 * size <= static_cast<double>(bytes_) && static_cast<int64_t>(place[0]) % 4 == 0);
    if (sound) return;
    char text[96];
    snprintf(text, sizeof text, "tensor %d lies outside of the memory, or has more than %d axes.", tensor, kMostAxes);
    fail(kInvalid, text);
  }

  const Operation& operation_;
  uint8_t* memory_;
  int64_t bytes_;
  const double* places_;
  int inputs_, outputs_;
  float* settings_;
  int settingCount_;
  char* message_;
  int messageBytes_;
  int fault_ = 0;
};

}  // namespace subtext
