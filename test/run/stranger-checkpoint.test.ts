import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Tensor, readSafetensors, resolveCheckpoint, openCheckpoint } from '../../lib';
import { CheckpointFolder } from '../../lib/run/checkpoint';
import { rejects } from '../support/assert';
import { temporaryFolder, writeFile } from '../support/folder';

const POINTER = 'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n';

describe('weights that are none of a run', () => {
  const folder = temporaryFolder();

  it('are named where a checkpoint was meant', async () => {
    const zip = Buffer.alloc(64);
    zip.write('PK\x03\x04', 'latin1');
    zip.writeUInt16LE(16, 26);
    zip.write('archive/data.pkl', 30);
    const pth = writeFile(folder, 'backbone.pth', zip);
    await rejects(
      resolveCheckpoint(pth),
      'ERR_CHECKPOINT',
      /checkpoint of PyTorch.*take a run of kappa train/,
    );
    const onnx = writeFile(folder, 'w600k_r50.onnx', '\x08\x06\x12\x07pytorch\x1a\x051.9.0');
    await rejects(resolveCheckpoint(onnx), 'ERR_CHECKPOINT', /ONNX model/);
    const large = writeFile(folder, 'large.pt', zip);
    truncateSync(large, 3 * 2 ** 30); // more than a text may have; takes no room
    await rejects(resolveCheckpoint(large), 'ERR_CHECKPOINT', /checkpoint of PyTorch/);
  });

  it('are named where they stand for the files of a checkpoint', async () => {
    const file = writeFile(folder, 'w.safetensors', POINTER);
    await rejects(readSafetensors(file), 'ERR_CHECKPOINT', /w\.safetensors.*it is a Git LFS pointer/);
    const root = path.join(folder, 'checkpoints');
    mkdirSync(root, { recursive: true });
    const checkpoints = new CheckpointFolder(root);
    const weights = new Map([['w', await Tensor.ones([2])]]);
    await checkpoints.save(1, { shared: { backbone: weights } }, { step: 1 });
    const target = await resolveCheckpoint(root);
    writeFileSync(path.join(target, 'backbone.safetensors'), POINTER);
    const opened = await openCheckpoint(target);
    await rejects(opened.tensors('backbone'), 'ERR_CHECKPOINT', /backbone\.safetensors is a Git LFS pointer/);
    writeFileSync(path.join(target, 'state.json'), POINTER);
    await rejects(openCheckpoint(target), 'ERR_CHECKPOINT', /state\.json is a Git LFS pointer.*git lfs pull/);
  });
});
