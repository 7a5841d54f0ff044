/** Prompt templates of an interpreter, with placeholders for the question and the thought. */
export interface PromptTemplates {
  readonly name: string;
  /** Each contains `{question}` and `{thought}` once, and optionally `{stage}`. */
  readonly templates: readonly string[];
}

/** Only question and thought: for small models with small vocabularies. */
const brief: PromptTemplates = { name: 'brief', templates: ['{question} {thought}'] };

/** Ten prompts, sampled in training, as in Heima (arXiv 2501.19201, section 3.3). */
const explanatory: PromptTemplates = {
  name: 'explanatory',
  templates: [
    'Question: {question}\nA model answered it with a hidden {stage}: {thought}\nWrite the {stage} out in words.\n',
    'The question was: {question}\nThe hidden state {thought} holds the {stage}. Put it into words.\n',
    'Given the question "{question}", explain what the thinking token {thought} means as a {stage}.\n',
    'Read this hidden thought: {thought}\nIt is the {stage} for the question: {question}\nWhat does it say?\n',
    'For the question {question} the model thought {thought} instead of writing a {stage}. Write that {stage}.\n',
    'Decode the {stage} in {thought}.\nQuestion: {question}\n',
    'Here is a compressed {stage}: {thought}. The question it belongs to: {question}\nExpand it.\n',
    'What {stage} does {thought} stand for, when the question is: {question}\n',
    'Turn the hidden thought {thought} back into the {stage} of the question: {question}\n',
    'Question: {question}\nThought: {thought}\nThe {stage} in plain words:\n',
  ],
};

/** Template sets by name. */
export const promptTemplates: Record<string, PromptTemplates> = {
  [brief.name]: brief,
  [explanatory.name]: explanatory,
};
