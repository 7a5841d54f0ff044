export { engineNames, engineOption, nonNegativeNumber, positiveWholeNumber, wholeNumber } from '@subtext/terminal';
