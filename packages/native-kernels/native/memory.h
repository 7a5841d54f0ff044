// How the process keeps the memory of tensors.
#pragma once

#include <cstddef>

namespace subtext {

/**
 * Keeps freed blocks of up to 256 MB in the process, in large pages where the system has them. A training step allocates
 * and frees the same large tensors again and again: given back to the system each time, their pages cost a tenth of a step
 * at width 512. What the environment says of glibc's memory counts more; nothing happens with other C libraries.
 */
void keepFreedMemory();

/**
 * Asks for large pages (2 MB on x64) for what the heap has grown by since the last call, and for `block`, if it is large
 * and lies outside of the heap. Call it after an allocation and before the block is written.
 */
void useLargePages(void* block, size_t bytes);

}  // namespace subtext
