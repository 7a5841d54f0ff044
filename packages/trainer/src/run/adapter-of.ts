import { untrainedTokens } from '@subtext/nn';
import { adapterWithTokens, type Reasoner } from '@subtext/reasoner';

import { usedTokens } from '../phases/measure-layouts';
import type { PhasePlan } from '../phases/phase-plan';
import type { ReasonerData } from '../sources/laid-out-examples';
import type { TrainRunOptions } from './run-options';

/** The adapter of a run, with the tokens that learn beside it: the method's own, and what the data uses and the checkpoint never saw, often the end of a text. */
export async function adapterOf({
  options: { model, method, onEvent },
  reasoner,
  newTokens,
  data,
  plans,
  seed,
}: {
  reasoner: Reasoner;
  newTokens: readonly number[];
  data: ReasonerData;
  plans: readonly PhasePlan[];
  options: TrainRunOptions;
  seed: number;
}) {
  const { lora } = model;
  if (!lora) return undefined;
  const how = lora.tokens ?? 'rows';
  const unseen =
    how === 'rows'
      ? await untrainedTokens({
          model: reasoner.model,
          ids: usedTokens({ data, phases: plans.map(({ phase }) => phase) }),
        })
      : [];
  const taught = [...new Set([...newTokens, ...unseen])];
  if (taught.length > 0 && how === 'rows')
    onEvent?.({
      event: 'token-rows',
      tokens: taught.length,
      added: newTokens.length,
      unseen: unseen.length,
      unseenAlone: unseen.filter((id) => !newTokens.includes(id)).length,
    });
  if (how === 'none' && newTokens.length > 0)
    onEvent?.({ event: 'untrained-tokens', tokens: newTokens.length, method: method.name });
  return { ...adapterWithTokens({ lora, tokens: how, ids: taught }), seed };
}
