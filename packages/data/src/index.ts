export { DataError } from './errors';
export type { DataErrorCode } from './errors';
export type {
  ChoiceFacts,
  ExampleFacts,
  GraphFacts,
  ImageReference,
  ReasoningExample,
  ReasoningStep,
  SceneFacts,
  SceneObject,
} from './reasoning-example';
export { RandomStream } from './random';

export { imageFile, loadImage } from './images/load-image';
export type { DecodedImage } from './images/load-image';
export { encodePng } from './images/encode-png';

export { ExampleStream } from './formats/example-stream';
export type { ReadOptions } from './formats/example-stream';
export type { Fault, FaultKind, FaultReport } from './formats/fault-log';
export { readLlavaCot } from './formats/llava-cot';
export type { ReadLlavaCotOptions } from './formats/llava-cot';
export { formatStages, llavaCotStages, parseStages } from './formats/parse-stages';

export { generateScenes, scenePresets } from './scenes/generate-scenes';
export type { GenerateScenesOptions, SceneReport } from './scenes/generate-scenes';
export type { SceneSplit } from './scenes/draw-splits';
export type { SceneQuestionType } from './scenes/scene-questions';
export { readScenes } from './scenes/read-scenes';
export type { ReadScenesOptions } from './scenes/read-scenes';
export { captionFacts, scoreCaptionFacts } from './scenes/caption-facts';
export type { CaptionFactScore, FactCount, ToldObject } from './scenes/caption-facts';

export { questionOnlyBaseline } from './measures/question-only-baseline';
export type { QuestionOnlyAccuracy, QuestionOnlyBaseline } from './measures/question-only-baseline';
