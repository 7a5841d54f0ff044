export { tensorflowEngine as engine } from './engine';
export { installTensorflow, type InstallTensorflowOptions } from './install/install-tensorflow';
export { InstallationError, type InstallProgress, type TensorflowInstallation } from './install/installation';
