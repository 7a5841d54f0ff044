/**
 * The functions of `assembly/index.ts`, where each is documented. Addresses and strides are in bytes, counts in elements;
 * booleans are 0 or 1.
 */
export interface KernelExports {
  useWideTiles(wide: boolean): void;
  matrixProductScratchBytes(): number;
  matrixProduct(
    rows: number,
    columns: number,
    depth: number,
    a: number,
    aStride: number,
    transposeA: boolean,
    b: number,
    bStride: number,
    transposeB: boolean,
    initial: number,
    initialStride: number,
    c: number,
    cStride: number,
    scratch: number,
  ): void;
  matrixProductBatch(
    batch: number,
    rows: number,
    columns: number,
    depth: number,
    a: number,
    aStep: number,
    transposeA: boolean,
    b: number,
    bStep: number,
    transposeB: boolean,
    c: number,
    scratch: number,
  ): void;
  activationForward(activation: number, count: number, input: number, output: number): void;
  activationBackward(activation: number, count: number, gradient: number, input: number, output: number): void;
  gatedForward(activation: number, count: number, gate: number, up: number, output: number): void;
  gatedBackward(
    activation: number,
    count: number,
    gradient: number,
    gate: number,
    up: number,
    gateGradient: number,
    upGradient: number,
  ): void;
  columnSums(rows: number, columns: number, input: number, output: number): void;
  sumOfSquares(count: number, input: number): number;
  attentionScratchBytes(keyTime: number, headWidth: number): number;
  attentionForward(
    batch: number,
    queryTime: number,
    keyTime: number,
    capacity: number,
    heads: number,
    keyValueHeads: number,
    headWidth: number,
    query: number,
    key: number,
    value: number,
    maskKind: number,
    mask: number,
    causal: boolean,
    scale: number,
    output: number,
    logSumExp: number,
    scratch: number,
  ): void;
  attentionBackward(
    batch: number,
    queryTime: number,
    keyTime: number,
    heads: number,
    keyValueHeads: number,
    headWidth: number,
    gradient: number,
    query: number,
    key: number,
    value: number,
    output: number,
    logSumExp: number,
    maskKind: number,
    mask: number,
    causal: boolean,
    scale: number,
    queryGradient: number,
    keyGradient: number,
    valueGradient: number,
    scratch: number,
  ): void;
  layerNormForward(
    rows: number,
    columns: number,
    epsilon: number,
    input: number,
    scale: number,
    bias: number,
    output: number,
    mean: number,
    inverseDeviation: number,
  ): void;
  layerNormBackward(
    rows: number,
    columns: number,
    gradient: number,
    input: number,
    scale: number,
    mean: number,
    inverseDeviation: number,
    inputGradient: number,
    scaleGradient: number,
    biasGradient: number,
    scratch: number,
  ): void;
  rmsNormForward(
    rows: number,
    columns: number,
    epsilon: number,
    input: number,
    scale: number,
    output: number,
    inverseDeviation: number,
  ): void;
  rmsNormBackward(
    rows: number,
    columns: number,
    gradient: number,
    input: number,
    scale: number,
    inverseDeviation: number,
    inputGradient: number,
    scaleGradient: number,
    scratch: number,
  ): void;
  rotary(
    batch: number,
    time: number,
    heads: number,
    headWidth: number,
    input: number,
    cos: number,
    sin: number,
    tableBatch: number,
    inverse: boolean,
    output: number,
  ): void;
  embeddingForward(count: number, width: number, vocabulary: number, table: number, ids: number, output: number): void;
  embeddingBackward(
    count: number,
    width: number,
    vocabulary: number,
    gradient: number,
    ids: number,
    tableGradient: number,
  ): void;
  crossEntropyForward(
    rows: number,
    vocabulary: number,
    ignoreIndex: number,
    logits: number,
    labels: number,
    losses: number,
    logSumExp: number,
  ): void;
  crossEntropyBackward(
    rows: number,
    vocabulary: number,
    ignoreIndex: number,
    gradient: number,
    logits: number,
    labels: number,
    logSumExp: number,
    logitsGradient: number,
  ): void;
  adamW(
    count: number,
    parameter: number,
    gradient: number,
    firstMoment: number,
    secondMoment: number,
    gradientScale: number,
    keep: number,
    beta1: number,
    oneMinusBeta1: number,
    beta2: number,
    oneMinusBeta2: number,
    stepSize: number,
    inverseRootCorrection: number,
    epsilon: number,
  ): void;
  addInto(count: number, target: number, source: number): void;
  adamWInDoubles(
    count: number,
    parameter: number,
    gradient: number,
    firstMoment: number,
    secondMoment: number,
    gradientScale: number,
    keep: number,
    beta1: number,
    oneMinusBeta1: number,
    beta2: number,
    oneMinusBeta2: number,
    learningRate: number,
    correction1: number,
    correction2: number,
    epsilon: number,
  ): void;
  cacheWrite(
    batch: number,
    time: number,
    capacity: number,
    width: number,
    offset: number,
    update: number,
    buffer: number,
  ): void;
  copyBlocks(
    count: number,
    bytes: number,
    source: number,
    sourceStride: number,
    target: number,
    targetStride: number,
  ): void;
}
