import assert from 'node:assert/strict';
import { defaultSynthOptions, planSynthSet, resolveSynthOptions } from '../../lib/synth';

describe('the plan of a synthetic set', () => {
  const plan = planSynthSet(resolveSynthOptions());
  const { train, verification, pairs } = plan;

  it('follows a long tail of images with some singletons', () => {
    const counts = train.map((person) => person.images).sort((a, b) => b - a);
    assert.equal(counts.length, defaultSynthOptions.identities);
    assert.equal(counts[0], defaultSynthOptions.maxImages);
    const singletons = counts.filter((count) => count === 1).length;
    assert.equal(singletons, Math.round(defaultSynthOptions.identities * defaultSynthOptions.singletons));
    assert.ok(counts[counts.length >> 1]! < 0.6 * counts[0]!, 'half of the people have few images');
    assert.ok(counts.filter((count) => count >= 5).length > 0.75 * counts.length);
  });

  it('spreads difficulty evenly over [0, 1], independent of the number of images', () => {
    const sorted = train.map((person) => person.difficulty).sort((a, b) => a - b);
    sorted.forEach((value, rank) => assert.ok(Math.abs(value - (rank + 0.5) / sorted.length) < 0.03));
    assert.ok(
      Math.abs(
        correlation(
          train.map((p) => p.difficulty),
          train.map((p) => p.images),
        ),
      ) < 0.05,
    );
    assert.ok(
      Math.abs(
        correlation(
          train.map((p) => p.difficulty),
          train.map((_, label) => label),
        ),
      ) < 0.15,
    );
  });

  it('compares people who are not in the training set', () => {
    const trained = new Set(train.map((person) => person.person));
    assert.ok(verification.every((person) => !trained.has(person.person)));
  });

  it('has ten contiguous folds, half of each genuine', () => {
    assert.equal(pairs.length, defaultSynthOptions.pairs);
    const fold = pairs.length / 10;
    for (let start = 0; start < pairs.length; start += fold) {
      assert.equal(pairs.slice(start, start + fold).filter((pair) => pair.isSame).length, fold / 2);
    }
    assert.ok(pairs.every(({ a, b, isSame }) => (a.person === b.person) === isSame));
  });

  it('uses every verification image once', () => {
    const used = pairs.flatMap(({ a, b }) => [a, b]).map(({ person, image }) => `${person}/${image}`);
    assert.equal(new Set(used).size, used.length);
    assert.equal(
      used.length,
      verification.reduce((sum, person) => sum + person.images, 0),
    );
  });

  it('refuses options out of range by name', () => {
    assert.throws(() => resolveSynthOptions({ pairs: 30 }), {
      code: 'ERR_ARGUMENT',
      message: /multiple of 20.*synth\.pairs/,
    });
    assert.throws(() => resolveSynthOptions({ singletons: 1.5 }), {
      code: 'ERR_ARGUMENT',
      message: /singletons/,
    });
    assert.throws(() => resolveSynthOptions({ identities: 0 }), {
      code: 'ERR_ARGUMENT',
      message: /identities/,
    });
  });
});

function correlation(a: number[], b: number[]): number {
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [ma, mb] = [mean(a), mean(b)];
  const covariance = mean(a.map((value, index) => (value - ma) * (b[index]! - mb)));
  const deviation = (values: number[], m: number) => Math.sqrt(mean(values.map((value) => (value - m) ** 2)));
  return covariance / (deviation(a, ma) * deviation(b, mb));
}
