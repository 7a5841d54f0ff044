import type { SavedModel } from '../run/run-options';
import type { CardSubject } from './run-card';

/** How a model is loaded, by Subtext and by others, for its card. */
export function loadingSection({ kind, subject }: { kind: SavedModel['kind']; subject: CardSubject }): string {
  const { pictures } = subject;
  const automatic = pictures ? 'AutoModelForImageTextToText' : 'AutoModelForCausalLM';
  const processor = pictures ? 'AutoProcessor' : 'AutoTokenizer';
  if (kind === 'adapter')
    return `With PEFT, which makes room for the tokens of the tokenizer beside the adapter:

\`\`\`python
from peft import AutoPeftModelForCausalLM
from transformers import AutoTokenizer

model = AutoPeftModelForCausalLM.from_pretrained("FOLDER_OR_ID")
tokenizer = AutoTokenizer.from_pretrained("FOLDER_OR_ID")
\`\`\`

With Subtext: the folder above this one holds the model with the adapter merged in.`;
  if (kind === 'interpreter')
    return `With Subtext, from the reasoner's folder, in whose \`interpreters\` this one stands:

\`\`\`sh
npx --package @subtext/cli subtext think "QUESTION" --model FOLDER_OR_ID --explain
\`\`\`

\`model.safetensors\` is an ordinary language model for transformers; \`projector.safetensors\` brings thoughts into its input.`;
  return `With Subtext:

\`\`\`sh
npm install @subtext/cli
npx --package @subtext/cli subtext think "QUESTION" --model FOLDER_OR_ID${pictures ? ' --image FILE' : ''}
\`\`\`

With transformers:

\`\`\`python
from transformers import ${automatic}, ${processor}

model = ${automatic}.from_pretrained("FOLDER_OR_ID")
${pictures ? 'processor' : 'tokenizer'} = ${processor}.from_pretrained("FOLDER_OR_ID")
\`\`\`

${elsewhere(subject)}`;
}

/** What transformers makes of a reasoner. */
function elsewhere({ feedsBack, visibility }: CardSubject): string {
  if (feedsBack)
    return 'transformers reads the weights, and writes no thoughts: they are made of hidden states that are fed back as inputs, so that `generate` there gives other answers than Subtext.';
  if (visibility)
    return 'transformers reads the weights, and lets each position see all before it: this model was trained with a visibility table (`visibility` in `subtext.json`), so that `generate` there gives other answers than Subtext.';
  return 'Thoughts are tokens of the vocabulary. `subtext.json` says which tokens begin a prompt and which stages are hidden.';
}
