import type { RunPosition } from '../checkpoint/checkpoint';
import { broadcastText, type Collective } from './collective';
import type { RankExchange } from './rank-exchange';
import type { SharedState } from './shared-state';

/** Where a run goes on: the first rank looks, and gives the others the position, the weights and the moments that they keep. */
export async function sharedPosition({
  ranks,
  state,
  find,
}: {
  /** Undefined where this process is alone. */
  ranks: { collective: Collective; exchange: RankExchange; inParts: boolean } | undefined;
  state: SharedState;
  /** Looks for the newest checkpoint, and loads it into the state. */
  find: () => Promise<RunPosition>;
}): Promise<RunPosition> {
  if (!ranks) return find();
  const { collective, exchange, inParts } = ranks;
  const found = collective.rank === 0 ? await find() : undefined;
  const position = JSON.parse(
    await broadcastText({ collective, text: found ? JSON.stringify(found) : '' }),
  ) as RunPosition;
  if (position.step === 0) return found ?? position;
  await collective.broadcast({ array: state.parameters });
  for (const moments of [state.firstMoments, state.secondMoments])
    await (inParts ? exchange.dealSlices(moments) : collective.broadcast({ array: moments }));
  return found ?? position;
}
