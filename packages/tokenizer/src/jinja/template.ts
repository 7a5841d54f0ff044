import type { TemplateLimits } from './budget';
import { Interpreter } from './interpreter';
import { parseTemplate } from './parser';
import type { Statement } from './syntax-tree';
import { TemplateFault } from './template-error';

/**
 * A Jinja template, with the features that transformers uses for chat templates: Python values and methods, `trim_blocks`,
 * `lstrip_blocks`, loop controls, `{% generation %}`, `tojson`, `raise_exception`, `strftime_now` and the sandbox. Limits
 * on time and memory apply, since templates come from untrusted folders.
 */
export class Template {
  readonly #body: readonly Statement[];

  /** @throws TemplateFault for malformed templates and unsupported features */
  constructor(source: string) {
    this.#body = guarded(() => parseTemplate(source));
  }

  /** @throws TemplateFault; TemplateBudgetFault if a limit is exceeded */
  render(
    variables: Readonly<Record<string, unknown>>,
    options: { limits?: TemplateLimits; now?: () => Date } = {},
  ): string {
    return guarded(() => new Interpreter(options).render(this.#body, variables));
  }
}

/** Converts errors of the JavaScript engine's own limits (stack, string length); all others are already typed. */
function guarded<Result>(action: () => Result): Result {
  try {
    return action();
  } catch (error) {
    if (error instanceof RangeError)
      throw new TemplateFault(`it nests too deeply or creates strings that are too long (${error.message})`);
    throw error;
  }
}
