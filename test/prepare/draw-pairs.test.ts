import assert from 'node:assert/strict';
import { drawPairs } from '../../lib/prepare/draw-pairs';
import { throws } from '../support/assert';

describe('drawn pairs', () => {
  /** People with so many images each; image numbers tell the person. */
  const makePeople = (...counts: number[]) =>
    counts.map((count, person) => Array.from({ length: count }, (_, image) => 1000 * person + image));
  const personOf = (image: number) => Math.floor(image / 1000);
  const many = makePeople(...Array.from({ length: 60 }, (_, i) => 2 + (i % 9)));

  it('are half of one person and half of two in each fold, none twice, no person in two folds', () => {
    const { pairs, foldsDisjoint } = drawPairs(many, { pairs: 400, seed: 3 });
    assert.equal(pairs.length, 400);
    assert.ok(foldsDisjoint);
    const seen = new Set<string>();
    const foldOf = new Map<number, number>();
    pairs.forEach(({ a, b, isSame }, i) => {
      const fold = Math.floor(i / 40);
      assert.equal(isSame, i % 40 < 20, `pair ${i}`);
      assert.equal(personOf(a) === personOf(b), isSame);
      assert.notEqual(a, b);
      const key = [a, b].sort((x, y) => x - y).join(' ');
      assert.ok(!seen.has(key), `pair ${key} twice`);
      seen.add(key);
      for (const person of [personOf(a), personOf(b)]) {
        assert.equal(foldOf.get(person) ?? fold, fold, `person ${person}`);
        foldOf.set(person, fold);
      }
    });
  });

  it('depend on the seed alone', () => {
    const draw = (seed: number) => drawPairs(many, { pairs: 200, seed });
    assert.deepEqual(draw(1), draw(1));
    assert.notDeepEqual(draw(1), draw(2));
  });

  it('do not favour people with many images', () => {
    // One with 200 images among 19 with 3: by images it would take 99.7% of the pairs.
    const { pairs } = drawPairs(makePeople(200, ...new Array<number>(19).fill(3)), {
      pairs: 40,
      folds: 1,
      seed: 5,
    });
    const large = pairs.filter(({ isSame, a }) => isSame && personOf(a) === 0).length;
    assert.ok(large <= 6, `${large} of 20`);
  });

  it('can be all pairs that there are', () => {
    const { pairs } = drawPairs(makePeople(3, 1, 1), { pairs: 6, folds: 1, seed: 1 });
    const same = pairs.slice(0, 3).map(({ a, b }) => `${a} ${b}`);
    assert.deepEqual(same.sort(), ['0 1', '0 2', '1 2']);
    const all = drawPairs(makePeople(4, 3), { pairs: 18, folds: 1, seed: 1 }).pairs;
    assert.equal(new Set(all.filter(({ isSame }) => !isSame).map(({ a, b }) => `${a} ${b}`)).size, 9);
  });

  it('share people between folds only where there are too few, and say so', () => {
    assert.equal(drawPairs(makePeople(30, 30, 30), { pairs: 200, seed: 1 }).foldsDisjoint, false);
  });

  it('are by default as many as separate folds give', () => {
    const { pairs, foldsDisjoint } = drawPairs(makePeople(...new Array<number>(40).fill(3)), { seed: 1 });
    // Four people with three images a fold: 12 pairs of one person.
    assert.deepEqual([pairs.length, foldsDisjoint], [240, true]);
  });

  it('are refused where the people do not give so many', () => {
    const refused = (people: number[][], pairs: number, text: RegExp) =>
      throws(() => drawPairs(people, { pairs, seed: 1 }), 'ERR_ARGUMENT', text);
    refused(makePeople(3, 3), 20, /The 2 people who are held out give at most 12 pairs, not 20/);
    refused(many, 30, /a multiple of 20/);
    refused(makePeople(5), 20, /at most 0 pairs/);
  });
});
