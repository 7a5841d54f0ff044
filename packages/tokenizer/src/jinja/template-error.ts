/** A template is malformed, failed, or exceeded its limits. `renderChatTemplate` adds an error code and the name. */
export class TemplateFault extends Error {
  override readonly name: string = 'TemplateFault';
}

/** A template exceeded its limits. */
export class TemplateBudgetFault extends TemplateFault {
  override readonly name = 'TemplateBudgetFault';
}
