import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';

import ts from 'typescript';

import { Tensor } from '../../lib';
import { inPlaceOperations, tensorOperations, valueOperations } from '../../lib/tensor/operations';
import { TensorPromise } from '../../lib/tensor/tensor-promise';
import { rejects } from '../support/assert';

function namesOfInterface(): string[] {
  const file = path.join(__dirname, '../../lib/tensor/tensor-operations.ts');
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true);
  const operations = source.statements.find(
    (node): node is ts.InterfaceDeclaration =>
      ts.isInterfaceDeclaration(node) && node.name.text === 'TensorOperations',
  );
  assert.ok(operations);
  return operations.members.map((member) => member.name?.getText(source) ?? '');
}

describe('the table of operations', () => {
  const names = [tensorOperations, inPlaceOperations, valueOperations].flatMap((table) => Object.keys(table));

  it('has what tensors and promises of them are said to have', () => {
    assert.deepEqual(names.toSorted(), namesOfInterface().toSorted());
    for (const name of names) {
      for (const { prototype } of [Tensor, TensorPromise]) {
        const method: unknown = Object.getOwnPropertyDescriptor(prototype, name)?.value;
        assert.ok(typeof method === 'function' && method.name === name, name);
      }
    }
  });

  it('answers a disposed tensor with a rejection, whatever the operation', async () => {
    const disposed = await Tensor.ones([1]);
    disposed.dispose();
    const failed = TensorPromise.prototype.add.call(disposed, 1);
    for (const from of [disposed, failed] as unknown as Record<string, () => Promise<unknown>>[]) {
      for (const name of names) await rejects(from[name]?.() as Promise<unknown>, 'ERR_DISPOSED');
    }
  });

  it('answers an operand of another kind with a rejection that names it', async () => {
    const x = await Tensor.ones([1]);
    const wrong = 'x' as never;
    await rejects(x.add(wrong), 'ERR_ARGUMENT', /a Tensor or a number for the operand/);
    await rejects(x.matmul(wrong), 'ERR_ARGUMENT', /a Tensor for other/);
    await rejects(x.gather(0, wrong), 'ERR_ARGUMENT', /index/);
    await rejects(x.scatter(0, x, wrong), 'ERR_ARGUMENT', /the operand/);
    await rejects(x.scatterAdd(0, x, wrong), 'ERR_ARGUMENT', /source/);
    await rejects(x.maskedFill(wrong, 1), 'ERR_ARGUMENT', /mask/);
    await rejects(x.crossEntropy(wrong), 'ERR_ARGUMENT', /labels/);
    await rejects(x.copyFrom(wrong), 'ERR_ARGUMENT', /source/);
    await rejects(x.addInPlace(wrong), 'ERR_ARGUMENT', /the operand/);
    await rejects(x.equal(wrong), 'ERR_ARGUMENT', /other/);
    await rejects(x.backward({ gradient: wrong }), 'ERR_ARGUMENT', /gradient/);
    await rejects(x.clamp(), 'ERR_ARGUMENT', /at least one bound/);
    await rejects(x.select('0' as never, 0), 'ERR_ARGUMENT', /integer/);
    await rejects(x.fill('0' as never), 'ERR_ARGUMENT', /number/);
    await rejects(Tensor.cat([x, wrong]), 'ERR_ARGUMENT', /tensors/);
    await rejects(Tensor.where(wrong, x, 1), 'ERR_ARGUMENT', /condition/);
    await assert.rejects(x.reshape(undefined as never), TypeError);
  });
});
