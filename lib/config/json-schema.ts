import { createRequire } from 'node:module';
import type * as zod from 'zod';
import { configSchema } from './schema';

const load = createRequire(__filename);

/**
 * The JSON schema of configs as they are written, for editors and for other tools: names, types, bounds, defaults and
 * doc lines of every option.
 */
export function configJsonSchema(): object {
  const { z } = load('zod') as { z: typeof zod.z };
  const schema = z.toJSONSchema(configSchema(), {
    io: 'input',
    target: 'draft-7',
    override: ({ jsonSchema }) => void delete jsonSchema.expected,
  });
  const { properties } = schema;
  return {
    ...schema,
    title: 'kappaface config',
    properties: { $schema: { type: 'string', description: 'this schema' }, ...properties },
  };
}
