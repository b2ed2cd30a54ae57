/** What a worker says to its launcher over the channel between them. */
export type LinkMessage =
  { kappa: 'failure'; code?: string; message: string } | { kappa: 'progress'; step: number };

/** A message of a worker's, or undefined for anything else that came over the channel. */
export function readLinkMessage(value: unknown): LinkMessage | undefined {
  if (typeof value !== 'object' || value === null || !('kappa' in value)) return undefined;
  const { kappa, code, message, step } = value as Record<string, unknown>;
  if (kappa === 'progress' && Number.isSafeInteger(step) && Number(step) >= 0)
    return { kappa, step: Number(step) };
  if (kappa !== 'failure' || typeof message !== 'string') return undefined;
  const text = message.slice(0, 10_000);
  return typeof code === 'string'
    ? { kappa, code: code.slice(0, 100), message: text }
    : { kappa, message: text };
}
