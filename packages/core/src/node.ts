export { AtomicFile, syncFolder, writeFileAtomically } from './files/atomic-file';
export { FileError, fileError, type FileErrorCode } from './files/file-error';
export { acquireLock, LockError, withLock, type AcquireLockOptions, type Lock, type LockHolder } from './files/lock';
export { openRegularFile, readRegularFile, readTextFile, type ReadFileOptions } from './files/read-file';
export {
  request,
  RequestError,
  type BoundedResponse,
  type RequestErrorCode,
  type RequestOptions,
} from './network/request';
export { IncludeError, includeModules, type IncludeErrorCode } from './modules/include-modules';
export { closeFiles, openFiles } from './files/open-files';
export { processIsTuned, tuneProcess } from './process/tune-process';
export { reportFailure, waitForAll } from './workers/barrier';
export { startWorkers, type WorkerPool } from './workers/worker-pool';
export { type WorkerStart, type WorkerTaskModule } from './workers/worker-protocol';
export { WorkerError, type WorkerErrorCode } from './workers/worker-error';
export { writeJsonFile } from './files/json-file';
export { firstTells, noPeers, shareOut, type Peers } from './workers/share-out';
