import { Template } from './jinja/template';
import { TemplateFault } from './jinja/template-error';
import { TokenizerError } from './tokenizer-error';

/** One message of a conversation. */
export interface ChatMessage {
  /** `system`, `user`, `assistant`, or another role that the template supports. */
  role: string;
  /** Text, or for vision-language models parts such as `{ type: 'image' }` and `{ type: 'text', text }`. */
  content: string | readonly Readonly<Record<string, unknown>>[];
  /** Other fields read by the template, such as tool calls. */
  [field: string]: unknown;
}

/** Jinja templates by name. */
export type ChatTemplates = Readonly<Record<string, string>>;

const compiled = new Map<string, Template>();

/**
 * Renders a chat template.
 *
 * @throws TokenizerError `missing-chat-template`, `chat-template-failed`
 */
export function renderChatTemplate(options: {
  templates: ChatTemplates;
  name: string;
  variables: Record<string, unknown>;
}): string {
  const { templates, name, variables } = options;
  const source = Object.hasOwn(templates, name) ? templates[name] : undefined;
  if (source === undefined) {
    const names = Object.keys(templates);
    throw new TokenizerError({
      code: 'missing-chat-template',
      message:
        names.length === 0
          ? 'the tokenizer has no chat template (neither chat_template.jinja nor a chat_template in tokenizer_config.json): write the prompt yourself, or use an instruction-tuned model'
          : `the tokenizer has no chat template "${name}"; it has ${names.join(', ')}`,
    });
  }
  try {
    let template = compiled.get(source);
    if (template === undefined) {
      template = new Template(source);
      if (compiled.size >= 16) compiled.clear();
      compiled.set(source, template);
    }
    return template.render(variables);
  } catch (cause) {
    if (!(cause instanceof TemplateFault)) throw cause;
    throw new TokenizerError({
      code: 'chat-template-failed',
      message: `the chat template "${name}" failed: ${cause.message}`,
      cause,
    });
  }
}
