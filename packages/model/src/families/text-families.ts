import { gemma2Family } from './gemma2';
import { gemma3Family } from './gemma3';
import { gpt2Family } from './gpt2';
import { llamaFamily } from './llama';
import { ministralFamily, mistralFamily } from './mistral';
import type { ModelFamily } from './model-family';
import { olmo2Family } from './olmo2';
import { phi3Family } from './phi3';
import { qwen2Family } from './qwen2';
import { qwen3Family } from './qwen3';
import { smolLm3Family } from './smollm3';

/** Supported text models. To add one, add a file and a line here; LLaVA and similar models then support it too. */
export const textFamilies: readonly ModelFamily[] = [
  gpt2Family,
  llamaFamily,
  qwen2Family,
  qwen3Family,
  mistralFamily,
  ministralFamily,
  smolLm3Family,
  gemma2Family,
  gemma3Family,
  phi3Family,
  olmo2Family,
];
