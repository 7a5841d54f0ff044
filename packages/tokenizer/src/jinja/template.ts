import type { TemplateLimits } from './budget';
import { Interpreter } from './interpreter';
import { parseTemplate } from './parser';
import type { Statement } from './syntax-tree';
import { TemplateFault } from './template-error';

/**
 * A Jinja template, run as transformers runs chat templates: Python's values and methods, `trim_blocks`,
 * `lstrip_blocks`, loop controls, `{% generation %}`, `tojson`, `raise_exception`, `strftime_now`, a sandbox; and within a
 * budget, since templates come from folders that nobody vouches for.
 */
export class Template {
  readonly #body: readonly Statement[];

  /** @throws TemplateFault for what is no template, or uses what is not followed here */
  constructor(source: string) {
    this.#body = guarded(() => parseTemplate(source));
  }

  /** @throws TemplateFault, of which TemplateBudgetFault where it costs too much */
  render(
    variables: Readonly<Record<string, unknown>>,
    options: { limits?: TemplateLimits; now?: () => Date } = {},
  ): string {
    return guarded(() => new Interpreter(options).render(this.#body, variables));
  }
}

/** All that can go wrong in the interpreter has a message of its own but for the engine's own bounds. */
function guarded<Result>(action: () => Result): Result {
  try {
    return action();
  } catch (error) {
    if (error instanceof RangeError)
      throw new TemplateFault(`it is too deep or makes texts that are too long (${error.message})`);
    throw error;
  }
}
