import { KappaError } from '../../lib/errors';
import type { FuzzTarget, Parse } from './target';

const MAX_MESSAGE = 1000;
const MAX_FEATURE = 200;

/** What became of an input. */
export interface Outcome {
  /** `ok`, or the code of the error. */
  readonly answer: string;
  /** The answer without what differs from input to input. */
  readonly signature: string;
  /** What is wrong about the answer, if anything is. */
  readonly complaint?: string;
}

/** Parses an input and judges the answer: a result or a KappaError that the target allows. */
export async function judge(target: FuzzTarget, parse: Parse, input: Buffer): Promise<Outcome> {
  try {
    const feature = String(await parse(input)).slice(0, MAX_FEATURE);
    return { answer: 'ok', signature: `ok ${feature}` };
  } catch (error) {
    if (!(error instanceof KappaError)) return complaint('untyped', untyped(error));
    const { code, message } = error;
    if (!target.codes.includes(code))
      return complaint(code, `unexpected code ${code}: ${message.slice(0, 500)}`);
    const longest = target.maxMessage ?? MAX_MESSAGE;
    if (message.length > longest)
      return complaint(
        code,
        `a message of ${message.length} characters (${code}): ${message.slice(0, 200)}...`,
      );
    return { answer: code, signature: `${code} ${template(message)}` };
  }
}

function complaint(answer: string, text: string): Outcome {
  return { answer, signature: template(text), complaint: text };
}

function untyped(error: unknown): string {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return text.split('\n').slice(0, 6).join('\n').slice(0, 1000);
}

/** A message without quoted texts, numbers and what follows a length that makes it unique. */
function template(message: string): string {
  return message
    .slice(0, 400)
    .replace(/"(?:[^"\\]|\\.)*"?/gs, '""')
    .replace(/0x[0-9a-f]+|\d+/gi, '#');
}
