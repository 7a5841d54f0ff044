export { UsageError } from '@subtext/terminal';
