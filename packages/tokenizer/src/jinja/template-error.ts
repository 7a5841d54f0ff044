/** A template that is malformed, fails, or costs too much. `renderChatTemplate` gives it a code and a name. */
export class TemplateFault extends Error {
  override readonly name: string = 'TemplateFault';
}

/** A template that has used up what it may cost. */
export class TemplateBudgetFault extends TemplateFault {
  override readonly name = 'TemplateBudgetFault';
}
