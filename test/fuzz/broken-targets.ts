import { KappaError } from '../../lib/errors';
import { u32 } from './targets/bytes';
import type { FuzzTarget, Parse } from './target';

/** A list of parts, each behind its length; a parser of it as it should be, and one for each common fault. */
function parser(broken: 'nothing' | 'check' | 'crash' | 'hang' | 'memory' | 'code' | 'message'): Parse {
  let hogged = false;
  return (input) => {
    let parts = 0;
    for (let at = 0; at < input.length; parts++) {
      const whole = at + 4 <= input.length;
      if (!whole && broken !== 'check') throw new KappaError('ERR_DATA_CORRUPT', 'a length is cut off');
      const length = input.readUInt32LE(at); // throws a RangeError where nothing is left
      at += 4;
      if (broken === 'memory' && length >= 2 ** 29 && !hogged) {
        // Once: touching memory is dear on some machines.
        hogged = true;
        Buffer.alloc(2 ** 29, 1);
      }
      if (length > input.length - at) {
        if (broken === 'crash') process.abort();
        if (broken === 'hang') for (;;);
        const code = broken === 'code' ? 'ERR_INTERNAL' : 'ERR_DATA_CORRUPT';
        const detail = broken === 'message' ? input.toString('hex').repeat(100) : '';
        throw new KappaError(code, `a part has ${length} bytes, which the file has not${detail}`);
      }
      at += length;
    }
    return parts;
  };
}

function target(name: Parameters<typeof parser>[0]): FuzzTarget {
  const part = Buffer.from('part');
  return {
    name,
    about: 'a parser that is broken on purpose',
    codes: ['ERR_DATA_CORRUPT'],
    seeds: () => [Buffer.concat([u32(part.length), part, u32(part.length), part])],
    maxBytes: 4096,
    everydayInputs: 2000,
    open: () => parser(name),
  };
}

export const targets: readonly FuzzTarget[] = (
  ['nothing', 'check', 'crash', 'hang', 'memory', 'code', 'message'] as const
).map(target);
