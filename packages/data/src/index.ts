export { DataError } from './errors';
export type { DataErrorCode } from './errors';
export type {
  ChoiceFacts,
  BoxFacts,
  ExampleFacts,
  GraphFacts,
  ImageReference,
  ReasoningExample,
  ReasoningStep,
  SceneFacts,
  SceneObject,
} from './reasoning-example';
export { RandomStream } from '@subtext/core';

export { imageFile, loadImage, loadPicture } from './images/load-image';
export { decodePicture } from './images/decode-image';
export type { DecodePictureOptions } from './images/decode-image';
export type { ImageLimits, ImagePlace } from './images/image-limits';
export type { DecodedImage, DecodedPicture } from './images/decoded-image';
export { inspectImage } from './images/inspect-image';
export { encodePng } from './images/encode-png';

export { ExampleStream } from './formats/example-stream';
export type { ReadOptions } from './formats/example-stream';
export { defaultFileLimits } from './formats/data-file';
export type { FileLimits } from './formats/data-file';
export type { Fault, FaultKind, FaultReport } from './formats/fault-log';
export { readLlavaCot } from './formats/llava-cot';
export type { ReadLlavaCotOptions } from './formats/llava-cot';
export { formatStages, llavaCotStages, parseStages } from './formats/parse-stages';

export { generateScenes, scenePresets } from './scenes/generate-scenes';
export type { GenerateScenesOptions, SceneReport } from './scenes/generate-scenes';
export type { SceneSplit } from './scenes/draw-splits';
export type { SceneQuestionType } from './scenes/scene-questions';
export { readScenes } from './scenes/read-scenes';
export type { ReadScenesOptions, SceneExample } from './scenes/read-scenes';
export { seeScene } from './scenes/see-scene';
export { captionFacts, scoreCaptionFacts } from './scenes/caption-facts';
export type { CaptionFactScore, FactCount, ToldObject } from './scenes/caption-facts';

export { questionOnlyBaseline } from './measures/question-only-baseline';
export type { QuestionOnlyAccuracy, QuestionOnlyBaseline } from './measures/question-only-baseline';
export { findOverlap } from './measures/find-overlap';
export type { Overlap } from './measures/find-overlap';
export { formatWeightedLabels, parseWeightedLabels } from './measures/weighted-labels';
export { contentKey, questionKey } from './measures/content-key';
export { graphShapeKey } from './measures/graph-shape-key';
export { hopsFrom, hopsFromEach, shortestPathNodes } from './measures/graph';

export { readCoconutJson, readProsQA } from './formats/coconut-json';
export type { ReadFileOptions } from './formats/coconut-json';
export { readProntoQA } from './formats/prontoqa';
export type { ReadProntoQAOptions } from './formats/prontoqa';
export { readGsm8k } from './formats/gsm8k';
export type { ReadGsm8kOptions } from './formats/gsm8k';
export { formatICotText, readICotText } from './formats/icot-text';
export { readNlvr } from './formats/nlvr';
export type { ReadNlvrOptions } from './formats/nlvr';
export { readTabMwp } from './formats/tabmwp';
export type { ReadTabMwpOptions } from './formats/tabmwp';
export { readVlmEvalKit } from './formats/vlmevalkit';
export { readJsonl } from './formats/jsonl';
export { detectFormat } from './formats/detect-format';
export { examplesFile, formatHint, withFormatHint } from './formats/examples-file';
export { readExamples } from './formats/read-examples';
export type { DataReport, ReadExamplesOptions, ReadExamplesResult } from './formats/read-examples';
export { findFormat, formatNames, formats, registerFormat } from './formats/registry';
export type { DatasetFormat, FormatName } from './formats/registry';

export { generateSudoku, sudokuKind } from './generators/sudoku';
export type { GenerateSudokuOptions } from './generators/sudoku';
export { generateProsQA, toProsQARecord } from './generators/prosqa';
export type { GenerateProsQAOptions } from './generators/prosqa';
export { generateProntoQA } from './generators/prontoqa';
export type { GenerateProntoQAOptions } from './generators/prontoqa';
export {
  generateFactQuestions,
  generateFactSheets,
  type FactQuestion,
  type FactSheet,
  type GenerateFactSheetsOptions,
} from './generators/fact-sheets';
export { generateMazes, mazeKind } from './generators/maze';
export { gridRows } from './generators/grid-rows';
export type { GenerateMazesOptions } from './generators/maze';
export { generateMinimumSum } from './generators/minimum-sum';
export type { GenerateMinimumSumOptions } from './generators/minimum-sum';
export { generateCoveredCells, type GenerateCoveredCellsOptions } from './generators/covered-cells';
export { generateCoveredScenes, type GenerateCoveredScenesOptions } from './scenes/covered-scenes';
export { generatePlantedIntent, type GeneratePlantedIntentOptions } from './generators/planted-intent';
export { generateModularArithmetic } from './generators/modular-arithmetic';
export type { GenerateModularArithmeticOptions } from './generators/modular-arithmetic';
export { generateMultiplication } from './generators/multiplication';
export type { GenerateMultiplicationOptions } from './generators/multiplication';
export { generateArithmetic } from './generators/arithmetic';
export type { GenerateArithmeticOptions } from './generators/arithmetic';
export { generators } from './generators/registry';
export type { GeneratorName } from './generators/registry';
export type {
  DatasetGenerator,
  DatasetSplit,
  GenerateDatasetOptions,
  GeneratedDataset,
  GeneratorOption,
} from './generators/dataset-generator';
export { compareGraphs } from './measures/compare-graphs';
export type { GraphComparison, GraphComparisonRow } from './measures/compare-graphs';
export { normalizeAnswer } from './measures/normalize-answer';
export { factEdits, type FactEdit } from './counterfactuals/fact-edits';
export { findCounterfactuals, type CounterfactualAnswer } from './counterfactuals/find-counterfactuals';
