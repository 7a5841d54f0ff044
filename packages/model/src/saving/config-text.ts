import type { RawConfig } from '@subtext/nn';

/** Keys that transformers 5 requires to be floats: `30` instead of `30.0` is rejected. */
const floatKeys = [
  'attn_logit_softcapping',
  'final_logit_softcapping',
  'initializer_factor',
  'initializer_range',
  'layer_norm_eps',
  'layer_norm_epsilon',
  'norm_eps',
  'rms_norm_eps',
];
const wholeFloat = new RegExp(`^( *"(?:${floatKeys.join('|')})": -?\\d+)(,?)$`, 'gm');

/**
 * Serialises a config.json, writing whole-number floats with a decimal point, since JavaScript does not distinguish
 * them.
 */
export function configText(config: RawConfig): string {
  return `${JSON.stringify(config, null, 2).replace(wholeFloat, '$1.0$2')}\n`;
}
