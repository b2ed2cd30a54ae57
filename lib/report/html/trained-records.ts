import { type NamedRecord } from '../../eval/records/text-table';
import type { RunData } from './run-data';

/**
 * The verifications of each run's best checkpoint, made while it trained, in the form of evaluations: of the sets that no
 * evaluation of the run is of.
 */
export function trainedRecords(runs: readonly RunData[]): NamedRecord[] {
  return runs.flatMap(({ name, folder, result, verifications, evaluations }) => {
    const mean = (sets: Readonly<Record<string, { accuracy: number }>>): number => {
      const all = Object.values(sets).map(({ accuracy }) => accuracy);
      return all.reduce((sum, value) => sum + value, 0) / all.length;
    };
    const best =
      result?.best?.verification ??
      verifications.toSorted((a, b) => mean(b.sets) - mean(a.sets))[0]?.sets ??
      {};
    const others = Object.entries(best).filter(([set]) => !evaluations.some((own) => own.set === set));
    return others.map(([set, { accuracy, protocol, pairs }]) => ({
      name,
      record: {
        ...{ format: 'kappaface-evaluation', version: 1, benchmark: 'verification', set, protocol },
        ...{ flags: {}, model: folder, data: set, counts: { pairs }, curves: [], histograms: [] },
        numbers: [{ id: 'accuracy', label: 'accuracy', value: accuracy, isShare: true }],
        // Older than whatever was evaluated afterwards.
        made: '',
      },
    }));
  });
}
