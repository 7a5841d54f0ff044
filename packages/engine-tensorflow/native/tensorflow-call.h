// A call of one of our operations by TensorFlow.
#pragma once

#include "call.h"
#include "memory.h"
#include "tensorflow-api.h"

namespace subtext {

class TensorflowCall final : public Call {
 public:
  explicit TensorflowCall(TF_OpKernelContext* context) : context_(context), status_(TF_NewStatus()), inputs_(TF_NumInputs(context)) {
    for (int index = 0; index < inputs_ && index < kMost; index++) {
      TF_GetInput(context_, index, &tensors_[index], status_);
      failed_ = failed_ || TF_GetCode(status_) != TF_OK;
    }
    if (failed_) TF_OpKernelContext_Failure(context_, status_);
  }
  ~TensorflowCall() override {
    for (int index = 0; index < inputs_ && index < kMost; index++) {
      if (tensors_[index]) TF_DeleteTensor(tensors_[index]);
    }
    TF_DeleteStatus(status_);
  }
  TensorflowCall(const TensorflowCall&) = delete;
  TensorflowCall& operator=(const TensorflowCall&) = delete;

  int rank(int input) const override { return TF_NumDims(tensors_[input]); }
  int64_t size(int input, int axis) const override { return TF_Dim(tensors_[input], axis); }
  void* data(int input) const override { return TF_TensorData(tensors_[input]); }

 protected:
  float* makeOutput(int index, const int64_t* sizes, int rank) override {
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

  void report(Fault fault, const char* message) override {
    TF_SetStatus(status_, fault == kInvalid ? TF_INVALID_ARGUMENT : TF_RESOURCE_EXHAUSTED, message);
    TF_OpKernelContext_Failure(context_, status_);
  }

 private:
  static constexpr int kMost = 64;

  TF_OpKernelContext* context_;
  TF_Status* status_;
  int inputs_;
  TF_Tensor* tensors_[kMost] = {nullptr};
};

}  // namespace subtext
