'use strict';
// Writes a checkpoint, and another one whose backbone never gets through: node checkpoint-child.js FOLDER MEMORY
const { spawnSync } = require('node:child_process');
const { Tensor } = require('../../lib/tensor/tensor');
const safetensors = require('../../lib/io/safetensors');
const { CheckpointFolder } = require('../../lib/run/checkpoint');

const [folder, memory] = process.argv.slice(2);

async function main() {
  const checkpoints = new CheckpointFolder(folder);
  const weights = await Tensor.ones([1000]);
  const tensors = {
    shared: { optimizer: new Map([['v', weights]]), backbone: new Map([['w', weights]]) },
  };
  await checkpoints.save(1, tensors, { step: 1 }, { best: true });
  for (const name of ['writeSafetensors', 'writeSafetensorsAside']) {
    const original = safetensors[name];
    safetensors[name] = (file, given) => {
      if (file.endsWith('backbone.safetensors')) spawnSync('mkfifo', [file]);
      return original(file, given);
    };
  }
  await checkpoints.save(2, tensors, { step: 2 }, { best: true, memory: Number(memory) });
}

void main();
