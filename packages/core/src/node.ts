export { AtomicFile, syncFolder, writeFileAtomically } from './files/atomic-file';
export { FileError, fileError, type FileErrorCode } from './files/file-error';
export { acquireLock, LockError, withLock, type AcquireLockOptions, type Lock, type LockHolder } from './files/lock';
export {
  defaultFileBytes,
  openRegularFile,
  readRegularFile,
  readTextFile,
  type ReadFileOptions,
} from './files/read-file';
export {
  request,
  RequestError,
  type BoundedResponse,
  type RequestErrorCode,
  type RequestOptions,
} from './network/request';
