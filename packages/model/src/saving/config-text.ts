import type { RawConfig } from '@subtext/nn';

/** Keys that transformers 5 takes as a float alone: `30` for `30.0` is refused there. */
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

/** A config.json's text, in which floats that are whole numbers stay floats, though JavaScript knows no difference. */
export function configText(config: RawConfig): string {
  return `${JSON.stringify(config, null, 2).replace(wholeFloat, '$1.0$2')}\n`;
}
