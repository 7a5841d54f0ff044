import { createModel } from '@subtext/model';
import { tf } from '@subtext/tensor';

import type { TrainingProgram } from '@subtext/trainer';
import { Reasoner } from '../reasoner/reasoner';
import type { GraphBatch } from './graph-batch';
import { graphMethod, type GraphOptions } from './graph-method';
import { createGraphModel, graphModelConfig, type GraphProgramOptions, tokenVectors } from '@subtext/trainer';
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
}: {
  program: TrainingProgram<GraphBatch>;
  /** What the program was made with. */
  options: GraphProgramOptions;
  method: Required<GraphOptions>;
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
        // The path, the mark, the node and the end.
        longestResponse: (method.thoughts === 'text' ? method.count : 0) + 3,
      },
    });
  } finally {
    trained.model.dispose();
    trained.sourceRole?.dispose();
  }
}
