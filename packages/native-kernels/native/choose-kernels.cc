// Which level of the kernels this processor takes.
#include <cstdlib>
#include <cstring>

#include "kernels.h"

namespace subtext {
namespace avx512 { extern const Kernels kernels; }
namespace avx2 { extern const Kernels kernels; }
namespace baseline { extern const Kernels kernels; }

namespace {

/** SUBTEXT_NATIVE_KERNELS names a lower level than the processor has, for tests. */
const Kernels& chooseKernels() {
#if defined(SUBTEXT_HAS_LEVELS)
  const char* requested = getenv("SUBTEXT_NATIVE_KERNELS");
  const bool any = requested == nullptr || requested[0] == 0;
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (avx512 && (any || strcmp(requested, "avx512") == 0)) return avx512::kernels;
  if (avx2 && (any || strcmp(requested, "baseline") != 0)) return avx2::kernels;
#endif
  return baseline::kernels;
}

}  // namespace

const Kernels& bestKernels() {
  static const Kernels& best = chooseKernels();
  return best;
}

}  // namespace subtext
