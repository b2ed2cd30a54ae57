import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import {
  RECORD_DIALECTS,
  RecordReader,
  RecordWriter,
  formatRecordIndex,
  packRecord,
  parseRecordIndex,
  readRecordIndex,
  unpackRecord,
  type RecordDialectName,
} from '../../lib/data/recordio';
import { KappaError } from '../../lib/errors';
import { onlyTyped, rejects, throws } from '../support/assert';
import { temporaryFolder } from '../support/folder';

describe('RecordIO', () => {
  const folder = temporaryFolder();
  const names = (name: string) => ({
    rec: path.join(folder, `${name}.rec`),
    idx: path.join(folder, `${name}.idx`),
  });

  async function write(name: string, payloads: Buffer[], dialect?: RecordDialectName) {
    const { rec, idx } = names(name);
    const writer = await RecordWriter.create(rec, idx, { dialect });
    for (const [key, payload] of payloads.entries()) await writer.write(key, payload);
    await writer.close();
    return { rec, idx };
  }

  async function readAll({ rec, idx }: { rec: string; idx: string }): Promise<Buffer[]> {
    const index = await readRecordIndex(idx);
    const reader = RecordReader.open(rec);
    try {
      return Array.from(index.offsets, (offset) => reader.read(offset));
    } finally {
      reader.close();
    }
  }

  for (const dialect of Object.keys(RECORD_DIALECTS) as RecordDialectName[]) {
    const { magic: word, flagShift } = RECORD_DIALECTS[dialect];
    const magic = Buffer.alloc(4);
    magic.writeUInt32LE(word);
    const text = (value: string) => Buffer.from(value);
    const payloads = {
      empty: Buffer.alloc(0),
      short: text('abc'),
      'only the magic': magic,
      'magic twice': Buffer.concat([magic, magic]),
      'magic in the middle': Buffer.concat([text('12345678'), magic, text('tail!')]),
      'magic at the end': Buffer.concat([text('1234'), magic]),
      'magic at an unaligned place': Buffer.concat([text('12'), magic, text('34')]),
      'half a magic at the end': Buffer.concat([text('1234'), magic.subarray(0, 3)]),
      large: Buffer.alloc(70_001, 'x'),
    };

    it(`gives back what was written, split at embedded magics (${dialect})`, async () => {
      const files = await write(`roundtrip-${dialect}`, Object.values(payloads), dialect);
      assert.deepEqual(await readAll(files), Object.values(payloads));
    });

    it(`writes the parts of a split payload as the format says (${dialect})`, async () => {
      const { rec } = await write(`parts-${dialect}`, [payloads['magic in the middle']], dialect);
      const expected = Buffer.alloc(8 + 8 + 8 + 8);
      expected.writeUInt32LE(word, 0);
      expected.writeUInt32LE(2 ** flagShift + 8, 4);
      expected.write('12345678', 8);
      expected.writeUInt32LE(word, 16);
      expected.writeUInt32LE(3 * 2 ** flagShift + 5, 20);
      expected.write('tail!', 24);
      assert.deepEqual(readFileSync(rec), expected);
    });
  }

  it('reads the head of a record whose header holds the magic', async () => {
    const id = RECORD_DIALECTS.dmlc.magic;
    const { rec } = await write('magic-id', [packRecord({ label: 3, id, image: Buffer.from('image') })]);
    const reader = RecordReader.open(rec);
    assert.deepEqual(reader.readHead(0), { flag: 0, labels: [3], imageBytes: 5, end: reader.size });
    assert.equal(unpackRecord(reader.read(0)).id, BigInt(id));
    reader.close();
  });

  it('packs one label into the header and several behind it', () => {
    const image = Buffer.from('pixels');
    const one = packRecord({ label: 5, id: 7, image });
    assert.equal(
      one.toString('hex'),
      `00000000${'0000a040'}0700000000000000${'00'.repeat(8)}${image.toString('hex')}`,
    );
    const two = packRecord({ label: [5, 1], id: 7, image });
    assert.equal(
      two.toString('hex'),
      `02000000${'00000000'}0700000000000000${'00'.repeat(8)}0000a0400000803f${image.toString('hex')}`,
    );
    assert.deepEqual(
      { ...unpackRecord(two), image: unpackRecord(two).image.toString() },
      {
        flag: 2,
        labels: [5, 1],
        id: 7n,
        id2: 0n,
        image: 'pixels',
      },
    );
  });

  it('refuses a payload that is shorter than its header says', () => {
    throws(() => unpackRecord(Buffer.alloc(23)), 'ERR_DATA_CORRUPT', /23 bytes/);
    const payload = packRecord({ label: [1, 2], image: Buffer.alloc(0) });
    payload.writeUInt32LE(0xffffffff, 0);
    throws(() => unpackRecord(payload), 'ERR_DATA_CORRUPT', /4294967295 labels/);
  });

  it('reads an index in any order, with either line end, and sorts it', () => {
    const index = parseRecordIndex(Buffer.from('2\t80\r\n0\t0\r\n1\t40'), 'x.idx');
    assert.deepEqual([...index.keys], [0, 1, 2]);
    assert.deepEqual([...index.offsets], [0, 40, 80]);
    assert.equal(formatRecordIndex(index), '0\t0\n1\t40\n2\t80\n');
  });

  it('names the line of a bad index', () => {
    const bad = (text: string, what: RegExp) =>
      throws(() => parseRecordIndex(Buffer.from(text), 'x.idx'), 'ERR_DATA_CORRUPT', what);
    bad('', /x\.idx is empty/);
    bad('0\t0\n1 40\n', /line 2.*"1 40"/);
    bad('0\t0\n1\t\n', /line 2/);
    bad('0\t0\n\n', /line 2/);
    bad('0\t0\n-1\t4\n', /line 2/);
    bad('0\t0\n4294967296\t4\n', /line 2/);
    bad('0\t99999999999999999999\n', /line 1/);
    bad('0\t0\n0\t4\n', /key 0 occurs more than once/);
  });

  it('leaves nothing under the final names before close, nor anything at all after abort', async () => {
    const { rec, idx } = names('aborted');
    const writer = await RecordWriter.create(rec, idx);
    await writer.write(0, Buffer.alloc(3_000_000));
    assert.ok(!existsSync(rec) && !existsSync(idx));
    await writer.abort();
    assert.deepEqual(
      readdirSync(folder).filter((name) => name.includes('aborted')),
      [],
    );
    await rejects(writer.write(1, Buffer.alloc(1)), 'ERR_DISPOSED', /after its writer/);
  });

  it('says what is wrong with an offset that is no record', async () => {
    const { rec } = await write('offsets', [Buffer.from('abcd'), Buffer.from('efgh')]);
    const reader = RecordReader.open(rec);
    throws(() => reader.read(4), 'ERR_DATA_CORRUPT', /no record begins at byte 4/);
    throws(() => reader.read(2), 'ERR_DATA_CORRUPT', /not a multiple of 4/);
    throws(() => reader.read(24), 'ERR_DATA_CORRUPT', /truncated/);
    throws(() => reader.read(NaN), 'ERR_DATA_CORRUPT', /record at byte NaN/);
    reader.close();
    assert.throws(() => reader.read(0), { code: 'ERR_DISPOSED' });
  });

  it('answers every truncation and every flipped byte with a typed error or a record', async () => {
    const magic = Buffer.alloc(4);
    magic.writeUInt32LE(RECORD_DIALECTS.dmlc.magic);
    const payloads = [
      packRecord({ label: [1, 2], image: Buffer.from('one') }),
      Buffer.concat([packRecord({ label: 1, image: Buffer.from('1234') }), magic, Buffer.from('rest')]),
      packRecord({ label: 4, image: Buffer.from('last') }),
    ];
    const files = await write('damage', payloads);
    const good = readFileSync(files.rec);
    const offsets = [...(await readRecordIndex(files.idx)).offsets];
    const bad = path.join(folder, 'damaged.rec');
    let errors = 0;
    const check = async (bytes: Buffer, what: string) => {
      writeFileSync(bad, bytes);
      const reader = RecordReader.open(bad);
      for (const offset of offsets)
        for (const work of [
          () => reader.read(offset),
          () => reader.readHead(offset),
          () => reader.endOf(offset),
        ])
          if ((await onlyTyped<unknown>(work, what)) instanceof KappaError) errors++;
      reader.close();
    };
    for (let at = 0; at < good.length; at++) {
      await check(good.subarray(0, at), `cut at ${at}`);
      for (const mask of [0xff, 0x01, 0x80]) {
        const bytes = Buffer.from(good);
        bytes[at]! ^= mask;
        await check(bytes, `byte ${at} ^ ${mask}`);
      }
    }
    assert.ok(errors > 2 * good.length);
  });
});
