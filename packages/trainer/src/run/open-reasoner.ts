import { resolveModelFolder } from '@subtext/hub';
import { readConfig } from '@subtext/nn';
import { addModelTokens, createMethod, formatNamed, Reasoner } from '@subtext/reasoner';
import type { Tokenizer } from '@subtext/tokenizer';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { TrainerError } from '../errors';
import { interpreterGroups } from '../interpreters/interpreter-options';
import { interpreterTokens } from '../interpreters/interpreter-tokens';
import { checkModelFits } from './check-model-fits';
import {
  newHead,
  newReasoner,
  type OpenOptions,
  type StartingRun,
  type TokenNeeds,
  visibilityOf,
} from './new-reasoner';
import { openCheckpoint } from './open-checkpoint';

/** A reasoner before its training. */
export interface OpenedReasoner {
  reasoner: Reasoner;
  /** Ids of the tokens that have not been trained: those that were added, and the method's own. */
  newTokens: number[];
}

/** The reasoner that a run starts from: loaded or new, with every token that its method and its interpreters need. */
export async function openReasoner(run: StartingRun): Promise<OpenedReasoner> {
  const method = createMethod(run.method);
  const { stages, interpreters, model } = run;
  // Interpreters that are copies of the reasoner, or made to fit its tokenizer, have its tokens.
  const explained =
    interpreters && interpreterGroups({ method, stages, shared: interpreters.shared }).flatMap((group) => group.stages);
  const shared = interpreters?.model?.kind === 'folder' ? undefined : explained;
  const needs: TokenNeeds = {
    method: method.specialTokens({ stages }),
    interpreters: (tokenizer) => (shared ? interpreterTokens({ tokenizer, stages: shared }) : []),
  };
  const opened =
    model.from === undefined
      ? { reasoner: await newReasoner({ run, needs }), newTokens: [] }
      : await loadReasoner({ run, needs, from: model.from });
  const { tokenizer } = opened.reasoner;
  return {
    ...opened,
    newTokens: [...new Set([...opened.newTokens, ...needs.method.map((token) => tokenizer.idOf(token))])],
  };
}

/** A checkpoint of Hugging Face's, or a reasoner of an earlier run, with the tokens that it lacks. */
async function loadReasoner({ run, needs, from }: OpenOptions & { from: string }): Promise<OpenedReasoner> {
  const { model: started, stages, reasoningFormat, seed, interpreters } = run;
  const folder = await resolveModelFolder({ folder: from });
  if (existsSync(join(folder, 'config.json')))
    checkModelFits({ ...run.memory, dtype: started.dtype, config: await readConfig({ folder }), path: folder });
  const isCheckpoint = existsSync(join(folder, 'config.json')) && !existsSync(join(folder, 'subtext.json'));
  const { model, tokenizer, settings, processor, feedback } = isCheckpoint
    ? await openCheckpoint({
        folder,
        dtype: started.dtype,
        method: run.method,
        imagePosition: started.imagePosition ?? 'before',
        onNote: run.onNote,
        thoughtReading: interpreters?.reading ?? 'before',
      })
    : await Reasoner.load({ folder, dtype: started.dtype });
  if (feedback?.settings.kind === 'projection') {
    feedback.dispose();
    model.dispose();
    throw new TrainerError({
      code: 'invalid-option',
      message: `The states of ${from} go through a projection before they are fed back, which training does not take. Such a reasoner can be asked, evaluated and audited.`,
    });
  }
  // A matrix or a latent head that was learnt goes on; a method without one drops it.
  const { addsStates = false, latentHead = false } = createMethod(run.method);
  const goesOn = feedback?.settings.kind === (latentHead ? 'latent-head' : addsStates ? 'matrix' : undefined);
  if (!goesOn) feedback?.dispose();
  const marks = formatNamed(reasoningFormat)
    .tags({ stages })
    .filter((mark) => isUnknown({ tokenizer, mark }));
  const newTokens = addModelTokens({
    model,
    tokenizer,
    tokens: [...marks, ...needs.method, ...needs.interpreters(tokenizer)],
    seed,
  });
  return {
    newTokens,
    reasoner: new Reasoner({
      model,
      tokenizer,
      processor,
      feedback: goesOn ? feedback : newHead({ run, model }),
      settings: {
        ...settings,
        feedback: undefined,
        // Thoughts are read where their interpreters learn to read them.
        thoughtReading: interpreters?.reading ?? settings.thoughtReading,
        method: run.method,
        stages: [...stages],
        reasoningFormat,
        // A model that has learnt under a table goes on under it, unless another is asked for.
        ...(run.visibility !== undefined && {
          visibility: visibilityOf({ run, image: settings.image !== undefined }),
        }),
      },
    }),
  };
}

/** Whether a format's mark would be read as unknown words: it then needs a token of its own. */
function isUnknown({ tokenizer, mark }: { tokenizer: Tokenizer; mark: string }): boolean {
  const { unknownId } = tokenizer;
  return unknownId !== undefined && tokenizer.encode(mark, { addSpecialTokens: false }).ids.includes(unknownId);
}
