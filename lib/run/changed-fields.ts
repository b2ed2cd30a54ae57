import { realpathSync } from 'node:fs';
import path from 'node:path';

import type { ResolvedConfig } from '../config/schema';

/** Fields that decide what a step is: a run can only be resumed where they are the same. */
const fixedFields = [
  'seed',
  'data.shuffle',
  'data.blockSize',
  'data.windowBlocks',
  'data.flip',
  'data.augment',
  'data.imageSize',
  'backbone',
  'head.kind',
  'head.concentration',
  'head.precision',
  'head.sampleRate',
  'train.batchSize',
  'train.accumulate',
  'train.dropLast',
] as const;

/** The same of a run that kept no fingerprint of its data: there the places have to do. */
const placeFields = ['data.root', 'data.sources', 'data.skipList', 'data.synthetic'] as const;

/** A value with every place spelled in full, so that the same folder is the same however it is written. */
function inFull(value: unknown, key?: string): unknown {
  if (typeof value === 'string') return key !== 'labels' && key !== 'identities' ? realPath(value) : value;
  if (Array.isArray(value)) return value.map((item) => inFull(item, key));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, inFull(item, name)]));
}

function realPath(place: string): string {
  try {
    return realpathSync(place);
  } catch {
    return path.resolve(place);
  }
}

function valueAt(config: unknown, field: string): unknown {
  return field
    .split('.')
    .reduce<unknown>((value, key) => (value as Record<string, unknown> | null)?.[key], config);
}

/**
 * Compares what decides a step in two configs.
 *
 * @param byPlace whether the data are told by where they lie, for want of a fingerprint
 * @returns every difference, values as JSON
 */
export function changedFields(
  before: ResolvedConfig,
  config: ResolvedConfig,
  byPlace: boolean,
): { field: string; was: string; is: string }[] {
  const text = (value: unknown): string => JSON.stringify(value) ?? 'undefined';
  return [
    ...(byPlace ? placeFields : []).map(
      (field) => [field, inFull(valueAt(before, field)), inFull(valueAt(config, field))] as const,
    ),
    ...fixedFields.map((field) => [field, valueAt(before, field), valueAt(config, field)] as const),
  ]
    .map(([field, was, is]) => ({ field, was: text(was), is: text(is) }))
    .filter(({ was, is }) => was !== is);
}
