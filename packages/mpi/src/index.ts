export type { MpiArray } from './arrays';
export { chooseDevice } from './choose-device';
export { MpiError, type MpiErrorCode } from './errors';
export type { MpiKind, Operation } from './handles';
export { findLaunch, type Launch } from './launcher';
export { findLocalRank, type LocalRank } from './local-ranks';
export { Mpi, type Message } from './mpi';
export { openMpi, type OpenMpiOptions } from './open-mpi';
export type { Pending } from './pending';
