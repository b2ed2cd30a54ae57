import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import {
  parseVerificationSet,
  readVerificationSet,
  writeVerificationSet,
} from '../../lib/data/protocols/verification-set';
import { KappaError } from '../../lib/errors';
import { onlyTyped, rejects, throws } from '../support/assert';
import { LFW } from '../support/faces';
import { temporaryFolder } from '../support/folder';

const FIXTURES = path.join(__dirname, '..', 'fixtures', 'pickle');

// The content of the fixtures, as scripts/dev/fixtures/make-pickles.py has it.
const IMAGES = [
  Buffer.from(Array.from({ length: 256 }, (_, i) => i)),
  Buffer.from([0xff, 0xd8, 0xff]),
  Buffer.from('it\'s "quoted" \\u0041 \\\n\r\t\0', 'latin1'),
  Buffer.from('a'),
  Buffer.from('shared'),
  Buffer.from([0x80, 0xe9, 0xff]),
];

const bytes = (...parts: (string | number[])[]) =>
  Buffer.concat(parts.map((part) => Buffer.from(part as string, 'latin1')));

function refuses(pickle: Buffer, text: RegExp): void {
  const named = new RegExp(`^x\\.bin.*${text.source}`, `s${text.flags}`);
  throws(() => parseVerificationSet(pickle, 'x.bin'), 'ERR_DATA_CORRUPT', named);
}

describe('verification sets', () => {
  const folder = temporaryFolder();

  for (const name of readdirSync(FIXTURES))
    it(`reads what Python wrote: ${name}`, async () => {
      const set = await readVerificationSet(path.join(FIXTURES, name));
      const order = name.startsWith('memoised') ? [0, 0, 4, 4, 0, 4] : [0, 1, 2, 3, 4, 5];
      assert.deepEqual(
        set.images.map((image) => image.toString('hex')),
        order.map((i) => IMAGES[i]!.toString('hex')),
      );
      assert.deepEqual(set.isSame, [true, false, true]);
      assert.equal(set.name, path.basename(name, '.bin'));
    });

  it('writes byte for byte a pickle that Python reads back', async () => {
    const file = path.join(folder, 'sub', 'small.bin');
    await writeVerificationSet(file, {
      images: [Buffer.from('é1', 'latin1'), Buffer.from('b')],
      isSame: [true],
    });
    // Worked out by hand from the opcodes; python3 gives ([b'\xe91', b'b'], [True]).
    const expected = bytes(
      [0x80, 2],
      '](',
      'c_codecs\nencode\nq',
      [0],
      'X',
      [3, 0, 0, 0, 0xc3, 0xa9, 0x31],
      'X',
      [6, 0, 0, 0],
      'latin1q',
      [1],
      [0x86],
      'Rh',
      [0],
      'X',
      [1, 0, 0, 0],
      'bh',
      [1],
      [0x86],
      'Re',
      '](',
      [0x88],
      'e',
      [0x86],
      '.',
    );
    assert.deepEqual(readFileSync(file), expected);
    assert.deepEqual(readdirSync(path.dirname(file)), ['small.bin']);
  });

  it('gives back a large set as it was written', async () => {
    const images = Array.from({ length: 5002 }, (_, i) => Buffer.from([i & 255, i >> 8, 0x80, 0x00]));
    const isSame = Array.from({ length: 2501 }, (_, i) => i % 3 === 0);
    const file = path.join(folder, 'large.bin');
    await writeVerificationSet(file, { images, isSame });
    assert.deepEqual(await readVerificationSet(file), { name: 'large', images, isSame });
    await rejects(
      writeVerificationSet(file, { images, isSame: [true] }),
      'ERR_ARGUMENT',
      /2 images for 1 pairs/,
    );
  });

  it('says where sets come from when one is missing', async () => {
    await rejects(
      readVerificationSet(path.join(folder, 'none.bin')),
      'ERR_DATA_NOT_FOUND',
      /none\.bin.*beside train\.rec/,
    );
    await rejects(readVerificationSet(folder), 'ERR_IO', /it is a folder/);
  });

  it('refuses hostile pickles, names the byte, and executes nothing', () => {
    const file = path.join(folder, 'pwned');
    refuses(bytes(`cos\nsystem\n(S'touch ${file}'\ntR.`), /byte 0: .*"os\.system".*nothing was executed/);
    refuses(bytes(`cposix\nsystem\n(S'touch ${file}'\ntR.`), /posix\.system/);
    refuses(bytes([0x80, 2], "c__builtin__\neval\n(S'1'\ntR."), /byte 2: .*__builtin__\.eval/);
    refuses(
      bytes([0x80, 4, 0x8c, 8], 'builtins', [0x8c, 4], 'eval', [0x93], '.'),
      /byte 18: .*builtins\.eval/,
    );
    refuses(bytes('cnumpy.core.multiarray\nfromfile\n.'), /fromfile/);
    refuses(bytes('cnumpy\nload\n.'), /numpy\.load/);
    refuses(bytes('c_codecs\ndecode\n.'), /_codecs\.decode/);
    refuses(bytes('(ios\nsystem\n.'), /byte 1: .*opcode 0x69/);
    refuses(bytes("(dS'a'\nsb."), /opcode 0x64/);
    refuses(bytes([0x80, 2], 'Pid\n.'), /opcode 0x50/);
    refuses(bytes([0x80, 2, 0x82, 1], '.'), /opcode 0x82/);
    refuses(bytes([0x80, 2], ')', [0x81], '.'), /opcode 0x81/);
    refuses(bytes([0x80, 5, 0x97], '.'), /opcode 0x97/);
    assert.ok(!existsSync(file));
  });

  it('calls the allowed names in no other way than numpy does', () => {
    refuses(bytes("c_codecs\nencode\n(Vabc\nS'rot13'\ntR."), /something else than a text and latin1/);
    refuses(bytes('c_codecs\nencode\n(V\\u0100\nVlatin1\ntR.'), /beyond latin-1/);
    refuses(bytes('c_codecs\nencode\n(tR.'), /something else/);
    refuses(bytes("cnumpy\ndtype\n(S'O8'\nI0\nI1\ntR."), /found something else/);
    for (const type of ['S8', 'U1', 'f2', 'c8', 'V4', 'M8', 'u3', 'i16', 'b2'])
      refuses(bytes(`cnumpy\ndtype\n(S'${type}'\nI0\nI1\ntR.`), /images are of uint8/);
    refuses(bytes('cnumpy\nndarray\n(I9999999\ntR.'), /numpy\.ndarray is called/);
    refuses(
      bytes("cnumpy.core.multiarray\n_reconstruct\n(cnumpy\ndtype\n(I0\ntS'b'\ntR."),
      /_reconstruct is called/,
    );
    for (const [type, size] of [
      ['u1', 2],
      ['i8', 4],
      ['O8', 8],
    ] as const)
      refuses(
        bytes(
          `cnumpy.core.multiarray\nscalar\n(cnumpy\ndtype\n(S'${type}'\nI0\nI1\ntRS'${'1'.repeat(size)}'\ntR.`,
        ),
        /scalar that is neither a bool nor a number/,
      );
    refuses(bytes('I1\n(I2\ntR.'), /not a name of the short list/);
    refuses(bytes('I1\n(I2\ntb.'), /state is set on something/);
    const array = "cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR";
    const dtype = "cnumpy\ndtype\n(S'u1'\nI0\nI1\ntR";
    refuses(bytes(`${array}(I1\n(I99999999\nt${dtype}I00\nS'abc'\ntb.`), /shape is not \(3,\)/);
    refuses(bytes(`${array}(I1\n(I2\nI2\nt${dtype}I00\nS'abcd'\ntb.`), /shape is not/);
    refuses(bytes(`${dtype}(I3\nS'|'\nNN(S'x'\ntI1\nI1\nI0\ntb.`), /has fields/);
  });

  it('allocates nothing for lengths that the file does not have', () => {
    for (const head of [
      ['T', [255, 255, 255, 127]],
      ['B', [255, 255, 255, 255]],
      ['X', [0, 0, 0, 128]],
    ] as const)
      refuses(
        bytes([0x80, 2], head[0], [...head[1]], 'abc.'),
        /byte 2: .*announced, but the file ends after 4/,
      );
    for (const opcode of [0x8e, 0x8d, 0x96, 0x95])
      refuses(
        bytes([0x80, 5, opcode, 255, 255, 255, 255, 255, 255, 255, 127], 'abc.'),
        /more than the file has/,
      );
    refuses(bytes([0x80, 2, 0x8b, 255, 255, 255, 127], '.'), /integer of/);
    refuses(bytes(`I${'9'.repeat(1000)}\n.`), /malformed/);
    refuses(bytes(`L${'9'.repeat(30)}L\n.`), /malformed/);
  });

  it('bounds nesting and the stack', () => {
    refuses(bytes('('.repeat(100_000), '.'), /nested more than 64 deep/);
    refuses(bytes('](', 'N'.repeat(4_300_000), 'e.'), /more objects/);
    // Deep by single-element tuples: built without recursion, then refused as no pair.
    refuses(bytes('N', Array(100_000).fill(0x85), '.'), /expected a pair .* found 1 elements/);
    // A list within itself.
    refuses(bytes('](h\0e.'), /memo entry 0 is used before/);
    refuses(bytes(']q\0h\0a.'), /expected a pair|image/);
  });

  it('refuses a broken stack', () => {
    for (const text of [
      '.',
      'a.',
      'e.',
      't.',
      '0.',
      '1.',
      '2.',
      'R.',
      'b.',
      'q\0.',
      'Na.',
      'NNa.',
      '(e.',
      '\x86.',
      '\x93.',
    ])
      refuses(bytes(text), /byte \d+: /);
    refuses(bytes('NN.'), /more than one object/);
    refuses(bytes('N(.'), /nothing on the stack/);
  });

  it('says what is wrong with the content', () => {
    const images = (n: number) => `(${"S'a'\n".repeat(n)}l`;
    const answers = (n: number) => `(${'I01\n'.repeat(n)}l`;
    refuses(bytes(`(${images(3)}${answers(1)}t.`), /3 images, an odd number/);
    refuses(bytes(`(${images(4)}${answers(1)}t.`), /4 images but 1 answers/);
    refuses(bytes(`(${images(0)}${answers(0)}t.`), /no pairs/);
    refuses(bytes(`(${images(2)}t.`), /expected a pair .* found 1 elements/);
    refuses(bytes(`(${images(2)}((I1\nllt.`), /answer 0 is a list of 1; expected a boolean, or 0 or 1/);
    refuses(bytes(`(${images(2)}I1\nt.`), /list or array of booleans .* found the number 1/);
    refuses(bytes(`(${images(2)}(I2\nlt.`), /answer 0 is the number 2; expected a boolean, or 0 or 1/);
    refuses(bytes(`(${images(4)}(I1\nI-1\nlt.`), /answer 1 is the number -1.*write different people as 0/);
    refuses(bytes(`(${images(2)}(F0.5\nlt.`), /answer 0 is the number 0\.5/);
    refuses(bytes(`(${images(2)}(VTrue\nlt.`), /answer 0 is the text "True"/);
    refuses(bytes(`(${images(2)}(Nlt.`), /answer 0 is None/);
    const array = "cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR";
    const of = (type: string, data: string) =>
      `${array}(I1\n(I1\ntcnumpy\ndtype\n(S'${type}'\nI0\nI1\ntRI00\nS'${data}'\ntb`;
    refuses(bytes(`(${images(2)}${of('b1', '\x02')}t.`), /answer 0 is the number 2/);
    refuses(bytes(`(${images(2)}${of('i1', '\xff')}t.`), /answer 0 is the number -1/);
    refuses(bytes(`(${images(2)}${of('i2', '\0\x01')}t.`), /answer 0 is the number 256/);
    refuses(bytes(`(${images(2)}${of('f4', '\0\0\xc0\x7f')}t.`), /answer 0 is the number NaN/);
    refuses(bytes(`(${of('i1', '\x01')}${answers(1)}t.`), /list of encoded images .* an array of 1 int8/);
    refuses(bytes(`(N${answers(1)}t.`), /list of encoded images/);
    refuses(bytes(`((S'a'\nI1\nl${answers(1)}t.`), /image 1 is not made of bytes/);
    refuses(bytes(`((S'a'\nS''\nl${answers(1)}t.`), /image 1 is empty/);
    refuses(bytes(`(${images(2)}${answers(1)}t.garbage`), /7 bytes follow the end/);
    refuses(Buffer.alloc(0), /byte 0: .*truncated/);
    refuses(bytes([0x80, 6], 'N.'), /protocol 6/);
    refuses(Buffer.from([0xff, 0xd8, 0x00, 0xe0]), /opcode 0xff/);
  });

  it('answers every truncation and every flipped byte with a typed error or a set', async () => {
    for (const name of ['bytes-p2', 'bytes-p4', 'numpy1-flat-p2', 'numpy2-column-p5', 'python2-p0']) {
      const good = readFileSync(path.join(FIXTURES, `${name}.bin`));
      for (let at = 0; at < good.length; at++) {
        const cut = await onlyTyped(
          () => parseVerificationSet(good.subarray(0, at), 'cut.bin'),
          `${name} cut at ${at}`,
        );
        assert.ok(cut instanceof KappaError, `${name} cut at ${at} is not whole`);
        for (const mask of [0xff, 0x01]) {
          const bad = Buffer.from(good);
          bad[at]! ^= mask;
          await onlyTyped(() => parseVerificationSet(bad, 'flipped.bin'), `${name} byte ${at} ^ ${mask}`);
        }
      }
    }
  });

  it('reads the real set: 1,200 pairs, half of them same', async function () {
    const file = path.join(LFW, 'lfw.bin');
    if (!existsSync(file)) this.skip(); // the development set is not present
    const set = await readVerificationSet(file);
    assert.equal(set.images.length, 2400);
    assert.equal(set.isSame.filter(Boolean).length, 600);
    assert.ok(set.images.every((image) => image.readUInt16BE(0) === 0xffd8));
    const copy = path.join(folder, 'copy.bin');
    await writeVerificationSet(copy, set);
    assert.deepEqual((await readVerificationSet(copy)).images, set.images);
    writeFileSync(copy, readFileSync(file).subarray(0, 5_000_000));
    await rejects(readVerificationSet(copy), 'ERR_DATA_CORRUPT', /truncated/);
  });
});
