import { evalProgram } from './program';

await evalProgram();
