import { ReasonerError } from '../errors';
import type { Layout, ReasoningMethod } from '../methods/reasoning-method';
import { resolveVisibility, type VisibilityName, type VisibilityTable } from './visibility-table';

/**
 * The table that a method's sequences get from a configuration's `visibility`; undefined for `all`, a sequence as it was
 * published.
 *
 * @throws ReasonerError `visibility-unsupported` for a method whose positions have no roles (`icot`); `unknown-role`,
 *   `blind-answer` and `invalid-option` of {@link resolveVisibility}
 */
export function methodVisibility({
  method,
  visibility,
  stages,
  image,
}: {
  method: ReasoningMethod;
  visibility: VisibilityName | VisibilityTable;
  /** Names of the stages, in order. */
  stages: readonly string[];
  /** Whether examples may have a picture. */
  image: boolean;
}): VisibilityTable | undefined {
  if (visibility === 'all') return undefined;
  if (!method.promptRoles) {
    throw new ReasonerError({
      code: 'visibility-unsupported',
      message: `The method "${method.name}" does not say what the positions of its sequences are, so that nothing can be hidden from them. Take another method, or the visibility "all".`,
    });
  }
  return resolveVisibility({
    visibility,
    stages,
    lastStages: method.lastStages?.({ stages }),
    image,
    fedAcross: method.fedAcross,
    candidates: method.candidates,
  });
}

/** A method whose layouts carry the visibility table of their context. */
export function withVisibility(method: ReasoningMethod): ReasoningMethod {
  return {
    ...method,
    layout(options) {
      const layout = method.layout(options);
      const { visibility } = options.context;
      if (visibility === undefined) return layout;
      const within = (one: Layout): Layout => {
        if (one.roles?.length !== one.ids.length) {
          throw new ReasonerError({
            code: 'visibility-unsupported',
            message: `The method "${method.name}" lays out ${one.ids.length} positions and says of ${one.roles?.length ?? 0} what they are. Give each position its role, or take the visibility "all".`,
          });
        }
        return {
          ...one,
          visibility,
          ...(one.parts && {
            parts: Object.fromEntries(
              Object.entries(one.parts).map(([objective, part]) => [
                objective,
                part && {
                  ...part,
                  ...(part.rows && { rows: part.rows.map(within) }),
                  ...(part.apart && { apart: part.apart.map(within) }),
                },
              ]),
            ),
          }),
        };
      };
      return within(layout);
    },
  };
}
