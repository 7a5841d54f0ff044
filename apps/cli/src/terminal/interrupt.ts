export { interruptSignal } from '@subtext/terminal';
