import {
  createMethod,
  type Phase,
  Reasoner,
  type ReasonerBatch,
  refusedSampling,
  type ThoughtSampling,
} from '@subtext/reasoner';

import { TrainerError } from '../errors';
import type { TrainingPhase } from '../loop/train-options';
import type { ObjectiveUse } from '../objectives/objective';
import { type GrpoOptions, grpo } from '../objectives/grpo';
import { checkExamples } from '../phases/reasoner-phases';
import type { PhasePlan } from '../phases/phase-plan';
import { composeProgram } from '../program/program';
import { openRunner, type Runner, type TrainedModelSource } from '../program/runner';
import type { TrainingProgram } from '../program/training-program';
import {
  defaultTokens,
  reinforcementDefaults,
  type ReinforcementOptions,
} from '../reinforcement/reinforcement-options';
import { type MadeReward, makeRewards } from '../reinforcement/rewards';
import { rolloutShards } from '../reinforcement/rollout-shards';
import type { ReasonerData } from '../sources/laid-out-examples';
import { rolloutSource } from '../sources/rollout-source';
import type { Shard } from '../sources/source';
import type { TrainRunOptions } from './run-options';
import { trainingDefaults } from './training-options';

/** The name of the phase in which a reasoner is trained by rewards: the only one of its run. */
const PHASE = 'reinforce';

/**
 * Refuses what a run by rewards cannot do, and makes its rewards.
 *
 * @throws TrainerError `invalid-option`
 */
export function checkReinforcement({
  options: { method: specification, model, interpreters, drawer, heldOut = [], training = {} },
  reinforcement,
}: {
  options: TrainRunOptions;
  reinforcement: ReinforcementOptions;
}): { reinforcement: ReinforcementOptions; rewards: MadeReward[]; thoughts: ThoughtSampling } {
  const refuse = (message: string): never => {
    throw new TrainerError({ code: 'invalid-option', message });
  };
  if (model.from === undefined)
    refuse(
      'reinforcement: answers of a model with random weights earn nothing. Train it first, and name its folder in model.from.',
    );
  if (interpreters !== undefined || drawer !== undefined)
    refuse(
      `reinforcement: a run by rewards trains no ${drawer === undefined ? 'interpreters' : 'drawer'}. Train what reads the thoughts after it, in a run of its own.`,
    );
  if (heldOut.length > 0)
    refuse(
      'reinforcement: a run by rewards takes no validation loss (data.validation). Evaluate what it leaves on held-out questions.',
    );
  const { questions = reinforcementDefaults.questions, group = reinforcementDefaults.group } = reinforcement;
  const shards = training.shards ?? trainingDefaults.shards;
  if (group < 2)
    refuse(`reinforcement.group: ${group} answers to a question have nothing to be compared with; take 2 or more.`);
  if (questions * group < shards)
    refuse(`reinforcement: ${questions * group} answers a step cannot be cut into ${shards} shards (training.shards).`);
  const method = createMethod(specification);
  if (method.latentHead === true)
    refuse(
      `reinforcement: a latent head is not trained by rewards. Take a method whose thoughts are states or mixtures of embeddings in place of "${method.name}".`,
    );
  const mixes = method.mixesEmbeddings === true;
  const thoughts: ThoughtSampling =
    reinforcement.thoughts ?? (mixes ? { kind: 'tokens', count: defaultTokens } : { kind: 'state' });
  const refused = refusedSampling({ method, sampling: thoughts });
  if (refused !== undefined) refuse(`reinforcement.thoughts: ${refused}`);
  if (thoughts.kind === 'state' && mixes)
    refuse(
      `reinforcement.thoughts: the method "${method.name}" learns from thoughts that are drawn. Take "tokens": the mean of several tokens' embeddings.`,
    );
  return { reinforcement, rewards: makeRewards(reinforcement.rewards), thoughts };
}

/** The phase of a run by rewards: laid out as the method's last. */
export function reinforcementPlan({
  phases,
  reinforcement: { steps, learningRate, ...own },
  training = {},
}: {
  phases: readonly Phase[];
  reinforcement: ReinforcementOptions;
  training?: TrainRunOptions['training'];
}): PhasePlan[] {
  const { questions = reinforcementDefaults.questions, group = reinforcementDefaults.group } = own;
  const warmupSteps = Math.min(training.warmupSteps ?? trainingDefaults.warmupSteps, Math.floor(steps / 4));
  return [
    {
      phase: { ...phases.at(-1)!, name: PHASE },
      steps,
      batchSize: questions * group,
      schedule: {
        learningRate: learningRate ?? training.learningRate ?? trainingDefaults.learningRate,
        warmupSteps,
      },
    },
  ];
}

/** What a run by rewards trains. */
export interface ReinforcementProgram {
  objectives: ObjectiveUse[];
  program: TrainingProgram<Shard>;
  phases: TrainingPhase[];
  /** A batch of one row, as long as there is any. */
  longestRow(example: ReasonerData['examples'][number]): Promise<unknown>;
}

/**
 * The program and the phase of a run by rewards. Answers are sampled by the program's own model in this thread, which the
 * loop keeps up to date; the reference is the model that the run starts from.
 */
export async function openReinforcement({
  reinforcement,
  rewards,
  thoughts,
  reasoner,
  model,
  frozen = [],
  data,
  plans,
  onNotice,
}: {
  reinforcement: ReinforcementOptions;
  rewards: MadeReward[];
  thoughts: ThoughtSampling;
  /** As it was before training. */
  reasoner: Reasoner;
  model: TrainedModelSource;
  frozen?: readonly string[];
  data: ReasonerData;
  plans: readonly PhasePlan[];
  onNotice?: (notice: string) => void;
}): Promise<ReinforcementProgram> {
  checkExamples(data);
  const defaults = reinforcementDefaults;
  const { clip = defaults.clip, clipHigh = clip, kl = defaults.kl } = reinforcement;
  const options: GrpoOptions = { clip: { low: clip, high: clipHigh }, klWeight: kl };
  const objectives: ObjectiveUse[] = [{ name: grpo.name, options }];
  const runner = (await openRunner({ model, frozen })) as Runner<ReasonerBatch>;
  const program = await composeProgram({ runner: runner as Runner, objectives });
  const { tokenizer, processor, settings } = reasoner;
  const policy = new Reasoner({ model: runner.model, tokenizer, processor, settings, feedback: runner.feedback });
  const { temperature = defaults.temperature, per = defaults.per } = reinforcement;
  const [plan] = plans;
  let told = false;
  const source = rolloutSource({
    data,
    place: 0,
    reasoner: policy,
    runner,
    reference: kl > 0 ? await openReference(model) : undefined,
    questions: reinforcement.questions ?? defaults.questions,
    group: reinforcement.group ?? defaults.group,
    updates: reinforcement.updates ?? defaults.updates,
    scale: reinforcement.scale ?? defaults.scale,
    unfinished: reinforcement.unfinished ?? defaults.unfinished,
    firstFromBest: reinforcement.firstFromBest ?? defaults.firstFromBest,
    maxNewTokens: reinforcement.maxNewTokens,
    temperature,
    per,
    thoughts,
    rewards,
    onFault({ step, faults }) {
      if (!told)
        onNotice?.(
          `Step ${step + 1}: ${faults.length} ${faults.length === 1 ? 'answer' : 'answers'} left out. ${faults[0]!} Further ones are counted in the log (rewardFaults).`,
        );
      told = true;
    },
  });
  return {
    objectives,
    program,
    phases: [{ name: plan!.phase.name, steps: plan!.steps, schedule: plan!.schedule, source }],
    async longestRow(example) {
      const context = reasoner.layoutContext({ image: example.image });
      const layout = data.method.layout({ example, phase: plan!.phase, context });
      const [shard] = await rolloutShards({
        rollouts: [
          { example, layout: { ...layout, inputs: undefined, parts: undefined }, drawn: [], halts: [], advantage: 1 },
        ],
        data: { ...data, shards: 1 },
        temperature,
        thoughts,
        per,
        measures: {},
      });
      return { inputs: shard!.inputs, parts: shard!.parts };
    },
  };
}

/** The model that a run starts from, beside the one that is trained. An adapter that has learnt nothing changes nothing. */
async function openReference(model: TrainedModelSource): Promise<Runner<ReasonerBatch>> {
  return (await openRunner({ model, frozen: [] })) as Runner<ReasonerBatch>;
}
