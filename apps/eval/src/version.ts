// The build puts the value in the place of the import, so that nothing is read when a command starts.
import { version } from '../package.json';

export { version };
