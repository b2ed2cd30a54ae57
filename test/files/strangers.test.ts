import assert from 'node:assert/strict';
import { deflateRawSync, gzipSync } from 'node:zlib';
import path from 'node:path';
import { FaceDataset } from '../../lib/data/face-dataset';
import { readVerificationSet } from '../../lib/data/protocols/verification-set';
import { stranger } from '../../lib/files/strangers';
import { PickleWriter } from '../../lib/pickle/writer';
import { checkData } from '../../lib/prepare/check';
import { rejects } from '../support/assert';
import { jpeg, makeDataset } from '../support/faces';
import { temporaryFolder, writeFile } from '../support/folder';

const latin = (text: string) => Buffer.from(text, 'latin1');

/** The head of a zip archive's first file. */
function zip(name: string): Buffer {
  const head = Buffer.alloc(30);
  head.write('PK\x03\x04', 'latin1');
  head.writeUInt16LE(name.length, 26);
  return Buffer.concat([head, latin(name), deflateRawSync('x')]);
}

function safetensors(): Buffer {
  const text = '{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}';
  const head = Buffer.alloc(8);
  head.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([head, latin(text), Buffer.alloc(4)]);
}

const STRANGERS: [what: string, bytes: Buffer, is: RegExp][] = [
  [
    'a Git LFS pointer',
    latin('version https://git-lfs.github.com/spec/v1\noid sha256:1\n'),
    /Git LFS.*git lfs pull/,
  ],
  ['a git-annex pointer', latin('/annex/objects/SHA256E-s9--1.rec\n'), /git-annex.*git annex get/],
  [
    'a web page',
    latin('\r\n <!doctype HTML><html><body>Virus scan warning'),
    /web page.*download the file itself/,
  ],
  ['a bare page', latin('<html lang="en"><head>'), /web page/],
  ['an answer of a server', latin('<?xml version="1.0"?><Error><Code>AccessDenied'), /XML text/],
  ['a zip', zip('faces/train.rec'), /a zip archive.*Unpack it/],
  ['an empty zip', latin(`PK\x05\x06${'\0'.repeat(18)}`), /empty zip/],
  ['a gzip', gzipSync('x'), /gzip/],
  ['a bzip2', latin('BZh91AY&SY'), /bzip2/],
  ['an xz', latin('\xfd7zXZ\0\0'), /by xz/],
  ['a zstd', Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0]), /zstd/],
  ['a 7z', Buffer.from([0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c]), /7-Zip/],
  ['a RAR', latin('Rar!\x1a\x07\x01\0'), /RAR/],
  ['a tar', Buffer.concat([latin('train.rec'), Buffer.alloc(248), latin('ustar\0')]), /tar archive/],
  ['a checkpoint of PyTorch', zip('archive/data.pkl'), /checkpoint of PyTorch.*take a run of kappa train/],
  ['another one of PyTorch', zip('backbone/.format_version'), /checkpoint of PyTorch/],
  [
    'an old checkpoint of PyTorch',
    Buffer.from([0x80, 2, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e]),
    /checkpoint of PyTorch/,
  ],
  ['safetensors', safetensors(), /safetensors/],
  ['an ONNX model', Buffer.concat([Buffer.from([8, 7, 0x12, 7]), latin('pytorch\x1a\x052.1.0')]), /ONNX/],
  ['MXNet parameters', Buffer.concat([Buffer.from([0x12, 1, 0, 0, 0, 0, 0, 0]), Buffer.alloc(8)]), /MXNet/],
  ['a numpy array', latin('\x93NUMPY\x01\0v\0{'), /numpy array/],
  ['a numpy archive', zip('images.npy'), /numpy archive/],
  ['HDF5', latin('\x89HDF\r\n\x1a\n'), /HDF5/],
  [
    'LMDB',
    Buffer.concat([Buffer.alloc(16), Buffer.from([0xde, 0xc0, 0xef, 0xbe]), Buffer.alloc(40)]),
    /LMDB/,
  ],
  ['SQLite', latin('SQLite format 3\0'), /SQLite/],
  ['zeros', Buffer.alloc(4096), /zeros.*interrupted/],
];

describe('strangers', () => {
  const folder = temporaryFolder();
  let set: Buffer;
  before(() => {
    const writer = new PickleWriter();
    writer.list([jpeg(1), jpeg(2)], (image) => writer.bytes(image));
    writer.list([true], (same) => writer.bool(same));
    writer.tuple2();
    set = writer.finish();
  });

  for (const [what, bytes, is] of STRANGERS)
    it(`are named in place of a verification set, a record file and its index: ${what}`, async () => {
      const bin = writeFile(folder, 'x.bin', bytes);
      await rejects(readVerificationSet(bin), 'ERR_DATA_CORRUPT', new RegExp(`x\\.bin is .*${is.source}`));
      await rejects(checkData(bin), 'ERR_DATA_CORRUPT', is);
      const root = await makeDataset(path.join(folder, what.replaceAll(' ', '-')), [1, 1]);
      const rec = writeFile(root, 'train.rec', bytes);
      await rejects(
        FaceDataset.open(root),
        'ERR_DATA_CORRUPT',
        new RegExp(`${rec} is .*, not a record file`),
      );
      await rejects(checkData(root, { workers: 0 }), 'ERR_DATA_CORRUPT', is);
      const other = await makeDataset(path.join(folder, `${what.replaceAll(' ', '-')}-idx`), [1, 1]);
      writeFile(other, 'train.idx', bytes);
      await rejects(
        FaceDataset.open(other, { rebuildIndex: false }),
        'ERR_DATA_CORRUPT',
        new RegExp(`train\\.idx is .*, not an index.*`),
      );
    });

  it('are a training set, an image or another file where a verification set was meant', async () => {
    const root = await makeDataset(path.join(folder, 'records'), [1, 1]);
    await rejects(readVerificationSet(path.join(root, 'train.rec')), 'ERR_DATA_CORRUPT', /a RecordIO file/);
    await rejects(
      readVerificationSet(writeFile(folder, 'a.bin', jpeg(1))),
      'ERR_DATA_CORRUPT',
      /single JPEG/,
    );
    await rejects(readVerificationSet(writeFile(folder, 'e.bin', '')), 'ERR_DATA_CORRUPT', /truncated/);
  });

  it('are none of our own', async () => {
    const root = await makeDataset(path.join(folder, 'own'), [2, 1]);
    const { readFileSync } = await import('node:fs');
    for (const name of ['train.rec', 'train.idx', 'property'])
      assert.equal(stranger(readFileSync(path.join(root, name))), undefined, name);
    assert.equal(stranger(set), undefined);
    for (const text of [
      '',
      'a',
      '{"name": "x"}',
      'name: x',
      '1\ta/1.jpg\t0\n',
      '10\t300\n',
      'export default {};',
    ])
      assert.equal(stranger(Buffer.from(text)), undefined, text);
    for (let protocol = 0; protocol <= 5; protocol++) {
      const fixture = path.join(__dirname, '..', 'fixtures', 'pickle', `bytes-p${protocol}.bin`);
      assert.equal(stranger(readFileSync(fixture)), undefined);
    }
  });
});
