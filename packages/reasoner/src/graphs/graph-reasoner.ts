import { createModel } from '@subtext/model';
import { tf } from '@subtext/tensor';

import type { ProgramParameter } from '../forward/trainable-parameters';
import { Reasoner } from '../reasoner/reasoner';
import type { VisibilityTable } from '../visibility/visibility-table';
import { graphMethod, type GraphOptions } from './graph-method';
import { createGraphModel, graphModelConfig, type GraphModelOptions, tokenVectors } from './graph-model';
import { graphTokens } from './graph-vocabulary';

/**
 * What a program has learned of graphs, as a reasoner: an ordinary GPT-2. With one position an edge, each edge and each
 * pair of candidates is a token of its own whose vector is worked out here; the head of such a token is zeros, since a
 * model never writes one. The caller disposes the reasoner.
 */
export async function graphReasoner({
  program,
  options,
  method,
  visibility,
}: {
  program: { readonly parameters: readonly ProgramParameter[] };
  /** What the program was made with. */
  options: GraphModelOptions;
  method: Required<GraphOptions>;
  /** Which positions attend to which, by role. @default causal: each position to all before it */
  visibility?: VisibilityTable;
}): Promise<Reasoner> {
  const trained = createGraphModel(options);
  try {
    for (const [index, { variable }] of trained.parameters.entries())
      variable.assign(program.parameters[index]!.variable);
    const { vocabulary, sourceRole } = trained;
    const model = createModel({
      config: graphModelConfig(options, { vocabularySize: vocabulary.tokens.length, tied: !sourceRole }),
      seed: options.seed,
    });
    for (const [name, variable] of model.parameters.entries()) {
      tf.tidy(() => {
        if (name === 'transformer.wte.weight') variable.assign(tokenVectors(trained));
        else if (name === 'lm_head.weight') {
          const table = trained.model.parameters.get<tf.Rank.R2>('transformer.wte.weight');
          variable.assign(tf.concat([table, tf.zeros([vocabulary.tokens.length - vocabulary.plain, table.shape[1]])]));
        } else variable.assign(trained.model.parameters.get(name));
      });
    }
    const phases = graphMethod(method).curriculum({ stages: [] });
    return new Reasoner({
      model,
      tokenizer: vocabulary.tokenizer(),
      settings: {
        format: 1,
        method: { name: 'graph', ...method },
        stages: phases.slice(0, -1).map(({ name }) => name),
        hiddenStages: [...phases.at(-1)!.hiddenStages],
        reasoningFormat: 'graph',
        prefix: [graphTokens.begin],
        endToken: graphTokens.end,
        thoughtReading: 'before',
        ...(visibility && { visibility }),
        // The path, the mark, the node and the end.
        longestResponse: (method.thoughts === 'text' ? method.count : 0) + 3,
      },
    });
  } finally {
    trained.model.dispose();
    trained.sourceRole?.dispose();
  }
}
