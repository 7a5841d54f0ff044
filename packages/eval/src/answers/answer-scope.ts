/**
 * Where a line opens another question: plain models that are not stopped go on and answer questions of their own.
 * lm-evaluation-harness stops generation at `Question:`.
 */
const nextQuestion =
  /\n[ \t]*(?:#{1,6}[ \t]*|\*\*|__)?(?:(?:next |new )?question|q|problem|exercise|instruction|human|user)[ \t]*\d{0,4}[ \t]*(?:\*\*|__)?[ \t]*[:.](?!\d)|\n?<\|(?:user|im_start)\|?>|\[INST\]/gi;

/** An answer's text before the model asks itself another question; the whole text where nothing stands before. */
export function beforeNextQuestion(text: string): string {
  for (const { index } of text.matchAll(nextQuestion)) {
    // A response that first repeats the question has not answered yet.
    if (/[\p{L}\p{N}]/u.test(text.slice(0, index))) return text.slice(0, index);
  }
  return text;
}

/**
 * The part of an output that its answer must stand in: the last `<CONCLUSION>` (LLaVA-CoT, Heima), what follows
 * `</think>`, else all of it up to another question. Null for an output that stopped inside its stages or its thinking.
 */
export function answerScope(
  output: string,
): { text: string; /** Whether the text is the answer and nothing else. */ bare: boolean } | null {
  const open = output.lastIndexOf('<CONCLUSION>');
  if (open >= 0) {
    const rest = output.slice(open + '<CONCLUSION>'.length);
    const close = rest.indexOf('</CONCLUSION>');
    return { text: close < 0 ? rest : rest.slice(0, close), bare: true };
  }
  // Stages without a conclusion are an output that never came to its answer.
  if (/<\/?(?:SUMMARY|CAPTION|REASONING)>/.test(output)) return null;
  const thought = output.lastIndexOf('</think>');
  const rest = thought < 0 ? output : output.slice(thought + '</think>'.length);
  if (rest.includes('<think>')) return null;
  return { text: beforeNextQuestion(rest), bare: false };
}

/** A text without Markdown's emphasis and code marks, and with LaTeX's commonest commands written out. */
export function withoutMarkup(text: string): string {
  return text
    .replace(/\\(?:text|textbf|textit|mathrm|mathbf|mathit|operatorname)\s*\{([^{}]*)\}/g, '$1')
    .replace(/\\[dt]?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}/g, '$1/$2')
    .replace(/(\d)(?:\{,\}|\\[,!;: ])(?=\d{3})/g, '$1,')
    .replace(/\\([$%€£#&_])/g, '$1')
    .replace(/\\(?:left|right|displaystyle|,|;|!|quad)\b|\\[,;!]/g, ' ')
    .replace(/\*\*|__|`+/g, (mark, place: number) =>
      /\d/.test(text[place - 1] ?? '') && /\d/.test(text[place + mark.length] ?? '') ? ' ' : '',
    );
}
