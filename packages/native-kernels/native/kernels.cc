// The table of one level. Compiled once for each, with SUBTEXT_LEVEL its name and the compiler's flags for it. Nothing
// of the standard library that becomes code may be used here: the linker would keep one copy for all levels.
#include "attention.h"
#include "norms.h"
#include "tokens.h"

#define SUBTEXT_TEXT(name) #name
#define SUBTEXT_NAME(name) SUBTEXT_TEXT(name)

namespace subtext {
namespace SUBTEXT_LEVEL {

extern const Kernels kernels;
const Kernels kernels = {
    SUBTEXT_NAME(SUBTEXT_LEVEL),
    layerNormForward, layerNormBackward, rmsNormForward, rmsNormBackward, sumRows,
    activate, activateBackward, gated, gatedBackward,
    linear, transposedProduct,
    attentionForward, attentionBackward, rotary,
    embedding, embeddingBackward, crossEntropyForward, crossEntropyBackward,
    sumOfSquares, adamW, widen, cacheWrite,
};

}  // namespace SUBTEXT_LEVEL
}  // namespace subtext
