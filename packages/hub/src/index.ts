export { HubError, type HubErrorCode } from './hub-error';
export { resolveModelFolder, type DownloadProgress, type ResolveModelFolderOptions } from './resolve-model-folder';
