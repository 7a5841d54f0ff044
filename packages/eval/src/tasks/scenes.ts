import { ExampleStream, formats, normalizeAnswer } from '@subtext/data';
import { stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

import { exactMatch, exactMatchScore, type EvaluationTask } from './evaluation-task';
import { finalAnswer } from '../answers/final-answer';

/** Generated pictures of coloured shapes and questions of two hops or more about them. */
export const scenes: EvaluationTask = {
  name: 'scenes',
  description: 'Generated images of coloured shapes, multi-hop questions; exact match of the answer',
  version: 2,
  modality: 'image',
  dataDescription:
    'a folder that `subtext data generate scenes` wrote (its test.jsonl is asked), or one of its .jsonl files',
  metrics: exactMatch,
  load: ({ path, ...options }) =>
    new ExampleStream({
      ...options,
      file: path,
      async *open(log) {
        const folder = await stat(path).then(
          (found) => found.isDirectory(),
          () => false,
        );
        const file = folder ? join(path, 'test.jsonl') : join(dirname(path), basename(path));
        const inner = formats.scenes.read({
          file,
          ...(options.strict === undefined ? {} : { strict: options.strict }),
          onFault: (fault) => log.add(fault),
        });
        for await (const example of inner) {
          log.report.records = inner.faults.records;
          yield example;
        }
        log.report.records = inner.faults.records;
      },
    }),
  prompt: ({ question }) => question,
  score: ({ prediction, example }) => {
    const extracted = finalAnswer(prediction);
    return exactMatchScore({
      extracted,
      correct: extracted !== null && normalizeAnswer(extracted) === normalizeAnswer(example.answer),
    });
  },
};
