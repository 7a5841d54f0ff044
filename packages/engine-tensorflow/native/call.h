// A call of one of our operations by TensorFlow.
#pragma once

#include <cstdio>
#include <initializer_list>

#include "kernels.h"
#include "memory.h"
#include "tensorflow-api.h"

namespace subtext {

/** A call of an operation: its inputs, and outputs made as they are asked for. */
class Call {
 public:
  explicit Call(TF_OpKernelContext* context) : context_(context), status_(TF_NewStatus()), inputs_(TF_NumInputs(context)) {
    for (int index = 0; index < inputs_ && index < kMost; index++) {
      TF_GetInput(context_, index, &tensors_[index], status_);
      failed_ = failed_ || TF_GetCode(status_) != TF_OK;
    }
    if (failed_) TF_OpKernelContext_Failure(context_, status_);
  }
  ~Call() {
    for (int index = 0; index < inputs_ && index < kMost; index++) {
      if (tensors_[index]) TF_DeleteTensor(tensors_[index]);
    }
    TF_DeleteStatus(status_);
  }

  bool failed() const { return failed_; }
  int64_t size(int input, int axis) const { return TF_Dim(tensors_[input], axis); }
  int rank(int input) const { return TF_NumDims(tensors_[input]); }
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
  float* numbers(int input) const { return static_cast<float*>(TF_TensorData(tensors_[input])); }
  const int32_t* integers(int input) const { return static_cast<const int32_t*>(TF_TensorData(tensors_[input])); }
  float setting(int input, int index) const { return numbers(input)[index]; }

  float* output(int index, std::initializer_list<int64_t> sizes) { return makeOutput(index, sizes.begin(), static_cast<int>(sizes.size())); }
  float* outputLike(int index, int input) {
    int64_t sizes[8];
    const int axes = rank(input);
    for (int axis = 0; axis < axes && axis < 8; axis++) sizes[axis] = size(input, axis);
    return makeOutput(index, sizes, axes);
  }

  /** As an input, but for the last axis. */
  float* outputOfWidth(int index, int input, int64_t width) {
    int64_t sizes[8];
    const int axes = rank(input);
    for (int axis = 0; axis < axes && axis < 8; axis++) sizes[axis] = axis + 1 < axes ? size(input, axis) : width;
    return makeOutput(index, sizes, axes);
  }

  /** As an input with one axis more. */
  float* outputOfRows(int index, int input, int64_t width) {
    int64_t sizes[8];
    const int axes = rank(input);
    for (int axis = 0; axis < axes && axis < 7; axis++) sizes[axis] = size(input, axis);
    sizes[axes] = width;
    return makeOutput(index, sizes, axes + 1);
  }

  /** Whether `input` holds whole numbers from 0 to below `limit`, or `allowed`; ends the operation with an error where not. */
  bool checkRange(int input, int64_t limit, int32_t allowed, const char* what) {
    const int32_t* values = integers(input);
    const int64_t size = count(input);
    for (int64_t index = 0; index < size; index++) {
      if ((values[index] >= 0 && values[index] < limit) || values[index] == allowed) continue;
      char message[160];
      snprintf(message, sizeof message, "%s %d at place %lld lies outside 0 to %lld.", what, values[index], static_cast<long long>(index), static_cast<long long>(limit - 1));
      fail(TF_INVALID_ARGUMENT, message);
      return false;
    }
    return true;
  }

  /** Of the sizes that an input of integers lists. */
  float* outputOfSizes(int index, int input) {
    int64_t sizes[8];
    const int axes = static_cast<int>(count(input) < 8 ? count(input) : 8);
    for (int axis = 0; axis < axes; axis++) sizes[axis] = integers(input)[axis];
    return makeOutput(index, sizes, axes);
  }

  /** Ends the operation with an error unless the kernel had the memory that it needed. */
  void require(bool memory) {
    if (!memory && !failed_) fail(TF_RESOURCE_EXHAUSTED, "Out of memory for the intermediate values of a kernel.");
  }

 private:
  static constexpr int kMost = 40;

  float* makeOutput(int index, const int64_t* sizes, int rank) {
    if (failed_) return nullptr;
    size_t bytes = sizeof(float);
    for (int axis = 0; axis < rank; axis++) bytes *= static_cast<size_t>(sizes[axis]);
    TF_Tensor* tensor = TF_AllocateOutput(context_, index, TF_FLOAT, sizes, rank, bytes, status_);
    if (TF_GetCode(status_) != TF_OK || !tensor) {
      failed_ = true;
      TF_OpKernelContext_Failure(context_, status_);
      return nullptr;
    }
    float* values = static_cast<float*>(TF_TensorData(tensor));
    useLargePages(values, bytes);
    TF_DeleteTensor(tensor);
    return values;
  }

  void fail(int code, const char* message) {
    failed_ = true;
    TF_SetStatus(status_, code, message);
    TF_OpKernelContext_Failure(context_, status_);
  }

  TF_OpKernelContext* context_;
  TF_Status* status_;
  int inputs_;
  TF_Tensor* tensors_[kMost] = {nullptr};
  bool failed_ = false;
};

}  // namespace subtext
