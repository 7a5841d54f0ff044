import { coveredScenesGenerator } from '../scenes/covered-scenes';
import { scenesGenerator } from '../scenes/scenes-generator';
import { arithmeticGenerator } from './arithmetic';
import { coveredCellsGenerator } from './covered-cells';
import type { DatasetGenerator } from './dataset-generator';
import { factSheetsGenerator } from './fact-sheets';
import { mazeGenerator } from './maze';
import { minimumSumGenerator } from './minimum-sum';
import { modularArithmeticGenerator } from './modular-arithmetic';
import { multiplicationGenerator } from './multiplication';
import { plantedIntentGenerator } from './planted-intent';
import { prontoqaGenerator } from './prontoqa';
import { prosqaGenerator } from './prosqa';
import { sudokuGenerator } from './sudoku';

/** Every generator by name: a generator is one file and one line here. */
export const generators = {
  scenes: scenesGenerator,
  prosqa: prosqaGenerator,
  prontoqa: prontoqaGenerator,
  multiplication: multiplicationGenerator,
  arithmetic: arithmeticGenerator,
  'modular-arithmetic': modularArithmeticGenerator,
  'minimum-sum': minimumSumGenerator,
  'fact-sheets': factSheetsGenerator,
  sudoku: sudokuGenerator,
  maze: mazeGenerator,
  'planted-intent': plantedIntentGenerator,
  'covered-cells': coveredCellsGenerator,
  'covered-scenes': coveredScenesGenerator,
} as const satisfies Record<string, DatasetGenerator>;

export type GeneratorName = keyof typeof generators;
