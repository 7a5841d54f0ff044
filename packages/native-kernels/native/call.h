// A call of an operation, however it came here: its inputs, and its outputs as they are asked for. Each engine has its own.
#pragma once

#include <cstdint>
#include <cstdio>
#include <initializer_list>

#include "kernels.h"

namespace subtext {

class Call {
 public:
  enum Fault { kInvalid = 1, kExhausted = 2 };

  virtual ~Call() = default;
  virtual int rank(int input) const = 0;
  virtual int64_t size(int input, int axis) const = 0;
  /** The input's memory, which operations in place change. */
  virtual void* data(int input) const = 0;

  bool failed() const { return failed_; }
  int64_t count(int input) const {
    int64_t product = 1;
    for (int axis = 0; axis < rank(input); axis++) product *= size(input, axis);
    return product;
  }
  int64_t width(int input) const { return size(input, rank(input) - 1); }
  /** Rows of a tensor of any rank whose last axis is `width`. */
  int64_t rows(int input) const {
    int64_t product = 1;
    for (int axis = 0; axis + 1 < rank(input); axis++) product *= size(input, axis);
    return product;
  }
  /** A weight, which may be stored in fewer bits; other inputs may not. */
  virtual Weight weight(int input) const { return numbers(input); }
  float* numbers(int input) const { return static_cast<float*>(data(input)); }
  const int32_t* integers(int input) const { return static_cast<const int32_t*>(data(input)); }
  float setting(int input, int index) const { return numbers(input)[index]; }

  /** Null, and the call has failed, where there is no memory for it. */
  float* output(int index, std::initializer_list<int64_t> sizes) { return outputOf(index, sizes.begin(), static_cast<int>(sizes.size())); }
  float* outputLike(int index, int input) {
    int64_t sizes[8];
    const int axes = rank(input);
    for (int axis = 0; axis < axes && axis < 8; axis++) sizes[axis] = size(input, axis);
    return outputOf(index, sizes, axes);
  }

  /** As an input, but for the last axis. */
  float* outputOfWidth(int index, int input, int64_t width) {
    int64_t sizes[8];
    const int axes = rank(input);
    for (int axis = 0; axis < axes && axis < 8; axis++) sizes[axis] = axis + 1 < axes ? size(input, axis) : width;
    return outputOf(index, sizes, axes);
  }

  /** As an input with one axis more. */
  float* outputOfRows(int index, int input, int64_t width) {
    int64_t sizes[8];
    const int axes = rank(input);
    for (int axis = 0; axis < axes && axis < 7; axis++) sizes[axis] = size(input, axis);
    sizes[axes] = width;
    return outputOf(index, sizes, axes + 1);
  }

  /** Of the sizes that an input of integers lists. */
  float* outputOfSizes(int index, int input) {
    int64_t sizes[8];
    const int axes = static_cast<int>(count(input) < 8 ? count(input) : 8);
    for (int axis = 0; axis < axes; axis++) sizes[axis] = integers(input)[axis];
    return outputOf(index, sizes, axes);
  }

  /** Whether `input` holds whole numbers from 0 to below `limit`, or `allowed`; ends the operation with an error where not. */
  bool checkRange(int input, int64_t limit, int32_t allowed, const char* what) {
    const int32_t* values = integers(input);
    const int64_t size = count(input);
    for (int64_t index = 0; index < size; index++) {
      if ((values[index] >= 0 && values[index] < limit) || values[index] == allowed) continue;
      char message[160];
      snprintf(message, sizeof message, "%s %d at place %lld lies outside 0 to %lld.", what, values[index], static_cast<long long>(index), static_cast<long long>(limit - 1));
      fail(kInvalid, message);
      return false;
    }
    return true;
  }

  /** Ends the operation with an error unless the kernel had the memory that it needed. */
  void require(bool memory) {
    if (!memory && !failed_) fail(kExhausted, "Out of memory for the intermediate values of a kernel.");
  }

 protected:
  /** Memory of an output; null where there is none, after `fail`. Not called once the call has failed. */
  virtual float* makeOutput(int index, const int64_t* sizes, int rank) = 0;
  /** Takes the message along; `failed` says so from here on. */
  virtual void report(Fault fault, const char* message) = 0;

  void fail(Fault fault, const char* message) {
    failed_ = true;
    report(fault, message);
  }

  bool failed_ = false;

 private:
  float* outputOf(int index, const int64_t* sizes, int rank) { return failed_ ? nullptr : makeOutput(index, sizes, rank); }
};

}  // namespace subtext
