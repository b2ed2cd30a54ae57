import { configSchema } from '../../lib/config/schema';
import { fieldAt, variantsAt } from '../../lib/options/fields';

type Path = readonly PropertyKey[];

const introduction = `# Options of a config

Every option with what it may be and its default. A config names what differs:

\`\`\`ts
import { defineConfig } from 'kappaface';

export default defineConfig({ name: 'mine', data: { root: '/data/faces' }, train: { epochs: 24 } });
\`\`\`

The same may be JSON or YAML; \`kappa config schema\` prints a JSON schema that editors use for both. \`--set
train.epochs=24\` overrides an option of any config, \`kappa config print CONFIG\` shows what comes out. Of a section with
a \`kind\` only the options of that kind are accepted.
`;

function cell(text: string): string {
  return text.replace(/\|/g, '\\|');
}

/** The rows of a section's own options, and the sections below it. */
function sectionText(path: Path, whole: object, title: string, depth: number): string {
  const schema = configSchema();
  const field = fieldAt(schema, path, whole);
  const rows: string[] = [];
  const below: string[] = [];
  for (const key of field?.keys ?? []) {
    const here = [...path, key];
    const option = fieldAt(schema, here, whole);
    if (option === undefined) continue;
    const variants = variantsAt(schema, here, whole);
    if (variants.length > 0)
      below.push(...variants.map(({ kind }) => variantText(here, whole, kind, depth + 1)));
    else if (option.isSection) below.push(sectionText(here, whole, '', depth + 1));
    else if (fieldAt(schema, [...here, 0], whole)?.isSection)
      below.push(sectionText([...here, 0], whole, `Each of \`${here.join('.')}\``, depth + 1));
    if (option.isSection && !option.isNullable) continue;
    const initial = option.initial === undefined ? '' : `\`${JSON.stringify(option.initial)}\``;
    rows.push(`| \`${key}\` | ${cell(option.doc)} | ${cell(option.expected)} | ${initial} |`);
  }
  const heading = path.length === 0 ? '' : `${'#'.repeat(depth)} ${title || `\`${path.join('.')}\``}\n\n`;
  const doc = path.length === 0 || !field?.doc ? '' : `${capital(field.doc)}.\n\n`;
  const table =
    rows.length === 0
      ? ''
      : `| Option | Meaning | Value | Default |\n| --- | --- | --- | --- |\n${rows.join('\n')}\n\n`;
  return `${heading}${doc}${table}${below.join('')}`;
}

function variantText(path: Path, whole: object, kind: string, depth: number): string {
  const chosen = path.reduceRight<unknown>((inner, key) => ({ [String(key)]: inner }), { kind }) as object;
  const name = path.join('.');
  return sectionText(path, { ...whole, ...chosen }, `\`${name}\`, \`kind: '${kind}'\``, depth);
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** docs/reference/config.md. */
export function configPage(): string {
  return `${introduction}\n${sectionText([], {}, '', 1)}`;
}
