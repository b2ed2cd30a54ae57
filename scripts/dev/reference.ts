// Writes what is made from the schemas of the options: their types, and the pages of docs/reference/.
// npm run reference; a test compares the files with what this would write.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { format, resolveConfig as prettierConfig } from 'prettier';

import { memoryOptions, momentumOptions, marginRuleOptions } from '../../lib/concentration/options';
import { configSchema } from '../../lib/config/schema';
import { datasetOptions } from '../../lib/data/options';
import { sourceSection } from '../../lib/data/sources/options';
import { dataLoaderOptions, samplerOptions } from '../../lib/data/loader/options';
import { arcfaceOptions, combinedOptions, cosfaceOptions, kappafaceOptions } from '../../lib/head/options';
import { iresnetOptions } from '../../lib/nn/options';
import { gradScalerOptions, sgdOptions } from '../../lib/optim/options';
import type { Schema } from '../../lib/options/schema';
import { cliPage } from './cli-page';
import { configPage } from './config-page';
import { typeText } from './type-text';

const root = path.join(__dirname, '..', '..');

/** The types that constructors and configs take, by the file that holds them. */
const types: Record<string, Record<string, [doc: string, schema: () => Schema]>> = {
  'lib/nn/option-types.ts': { IResNetOptions: ['What makes an IResNet.', iresnetOptions] },
  'lib/concentration/option-types.ts': {
    MarginRule: ['How class sums become margins (KappaFace, equations 6 to 12).', marginRuleOptions],
    MemoryOptions: ['What a memory buffer does.', memoryOptions],
    MomentumOptions: ['What a momentum encoder does.', momentumOptions],
  },
  'lib/head/option-types.ts': {
    ArcFaceHeadOptions: ['What makes an ArcFaceHead.', arcfaceOptions],
    CosFaceHeadOptions: ['What makes a CosFaceHead.', cosfaceOptions],
    CombinedMarginHeadOptions: ['What makes a CombinedMarginHead.', combinedOptions],
    KappaFaceOptions: ['What makes a KappaFaceHead, apart from its classes.', kappafaceOptions],
  },
  'lib/data/option-types.ts': { DatasetSettings: ['How a dataset is opened.', datasetOptions] },
  'lib/data/sources/option-types.ts': {
    FaceSource: ["One of the places that a dataset's images come from.", sourceSection],
  },
  'lib/data/loader/option-types.ts': {
    SamplerSettings: ['Which samples make up which batch.', samplerOptions],
    DataLoaderSettings: ['How a dataset is read.', dataLoaderOptions],
  },
  'lib/optim/option-types.ts': {
    SGDOptions: ['What makes an SGD.', sgdOptions],
    GradScalerOptions: ['What makes a GradScaler.', gradScalerOptions],
  },
  'lib/config/config.ts': {
    Config: ['A config as it is written: everything but `name` may be left out.', configSchema],
  },
};

function typeFile(declared: Record<string, [doc: string, schema: () => Schema]>): string {
  const texts = Object.entries(declared).map(
    ([name, [doc, schema]]) => `/** ${doc} */\nexport interface ${name} ${typeText(schema())}`,
  );
  return `// Made from the schemas of the options by npm run reference; change those, not this.\n\n${texts.join('\n\n')}\n`;
}

/** Every file that is made, as it should be. */
export async function referenceFiles(): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for (const [file, declared] of Object.entries(types)) files.set(file, typeFile(declared));
  files.set('docs/reference/config.md', configPage());
  files.set('docs/reference/cli.md', cliPage());
  for (const [file, text] of files) {
    const filepath = path.join(root, file);
    files.set(file, await format(text, { ...(await prettierConfig(filepath)), filepath }));
  }
  return files;
}

async function main(): Promise<void> {
  for (const [file, text] of await referenceFiles()) writeFileSync(path.join(root, file), text);
}

if (require.main === module) void main();
