// Tensors have their operations as methods: what tensorflow-additions.js adds when it is imported.
import '@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops';
