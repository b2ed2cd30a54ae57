import { KappaError } from '../errors';

/** More machines than any cluster has: longer lists are a mistake, such as `gpu[1-99999999]`. */
const MAX_HOSTS = 100_000;

/**
 * Reads a list of hosts as Slurm writes it: `gpu[001-003,7],login` is gpu001, gpu002, gpu003, gpu7 and login. A name may
 * have several brackets (`rack[1-2]n[0-3]`); the last one counts fastest.
 *
 * @param name of the variable or flag that held it, for errors
 * @throws KappaError ERR_CONFIG where it is no such list
 */
export function parseHostList(text: string, name = 'the list of hosts'): string[] {
  const fail = (why: string): KappaError =>
    new KappaError(
      'ERR_CONFIG',
      `Expected hosts like gpu[001-003,7],login in ${name} but received ${JSON.stringify(text)}: ${why}.`,
    );
  const hosts: string[] = [];
  for (const part of splitOutside(text, fail)) {
    for (const host of expand(part, fail)) {
      if (!/^[A-Za-z0-9._-]+$/.test(host)) throw fail(`${JSON.stringify(host)} is no name of a host`);
      if (hosts.push(host) > MAX_HOSTS) throw fail(`more than ${MAX_HOSTS} hosts`);
    }
  }
  return hosts;
}

type Fail = (why: string) => KappaError;

/** The parts between the commas that stand outside of brackets. */
function splitOutside(text: string, fail: Fail): string[] {
  const parts = [''];
  let inside = false;
  for (const letter of text.trim()) {
    if (letter === '[' && inside) throw fail('a bracket within brackets');
    if (letter === ']' && !inside) throw fail('a bracket that was not opened');
    if (letter === '[' || letter === ']') inside = letter === '[';
    if (letter === ',' && !inside) parts.push('');
    else parts[parts.length - 1] += letter;
  }
  if (inside) throw fail('a bracket that is not closed');
  return parts;
}

function expand(part: string, fail: Fail): string[] {
  const match = /^([^[]*)\[([^\]]*)\](.*)$/.exec(part);
  if (match === null) return [part];
  const [, before = '', ranges = '', after = ''] = match;
  const tails = expand(after, fail);
  const numbers = ranges.split(',').flatMap((range) => numbersOf(range, fail));
  if (numbers.length * tails.length > MAX_HOSTS) throw fail(`more than ${MAX_HOSTS} hosts`);
  return numbers.flatMap((number) => tails.map((tail) => before + number + tail));
}

/** `008-010` as 008, 009, 010: leading zeros give the width. */
function numbersOf(range: string, fail: Fail): string[] {
  const match = /^(\d+)(?:-(\d+))?$/.exec(range.trim());
  if (match === null) throw fail(`${JSON.stringify(range)} is neither a number nor a range`);
  const [, first = '', last = first] = match;
  const [from, to] = [Number(first), Number(last)];
  if (to < from) throw fail(`the range ${range} goes down`);
  if (to - from >= MAX_HOSTS) throw fail(`more than ${MAX_HOSTS} hosts`);
  return Array.from({ length: to - from + 1 }, (_, i) => String(from + i).padStart(first.length, '0'));
}

/**
 * Reads how many tasks each node has, as Slurm writes it: `2(x3),1` is 2, 2, 2, 1.
 *
 * @throws KappaError ERR_CONFIG where it is no such list
 */
export function parseTasksPerNode(text: string, name: string): number[] {
  return text.split(',').flatMap((part) => {
    const match = /^(\d+)(?:\(x(\d+)\))?$/.exec(part.trim());
    const times = Number(match?.[2] ?? 1);
    if (match === null || times > MAX_HOSTS)
      throw new KappaError(
        'ERR_CONFIG',
        `Expected tasks for each node like 2(x3),1 in ${name} but received ${JSON.stringify(text)}.`,
      );
    return new Array<number>(times).fill(Number(match[1]));
  });
}
