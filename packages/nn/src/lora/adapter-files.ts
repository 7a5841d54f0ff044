/** PEFT's prefix of module names. */
export const prefix = 'base_model.model.';
export const configFile = 'adapter_config.json';
export const weightsFile = 'adapter_model.safetensors';
