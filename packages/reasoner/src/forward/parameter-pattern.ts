import { compilePattern, type Pattern, PatternError } from '@subtext/core';
import type { LanguageModel } from '@subtext/model';

import type { FeedbackMap } from '../feedback/feedback-map';

/**
 * A regular expression over parameters' names (JavaScript's, in a time that the names' lengths bound: it may come from a
 * configuration that somebody else wrote).
 *
 * @throws PatternError naming the option that holds it
 */
export function parameterPattern({
  source,
  option,
}: {
  source: string;
  /** Where the expression stands, for the error. */ option: string;
}): Pattern {
  try {
    return compilePattern({ source, dialect: 'javascript' });
  } catch (error) {
    if (!PatternError.isInstance(error)) throw error;
    throw new PatternError({
      code: error.code,
      message: `${option}: ${JSON.stringify(source.slice(0, 200))}: ${error.message}`,
      cause: error,
    });
  }
}

/** Keeps the parameters whose names a pattern fits as they are; those of the feedback are named `feedback.…`. */
export function freezeParameters({
  model,
  feedback,
  frozen = [],
}: {
  model: LanguageModel;
  /** @default none */ feedback?: FeedbackMap;
  /** Regular expressions. Default none. */ frozen?: readonly string[];
}): void {
  for (const source of frozen) {
    const pattern = parameterPattern({ source, option: 'frozen' });
    model.parameters.freeze((name) => pattern.test(name));
    feedback?.parameters.freeze((name) => pattern.test(`feedback.${name}`));
  }
}
